"""The key that signs sessions is made by rotation, in AWS: no program, no state and no person holds it."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest

from handlers.aws.json_client import SECRETS_MANAGER, AwsJson
from handlers.storage.session_keys import SigningKey, SigningKeys
from local.emulator.process import Emulator
from local.engine.built_in.deployer import deploy
from local.engine.deployment import Deployment
from tests.support.components.examples import KMS_KEY_ARN, NAME, SESSION_KEY
from tests.support.components.recording import ACCOUNT, Recording, arn_of, physical, record

PROGRAM = """
import pulumi
from components.arguments.upload_api import UploadApiArgs
from components.api.session_key import SessionKey

table = {"table_name": "the-table", "table_arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/the-table"}
args = UploadApiArgs(**table, session_key_rotation_days=9)
pulumi.export("secret", SessionKey("session-key", args).secret_arn)
"""


def recorded(**args: Any) -> Recording:
    return record(lambda: {"secret_arn": SESSION_KEY.make(**args).secret_arn})


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


class TestTheSecret:
    def test_is_declared_without_a_value(self, by_default: Recording) -> None:
        assert by_default.all(aws.secretsmanager.SecretVersion) == []
        assert by_default.inputs(aws.secretsmanager.Secret).keys() == {"description", "recoveryWindowInDays"}

    @pytest.mark.parametrize(("protected", "days"), [(True, 30), (False, 0)])
    def test_can_be_restored_for_a_month_only_where_it_is_protected(self, *, protected: bool, days: int) -> None:
        secret = recorded(deletion_protection=protected).inputs(aws.secretsmanager.Secret)

        assert secret["recoveryWindowInDays"] == days

    def test_is_encrypted_with_the_customers_key_if_there_is_one(self) -> None:
        assert recorded(kms_key_arn=KMS_KEY_ARN).inputs(aws.secretsmanager.Secret)["kmsKeyId"] == KMS_KEY_ARN

    def test_comes_out_once_its_first_key_is_being_made(self, by_default: Recording) -> None:
        assert by_default.outputs == {"secret_arn": arn_of(aws.secretsmanager.Secret, NAME)}


class TestTheRotation:
    @pytest.mark.parametrize(("args", "days"), [({}, 30), ({"session_key_rotation_days": 9}, 9)])
    def test_happens_at_once_and_then_by_the_days(self, args: dict[str, int], days: int) -> None:
        assert recorded(**args).inputs(aws.secretsmanager.SecretRotation) == {
            "secretId": f"{physical(NAME)}-id",
            "rotationLambdaArn": arn_of(aws.lambda_.Alias, f"{NAME}-rotate-live"),
            "rotationRules": {"automaticallyAfterDays": days},
        }

    def test_is_done_by_a_function_that_only_this_secrets_rotation_may_call(self, by_default: Recording) -> None:
        permission = by_default.inputs(aws.lambda_.Permission)
        del permission["function"]

        assert permission == {
            "action": "lambda:InvokeFunction",
            "qualifier": "live",
            "principal": "secretsmanager.amazonaws.com",
            "sourceAccount": ACCOUNT,
            "sourceArn": arn_of(aws.secretsmanager.Secret, NAME),
        }

    def test_waits_for_that_permission(self, by_default: Recording) -> None:
        rotation = by_default.only(aws.secretsmanager.SecretRotation)

        assert by_default.only(aws.lambda_.Permission).urn in rotation.options.depends_on


class TestOnTheEmbeddedAws:
    """A deployment of the component; IAM is enforced, and the function runs."""

    def test_there_is_a_key_after_the_deployment(self, emulator: Emulator, deployed: Deployment) -> None:
        secret = deployed.outputs["secret"]
        described = emulator.client("secretsmanager").describe_secret(SecretId=secret)
        ((version, stages),) = described["VersionIdsToStages"].items()
        value = emulator.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]

        assert "AWSCURRENT" in stages
        assert SigningKey.from_secret(value).key_id == version
        assert (described["RotationEnabled"], described["RotationRules"]) == (True, {"AutomaticallyAfterDays": 9})

    def test_readers_know_both_keys_after_another_rotation(
        self, emulator: Emulator, deployed: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", emulator.operator.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", emulator.operator.secret_access_key)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        client = AwsJson(SECRETS_MANAGER, emulator.region)
        keys = SigningKeys(client, deployed.outputs["secret"])
        first = keys.fetch_current()

        version = emulator.client("secretsmanager").rotate_secret(SecretId=deployed.outputs["secret"])["VersionId"]

        assert len(keys[version]) == 32
        assert dict(keys).keys() == {version, first.key_id}
        assert keys[first.key_id] == first.key
        assert keys.fetch_current().key_id == version
        client.close()

    @pytest.fixture
    def deployed(self, emulator: Emulator, tmp_path: Path) -> Deployment:
        (tmp_path / "Pulumi.yaml").write_text("name: one\nruntime: python\n")
        (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
        (tmp_path / "__main__.py").write_text(textwrap.dedent(PROGRAM))
        return deploy(emulator, project_dir=tmp_path)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running
