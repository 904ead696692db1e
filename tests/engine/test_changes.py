"""What the engine plans where something has changed since the deployment of the stack `dev`."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation.errors import CommandError

from components.arguments.processing_pipeline import ProcessingPipelineArgs
from local.engine.pulumi_cli.stacks import EngineStack, Run
from settings import keys, keys_of
from tests.engine.conftest import MakeProject
from tests.support.components.examples import (
    IMAGE,
    PROCESSING_PIPELINE,
    STATUS_TRACKER,
    UPLOAD_API,
    USER_POOL_ARN,
    Example,
)
from tests.support.deployment import eks_changes
from tests.support.deployment.engine_project import Project, checkout, lost
from tests.support.paths import PROJECT, TEAM_CODE

Plan = Callable[..., Run]

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"

TEAM_PROCESSOR = {"processor": "team_processor.process", "processorCode": str(TEAM_CODE)}

OF_A_POOL = {"userPoolArn": USER_POOL_ARN, "allowSignUp": False}

FARGATE = {"compute": "fargate", "workerImage": IMAGE}


def _change(example: Example, name: str) -> dict[str, Any]:
    """Return an argument's other value, with those that it makes sense beside."""
    values = {**example.beside.get(name, {}), name: example.other[name]}
    return {key: values[each] for each, key in keys_of(example.shape).items() if each in values}


CHANGES: Mapping[str, Mapping[str, Any]] = {
    **{
        key: _change(example, name)
        for key, (shape, name) in keys().items()
        for example in (STATUS_TRACKER, UPLOAD_API, PROCESSING_PIPELINE)
        if example.shape is shape and key not in eks_changes.SETTINGS
    },
    **{
        key: {**TEAM_PROCESSOR, key: PROCESSING_PIPELINE.other[name]}
        for key, (_, name) in keys().items()
        if name in PROCESSING_PIPELINE.beside and "processor_code" in PROCESSING_PIPELINE.beside[name]
    },
    "processorCode": TEAM_PROCESSOR,
    "deletionProtection": {"deletionProtection": True},
    "recordRetentionDays": {"recordRetentionDays": 100},
    "logLevel": {"logLevel": "ERROR"},
    "kmsKeyArn": {"kmsKeyArn": KEY},
    "userPoolArn": OF_A_POOL,
    "userPoolClientId": {**OF_A_POOL, "userPoolClientId": "0a1b2c3d4e5f6g7h8i9j0k1l2m"},
    "allowSignUp": {"allowSignUp": False},
    "resultsBucketArn": {"resultsBucketArn": "arn:aws:s3:::the-results", "resultExpirationDays": 0},
    "fargateClusterArn": {**FARGATE, "fargateClusterArn": "arn:aws:ecs:eu-central-1:000000000000:cluster/shared"},
    "subnetIds": {**FARGATE, "subnetIds": ["subnet-00000001"]},
    "securityGroupIds": {**FARGATE, "subnetIds": ["subnet-00000001"], "securityGroupIds": ["sg-00000001"]},
    "processingReservedConcurrency": {"processingReservedConcurrency": 20},
}
"""By setting: what makes it differ from the stack `dev`."""

REPLACED = frozenset(("aws:apigateway/deployment:Deployment",))
"""A deployment is the API at one time: AWS has no way to change one."""

REPLACED_BY: Mapping[str, set[str]] = {
    # Lambda cannot turn a function of an archive into one of an image: the new one is made first.
    "functionImage": {"aws:lambda/function:Function", "aws:lambda/alias:Alias"},
}
"""By setting, the types that are replaced as well. They hold no data."""

DELETED: Mapping[str, set[str]] = {
    # a pool of one's own takes the place of the one that was made here
    "userPoolArn": {"upload-api-users", "upload-api-users-client"},
    "userPoolClientId": {"upload-api-users", "upload-api-users-client"},
    "rejectedObjects": {"processing-quarantine"},
    # a bucket of one's own likewise
    "resultsBucketArn": {"processing-results"},
    "quarantineBucketArn": {"processing-quarantine"},
    # each compute has a log of its own
    **{key: {"processing-process-object-log"} for key, changed in CHANGES.items() if "compute" in changed},
}
"""By setting: what holds data and is not wanted any longer."""


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    made = make_project()
    insights = {"name": "containerInsights", "value": "enabled"}
    made.make_buckets("the-results", "the-quarantine")
    made.emulator.client("ecs").create_cluster(clusterName="shared", settings=[insights])
    return made


@pytest.fixture(scope="module")
def deployed(project: Project) -> EngineStack:
    stack = project.stack("dev")
    stack.up()
    return stack


@pytest.fixture
def plan(project: Project, deployed: EngineStack) -> Iterator[Plan]:
    """Previews the deployed stack with other settings, and puts them back."""
    before = project.config("dev")

    def preview(**settings: object) -> Run:
        project.configure("dev", **settings)
        return deployed.preview()

    yield preview
    project.write_config("dev", before)


def test_each_setting_is_changed_here() -> None:
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"].keys()

    assert CHANGES.keys() | eks_changes.SETTINGS == declared - {"region"}


def check_plan(setting: str, plan: Plan) -> None:
    run = plan(**CHANGES[setting])

    replaced = {step.type for step in run.steps if "replace" in step.operation}
    assert run.operations(), "no resource depends on this setting"
    assert replaced <= REPLACED | REPLACED_BY.get(setting, set())
    assert lost(run) == DELETED.get(setting, set())


PROCESSING = [key for key in CHANGES if keys()[key][0] is ProcessingPipelineArgs]


class TestASettingOfTheProcessing:
    """A class of its own, with another deployment, so that two processes share the work (--dist loadscope)."""

    @pytest.mark.parametrize("setting", PROCESSING)
    def test_changes_something_and_replaces_nothing_that_holds_data(self, setting: str, plan: Plan) -> None:
        check_plan(setting, plan)

    @pytest.mark.parametrize("setting", ["resultsBucketArn", "quarantineBucketArn"])
    def test_with_a_bucket_that_does_not_exist_is_an_error_of_the_preview(self, setting: str, plan: Plan) -> None:
        with pytest.raises(CommandError, match="mistyped"):
            plan(**{**CHANGES[setting], setting: "arn:aws:s3:::mistyped"})


class TestAnotherChange:
    @pytest.mark.parametrize("setting", [key for key in CHANGES if key not in PROCESSING])
    def test_of_a_setting_changes_something_and_replaces_nothing_that_holds_data(
        self, setting: str, plan: Plan
    ) -> None:
        check_plan(setting, plan)

    @pytest.mark.usefixtures("deployed")
    def test_of_the_codes_folder_changes_nothing(self, project: Project, tmp_path: Path) -> None:
        copy = checkout(tmp_path / "another folder")
        for path in copy.rglob("*.py"):
            os.utime(path, (0, 0))
            path.chmod(0o600)
        cache = copy / "handlers" / "__pycache__"
        cache.mkdir()
        (cache / "api.cpython-311.pyc").write_bytes(b"compiled")

        assert project.stack("dev", program_dir=copy).preview().operations() == {}

    @pytest.mark.usefixtures("deployed")
    def test_of_a_line_of_code_changes_the_functions_alone(self, project: Project, tmp_path: Path) -> None:
        copy = checkout(tmp_path / "copy")
        with (copy / "handlers" / "http" / "api.py").open("a") as module:
            module.write("# changed\n")

        run = project.stack("dev", program_dir=copy).preview()

        assert {step.type for step in run.steps if step.operation != "same"} == {
            "aws:lambda/alias:Alias",
            "aws:lambda/function:Function",
        }
        assert set(run.operations().values()) == {"update"}
