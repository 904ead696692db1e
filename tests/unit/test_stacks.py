"""The whole program evaluates offline, for every stack of this checkout and for what a stack's file may say.

What the stacks' files say is the user's to change, and how they say it is the CLI's: no test pins a value of theirs.
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
from local.program import ProgramRun, Registration, plain, run_program
from local.stack_config import BackendOnlyError
from tests.support.components.examples import KMS_KEY_ARN, USER_POOL_ARN
from tests.support.components.recording import FakeAws, Recording, arn_of, physical, url_of, without_secrets
from tests.support.paths import PROJECT

PULUMI_YAML = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
PROJECT_NAME: str = PULUMI_YAML["name"]
STACKS = sorted(
    path.name.split(".")[1]
    for path in PROJECT.glob("Pulumi.*.yaml")
    if "config" in yaml.safe_load(path.read_text())  # `stack init` writes a file without
)

FLEETING: dict[str, Any] = {
    "deletionProtection": False,
    "allowSignUp": True,
    "allowedOrigins": ["http://localhost:8000"],
    "throttleRate": 10,
    "throttleBurst": 20,
    "recoveryDays": 1,
    "objectExpirationDays": 61,
    "resultExpirationDays": 62,
    "manageAccountLogging": False,
    "logLevel": "DEBUG",
    "logRetentionDays": 7,
}
LASTING: dict[str, Any] = {
    "throttleRate": 500,
    "throttleBurst": 1_000,
    "processingReservedConcurrency": 50,
    "logLevel": "WARN",
    "logRetentionDays": 365,
}
BOTH = pytest.mark.parametrize("given", [FLEETING, LASTING], ids=["fleeting", "lasting"])

Project = Callable[..., Path]


def _as_recording(run: ProgramRun) -> Recording:
    return Recording(run.registrations, run.outputs)


@cache
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
            "except pulumi.RunError as fault: pulumi.export('refused', str(fault))\n"
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


@pytest.mark.parametrize("stack", STACKS)
class TestEveryStackOfThisCheckout:
    def test_evaluates(self, stack: str) -> None:
        assert len(deployed(stack).registrations) > 50

    def test_declares_the_same_twice(self, stack: str) -> None:
        before = deployed(stack)

        assert _as_recording(run_program(PROJECT, stack=stack, cloud=FakeAws())).comparable() == before.comparable()

    def test_stays_the_same_when_the_cli_rewrites_its_file(self, stack: str, tmp_path: Path) -> None:
        before = deployed(stack)

        _rewrite(tmp_path, PROJECT_NAME, stack)

        assert _as_recording(run_program(tmp_path, stack=stack, cloud=FakeAws())).comparable() == before.comparable()

    def test_differs_by_the_name_alone_in_a_project_that_is_made_from_the_template(
        self, stack: str, tmp_path: Path
    ) -> None:
        before = deployed(stack)

        _rewrite(tmp_path, "media-uploads", stack)

        recording = _as_recording(run_program(tmp_path, stack=stack, cloud=FakeAws()))
        assert json.dumps(recording.comparable()).replace("media-uploads", PROJECT_NAME) == json.dumps(
            before.comparable()
        )
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


@BOTH
class TestAStack:
    def test_evaluates_and_exports_what_a_user_pastes_next(self, given: dict[str, Any]) -> None:
        recording = with_config(given)

        assert len(recording.registrations) > 50
        assert recording.outputs == {
            "region": "eu-north-1",
            "apiUrl": f"https://{physical('upload-api-rest-stage')}.example",
            "userPoolId": f"{physical('upload-api-users')}-id",
            "userPoolClientId": f"{physical('upload-api-users-client')}-id",
            "ingestBucket": physical("upload-api-ingest"),
            "resultsBucket": physical("processing-results"),
            "quarantineBucket": physical("processing-quarantine"),
            "uploadsTable": physical("status-uploads"),
            "queueUrl": url_of("processing-objects"),
            "deadLetterQueueUrl": url_of("processing-dead-letters"),
        }

    def test_makes_everything_in_its_region_and_tags_it(self, given: dict[str, Any]) -> None:
        recording = with_config(given)
        provider = provider_of(recording)
        made = [each for each in recording.registrations if each.custom and each is not provider]

        assert provider.inputs["region"] == "eu-north-1"
        assert json.loads(provider.inputs["defaultTags"]) == {
            "tags": {"project": PROJECT_NAME, "stack": "other", "managed-by": "pulumi"}
        }
        assert all(each.options.provider.startswith(f"{provider.urn}::") for each in made)

    def test_is_made_of_three_components_that_are_joined(self, given: dict[str, Any]) -> None:
        recording = with_config(given)
        tops = {each.name for each in recording.registrations if "::pulumi:pulumi:Stack::" in each.parent}
        variables = {
            each.name: plain(each.inputs["environment"])["variables"] for each in recording.all(aws.lambda_.Function)
        }

        assert tops == {"aws", "status", "upload-api", "processing"}
        assert {each["UPLOADS_TABLE"] for each in variables.values() if "UPLOADS_TABLE" in each} == {
            physical("status-uploads")
        }
        assert {name for name, each in variables.items() if "UPLOADS_TABLE" not in each} == {
            "upload-api-sign-parts",  # which asks no database
            "upload-api-session-key-rotate",
        }
        assert recording.json_input(aws.cloudwatch.EventRule, None, "eventPattern")["detail"]["bucket"] == {
            "name": [physical("upload-api-ingest")]
        }
        assert recording.inputs(aws.iam.RolePolicy, "processing-results-are-read-by-api")["role"] == physical(
            "upload-api-get-result-role"
        )
        policy = recording.inputs(aws.iam.RolePolicy, "processing-process-object-policy")["policy"]
        assert f"{arn_of(aws.s3.Bucket, 'upload-api-ingest')}/uploads/*" in policy
        assert arn_of(aws.dynamodb.Table, "status-uploads") in policy

    def test_names_nothing_twice(self, given: dict[str, Any]) -> None:
        names = [(each.type, each.name) for each in with_config(given).registrations]

        assert len(names) == len(set(names))


@BOTH
class TestAStackIsWhatItsFileSays:
    def test_everything_refuses_to_be_deleted_or_nothing_does(self, given: dict[str, Any]) -> None:
        recording = with_config(given)
        guards = {
            *(bool(each.options.protect) for each in recording.all(aws.s3.Bucket)),
            *(not each.inputs["forceDestroy"] for each in recording.all(aws.s3.Bucket)),
            recording.inputs(aws.dynamodb.Table)["deletionProtectionEnabled"],
            recording.inputs(aws.cognito.UserPool)["deletionProtection"] == "ACTIVE",
            recording.inputs(aws.secretsmanager.Secret)["recoveryWindowInDays"] > 0,
        }

        assert guards == {given.get("deletionProtection", True)}
        assert len(recording.all(aws.s3.Bucket)) == 3

    def test_logs_are_kept_and_filtered(self, given: dict[str, Any]) -> None:
        recording = with_config(given)
        levels = {each.inputs["loggingConfig"]["applicationLogLevel"] for each in recording.all(aws.lambda_.Function)}
        days = {each.inputs["retentionInDays"] for each in recording.all(aws.cloudwatch.LogGroup)}

        assert (levels, days) == ({given["logLevel"]}, {given["logRetentionDays"]})

    def test_the_table_can_be_restored(self, given: dict[str, Any]) -> None:
        recovery = with_config(given).inputs(aws.dynamodb.Table)["pointInTimeRecovery"]

        assert recovery["recoveryPeriodInDays"] == given.get("recoveryDays", 35)

    def test_objects_and_results_expire_or_stay(self, given: dict[str, Any]) -> None:
        days = [
            rule["expiration"]["days"]
            for each in with_config(given).all(aws.s3.BucketLifecycleConfiguration)
            if "quarantine" not in each.name
            for rule in each.inputs["rules"]
            if "days" in rule.get("expiration", {})
        ]

        assert sorted(days) == sorted(days for key, days in given.items() if key.endswith("ExpirationDays"))

    def test_the_gateway_throttles(self, given: dict[str, Any]) -> None:
        settings = with_config(given).inputs(aws.apigateway.MethodSettings)["settings"]

        assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (
            given["throttleRate"],
            given["throttleBurst"],
        )

    def test_people_sign_up_or_are_invited_and_pages_call_or_not(self, given: dict[str, Any]) -> None:
        recording = with_config(given)
        invited = recording.inputs(aws.cognito.UserPool)["adminCreateUserConfig"]["allowAdminCreateUserOnly"]

        assert invited is not given.get("allowSignUp", False)
        if "allowedOrigins" in given:
            cors = recording.inputs(aws.s3.BucketCorsConfiguration, "upload-api-ingest-cors")
            assert cors["corsRules"][0]["allowedOrigins"] == given["allowedOrigins"]

    def test_of_stacks_in_one_account_and_region_one_sets_the_logging_role(self, given: dict[str, Any]) -> None:
        assert len(with_config(given).all(aws.apigateway.Account)) == given.get("manageAccountLogging", True)

    def test_processing_has_executions_of_its_own_or_not(self, given: dict[str, Any]) -> None:
        function = with_config(given).inputs(aws.lambda_.Function, "processing-process-object")

        assert function.get("reservedConcurrentExecutions") == given.get("processingReservedConcurrency")


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
                processingTimeoutSeconds=83,
                processingMemoryMb=1_084,
                processingReservedConcurrency=85,
                processingMaxAttempts=87,
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
        assert process["environment"]["variables"]["UNSCANNABLE_OBJECTS"] == "process"
        for rules in lifecycles.values():
            assert rules[1]["noncurrentVersionExpiration"] == {"noncurrentDays": 82}
