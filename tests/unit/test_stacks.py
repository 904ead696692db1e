"""The whole program evaluates offline, with the files of this checkout's stacks and with other config.

Users change the values in the stacks' files, and the CLI changes their form: no test here pins a value of them. The
resources of each stack are pinned by test_golden.py.
"""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest
import yaml

from aws_provider import provider_args
from components.arguments import ArgumentError
from handlers.processors import JobEnvironment, WorkerEnvironment
from local.engine.built_in.program import ProgramRun, Registration, run_program
from local.engine.stack_config import BackendOnlyError
from local.resources.parameters import plain
from tests.support.components.examples import KMS_KEY_ARN, TOPIC_ARN, USER_POOL_ARN
from tests.support.components.recording import FakeAws, Recording, physical, without_secrets
from tests.support.paths import PROJECT

PULUMI_YAML = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
PROJECT_NAME: str = PULUMI_YAML["name"]
STACKS = sorted(
    path.name.split(".")[1]
    for path in PROJECT.glob("Pulumi.*.yaml")
    if "config" in yaml.safe_load(path.read_text())  # `stack init` writes a file without
)

Project = Callable[..., Path]


def _as_recording(run: ProgramRun) -> Recording:
    return Recording(run.registrations, run.outputs)


def deployed(stack: str) -> Recording:
    """One of the checkout's own stacks."""
    try:
        return _as_recording(run_program(PROJECT, stack=stack, cloud=FakeAws()))
    except BackendOnlyError as error:
        pytest.skip(str(error))


@cache
def _with_config(config: str) -> Recording:
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), {"aws:region": "eu-north-1", **json.loads(config)})
        return run(Path(folder))


def with_config(config: Mapping[str, Any]) -> Recording:
    """The program with one stack file's config, and Pulumi.yaml's defaults."""
    return _with_config(json.dumps(config))


def write_project(folder: Path, config: Mapping[str, Any], name: str = PROJECT_NAME, **more: object) -> None:
    """Write a project with the real program, and a stack `other` of its own."""
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(PULUMI_YAML | {"name": name, "main": str(PROJECT)}))
    (folder / "Pulumi.other.yaml").write_text(json.dumps({"config": dict(config), **more}))  # which is YAML


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the real program and another config; what the program refuses becomes an output.

    The program that fails is caught: run_program stops one that fails, and then nothing is seen of what it made.
    """

    def write(name: str = PROJECT_NAME, **values: object) -> Path:
        declared = PULUMI_YAML | {"name": name}
        main = (
            "import pulumi, runpy\n"
            f"try: runpy.run_path({str(PROJECT / '__main__.py')!r})\n"
            "except pulumi.RunError as error: pulumi.export('refused', str(error))\n"
        )
        (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(declared))
        (tmp_path / "Pulumi.other.yaml").write_text(yaml.safe_dump({"config": {"region": "us-east-1", **values}}))
        (tmp_path / "__main__.py").write_text(main)
        return tmp_path

    return write


def run(folder: Path) -> Recording:
    return _as_recording(run_program(folder, stack="other", cloud=FakeAws()))


def provider_of(recording: Recording) -> Registration:
    (provider,) = [each for each in recording.registrations if each.type == "pulumi:providers:aws"]
    return provider


@pytest.mark.parametrize("stack", [STACKS[0], *(pytest.param(each, marks=pytest.mark.variant) for each in STACKS[1:])])
def test_a_stack_differs_by_the_name_alone_in_a_project_that_is_made_from_the_template(
    stack: str, tmp_path: Path
) -> None:
    before = deployed(stack)
    _rewrite(tmp_path, "media-uploads", stack)

    recording = _as_recording(run_program(tmp_path, stack=stack, cloud=FakeAws()))

    after = json.dumps(recording.comparable())
    assert after.replace("media-uploads", PROJECT_NAME) == json.dumps(before.comparable())
    assert "media-uploads" in provider_of(recording).inputs["defaultTags"]


def _rewrite(folder: Path, name: str, stack: str) -> None:
    """Do as `pulumi new` and `pulumi stack init`: quote scalars, name the project in each key, add a salt."""
    document = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())
    config = {
        key.replace(f"{PROJECT_NAME}:", f"{name}:") if ":" in key else f"{name}:{key}": (
            json.dumps(value) if isinstance(value, bool | int | float) else value
        )
        for key, value in document["config"].items()
    }
    write_project(folder, config, name, encryptionsalt="v1:FpppDZxUWz4=:v1:KhO80Uk7ycR4Q3C/:d+FAsjw1XY1eMAFnJNeMdIOZ")
    (folder / "Pulumi.other.yaml").rename(folder / f"Pulumi.{stack}.yaml")


@pytest.mark.parametrize("protected", [True, pytest.param(False, marks=pytest.mark.variant)])
def test_everything_that_keeps_data_refuses_to_be_deleted_or_nothing_does(protected: bool) -> None:
    recording = with_config({"deletionProtection": protected})
    guards = {
        *(bool(each.options.protect) for each in recording.all(aws.s3.Bucket)),
        *(not each.inputs["forceDestroy"] for each in recording.all(aws.s3.Bucket)),
        recording.inputs(aws.dynamodb.Table)["deletionProtectionEnabled"],
        recording.inputs(aws.cognito.UserPool)["deletionProtection"] == "ACTIVE",
        recording.inputs(aws.secretsmanager.Secret)["recoveryWindowInDays"] > 0,
    }

    assert guards == {protected}
    assert len(recording.all(aws.s3.Bucket)) == 3


@pytest.mark.variant
class TestEks:
    CONFIG: Mapping[str, Any] = {
        "compute": "eks",
        "imageRepository": True,
        "eksGitRepositoryUrl": "https://github.com/example/portage.git",
        "processingTimeoutSeconds": 77,
    }

    def test_the_worker_may_do_what_a_job_may_do_elsewhere(self) -> None:
        image = f"123456789012.dkr.ecr.eu-north-1.amazonaws.com/worker@sha256:{'0a' * 32}"
        on_fargate = with_config({"compute": "fargate", "workerImage": image})

        def statements(recording: Recording, policy: str) -> list[Any]:
            return recording.json_input(aws.iam.RolePolicy, policy, "policy")["Statement"]

        *of_a_job, of_its_task = statements(on_fargate, "processing-workers-policy")
        assert {action.partition(":")[0] for action in of_its_task["Action"]} == {"ecs"}
        assert statements(with_config(self.CONFIG), "deploy-worker-policy") == of_a_job

    def test_the_worker_has_the_variables_of_a_job_and_its_limits(self) -> None:
        recording = with_config(self.CONFIG)
        (application,) = [each for each in recording.registrations if each.name == "deploy-worker" and each.custom][-1:]
        (patch,) = plain(application.inputs)["spec"]["source"]["kustomize"]["patches"]
        data = json.loads(patch["patch"])["data"]

        given_by_git = {"WORKER_MEMORY_MB", "WORKER_STOP_SECONDS"}
        required = {name.upper() for shape in (JobEnvironment, WorkerEnvironment) for name in shape.__annotations__}
        assert required - data.keys() == given_by_git
        assert (data["WORKER_JOB_SECONDS"], data["WORKER_JOB_MEMORY_MB"]) == ("77", "512")
        assert data["QUEUE_URL"] == recording.outputs["queueUrl"]
        assert data["IMAGE_REPOSITORY"] == recording.outputs["imageRepositoryUrl"]

    def test_nothing_else_processes_objects_and_the_pipeline_stays_what_it_is(self) -> None:
        recording, before = with_config(self.CONFIG), with_config({})
        stateful = {aws.s3.Bucket, aws.sqs.Queue, aws.dynamodb.Table, aws.cognito.UserPool, aws.secretsmanager.Secret}

        assert "processing-process-object" not in {each.name for each in recording.all(aws.lambda_.Function)}
        for kind in stateful:
            assert {each.urn for each in recording.all(kind)} == {each.urn for each in before.all(kind)}
        assert recording.outputs["processorRole"] == physical("deploy-worker-role")
        assert recording.outputs["clusterName"] == physical("deploy-cluster")

    @pytest.mark.parametrize("missing", ["imageRepository", "eksGitRepositoryUrl"])
    def test_what_it_needs_is_asked_for(self, project: Project, missing: str) -> None:
        config = {key: value for key, value in self.CONFIG.items() if key != missing}

        assert f":{missing} is " in run(project(**config)).outputs["refused"]

    def test_pulumi_gets_tokens_of_the_cluster_as_it_calls_aws(self) -> None:
        role_arn = "arn:aws:iam::123456789012:role/deploy"
        recording = with_config({**self.CONFIG, "aws:profile": "video", "aws:assumeRoles": [{"roleArn": role_arn}]})
        (provider,) = [each for each in recording.registrations if each.type == "pulumi:providers:kubernetes"]
        (user,) = json.loads(plain(provider.inputs)["kubeconfig"])["users"]

        assert user["user"]["exec"]["args"][-4:] == ["--profile", "video", "--role-arn", role_arn]

    def test_its_settings_stay_where_they_are_with_another_compute(self) -> None:
        assert with_config({"eksMode": "managed-nodes", "eksOnDemandNodes": 0}).all(aws.eks.Cluster) == []


def test_every_resource_is_made_by_the_program_s_provider() -> None:
    recording = with_config({})
    provider = provider_of(recording)
    made = [each for each in recording.registrations if each.custom and each is not provider]

    assert made
    assert all(each.options.provider.startswith(f"{provider.urn}::") for each in made)


class TestTheProviderGetsTheStacksAwsKeys:
    def test_each_of_them(self) -> None:
        recording = with_config(
            {
                "aws:region": "eu-west-3",
                "aws:profile": "video",
                "aws:allowedAccountIds": [123456789012, "012345678901"],
                "aws:assumeRoles": [{"roleArn": "arn:aws:iam::123456789012:role/deploy", "tags": {"floor": 7}}],
                "aws:endpoints": [{"s3": "https://s3.example"}],
                "aws:maxRetries": "5",
                "aws:skipMetadataApiCheck": "false",
            }
        )
        inputs = provider_of(recording).inputs

        assert recording.outputs["region"] == inputs["region"] == "eu-west-3"
        assert inputs["profile"] == "video"
        assert json.loads(inputs["allowedAccountIds"]) == ["123456789012", "012345678901"]
        assert json.loads(inputs["assumeRoles"]) == [
            {"roleArn": "arn:aws:iam::123456789012:role/deploy", "tags": {"floor": "7"}}
        ]
        assert json.loads(inputs["endpoints"]) == [{"s3": "https://s3.example"}]
        assert (inputs["maxRetries"], inputs["skipMetadataApiCheck"]) == ("5", "false")

    def test_its_default_tags_beside_ours_of_which_they_win(self) -> None:
        recording = with_config({"aws:defaultTags": {"tags": {"team": "video", "stack": "mine", "floor": 7}}})

        assert json.loads(provider_of(recording).inputs["defaultTags"]) == {
            "tags": {"project": PROJECT_NAME, "managed-by": "pulumi", "stack": "mine", "team": "video", "floor": "7"}
        }

    def test_every_key_that_the_provider_has(self) -> None:
        source = Path(str(aws.config.__file__)).with_name("vars.py").read_text()
        declared = set(re.findall(r"__config__\.get\w*\('(\w+)'\)", source))
        types: dict[str, Any] = {"allowedAccountIds": [], "endpoints": [], "insecure": True, "maxRetries": 1}

        known = {key for key in declared if "is not a key" not in _refusal_of(key, types.get(key, "text"))}

        assert len(declared) > 30
        assert known == declared

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("assumeRole", "{}", "aws:assumeRole is not a key of the AWS provider; did you mean aws:assumeRoles?"),
            ("assumeRoles", '[{"rolArn": "x"}]', "aws:assumeRoles[0].rolArn is not known to the AWS provider; did"),
            ("assumeRoles", "{}", "aws:assumeRoles is {}, but must be a list."),
            (
                "defaultTags",
                '{"team": "x"}',
                "aws:defaultTags.team is not known to the AWS provider; the keys are",
            ),
            ("defaultTags", '{"tags": {"a": ["b"]}}', "aws:defaultTags.tags.a is ['b'], but must be text."),
            ("maxRetries", "true", "aws:maxRetries is True, but must be a whole number."),
            ("insecure", "yes", "aws:insecure is 'yes', but must be true or false."),
            ("allowedAccountIds", "123456789012", "aws:allowedAccountIds is 123456789012, but must be a list."),
            # What YAML makes of 012345678901, as a decimal and as an octal number.
            (
                "allowedAccountIds",
                '["123456789012", 12345678901]',
                "aws:allowedAccountIds[1] is '12345678901', but must",
            ),
            ("forbiddenAccountIds", "[1402433619]", "aws:forbiddenAccountIds[0] is '1402433619', but must be the 12 "),
            ("allowedAccountIds", '["1234-5678-9012"]', "aws:allowedAccountIds[0] is '1234-5678-9012', but must be "),
            (
                "forbiddenAccountIds",
                '["123456789012\\n"]',
                "aws:forbiddenAccountIds[0] is '123456789012\\n', but must ",
            ),
            ("allowedAccountIds", '[""]', "aws:allowedAccountIds[0] is '', but must be the 12 digits"),
        ],
    )
    def test_one_that_the_provider_would_pass_over_is_refused(self, key: str, value: str, message: str) -> None:
        assert _refusal_of(key, value).startswith(message)

    def test_a_secret_one_is_not_shown(self) -> None:
        with pytest.raises(ArgumentError, match=r"^aws:assumeRoles is \[secret\], but must ") as caught:
            provider_args({"assumeRoles": '["hush!"]'}, {"assumeRoles"})

        assert "hush!" not in str(caught.value)


def _refusal_of(key: str, value: object) -> str:
    try:
        provider_args({key: value if isinstance(value, str) else json.dumps(value)}, ())
    except ArgumentError as error:
        return str(error)
    return ""


SECRETS: Mapping[str, tuple[Any, str]] = {
    "kmsKeyArn": (KMS_KEY_ARN, KMS_KEY_ARN),
    "userPoolArn": (USER_POOL_ARN, USER_POOL_ARN),
    "userPoolClientId": ("clientsecret", "clientsecret"),
    "allowedOrigins": (["https://secret.example"], "https://secret.example"),
    "allowedSourceCidrs": (["203.0.113.0/24"], "203.0.113.0/24"),
    "allowedSourceVpcIds": (["vpc-0a1b2c3d4e5f60718"], "vpc-0a1b2c3d4e5f60718"),
    "allowedContentTypes": (["application/x-secret"], "application/x-secret"),
    "aws:profile": ("secret-profile", "secret-profile"),
    "aws:assumeRoles": ([{"roleArn": "arn:aws:iam::123456789012:role/secret"}], "role/secret"),
    "aws:defaultTags": ({"tags": {"team": "secret-team"}}, "secret-team"),
}
"""What a stack may say, and what of it must not be seen."""


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("secret")
    keys = [key if ":" in key else f"{PROJECT_NAME}:{key}" for key in SECRETS]
    write_project(folder, {"aws:region": "us-east-1", **{key: given for key, (given, _) in SECRETS.items()}})
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(PULUMI_YAML))
    (folder / "__main__.py").write_text(
        "import pulumi.runtime, runpy\n"
        f"pulumi.runtime.set_all_config(pulumi.runtime.config.CONFIG.get(), {keys!r})\n"
        f"runpy.run_path({str(PROJECT / '__main__.py')!r})\n"
    )
    return run(folder)


class TestWhatIsSecretStaysSecret:
    @pytest.mark.parametrize("key", SECRETS)
    def test_wherever_it_lands(self, secretive: Recording, key: str) -> None:
        _, secret = SECRETS[key]
        inputs = [each.inputs for each in secretive.registrations]

        assert secret in json.dumps([plain(inputs), secretive.outputs], default=str)
        assert secret not in json.dumps(without_secrets(inputs), default=str)


class TestNothingIsMadeOfABadConfig:
    @pytest.mark.parametrize(
        ("key", "value"),
        [("throttleRate", 0), ("recoveryDays", 36), ("logLevel", "LOUD"), ("region", "moon"), ("unheardOf", 1)],
    )
    def test_of_a_bad_value_or_key(self, project: Project, key: str, value: object) -> None:
        recording = run(project(**{key: value}))

        assert f"{PROJECT_NAME}:{key} is " in recording.outputs["refused"]
        assert recording.registrations == ()

    def test_of_a_processor_without_its_code(self, project: Project) -> None:
        recording = run(project(processor="team.process"))

        assert f"{PROJECT_NAME}:processorCode" in recording.outputs["refused"]
        assert recording.registrations == ()

    def test_of_a_good_one_everything_is(self, project: Project) -> None:
        recording = run(project())

        assert "refused" not in recording.outputs
        assert len(recording.registrations) > 50

    def test_of_a_project_made_from_the_template_under_a_name_of_its_own_everything_is(self, project: Project) -> None:
        recording = run(project("media-uploads", region="eu-west-1"))

        assert "refused" not in recording.outputs
        assert recording.outputs["region"] == "eu-west-1"


class TestWhatAStackGivesReachesTheComponents:
    def test_also_what_no_stack_of_ours_gives(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "team.py").write_text("def process(job): ...")
        recording = run(
            project(
                kmsKeyArn=KMS_KEY_ARN,
                userPoolArn=USER_POOL_ARN,
                processor="team.process",
                processorCode=str(tmp_path / "code"),
                maxUploadBytes=77,
                allowForms=False,
                multipartThresholdBytes=76,
                urlExpiresInSeconds=78,
                sessionExpiresInSeconds=3_675,
                sessionKeyRotationDays=74,
                recordRetentionDays=79,
                objectExpirationDays=80,
                resultExpirationDays=81,
                noncurrentVersionDays=82,
                quarantineExpirationDays=73,
                malwareScan=True,
                unscannableObjects="process",
                reconcileMinutes=86,
                alarmTopicArn=TOPIC_ARN,
                processingTimeoutSeconds=83,
                processingMemoryMb=1_084,
                processingReservedConcurrency=85,
                processingMaxAttempts=87,
                manageAccountLogging=False,
            )
        )
        create, process = (
            recording.inputs(aws.lambda_.Function, name)
            for name in ("upload-api-create-upload", "processing-process-object")
        )
        lifecycles = {
            name: recording.inputs(aws.s3.BucketLifecycleConfiguration, f"{name}-lifecycle")["rules"]
            for name in ("upload-api-ingest", "processing-results", "processing-quarantine")
        }

        assert recording.outputs["userPoolId"] == USER_POOL_ARN.split("/")[-1]
        assert recording.inputs(aws.dynamodb.Table)["serverSideEncryption"]["kmsKeyArn"] == KMS_KEY_ARN
        for each in recording.all(aws.s3.BucketServerSideEncryptionConfiguration):
            assert plain(each.inputs)["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KMS_KEY_ARN
        assert create["environment"]["variables"]["MAX_UPLOAD_BYTES"] == "77"
        assert create["environment"]["variables"]["ALLOWED_METHODS"] == "put,multipart"
        assert create["environment"]["variables"]["MULTIPART_THRESHOLD_BYTES"] == "76"
        assert create["environment"]["variables"]["URL_EXPIRES_IN_SECONDS"] == "78"
        assert create["environment"]["variables"]["SESSION_EXPIRES_IN_SECONDS"] == "3675"
        assert create["environment"]["variables"]["RECORD_RETENTION_DAYS"] == "79"
        assert recording.inputs(aws.secretsmanager.SecretRotation)["rotationRules"] == {"automaticallyAfterDays": 74}
        assert recording.inputs(aws.secretsmanager.Secret)["kmsKeyId"] == KMS_KEY_ARN
        assert process["environment"]["variables"]["PROCESSOR"] == "team.process"
        assert process["environment"]["variables"]["MAX_ATTEMPTS"] == "87"
        assert "processor" in process["code"].assets
        assert (process["timeout"], process["memorySize"], process["reservedConcurrentExecutions"]) == (83, 1_084, 85)
        assert {name: rules[2]["expiration"] for name, rules in lifecycles.items()} == {
            "upload-api-ingest": {"days": 80},
            "processing-results": {"days": 81},
            "processing-quarantine": {"days": 73},
        }
        assert recording.only(aws.guardduty.MalwareProtectionPlan)
        assert recording.inputs(aws.scheduler.Schedule)["scheduleExpression"] == "rate(86 minutes)"
        assert recording.all(aws.sns.Topic) == []
        assert recording.outputs["alarmTopicArn"] == TOPIC_ARN
        assert recording.all(aws.apigateway.Account) == []
        assert process["environment"]["variables"]["UNSCANNABLE_OBJECTS"] == "process"
        for rules in lifecycles.values():
            assert rules[1]["noncurrentVersionExpiration"] == {"noncurrentDays": 82}


def test_a_warning_names_settings_by_their_keys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_project(tmp_path, {"aws:region": "eu-north-1", "fargateCpu": 512, "eksJobsAtOnce": 7, "eksMode": "fargate"})

    run(tmp_path)

    of_cluster, of_compute = caplog.messages
    assert of_cluster.endswith(f": {PROJECT_NAME}:eksMode.")
    assert of_compute.endswith(f": {PROJECT_NAME}:eksJobsAtOnce, {PROJECT_NAME}:fargateCpu.")
