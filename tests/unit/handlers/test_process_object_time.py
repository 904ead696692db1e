"""The Lambda behind the queue ends a processor before Lambda ends the function."""

import signal
from collections.abc import Iterator, Mapping

import boto3
import pytest

from handlers import process_object
from handlers.processors import Job, Processor
from tests.unit.handlers.batches import (
    MAX_ATTEMPTS,
    REFS,
    Context,
    UseProcessor,
    do_nothing,
    handle,
    hang,
    raise_secret,
    uploaded,
)
from tests.unit.handlers.cloud import Cloud, tried_again
from tests.unit.handlers.hanging_server import hanging_server

pytestmark = pytest.mark.usefixtures("process_object_started")


class TestTime:
    @pytest.fixture(autouse=True)
    def alarm(self) -> Iterator[None]:
        """Whatever a test proves, no alarm goes off later."""
        yield
        signal.setitimer(signal.ITIMER_REAL, 0)

    @pytest.mark.parametrize(("attempt", "status"), [(1, "processing"), (MAX_ATTEMPTS, "failed")])
    def test_a_processor_that_hangs_is_interrupted_in_time_to_record_it(
        self, cloud: Cloud, use_processor: UseProcessor, attempt: int, status: str
    ) -> None:
        use_processor(hang)
        message = tried_again(uploaded(cloud), attempt)
        assert handle(message, remaining_seconds=process_object.RECORDING_SECONDS + 0.05) == [message["messageId"]]
        record = cloud.record()
        assert record
        assert record["status"] == status
        if status == "failed":
            assert record["failure"]["detail"] == "Processing ended in TimeoutError at each of 3 tries."

    @pytest.mark.parametrize("remaining_seconds", [10, 300, 900])
    def test_the_time_to_record_is_kept_back(
        self, cloud: Cloud, use_processor: UseProcessor, remaining_seconds: int
    ) -> None:
        left: list[float] = []
        use_processor(lambda _job: left.append(signal.getitimer(signal.ITIMER_REAL)[0]) or {})
        handle(uploaded(cloud), remaining_seconds=remaining_seconds)
        (seconds,) = left
        assert seconds <= remaining_seconds - 3
        assert seconds == pytest.approx(remaining_seconds - 3, abs=2)

    @pytest.mark.parametrize("remaining_seconds", [0, 1, 3])
    def test_a_processor_without_time_left_is_interrupted_at_once(
        self, cloud: Cloud, use_processor: UseProcessor, remaining_seconds: int
    ) -> None:
        use_processor(hang)
        message = uploaded(cloud)
        assert handle(message, remaining_seconds=remaining_seconds) == [message["messageId"]]

    @pytest.mark.parametrize("processor", [raise_secret, hang, do_nothing], ids=["raises", "hangs", "ends"])
    def test_no_alarm_is_left_behind(self, cloud: Cloud, use_processor: UseProcessor, processor: Processor) -> None:
        use_processor(processor)
        before = signal.getsignal(signal.SIGALRM)
        handle(uploaded(cloud), remaining_seconds=process_object.RECORDING_SECONDS + 0.05)
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert signal.getsignal(signal.SIGALRM) == before

    def test_after_one_that_hung_the_next_has_the_time_that_is_left(
        self, cloud: Cloud, use_processor: UseProcessor
    ) -> None:
        use_processor(lambda job: hang(job) if job.upload_id == REFS[0].upload_id else {})
        context = Context(process_object.RECORDING_SECONDS + 0.05)
        messages = [uploaded(cloud, ref) for ref in REFS[:2]]
        answer = process_object.handle({"Records": messages}, context)
        assert answer == {"batchItemFailures": [{"itemIdentifier": messages[0]["messageId"]}]}
        assert cloud.status(REFS[1]) == "completed"

    def test_a_processor_that_hangs_in_a_call_to_aws_is_interrupted_too(
        self, cloud: Cloud, use_processor: UseProcessor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        with hanging_server() as server:
            client = boto3.Session().client("s3", endpoint_url=server.url)

            def read(job: Job) -> Mapping[str, object]:
                client.get_object(Bucket=job.bucket, Key=job.key)
                return {}

            use_processor(read)
            message = uploaded(cloud)
            assert handle(message, remaining_seconds=process_object.RECORDING_SECONDS + 0.05) == [message["messageId"]]
            assert len(server.callers) == 1
