"""How the doctor reads an account, and which permissions it asks for."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from client.errors import WrongConfig
from client.operators.doctor import account
from client.operators.doctor.account import ACTIONS, Gone, NotRead
from tests.support.client.fake_account import fake_account

MODULES = [path.read_text(encoding="utf-8") for path in Path(account.__file__).parent.glob("*.py")]


def test_each_permission_is_used_and_each_call_has_one() -> None:
    calls = "".join(MODULES)
    unused = [f"{service} {name}" for service, name in ACTIONS if calls.count(f'"{name}"') < 2]
    assert unused == [], "each is once in the table of permissions, and once where it is called"
    with pytest.raises(LookupError, match="delete_bucket"):
        fake_account({}).read("s3", "delete_bucket", Bucket="b")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDenied", NotRead),
        ("UnauthorizedOperation", NotRead),
        ("ThrottlingException", NotRead),
        ("InternalError", NotRead),
        ("NoSuchBucket", Gone),
        ("ResourceNotFoundException", Gone),
        ("AWS.SimpleQueueService.NonExistentQueue", Gone),
        ("QueueDoesNotExist", Gone),
    ],
)
def test_an_error_says_that_something_is_gone_or_that_nothing_is_known(code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        fake_account({("s3", "get_bucket_cors"): code}).read("s3", "get_bucket_cors", Bucket="b")


@pytest.mark.parametrize("pages", [False, True])
@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_credentials_that_aws_does_not_accept_are_no_permission_that_lacks(code: str, pages: bool) -> None:
    account = fake_account({("s3", "list_buckets"): code}, pages=pages)
    with pytest.raises(WrongConfig, match=code):
        account.count("s3", "list_buckets", "Buckets")


def test_an_error_without_a_message_is_described_by_its_operation_and_code() -> None:
    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "400", "Message": ""}}, "GetServiceQuota")

    with pytest.raises(NotRead, match=r"GetServiceQuota answered 400 with no message$"):
        fake_account({("service-quotas", "get_service_quota"): refuse}).quota("s3", "L-1", of_account=False)


def test_a_quota_that_aws_cannot_tell_is_not_read() -> None:
    answer = {"Quota": {"ErrorReason": {"ErrorCode": "DEPENDENCY_SERVICE_ERROR", "ErrorMessage": "no answer of S3"}}}
    with pytest.raises(NotRead, match="no answer of S3"):
        fake_account({("service-quotas", "get_service_quota"): answer}).quota("s3", "L-1", of_account=False)


def test_a_setting_that_nobody_made_is_an_empty_answer() -> None:
    unset = fake_account({("s3", "get_bucket_cors"): "NoSuchCORSConfiguration"})
    assert unset.read("s3", "get_bucket_cors", absent="NoSuchCORSConfiguration", Bucket="b") == {}
