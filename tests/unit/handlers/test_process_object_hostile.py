"""Processors that harm their process or do not end, in one process of the function: none hurts the next upload."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from handlers.entries import job_clients
from handlers.processors import Job, Processor
from handlers.use_cases.job_run import RECORDING_SECONDS
from handlers.use_cases.process_object import SHORTEST_WORK_SECONDS
from tests.support.aws.moto_cloud import REF, Cloud, tried_again
from tests.support.aws.scripted_server import hanging_server
from tests.support.handlers.deliveries import MAX_ATTEMPTS
from tests.support.handlers.queue_batches import REFS, UseProcessor, handle, uploaded

pytestmark = pytest.mark.usefixtures("process_object_started")

HARMLESS = REFS[2]


def clear_environment(_job: Job) -> Mapping[str, object]:
    os.environ.clear()
    return {}


def change_folder(_job: Job) -> Mapping[str, object]:
    os.chdir("/")
    return {}


def clear_path(_job: Job) -> Mapping[str, object]:
    sys.path.clear()
    return {}


def forget_modules(_job: Job) -> Mapping[str, object]:
    for name in [name for name in sys.modules if name.startswith(("handlers", "boto3", "json"))]:
        del sys.modules[name]
    return {}


def close_streams(_job: Job) -> Mapping[str, object]:
    sys.stdout.close()
    sys.stderr.close()
    return {}


def close_standard_files(_job: Job) -> Mapping[str, object]:
    for number in range(3):
        os.close(number)
    return {}


def close_all_files(_job: Job) -> Mapping[str, object]:
    os.closerange(0, 1_000)
    return {}


def disable_logging(_job: Job) -> Mapping[str, object]:
    logging.disable(logging.CRITICAL)
    logging.getLogger().handlers.clear()
    return {}


def change_signals(_job: Job) -> Mapping[str, object]:
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return {}


def break_json(_job: Job) -> Mapping[str, object]:
    json.dumps = None
    return {}


def break_boto3(_job: Job) -> Mapping[str, object]:
    boto3.client = None
    return {}


def exit_politely(_job: Job) -> Mapping[str, object]:
    sys.exit()


def exit_at_once(_job: Job) -> Mapping[str, object]:
    os._exit(0)


def kill_itself(_job: Job) -> Mapping[str, object]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def recurse(job: Job) -> Mapping[str, object]:
    return recurse(job)


def leave_a_thread(_job: Job) -> Mapping[str, object]:
    threading.Thread(target=time.sleep, args=(60,), daemon=False).start()
    return {}


def leave_a_process(_job: Job) -> Mapping[str, object]:
    started = subprocess.Popen(["/bin/sleep", "60"])
    return {"pid": started.pid}


def fork_and_return_in_both(_job: Job) -> Mapping[str, object]:
    copy = os.fork()
    if copy:
        os.waitpid(copy, 0)  # the copy ends first
    return {"answered by": "the process itself" if copy else "its copy"}


def leave_a_copy_of_the_process(_job: Job) -> Mapping[str, object]:
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    os._exit(0)


def remove_its_folder(_job: Job) -> Mapping[str, object]:
    Path(tempfile.gettempdir()).rmdir()
    return {}


def sleep(_job: Job) -> Mapping[str, object]:
    time.sleep(60)
    return {}


def catch_all(_job: Job) -> Mapping[str, object]:
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(60)


def ignore_signals(job: Job) -> Mapping[str, object]:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return sleep(job)


def cancel_the_timer(job: Job) -> Mapping[str, object]:
    signal.alarm(0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return sleep(job)


def hang_in_a_pool(_job: Job) -> Mapping[str, object]:
    with ThreadPoolExecutor() as pool:
        pool.submit(time.sleep, 60)
    return {}


def compute(_job: Job) -> Mapping[str, object]:
    while True:
        pass


HARMS: dict[Processor, tuple[str, ...]] = {
    clear_environment: ("completed",),
    change_folder: ("completed",),
    clear_path: ("completed",),
    forget_modules: ("completed",),
    close_streams: ("completed",),
    close_standard_files: ("completed",),
    close_all_files: ("failed", "ProcessDied"),
    disable_logging: ("completed",),
    change_signals: ("completed",),
    break_json: ("failed", "TypeError"),
    break_boto3: ("completed",),
    exit_politely: ("failed", "SystemExit"),
    exit_at_once: ("failed", "ProcessDied"),
    kill_itself: ("failed", "ProcessDied"),
    recurse: ("failed", "RecursionError"),
    leave_a_thread: ("completed",),
    leave_a_process: ("completed",),
    leave_a_copy_of_the_process: ("failed", "ProcessDied"),
    fork_and_return_in_both: ("completed",),
    remove_its_folder: ("completed",),
}
"""The end of an upload with this processor, and the error in its failure."""

HANG_SECONDS = 60
"""How long they hang, unless they are killed."""

HANGS = (sleep, catch_all, ignore_signals, cancel_the_timer, hang_in_a_pool, compute)


def named(processor: Callable[..., object]) -> str:
    return processor.__name__


def try_last(cloud: Cloud, use_processor: UseProcessor, processor: Processor, remaining_seconds: float = 300) -> float:
    """Deliver an upload for the last time; returns how many seconds that took."""
    use_processor(processor)
    started = time.monotonic()
    handle(tried_again(uploaded(cloud), MAX_ATTEMPTS), remaining_seconds=remaining_seconds)
    return time.monotonic() - started


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def facts_of_the_process() -> object:
    """What a processor could have changed."""
    return (
        dict(os.environ),
        Path.cwd(),
        list(sys.path),
        sorted(sys.modules),
        signal.getsignal(signal.SIGTERM),
        signal.getitimer(signal.ITIMER_REAL),
        logging.root.manager.disable,
        logging.getLogger().handlers[:],
        sys.stdout.closed,
        tempfile.gettempdir(),
        open_files(),
        threading.active_count(),
    )


def await_end(pid: int) -> None:
    """Wait until a process that was killed is gone, or fail."""
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline, f"process {pid} lives"
        time.sleep(0.01)


class TestHarm:
    @pytest.mark.parametrize("processor", HARMS, ids=named)
    def test_the_next_upload_completes(self, cloud: Cloud, use_processor: UseProcessor, processor: Processor) -> None:
        status, *kind = HARMS[processor]
        harmless = uploaded(cloud, HARMLESS)
        try_last(cloud, use_processor, lambda _job: {"first": True})  # all late imports are loaded
        before = facts_of_the_process()
        assert try_last(cloud, use_processor, processor) < 20
        record = cloud.record()
        assert record
        assert record["status"] == status
        for name in kind:
            assert name in record["failure"]["detail"]
        assert facts_of_the_process() == before
        assert len(list(Path(tempfile.gettempdir()).iterdir())) <= 1, "the next run deletes the last folder"
        use_processor(lambda job: {"read": b"".join(job.chunks()).decode()})
        assert handle(harmless) == []
        assert cloud.status(HARMLESS) == "completed"
        assert cloud.result(HARMLESS) == {"read": "%PDF-"}

    def test_a_copy_of_the_process_does_not_answer_for_it(self, cloud: Cloud, use_processor: UseProcessor) -> None:
        try_last(cloud, use_processor, fork_and_return_in_both)
        assert cloud.result() == {"answered by": "the process itself"}

    def test_a_process_that_was_left_behind_is_killed(self, cloud: Cloud, use_processor: UseProcessor) -> None:
        try_last(cloud, use_processor, leave_a_process)
        await_end(cloud.result()["pid"])

    @pytest.mark.parametrize("code", [11, 12], ids=["EAGAIN", "ENOMEM"])
    def test_a_process_that_cannot_be_started_is_a_failed_try(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        def refuse() -> int:
            raise OSError(code, os.strerror(code))

        message = uploaded(cloud)
        before = open_files()
        with monkeypatch.context() as patched:
            patched.setattr(os, "fork", refuse)
            assert handle(message) == [message["messageId"]]
        assert open_files() == before
        assert cloud.status() == "processing"
        assert handle(tried_again(message, 2)) == []
        assert cloud.status() == "completed"


class TestTime:
    @pytest.mark.parametrize("processor", HANGS, ids=named)
    def test_a_processor_that_hangs_ends_in_failed_in_time_and_the_next_upload_completes(
        self, cloud: Cloud, use_processor: UseProcessor, processor: Processor
    ) -> None:
        harmless = uploaded(cloud, HARMLESS)
        limit = RECORDING_SECONDS + SHORTEST_WORK_SECONDS + 0.2
        assert try_last(cloud, use_processor, processor, limit) < HANG_SECONDS
        record = cloud.record()
        assert record
        assert record["failure"] == {
            "code": "processing-failed",
            "detail": f"Processing ended in TimeoutError at the last of {MAX_ATTEMPTS} tries.",
        }
        use_processor(lambda _job: {})
        assert handle(harmless) == []
        assert cloud.status(HARMLESS) == "completed"

    def test_before_the_last_try_the_upload_waits_for_the_next(self, cloud: Cloud, use_processor: UseProcessor) -> None:
        use_processor(sleep)
        message = uploaded(cloud)
        limit = RECORDING_SECONDS + SHORTEST_WORK_SECONDS + 0.2
        assert handle(message, remaining_seconds=limit) == [message["messageId"]]
        assert cloud.status() == "processing"
        use_processor(lambda _job: {})
        assert handle(tried_again(message, 2)) == []
        assert cloud.status() == "completed"

    def test_a_processor_that_hangs_in_a_call_to_aws_is_ended_too(
        self, cloud: Cloud, use_processor: UseProcessor
    ) -> None:
        with hanging_server() as server:
            client = boto3.Session().client("s3", endpoint_url=server.url)

            def read(job: Job) -> Mapping[str, object]:
                client.get_object(Bucket=job.bucket, Key=job.key)
                return {}

            limit = RECORDING_SECONDS + SHORTEST_WORK_SECONDS + 0.2
            assert try_last(cloud, use_processor, read, limit) < HANG_SECONDS
        assert cloud.status() == "failed"


class TestItsOwnProcess:
    def test_its_temporary_folder_is_its_own_and_gone_with_the_next_job(
        self, cloud: Cloud, use_processor: UseProcessor
    ) -> None:
        def write(_job: Job) -> Mapping[str, object]:
            with tempfile.NamedTemporaryFile(delete=False) as file:
                file.write(b"content")
            assert os.environ["TMPDIR"] == str(Path(file.name).parent)
            return {"folder": str(Path(file.name).parent), "files": len(list(Path(file.name).parent.iterdir()))}

        folders: list[Path] = []
        for _ in range(2):
            try_last(cloud, use_processor, write)
            result = json.loads(cloud.results()[REF.result_key][0])
            assert result["files"] == 1
            folders.append(Path(result["folder"]))
        assert [folder.exists() for folder in folders] == [False, True]

    def test_its_log_is_the_functions(
        self, cloud: Cloud, use_processor: UseProcessor, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def log(_job: Job) -> Mapping[str, object]:
            logging.getLogger("team").error("a line of the log")
            os.write(1, b"a line of standard output\n")
            return {}

        handler = logging.StreamHandler(sys.stderr)
        logging.getLogger().addHandler(handler)
        try:
            try_last(cloud, use_processor, log)
        finally:
            logging.getLogger().removeHandler(handler)
        told = capfd.readouterr()
        assert "a line of the log\n" in told.err
        assert "a line of standard output\n" in told.err, "standard output may be what the function's runtime speaks by"
        (record,) = told.out.splitlines()
        assert json.loads(record)["operation"] == "processObject"

    def test_it_reads_with_a_client_that_the_function_itself_never_uses(
        self, cloud: Cloud, use_processor: UseProcessor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[str] = []

        def client(service: str, **_config: object) -> object:
            made.append(service)
            return {"dynamodb": cloud.dynamodb, "sqs": cloud.sqs, "s3": cloud.s3}[service]

        monkeypatch.setattr(boto3, "client", client)
        try_last(cloud, use_processor, lambda _job: {})
        assert sorted(made) == ["dynamodb", "dynamodb", "s3", "s3", "sqs", "sqs"]
        assert job_clients.objects() is not job_clients.results()

    def test_a_large_result_arrives_whole(self, cloud: Cloud, use_processor: UseProcessor) -> None:
        text = "x" * 5_000_000
        try_last(cloud, use_processor, lambda _job: {"text": text})
        assert cloud.result() == {"text": text}

    def test_a_result_over_the_limit_is_a_failed_try(self, cloud: Cloud, use_processor: UseProcessor) -> None:
        try_last(cloud, use_processor, lambda _job: {"text": "x" * 16 * 1024**2})
        record = cloud.record()
        assert record
        assert "ValueError" in record["failure"]["detail"]
