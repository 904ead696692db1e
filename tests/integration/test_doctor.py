"""`portage doctor` on a deployment, as an operator with the policy that `portage doctor --policy` prints."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from client.__main__ import main
from client.operators.aws import aws_client
from client.operators.doctor import abandoned, drift, prices, quotas, resources
from client.operators.doctor.account import Account, policy
from client.operators.doctor.findings import Severity
from tests.support.client.pulumi_documents import state_of
from tests.support.deployment.system import System

pytestmark = pytest.mark.variant

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"


@pytest.fixture(autouse=True)
def operator(system: System, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An IAM user with the doctor's policy."""
    iam, name = system.emulator.client("iam"), f"doctor-{secrets.token_hex(4)}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="doctor", PolicyDocument=json.dumps(policy()))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    for variable in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", system.emulator.endpoint)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield name
    iam.delete_user_policy(UserName=name, PolicyName="doctor")
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


@pytest.fixture
def account(system: System) -> Account:
    return Account(system.emulator.region, aws_client)


def test_a_deployment_is_as_declared_and_the_policy_is_enough_to_see_it(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state_of(system.deployment)))
    code = main(["doctor", str(file), "--uploads-per-day", "1000", "--json"])
    rows: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each for each in rows if each.get("severity") == "error"] == []
    assert code == 0
    unread = [each["value"] for each in rows if each.get("severity") == "not checked"]
    assert [each for each in unread if not each.startswith("servicequotas:")] == [], "MiniStack has no quotas"
    (compared,) = [each for each in rows if each.get("what") == "inputs compared"]
    assert int(compared["value"]) > 150
    assert {each["section"] for each in rows} == {"quotas", "settings", "drift", "now", "abandoned parts", "cost"}


def test_a_change_by_hand_is_drift_until_it_is_undone(system: System, account: Account) -> None:
    stack = resources.read(state_of(system.deployment))
    group = next(each for each in stack.of(LOG_GROUP) if "create-upload" in each.name)
    only = resources.Stack(changes=(resources.Change(group, group),))
    logs, days = system.emulator.client("logs"), int(group.get("retentionInDays"))
    logs.put_retention_policy(logGroupName=group.id, retentionInDays=3 if days != 3 else 5)
    try:
        found = list(drift.check(only, account))
    finally:
        logs.put_retention_policy(logGroupName=group.id, retentionInDays=days)
    assert [each.what for each in found if each.severity is Severity.ERROR] == [
        f"LogGroup {group.name} retentionInDays"
    ]
    assert {each.severity for each in drift.check(only, account)} == {Severity.OK}


def test_parts_that_nobody_completes_are_counted_for_their_owner(system: System, account: Account) -> None:
    s3, bucket, owner = system.emulator.client("s3"), system.outputs["ingestBucket"], secrets.token_hex(8)
    upload = {"Bucket": bucket, "Key": f"uploads/{owner}/an-upload"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    try:
        for number, content in enumerate((b"12345", b"678"), 1):
            s3.upload_part(**upload, PartNumber=number, Body=content)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        listing = abandoned.read(account, bucket, before=tomorrow, has_time=lambda: True, on_progress=lambda _: None)
    finally:
        s3.abort_multipart_upload(**upload)
    storage = prices.load("us-east-1")["s3_storage"]
    shares = abandoned.by_owner(listing.uploads, storage, datetime.now(UTC) + timedelta(days=2))
    (share,) = [each for each in shares if each.owner == owner]
    assert (share.uploads, share.size_bytes) == (1, 8)


def test_open_uploads_can_be_counted_and_not_read(system: System) -> None:
    index = {"TableName": system.outputs["uploadsTable"], "IndexName": "open-uploads"}
    dynamodb = aws_client("dynamodb", system.emulator.region)
    assert dynamodb.scan(**index, Select="COUNT")["Count"] >= 0
    with pytest.raises(ClientError, match="AccessDenied"):
        dynamodb.scan(**index)


def test_an_operator_without_permissions_sees_that_nothing_was_checked(
    system: System, account: Account, operator: str
) -> None:
    system.emulator.client("iam").put_user_policy(
        UserName=operator,
        PolicyName="doctor",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [_NOTHING]}),
    )
    found = list(quotas.check(resources.Stack(), account))
    unread = {each.value.partition(": ")[0] for each in found if each.severity is Severity.NOT_CHECKED}
    assert {"s3:ListAllMyBuckets", "iam:GetAccountSummary", "ec2:DescribeVpcs"} <= unread


_NOTHING = {"Effect": "Deny", "Action": "*", "Resource": "*"}
