"""Every stack's life: previewed, deployed, deployed again, refreshed, destroyed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from pulumi.automation.errors import CommandError

from local.emulator.process import Emulator
from local.engine.provider import KNOWN
from local.engine.pulumi_cli.stacks import Run
from local.engine.stack_config import read_stack_config
from tests.engine.conftest import MakeProject
from tests.support.deployment.engine_project import STACKS, Project
from tests.support.paths import EVERY_RESOURCE, PROJECT


@dataclass(frozen=True)
class Life:
    preview: Run
    up: Run
    again: Run
    refresh: Run
    refusal: str
    """Why `destroy` failed."""
    left: Mapping[str, set[str]]
    """What AWS has at the end, by kind."""


def live(project: Project, stack_name: str) -> Life:
    stack = project.stack(stack_name)
    preview, up, again, refresh = stack.preview(), stack.up(), stack.up(), stack.refresh()
    refusal = ""
    try:
        stack.destroy()
    except CommandError as error:
        refusal = str(error)
    return Life(preview, up, again, refresh, refusal, remaining(project.emulator))


def remaining(emulator: Emulator) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {
        "bucket": {each["Name"] for each in emulator.client("s3").list_buckets()["Buckets"]},
        "function": {each["FunctionName"] for each in emulator.client("lambda").list_functions()["Functions"]},
        "mapping": {
            each["UUID"] for each in emulator.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        },
        "pool": {each["Id"] for each in emulator.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]},
        "queue": set(emulator.client("sqs").list_queues().get("QueueUrls", [])),
        "rest api": {each["id"] for each in emulator.client("apigateway").get_rest_apis()["items"]},
        "role": {each["RoleName"] for each in emulator.client("iam").list_roles()["Roles"]},
        "rule": {each["Name"] for each in emulator.client("events").list_rules()["Rules"]},
        "secret": {each["Name"] for each in emulator.client("secretsmanager").list_secrets()["SecretList"]},
        "table": set(emulator.client("dynamodb").list_tables()["TableNames"]),
    }
    return {kind: names for kind, names in found.items() if names}


def operations(run: Run) -> Counter[str]:
    return Counter(step.operation for step in run.steps)


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def life(stack: str, make_project: MakeProject) -> Life:
    return live(make_project("us-east-1" if stack == "local" else "eu-central-1"), stack)


@pytest.fixture(scope="module")
def everything(make_project: MakeProject) -> Life:
    """One program with every type of the table."""
    return live(make_project("us-east-1", program_dir=EVERY_RESOURCE), "local")


class TestStack:
    def test_is_created_as_previewed(self, life: Life) -> None:
        assert operations(life.preview).keys() == {"create"}
        assert life.up.operations() == life.preview.operations()

    def test_has_nothing_to_change_when_deployed_again(self, life: Life) -> None:
        assert life.again.operations() == {}
        assert len(life.again.steps) == len(life.up.steps)

    def test_has_no_warning_but_of_the_plugin(self, life: Life) -> None:
        warnings = [line for line in life.again.text.splitlines() if " warning: " in line]

        assert [line for line in warnings if "pulumi-resource-aws from $PATH" not in line] == []

    def test_is_refreshed_without_a_change(self, life: Life) -> None:
        assert operations(life.refresh).keys() == {"refresh"}
        assert life.refresh.changes.keys() == {"same"}

    def test_is_destroyed_unless_it_is_protected(self, stack: str, life: Life) -> None:
        if read_stack_config(PROJECT, stack).own("deletionProtection") == "true":
            assert "cannot be deleted" in life.refusal
            assert len(life.left["bucket"]) > 1
            assert len(life.left["table"]) == 1
        else:
            assert life.refusal == ""
            assert life.left.keys() <= {"role"}


class TestEverything:
    def test_each_type_is_created(self, everything: Life) -> None:
        assert {step.type for step in everything.up.steps} >= KNOWN.keys() - {"aws:sqs/redrivePolicy:RedrivePolicy"}
        assert everything.up.operations() == everything.preview.operations()

    def test_nothing_is_changed_again(self, everything: Life) -> None:
        assert everything.again.operations() == {}

    def test_each_type_is_deleted(self, everything: Life) -> None:
        assert everything.refusal == ""
        assert everything.left == {}
