"""Which errors are retried, and when."""

import pytest

from client import ApiProblem, RetryPolicy, S3Refused, SignInRefused, TransportFault, UserPool
from client.errors import PortageError, StaleConnection
from client.retry import with_retries
from tests.support.client.fake_server import FakeServer, answer

PASSING = (408, 429, 500, 502, 503, 504)
DEFINITE = (400, 403, 404, 409, 410, 412, 413, 501)


@pytest.mark.parametrize("status", PASSING + DEFINITE)
def test_a_status_says_whether_the_same_request_may_succeed_later(status: int) -> None:
    problem = ApiProblem(problem_type="about:blank", title="x", status=status, detail="", request_id="")
    assert problem.is_transient == S3Refused("Other", "x", status).is_transient == (status in PASSING)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestTimeout", 400),
        ("BadDigest", 400),
        ("IncompleteBody", 400),
        ("ConditionalRequestConflict", 409),
        ("SlowDown", 503),
    ],
)
def test_some_codes_of_s3_have_a_cause_in_the_transfer(code: str, status: int) -> None:
    assert S3Refused(code, "x", status).is_transient


@pytest.mark.parametrize(
    "code",
    [
        "InternalErrorException",
        "InternalFailure",
        "RequestExpired",
        "ServiceUnavailable",
        "ThrottlingException",
        "TooManyRequestsException",
        "UnexpectedLambdaException",
    ],
)
@pytest.mark.parametrize("prefix", ["", "com.amazonaws.cognito.identity.idp.model#"])
def test_some_codes_of_cognito_are_no_refusal(server: FakeServer, pauses: list[float], code: str, prefix: str) -> None:
    server.will(
        answer(400, {"__type": prefix + code, "message": "later"}),
        answer(400, {"__type": "NotAuthorizedException", "message": "no"}),
    )
    with UserPool("client-1", "eu-west-1", server.url) as pool, pytest.raises(SignInRefused):
        pool.sign_in("ada@example.com", "pw")
    assert len(pauses) == 1


@pytest.mark.parametrize(("error", "is_told"), [(StaleConnection("closed"), False), (TransportFault("reset"), True)])
def test_a_connection_that_was_idle_is_replaced_at_once_and_without_a_word(
    pauses: list[float], error: PortageError, *, is_told: bool
) -> None:
    errors, told = [error], list[PortageError]()

    def act() -> str:
        if errors:
            raise errors.pop()
        return "done"

    policy = RetryPolicy(first_seconds=1000, longest_seconds=1000)
    assert with_retries(act, policy, on_error=told.append) == "done"
    assert [pause > 0 for pause in pauses] == [is_told]
    assert bool(told) == is_told
