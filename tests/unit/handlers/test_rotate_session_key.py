"""The rotation function makes a key in four steps. Each step may be repeated. All else is an error."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.core.models import MockAWS
from moto.secretsmanager.models import secretsmanager_backends

from handlers.entries import rotate_session_key as module
from handlers.entries.rotate_session_key import InvalidRotation, RotateSessionKeyEnvironment, handle
from handlers.storage.session_keys import SigningKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION = "eu-central-1"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
FIRST, SECOND, THIRD = (f"{number}-0b0e-4c39-9a43-0d5a3b0f9e11-{number:08d}" for number in (1, 2, 3))


class Secret:
    """One secret with a first key. New versions start without a value, as RotateSecret makes them."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        self.client = client
        first = SigningKey(FIRST, b"1" * 32).to_secret()
        self.arn = client.create_secret(Name="session-key", ClientRequestToken=FIRST, SecretString=first)["ARN"]

    def begin(self, version_id: str) -> None:
        backend: Any = secretsmanager_backends["123456789012"][REGION]  # no API makes a version without a value
        backend.secrets[self.arn].versions[version_id] = {
            "createdate": 0,
            "version_id": version_id,
            "version_stages": ["AWSPENDING"],
        }

    def step(self, step: str, version_id: str) -> None:
        event = {"Step": step, "SecretId": self.arn, "ClientRequestToken": version_id, "RotationToken": "t"}
        handle(event, None)

    def rotate(self, version_id: str) -> None:
        self.begin(version_id)
        for step in STEPS:
            self.step(step, version_id)

    def stages(self) -> dict[str, set[str]]:
        described = self.client.describe_secret(SecretId=self.arn)["VersionIdsToStages"]
        return {version: set(stages) for version, stages in described.items()}

    def value(self, stage: str) -> str:
        return self.client.get_secret_value(SecretId=self.arn, VersionStage=stage)["SecretString"]

    def key(self, stage: str) -> SigningKey:
        return SigningKey.from_secret(self.value(stage))


@pytest.fixture(scope="module")
def moto() -> Iterator[MockAWS]:
    """Started once: starting takes longer than a test, emptying does not."""
    with mock_aws() as started:
        yield started


@pytest.fixture
def secret(moto: MockAWS, monkeypatch: pytest.MonkeyPatch) -> Secret:
    moto.reset()
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    made = Secret(boto3.client("secretsmanager"))
    monkeypatch.setattr(module, "_environment", lambda: RotateSessionKeyEnvironment(made.arn))
    return made


class TestARotation:
    def test_makes_another_key_and_keeps_the_one_before(self, secret: Secret) -> None:
        """The first key, which replaces none, is made in tests/unit/components/test_session_key.py: moto cannot."""
        first = secret.key("AWSCURRENT")
        secret.rotate(SECOND)
        second = secret.key("AWSCURRENT")
        assert secret.key("AWSPREVIOUS") == first
        secret.rotate(THIRD)
        third = secret.key("AWSCURRENT")

        assert secret.key("AWSPREVIOUS") == second
        assert (second.key_id, third.key_id, len(third.key)) == (SECOND, THIRD, 32)
        assert len({first.key, second.key, third.key}) == 3

    def test_changes_nothing_before_its_last_step(self, secret: Secret) -> None:
        before = secret.value("AWSCURRENT")
        secret.begin(SECOND)
        for step in STEPS[:-1]:
            secret.step(step, SECOND)
            assert secret.value("AWSCURRENT") == before

        secret.step("finishSecret", SECOND)
        assert secret.value("AWSCURRENT") != before

    def test_goes_as_well_if_every_step_comes_twice(self, secret: Secret) -> None:
        secret.begin(SECOND)
        secret.step("createSecret", SECOND)
        made = secret.value("AWSPENDING")
        for step in ("createSecret", "setSecret", "setSecret", "testSecret", "testSecret", "finishSecret"):
            secret.step(step, SECOND)
        after = secret.stages()
        for step in STEPS:
            secret.step(step, SECOND)

        assert secret.value("AWSCURRENT") == made
        assert secret.stages() == after
        assert secret.key("AWSPREVIOUS").key_id == FIRST


class TestAStepIsRefused:
    @pytest.mark.parametrize("step", STEPS)
    def test_for_a_version_that_nobody_has_begun(self, secret: Secret, step: str) -> None:
        before = secret.stages()
        with pytest.raises(InvalidRotation, match=f"Version {SECOND} of {secret.arn} is not AWSPENDING"):
            secret.step(step, SECOND)

        assert secret.stages() == before

    @pytest.mark.parametrize("step", STEPS)
    def test_for_a_version_that_was_replaced(self, secret: Secret, step: str) -> None:
        secret.rotate(SECOND)
        current = secret.value("AWSCURRENT")
        with pytest.raises(InvalidRotation, match=f"Version {FIRST} of .* is not AWSPENDING"):
            secret.step(step, FIRST)

        assert secret.value("AWSCURRENT") == current

    @pytest.mark.parametrize("step", STEPS)
    def test_for_another_secret(self, secret: Secret, step: str) -> None:
        other = secret.client.create_secret(Name="another", SecretString="theirs")
        event = {"Step": step, "SecretId": other["ARN"], "ClientRequestToken": other["VersionId"]}
        with pytest.raises(InvalidRotation, match=f"{other['ARN']} is not the secret that this function rotates"):
            handle(event, None)

    @pytest.mark.parametrize("step", ["", "deleteSecret", "create_secret"])
    def test_that_secrets_manager_does_not_know(self, secret: Secret, step: str) -> None:
        secret.begin(SECOND)
        with pytest.raises(InvalidRotation, match=f"'{step}' is no step"):
            secret.step(step, SECOND)

    def test_where_there_is_nothing_to_test(self, secret: Secret) -> None:
        secret.begin(SECOND)
        with pytest.raises(secret.client.exceptions.ResourceNotFoundException):
            secret.step("testSecret", SECOND)

    @pytest.mark.parametrize(
        ("value", "error", "message"),
        [
            ("no key", ValueError, "not of the form"),
            (SigningKey(THIRD, b"k" * 32).to_secret(), InvalidRotation, f"holds the key of version {THIRD}"),
            (json.dumps({"kid": SECOND, "key": "a2V5"}), ValueError, "has 3 bytes"),
        ],
    )
    def test_where_the_value_is_none_of_ours(
        self, secret: Secret, value: str, error: type[Exception], message: str
    ) -> None:
        secret.begin(SECOND)
        secret.client.put_secret_value(
            SecretId=secret.arn, ClientRequestToken=SECOND, SecretString=value, VersionStages=["AWSPENDING"]
        )
        secret.step("createSecret", SECOND)
        with pytest.raises(error, match=message):
            secret.step("testSecret", SECOND)
