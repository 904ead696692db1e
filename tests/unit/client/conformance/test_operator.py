"""What an operator does for the suite, with moto's AWS."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto import mock_aws

from client import Session, UserPool
from client.conformance.operator import Operator, Resources
from client.conformance.verdict import Failed, Skipped
from client.operators.aws import OperatorRefused

REGION = "eu-central-1"
OWNER, UPLOAD, OTHER = "owner-1", "01985c2e-5a00-7000-8000-000000000001", "01985c2e-5a00-7000-8000-000000000002"


class Account:
    def __init__(self) -> None:
        self.s3: Any = boto3.client("s3", region_name=REGION)
        self.sqs: Any = boto3.client("sqs", region_name=REGION)
        for name in ("ingest", "results", "quarantine"):
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.queue_url: str = self.sqs.create_queue(QueueName="objects")["QueueUrl"]
        self.operator = Operator(Resources(REGION, "pool", "ingest", "results", self.queue_url, "quarantine"))

    def put(self, bucket: str, key: str) -> str:
        return self.s3.put_object(Bucket=bucket, Key=key, Body=b"12345")["VersionId"]

    def keys(self, bucket: str) -> list[str]:
        listed = self.s3.list_object_versions(Bucket=bucket)
        return [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, [])]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Account()


def test_an_event_is_sent_again_as_s3_writes_it(account: Account) -> None:
    version = account.put("ingest", f"uploads/{OWNER}/{UPLOAD}")
    account.operator.send_event_again(OWNER, UPLOAD)
    assert not account.operator.is_queue_empty()
    (message,) = account.sqs.receive_message(QueueUrl=account.queue_url)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["detail"] == {
        "bucket": {"name": "ingest"},
        "object": {"key": f"uploads/{OWNER}/{UPLOAD}", "version-id": version},
    }
    assert not account.operator.is_queue_empty(), "the message is being processed"
    account.sqs.delete_message(QueueUrl=account.queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert account.operator.is_queue_empty()


def test_credentials_that_may_not_read_the_queue_may_be_an_operators(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Operator) -> bool:
        raise OperatorRefused("AccessDenied")

    monkeypatch.setattr(Operator, "is_queue_empty", refuse)
    account.operator.check()


def test_an_upload_without_an_object_has_no_event(account: Account) -> None:
    with pytest.raises(Failed):
        account.operator.send_event_again(OWNER, UPLOAD)


def test_all_versions_of_one_upload_are_deleted_in_all_buckets(account: Account) -> None:
    for upload_id in (UPLOAD, UPLOAD, OTHER):
        for bucket in ("ingest", "quarantine"):
            account.put(bucket, f"uploads/{OWNER}/{upload_id}")
        for suffix in (".json", "/execution/1.json"):
            account.put("results", f"results/{OWNER}/{upload_id}{suffix}")
    account.s3.delete_object(Bucket="ingest", Key=f"uploads/{OWNER}/{UPLOAD}")  # leaves a marker
    account.operator.delete(OWNER, UPLOAD)
    assert account.keys("ingest") == account.keys("quarantine") == [f"uploads/{OWNER}/{OTHER}"]
    assert sorted(account.keys("results")) == [
        f"results/{OWNER}/{OTHER}.json",
        f"results/{OWNER}/{OTHER}/execution/1.json",
    ]


def test_a_rejected_object_is_put_away_when_it_is_in_the_quarantine_alone(account: Account) -> None:
    key = f"uploads/{OWNER}/{UPLOAD}"
    version = account.put("ingest", key)
    without = Operator(Resources(REGION, "pool", "ingest", "results", account.queue_url))
    assert [each.is_put_away(OWNER, UPLOAD) for each in (account.operator, without)] == [False, False]

    account.s3.delete_object(Bucket="ingest", Key=key, VersionId=version)
    assert [each.is_put_away(OWNER, UPLOAD) for each in (account.operator, without)] == [False, True]

    account.put("quarantine", key)
    assert account.operator.is_put_away(OWNER, UPLOAD)


def test_a_stack_without_a_quarantine_has_no_such_bucket(account: Account) -> None:
    account.put("ingest", f"uploads/{OWNER}/{UPLOAD}")
    Operator(Resources(REGION, "pool", "ingest", "results", account.queue_url)).delete(OWNER, UPLOAD)
    assert account.keys("ingest") == []


class Pool:
    """Signs users in with the passwords that Cognito was given."""

    def __init__(self, passwords: dict[str, str]) -> None:
        self._passwords = passwords

    def sign_in(self, email: str, password: str) -> str:
        assert self._passwords[email] == password
        return f"session of {email}"


class FakeCognito:
    """Answers as botocore's model of Cognito says, and keeps the users."""

    def __init__(self) -> None:
        self.refuses = ""
        self.passwords: dict[str, str] = {}

    def __call__(self, service: str, _region: str) -> "FakeCognito":
        assert service == "cognito-idp"
        return self

    def _check(self, operation: str, parameters: dict[str, Any]) -> None:
        shape: Any = boto3.client("cognito-idp", region_name=REGION).meta.service_model.operation_model(operation)
        report = ParamValidator().validate(parameters, shape.input_shape)
        assert not report.has_errors(), report.generate_report()
        assert parameters["UserPoolId"] == "pool"
        if self.refuses == operation:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

    def admin_create_user(self, **parameters: Any) -> None:
        self._check("AdminCreateUser", parameters)
        assert parameters["MessageAction"] == "SUPPRESS"
        assert {"Name": "email_verified", "Value": "true"} in parameters["UserAttributes"]
        self.passwords[parameters["Username"]] = ""

    def admin_set_user_password(self, **parameters: Any) -> None:
        self._check("AdminSetUserPassword", parameters)
        assert parameters["Permanent"] is True
        self.passwords[parameters["Username"]] = parameters["Password"]

    def admin_delete_user(self, **parameters: Any) -> None:
        self._check("AdminDeleteUser", parameters)
        del self.passwords[parameters["Username"]]


@pytest.fixture
def cognito(monkeypatch: pytest.MonkeyPatch) -> FakeCognito:
    made = FakeCognito()
    monkeypatch.setattr("client.conformance.operator.aws_client", made)
    return made


def temporary_user(cognito: FakeCognito) -> AbstractContextManager[Session]:
    operator = Operator(Resources(REGION, "pool", "ingest", "results", "queue"))
    return operator.temporary_user(cast("UserPool", Pool(cognito.passwords)))


def test_a_temporary_user_signs_in_and_is_deleted(cognito: FakeCognito) -> None:
    with temporary_user(cognito) as session:
        (email,) = cognito.passwords
        assert session == cast("Session", f"session of {email}")
        assert email.startswith("portage-verify-")
    assert cognito.passwords == {}


def test_a_temporary_user_is_deleted_after_an_interruption_too(cognito: FakeCognito) -> None:
    def be_interrupted() -> None:
        with temporary_user(cognito):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert cognito.passwords == {}


def test_a_temporary_user_who_cannot_be_deleted_is_named(cognito: FakeCognito) -> None:
    cognito.refuses = "AdminDeleteUser"
    with pytest.raises(OperatorRefused) as caught, temporary_user(cognito):
        pass
    (email,) = cognito.passwords
    assert email in str(caught.value)
    assert "AccessDenied" in str(caught.value)


@pytest.mark.parametrize("operation", ["AdminCreateUser", "AdminSetUserPassword"])
def test_a_user_who_cannot_be_made_is_a_reason_to_skip_and_is_not_left(cognito: FakeCognito, operation: str) -> None:
    cognito.refuses = operation
    with pytest.raises(Skipped) as skipped:
        temporary_user(cognito).__enter__()
    assert operation in str(skipped.value)
    assert cognito.passwords == {}
