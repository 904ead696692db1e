"""Secrets in the embedded AWS: those without a value have none, and a rotation is done by its function."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.patches.secrets_manager import STEPS
from local.emulator.process import Emulator

SOURCE = """
import boto3

def handle(event, context):
    secrets = boto3.client("secretsmanager")
    secret, version, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    described = secrets.describe_secret(SecretId=secret)
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    tags["steps"] = (tags.get("steps", "") + " " + step).strip()
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    if step == tags.get("fail"):
        raise ValueError("cannot")
    if step == "createSecret":
        try:
            secrets.get_secret_value(SecretId=secret, VersionId=version, VersionStage="AWSPENDING")
        except secrets.exceptions.ResourceNotFoundException:
            secrets.put_secret_value(
                SecretId=secret, ClientRequestToken=version, SecretString=version, VersionStages=["AWSPENDING"]
            )
    if step == "finishSecret":
        current = [each for each, stages in described["VersionIdsToStages"].items() if "AWSCURRENT" in stages]
        secrets.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=version,
            **({"RemoveFromVersionId": current[0]} if current else {}),
        )
"""
POLICY = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}

Make = Callable[..., str]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def secrets(emulator: Emulator) -> Any:
    return emulator.client("secretsmanager")


@pytest.fixture(scope="module")
def function(emulator: Emulator) -> str:
    iam = emulator.client("iam")
    role = iam.create_role(RoleName="rotator", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))["Role"]
    iam.put_role_policy(RoleName="rotator", PolicyName="all", PolicyDocument=json.dumps({"Statement": [POLICY]}))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("main.py", SOURCE)
    return emulator.client("lambda").create_function(
        FunctionName="rotator",
        Role=role["Arn"],
        Runtime="python3.13",
        Handler="main.handle",
        Code={"ZipFile": archive.getvalue()},
        Timeout=10,
    )["FunctionArn"]


@pytest.fixture
def secret(emulator: Emulator, secrets: Any, function: str, request: pytest.FixtureRequest) -> str:
    """A secret without a value, that the function may rotate."""
    name = "".join(each if each.isalnum() else "-" for each in request.node.name)
    arn = secrets.create_secret(Name=name, Tags=[{"Key": "colour", "Value": "red"}])["ARN"]
    emulator.client("lambda").add_permission(
        FunctionName=function,
        StatementId=name,
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceArn=arn,
        SourceAccount=emulator.account_id,
    )
    return arn


def tag(secrets: Any, secret: str, key: str) -> str | None:
    tags = secrets.describe_secret(SecretId=secret)["Tags"]
    return {each["Key"]: each["Value"] for each in tags}.get(key)


class TestASecretWithoutAValue:
    def test_has_no_version(self, secrets: Any) -> None:
        made = secrets.create_secret(Name="empty")

        assert "VersionId" not in made
        assert secrets.describe_secret(SecretId="empty").get("VersionIdsToStages", {}) == {}
        with pytest.raises(secrets.exceptions.ResourceNotFoundException, match="AWSCURRENT"):
            secrets.get_secret_value(SecretId="empty")

    def test_gets_its_first_version_with_its_first_value(self, secrets: Any) -> None:
        secrets.create_secret(Name="late")
        secrets.put_secret_value(SecretId="late", SecretString="value")

        assert secrets.get_secret_value(SecretId="late")["SecretString"] == "value"

    @pytest.mark.parametrize("value", [{"SecretString": "s"}, {"SecretBinary": b"\x00"}])
    def test_is_not_one_with_a_value(self, secrets: Any, value: dict[str, Any]) -> None:
        made = secrets.create_secret(Name=f"with-{len(str(value))}", **value)

        got = secrets.get_secret_value(SecretId=made["ARN"])
        assert (got["VersionId"], {name: got[name] for name in value}) == (made["VersionId"], value)


class TestARotation:
    def test_is_done_in_four_steps_before_it_is_answered(self, secrets: Any, secret: str, function: str) -> None:
        begun = secrets.rotate_secret(
            SecretId=secret, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30}
        )

        assert tag(secrets, secret, "steps") == " ".join(STEPS)
        assert tag(secrets, secret, "colour") == "red"
        got = secrets.get_secret_value(SecretId=secret)
        assert got["SecretString"] == got["VersionId"] == begun["VersionId"]
        described = secrets.describe_secret(SecretId=secret)
        assert described["RotationEnabled"]
        assert described["RotationRules"] == {"AutomaticallyAfterDays": 30}

    def test_keeps_the_value_before_as_the_previous_one(self, secrets: Any, secret: str, function: str) -> None:
        first = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=function)["VersionId"]
        second = secrets.rotate_secret(SecretId=secret)["VersionId"]

        assert secrets.get_secret_value(SecretId=secret)["VersionId"] == second
        assert secrets.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")["VersionId"] == first

    @pytest.mark.parametrize("step", STEPS)
    def test_that_fails_is_told_by_its_step_and_reason_and_leaves_the_value(
        self, secrets: Any, secret: str, function: str, step: str
    ) -> None:
        first = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=function)["VersionId"]
        secrets.tag_resource(SecretId=secret, Tags=[{"Key": "fail", "Value": step}])
        with pytest.raises(ClientError, match=f"the rotation function failed in {step}: ValueError: cannot"):
            secrets.rotate_secret(SecretId=secret)

        assert secrets.get_secret_value(SecretId=secret)["VersionId"] == first

    def test_can_be_set_up_without_being_begun(self, secrets: Any, secret: str, function: str) -> None:
        secrets.rotate_secret(SecretId=secret, RotationLambdaARN=function, RotateImmediately=False)

        assert tag(secrets, secret, "steps") is None
        assert secrets.describe_secret(SecretId=secret)["RotationLambdaARN"] == function

    def test_without_a_function_is_refused(self, secrets: Any, secret: str) -> None:
        with pytest.raises(ClientError, match=r"InvalidRequestException.*No Lambda rotation function ARN"):
            secrets.rotate_secret(SecretId=secret)

    def test_of_no_secret_is_refused(self, secrets: Any, function: str) -> None:
        with pytest.raises(secrets.exceptions.ResourceNotFoundException):
            secrets.rotate_secret(SecretId="missing", RotationLambdaARN=function)


class TestAFunctionThatSecretsManagerMayNotCallIsRefused:
    @pytest.mark.parametrize(
        "permission",
        [
            None,
            {"Principal": "events.amazonaws.com"},
            {"Principal": "secretsmanager.amazonaws.com", "SourceAccount": "999999999999"},
            {"Principal": "secretsmanager.amazonaws.com", "SourceArn": "arn:aws:secretsmanager:us-east-1:0:secret:x"},
        ],
        ids=["no permission", "another service", "another account", "another secret"],
    )
    def test_by_its_policy(self, emulator: Emulator, secrets: Any, function: str, permission: Any) -> None:
        functions = emulator.client("lambda")
        name = f"refused-{len(str(permission))}"
        arn = secrets.create_secret(Name=name)["ARN"]
        if permission:
            functions.add_permission(
                FunctionName=function, StatementId=name, Action="lambda:InvokeFunction", **permission
            )
        with pytest.raises(ClientError, match=r"AccessDeniedException.*cannot invoke the specified Lambda function"):
            secrets.rotate_secret(SecretId=arn, RotationLambdaARN=function)

        assert not secrets.describe_secret(SecretId=arn)["RotationEnabled"]

    def test_that_does_not_exist(self, secrets: Any, secret: str, function: str) -> None:
        with pytest.raises(ClientError, match="AccessDeniedException"):
            secrets.rotate_secret(SecretId=secret, RotationLambdaARN=f"{function}-missing")
