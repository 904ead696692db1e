"""The light client tries again what boto3 would, as often and as late, against a server that misbehaves."""

import os
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import pairwise
from zlib import crc32

import pytest

from handlers.aws.client import AwsError, NoAnswer
from handlers.aws.json_client import DYNAMODB, AwsJson
from tests.support.aws.connected_client import NOW, REGION, ConnectedClient
from tests.support.aws.scripted_server import Caller, Step, answer, error, raw, reset, scripted_server, silence
from tests.support.each_case import each_case

CUT_SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


def damaged(caller: Caller) -> bool:
    """A whole answer, but not the one that its checksum was made of."""
    return answer({"n": 2}, headers=[("x-amz-crc32", str(crc32(b'{"n": 1}')))])(caller)


TRANSIENT: dict[str, Step] = {
    "500": error("InternalServerError", status=500),
    "500 without a body": answer(b"", status=500),
    "502 of a proxy": answer(b"<html>Bad Gateway", status=502),
    "503": error("ServiceUnavailable", status=503),
    "504": answer(b"", status=504),
    "a request that took too long": error("RequestTimeoutException"),
    "a broken connection": reset,
    "a connection that ends": raw(b""),
    "an answer cut short": raw(CUT_SHORT),
    "an answer in bad health": damaged,
    "silence": silence,
}
THROTTLED: dict[str, Step] = {
    "ThrottlingException": error("ThrottlingException"),
    "ProvisionedThroughputExceededException": error("ProvisionedThroughputExceededException"),
    "RequestLimitExceeded": error("RequestLimitExceeded"),
    "a 503 that throttles": error("SlowDown", status=503),
}
FINAL: dict[str, Step] = {
    "ConditionalCheckFailedException": error("ConditionalCheckFailedException"),
    "ResourceNotFoundException": error("ResourceNotFoundException"),
    "AccessDeniedException": error("AccessDeniedException"),
    "ValidationException": error("ValidationException"),
    "an unknown page": answer(b"<html>", status=404),
    "501": answer(b"", status=501),
}


class TestWhatMayPassIsTriedAgain:
    @each_case("step", TRANSIENT.values())
    def test_after_a_short_wait(self, step: Step) -> None:
        with ConnectedClient(step, step, answer({"n": 3})) as connected:
            assert connected.call() == {"n": 3}

        assert connected.waits == [0.05, 0.1]
        assert len({each.body for each in connected.server.requests}) == 1

    @each_case("step", THROTTLED.values())
    def test_after_a_long_wait_where_it_was_too_much(self, step: Step) -> None:
        with ConnectedClient(step, step, answer({"n": 3})) as connected:
            assert connected.call() == {"n": 3}

        assert connected.waits == [1, 2]

    def test_after_a_wait_that_is_any_part_of_the_whole(self) -> None:
        with ConnectedClient(*[error("ThrottlingException")] * 2, answer(), jitter=0.25) as connected:
            connected.call()

        assert connected.waits == [0.25, 0.5]

    def test_with_a_new_signature(self) -> None:
        with ConnectedClient(error("ThrottlingException"), answer()) as connected:
            connected.seconds_per_wait = 1
            connected.call()

        assert connected.times == ["20260228T235959Z", "20260301T000000Z"]

    @each_case("step", (TRANSIENT | THROTTLED).values())
    def test_and_told_after_the_third_attempt(self, step: Step) -> None:
        with ConnectedClient(*[step] * 4) as connected, pytest.raises((AwsError, NoAnswer)):
            connected.call()

        assert len(connected.server.requests) == 3
        assert len(connected.waits) == 2

    def test_by_the_last_words_of_the_service(self) -> None:
        with (
            ConnectedClient(reset, silence, error("SlowDown", status=503)) as connected,
            pytest.raises(AwsError, match="SlowDown"),
        ):
            connected.call()

    def test_by_what_happened_to_the_last_attempt_where_the_service_said_nothing(self) -> None:
        with ConnectedClient(error("SlowDown"), reset, silence) as connected, pytest.raises(NoAnswer) as caught:
            connected.call()

        host = connected.server.url.removeprefix("http://")
        assert str(caught.value) == f"{host} did not answer GetItem, attempt 3: TimeoutError('timed out')"
        assert isinstance(caught.value.__cause__, TimeoutError)

    def test_even_if_nobody_listens(self) -> None:
        with scripted_server() as server:
            url = server.url
        with ConnectedClient() as connected:
            os.environ["AWS_ENDPOINT_URL"] = url
            waits: list[float] = []
            client = AwsJson(DYNAMODB, REGION, sleep=waits.append, jitter=lambda: 1)
            with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
                client.call("GetItem", {})

        assert (waits, connected.server.requests) == ([0.05, 0.1], [])

    @each_case("step", FINAL.values())
    def test_what_does_not_pass_is_told_at_once(self, step: Step) -> None:
        with ConnectedClient(step, answer()) as connected, pytest.raises(AwsError):
            connected.call()

        assert (len(connected.server.requests), connected.waits) == (1, [])

    def test_not_for_ever_where_every_call_fails(self) -> None:
        """500 tokens pay for 35 retries at 14 each; then every call is made once."""
        with ConnectedClient(*[answer(b"", status=500)] * 60) as connected:
            made: list[int] = []
            for _ in range(22):
                before = len(connected.server.requests)
                with pytest.raises(AwsError):
                    connected.call()
                made.append(len(connected.server.requests) - before)

        assert made == [3] * 17 + [2] + [1] * 4

    @each_case(("successes", "retried"), [(3, False), (4, True)])
    def test_again_once_calls_succeed(self, successes: int, *, retried: bool) -> None:
        """17 calls with two retries and one with one leave 10 tokens, and each success adds one."""
        down = answer(b"", status=500)
        with ConnectedClient(*[down] * 53, *[answer()] * successes, down, answer()) as connected:
            for _ in range(18):
                with pytest.raises(AwsError):
                    connected.call()
            for _ in range(successes):
                connected.call()
            if retried:
                connected.call()
            else:
                with pytest.raises(AwsError):
                    connected.call()


class TestAWrongClock:
    HOURS = (-30 * 24, -1, -0.1, 0.1, 1, 30 * 24)

    @each_case("hours", HOURS)
    @each_case("code", ["InvalidSignatureException", "RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch"])
    def test_is_set_by_the_services_and_stays_right(self, hours: float, code: str) -> None:
        truth = NOW + hours * 3_600
        with ConnectedClient(error(code, date=truth), answer({"n": 2}), answer({"n": 3})) as connected:
            assert connected.call() == {"n": 2}
            connected.now += 10
            assert connected.call() == {"n": 3}

        stamps = [datetime.strptime(each, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() for each in connected.times]
        assert stamps == [NOW, truth, truth + 10]
        assert connected.waits == [0.05]

    def test_is_set_again_where_it_was_set_too_far(self) -> None:
        with ConnectedClient(
            error("RequestExpired", date=NOW + 3_600), error("RequestInTheFuture", date=NOW), answer()
        ) as connected:
            connected.call()

        assert [first == second for first, second in pairwise(connected.times)] == [False, False]
        assert connected.times[0] == connected.times[2]

    @each_case(
        "refusal",
        [
            error("InvalidSignatureException", date=NOW),
            error("InvalidSignatureException", date=NOW + 239),
            error("InvalidSignatureException"),
            error("AccessDeniedException", date=NOW + 3_600),
        ],
    )
    def test_is_not_blamed_for_what_it_does_not_explain(self, refusal: Step) -> None:
        with ConnectedClient(refusal, answer()) as connected, pytest.raises(AwsError):
            connected.call()

        assert len(connected.server.requests) == 1

    def test_is_not_set_by_an_answer_that_is_no_refusal(self) -> None:
        far = [("Date", formatdate(NOW + 3_600, usegmt=True))]
        with ConnectedClient(answer(headers=far), answer()) as connected:
            connected.call()
            connected.call()

        assert connected.times[0] == connected.times[1]
