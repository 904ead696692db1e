"""What the engine plans where something has changed since the deployment of the stack `dev`."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation.errors import CommandError

from local.engine.pulumi_cli.stacks import EngineStack, Run
from tests.engine.conftest import MakeProject
from tests.support.components.examples import IMAGE
from tests.support.deployment import eks_changes
from tests.support.deployment.engine_project import Project, checkout, lost
from tests.support.paths import PROJECT, TEAM_CODE

Plan = Callable[..., Run]

POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEfGhI"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"

TEAM_PROCESSOR = {"processor": "team_processor.process", "processorCode": str(TEAM_CODE)}

IN_S3 = {"processor": "team_processor.process", "processorCodeBucket": "the-builds", "processorCodeKey": "build.zip"}

FARGATE = {"compute": "fargate", "workerImage": IMAGE}
STEPS = ["handlers.processors.inspect.process", "handlers.processors.csv_summary.process"]
MAP = {"compute": "step-functions", "stepFunctionsMapProcessor": STEPS[0]}

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "deletionProtection": {"deletionProtection": True},
    "kmsKeyArn": {"kmsKeyArn": KEY},
    "tags": {"tags": {"cost-centre": "4711"}},
    "permissionsBoundaryArn": {"permissionsBoundaryArn": "arn:aws:iam::123456789012:policy/the-boundary"},
    "allowedOrigins": {"allowedOrigins": ["https://one.example.com", "https://two.example.com"]},
    "userPoolArn": {"userPoolArn": POOL, "allowSignUp": False},
    "userPoolClientId": {"userPoolArn": POOL, "allowSignUp": False, "userPoolClientId": "0a1b2c3d4e5f6g7h8i9j0k1l2m"},
    "allowSignUp": {"allowSignUp": False},
    "allowedSourceCidrs": {"allowedSourceCidrs": ["203.0.113.0/24"]},
    "allowedSourceVpcIds": {"allowedSourceVpcIds": ["vpc-0a1b2c3d4e5f60718"]},
    "maxUploadBytes": {"maxUploadBytes": 1000000},
    "maxOpenUploads": {"maxOpenUploads": 7},
    "allowedContentTypes": {"allowedContentTypes": ["image/*"]},
    "allowForms": {"allowForms": False},
    "multipartThresholdBytes": {"multipartThresholdBytes": 10000000},
    "urlExpiresInSeconds": {"urlExpiresInSeconds": 60},
    "sessionExpiresInSeconds": {"sessionExpiresInSeconds": 7200},
    "sessionKeyRotationDays": {"sessionKeyRotationDays": 10},
    "throttleRate": {"throttleRate": 11},
    "throttleBurst": {"throttleBurst": 21},
    "manageAccountLogging": {"manageAccountLogging": False},
    "recordRetentionDays": {"recordRetentionDays": 100},
    "recoveryDays": {"recoveryDays": 2},
    "objectExpirationDays": {"objectExpirationDays": 8},
    "resultExpirationDays": {"resultExpirationDays": 8},
    "resultsBucketArn": {"resultsBucketArn": "arn:aws:s3:::the-results", "resultExpirationDays": 0},
    "quarantineBucketArn": {"quarantineBucketArn": "arn:aws:s3:::the-quarantine"},
    "noncurrentVersionDays": {"noncurrentVersionDays": 2},
    "stepFunctionsProcessors": {"compute": "step-functions", "stepFunctionsProcessors": STEPS},
    "stepFunctionsParallel": {
        "compute": "step-functions",
        "stepFunctionsProcessors": STEPS,
        "stepFunctionsParallel": True,
    },
    "stepFunctionsMapProcessor": MAP,
    "stepFunctionsMapBatchRecords": {**MAP, "stepFunctionsMapBatchRecords": 10},
    "stepFunctionsMapCsvDelimiter": {**MAP, "stepFunctionsMapCsvDelimiter": "semicolon"},
    "stepFunctionsMapConcurrency": {**MAP, "stepFunctionsMapConcurrency": 7},
    "stepFunctionsMapToleratedFailurePercentage": {**MAP, "stepFunctionsMapToleratedFailurePercentage": 5},
    "workspace": {"compute": "step-functions", "workspace": "efs"},
    "processor": TEAM_PROCESSOR,
    "processors": {
        "processors": [{"processor": "handlers.processors.csv_summary.process", "content_types": ["text/csv"]}]
    },
    "processorCode": TEAM_PROCESSOR,
    "processorDistributions": {**TEAM_PROCESSOR, "processorDistributions": ["packaging"]},
    "compute": FARGATE,
    "imageRepository": {"imageRepository": True},
    "workerImage": {**FARGATE, "workerImage": IMAGE.replace("0a", "1b")},
    **{
        key: {**FARGATE, key: value}
        for key, value in {
            "fargateClusterArn": "arn:aws:ecs:eu-central-1:000000000000:cluster/shared",
            "fargateCpu": 512,
            "fargateMemoryMb": 8_192,
            "fargateStorageGib": 40,
            "fargateMinTasks": 0,
            "fargateMaxTasks": 3,
            "fargateBacklogPerTask": 5,
            "fargateWeight": 2,
            "fargateSpotWeight": 3,
            "subnetIds": ["subnet-00000001"],
            "networkCidr": "10.1.0.0/16",
            "networkEgress": "nat",
            "networkEndpoints": ["bedrock-runtime"],
            "networkFlowLogDays": 7,
        }.items()
    },
    "functionStorageMb": {"functionStorageMb": 1_024},
    "functionArchitecture": {"functionArchitecture": "x86_64"},
    "functionImage": {"functionImage": IMAGE},
    "processorCodeBucket": IN_S3,
    "processorCodeKey": IN_S3,
    "processorCodeVersion": {**IN_S3, "processorCodeVersion": "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"},
    "functionLayers": {"functionLayers": ["arn:aws:lambda:eu-central-1:123456789012:layer:the-layer:1"]},
    "securityGroupIds": {
        **FARGATE,
        "subnetIds": ["subnet-00000001"],
        "securityGroupIds": ["sg-00000001"],
    },
    "processorRequirements": {
        **TEAM_PROCESSOR,
        "processorRequirements": "handlers/processors/requirements/thumbnail.txt",
    },
    "processorEnvironment": {**TEAM_PROCESSOR, "processorEnvironment": {"MODEL": "a-model"}},
    "processorStatements": {
        **TEAM_PROCESSOR,
        "processorStatements": [{"actions": ["kms:Decrypt"], "resources": [KEY]}],
    },
    "rejectedObjects": {"rejectedObjects": "delete"},
    "quarantineExpirationDays": {"quarantineExpirationDays": 8},
    "malwareScan": {"malwareScan": True},
    "unscannableObjects": {"malwareScan": True, "unscannableObjects": "process"},
    "processingTimeoutSeconds": {"processingTimeoutSeconds": 100},
    "processingMemoryMb": {"processingMemoryMb": 1024},
    "processingMaxConcurrency": {"processingMaxConcurrency": 7},
    "processingReservedConcurrency": {"processingReservedConcurrency": 20},
    "processingMaxAttempts": {"processingMaxAttempts": 7},
    "reconcileMinutes": {"reconcileMinutes": 30},
    "trigger": {"trigger": "s3-notifications"},
    "bucketNotifications": {
        "bucketNotifications": [{"target": "arn:aws:sqs:eu-central-1:123456789012:audit", "suffix": ".csv"}]
    },
    "eventTargets": {"eventTargets": ["arn:aws:sqs:eu-central-1:123456789012:audit"]},
    "archiveDays": {"archiveDays": 7},
    "alarmTopicArn": {"alarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:operators"},
    "logLevel": {"logLevel": "ERROR"},
    "logRetentionDays": {"logRetentionDays": 14},
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


@pytest.mark.parametrize("setting", CHANGES)
def test_a_changed_setting_changes_something_and_replaces_nothing_that_holds_data(setting: str, plan: Plan) -> None:
    run = plan(**CHANGES[setting])

    replaced = {step.type for step in run.steps if "replace" in step.operation}
    assert run.operations(), "no resource depends on this setting"
    assert replaced <= REPLACED | REPLACED_BY.get(setting, set())
    assert lost(run) == DELETED.get(setting, set())


@pytest.mark.parametrize("setting", ["resultsBucketArn", "quarantineBucketArn"])
def test_a_given_bucket_that_does_not_exist_is_an_error_of_the_preview(setting: str, plan: Plan) -> None:
    with pytest.raises(CommandError, match="mistyped"):
        plan(**{**CHANGES[setting], setting: "arn:aws:s3:::mistyped"})


@pytest.mark.usefixtures("deployed")
def test_the_same_code_elsewhere_changes_nothing(project: Project, tmp_path: Path) -> None:
    copy = checkout(tmp_path / "another folder")
    for path in copy.rglob("*.py"):
        os.utime(path, (0, 0))
        path.chmod(0o600)
    cache = copy / "handlers" / "__pycache__"
    cache.mkdir()
    (cache / "api.cpython-311.pyc").write_bytes(b"compiled")

    assert project.stack("dev", program_dir=copy).preview().operations() == {}


@pytest.mark.usefixtures("deployed")
def test_a_changed_line_changes_the_functions_alone(project: Project, tmp_path: Path) -> None:
    copy = checkout(tmp_path / "copy")
    with (copy / "handlers" / "http" / "api.py").open("a") as module:
        module.write("# changed\n")

    run = project.stack("dev", program_dir=copy).preview()

    assert {step.type for step in run.steps if step.operation != "same"} == {
        "aws:lambda/alias:Alias",
        "aws:lambda/function:Function",
    }
    assert set(run.operations().values()) == {"update"}
