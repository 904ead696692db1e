"""The whole program evaluates offline for every stack, and the stacks differ as their environments do."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest
import yaml

from local.program import ProgramRun, plain, run_program
from tests.unit.components.examples import KMS_KEY_ARN, USER_POOL_ARN
from tests.unit.components.recording import FakeAws, Recording, arn_of, physical, url_of

PROJECT = Path(__file__).parents[2]
STACKS = ("dev", "staging", "prod", "local")
PASSING = ("dev", "local")
"""Those in which nothing has to stay."""

Project = Callable[..., Path]


@cache
def deployed(stack: str) -> Recording:
    return _as_recording(run_program(PROJECT, stack=stack, cloud=FakeAws()))


def _as_recording(run: ProgramRun) -> Recording:
    return Recording(run.registrations, run.outputs)


def config(stack: str) -> dict[str, Any]:
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    given = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key: given.get(f"portage:{key}", each["default"]) for key, each in declared.items()}


def days_of_logs(stack: str) -> set[float]:
    return {each.inputs["retentionInDays"] for each in deployed(stack).all(aws.cloudwatch.LogGroup)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the real program and another config; what the program refuses becomes an output.

    The program that fails is caught: run_program stops one that fails, and then nothing is seen of what it made.
    """

    def write(name: str = "portage", **values: object) -> Path:
        declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text()) | {"name": name}
        given = {f"{name}:{key}": value for key, value in values.items()}
        main = (
            "import pulumi, runpy\n"
            f"try: runpy.run_path({str(PROJECT / '__main__.py')!r})\n"
            "except pulumi.RunError as fault: pulumi.export('refused', str(fault))\n"
        )
        (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(declared))
        (tmp_path / "Pulumi.other.yaml").write_text(yaml.safe_dump({"config": given}))
        (tmp_path / "__main__.py").write_text(main)
        return tmp_path

    return write


def run(folder: Path) -> Recording:
    return _as_recording(run_program(folder, stack="other", cloud=FakeAws()))


@pytest.mark.parametrize("stack", STACKS)
class TestEveryStack:
    def test_evaluates_and_exports_what_a_user_pastes_next(self, stack: str) -> None:
        recording = deployed(stack)

        assert len(recording.registrations) > 50
        assert recording.outputs == {
            "region": config(stack)["region"],
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

    def test_declares_the_same_twice(self, stack: str) -> None:
        again = _as_recording(run_program(PROJECT, stack=stack, cloud=FakeAws()))

        assert again.comparable() == deployed(stack).comparable()

    def test_makes_everything_in_its_region_and_tags_it(self, stack: str) -> None:
        recording = deployed(stack)
        (provider,) = [each for each in recording.registrations if each.type == "pulumi:providers:aws"]
        made = [each for each in recording.registrations if each.custom and each is not provider]

        assert provider.inputs["region"] == config(stack)["region"]
        assert json.loads(provider.inputs["defaultTags"]) == {
            "tags": {"project": "portage", "stack": stack, "managed-by": "pulumi"}
        }
        assert all(each.options.provider.startswith(f"{provider.urn}::") for each in made)

    def test_is_made_of_three_components_that_are_joined(self, stack: str) -> None:
        recording = deployed(stack)
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

    def test_names_nothing_twice(self, stack: str) -> None:
        names = [(each.type, each.name) for each in deployed(stack).registrations]

        assert len(names) == len(set(names))


class TestTheStacksDifferAsTheirEnvironmentsDo:
    @pytest.mark.parametrize("stack", STACKS)
    def test_in_prod_and_there_alone_everything_refuses_to_be_deleted(self, stack: str) -> None:
        recording, is_prod = deployed(stack), stack == "prod"
        guards = {
            *(bool(each.options.protect) for each in recording.all(aws.s3.Bucket)),
            *(not each.inputs["forceDestroy"] for each in recording.all(aws.s3.Bucket)),
            recording.inputs(aws.dynamodb.Table)["deletionProtectionEnabled"],
            recording.inputs(aws.cognito.UserPool)["deletionProtection"] == "ACTIVE",
            recording.inputs(aws.secretsmanager.Secret)["recoveryWindowInDays"] > 0,
        }

        assert guards == {is_prod}
        assert len(recording.all(aws.s3.Bucket)) == 3

    @pytest.mark.parametrize("key", ["recordRetentionDays", "noncurrentVersionDays", "logRetentionDays"])
    def test_things_are_kept_the_longer_the_more_they_matter(self, key: str) -> None:
        dev, staging, prod = (config(stack)[key] for stack in ("dev", "staging", "prod"))

        assert dev < staging < prod

    def test_logs_are_kept_as_the_config_says(self) -> None:
        assert {stack: days_of_logs(stack) for stack in STACKS} == {
            stack: {config(stack)["logRetentionDays"]} for stack in STACKS
        }
        assert days_of_logs("prod") == {365}

    def test_the_table_can_be_restored_the_longest_in_prod(self) -> None:
        recovery = {
            stack: deployed(stack).inputs(aws.dynamodb.Table)["pointInTimeRecovery"]["recoveryPeriodInDays"]
            for stack in ("dev", "staging", "prod")
        }

        assert recovery["dev"] < recovery["staging"] < recovery["prod"] == 35

    @pytest.mark.parametrize("stack", STACKS)
    def test_objects_and_results_expire_but_in_prod(self, stack: str) -> None:
        rules = [
            rule
            for each in deployed(stack).all(aws.s3.BucketLifecycleConfiguration)
            if "quarantine" not in each.name
            for rule in each.inputs["rules"]
            if "days" in rule.get("expiration", {})
        ]

        assert len(rules) == (0 if stack == "prod" else 2)

    def test_the_gateway_answers_the_more_the_more_people_come(self) -> None:
        def throttles(stack: str) -> tuple[float, float]:
            settings = deployed(stack).inputs(aws.apigateway.MethodSettings)["settings"]
            return settings["throttlingRateLimit"], settings["throttlingBurstLimit"]

        assert throttles("dev") < throttles("staging") < throttles("prod")
        for stack in STACKS:
            assert throttles(stack) == (config(stack)["throttleRate"], config(stack)["throttleBurst"])

    @pytest.mark.parametrize(
        ("stack", "level"), [("dev", "DEBUG"), ("staging", "INFO"), ("prod", "WARN"), ("local", "DEBUG")]
    )
    def test_logs_tell_the_more_the_less_comes(self, stack: str, level: str) -> None:
        functions = deployed(stack).all(aws.lambda_.Function)

        assert {each.inputs["loggingConfig"]["applicationLogLevel"] for each in functions} == {level}

    @pytest.mark.parametrize("stack", STACKS)
    def test_anybody_signs_up_and_pages_of_this_machine_call_only_where_nothing_has_to_stay(self, stack: str) -> None:
        invited = deployed(stack).inputs(aws.cognito.UserPool)["adminCreateUserConfig"]["allowAdminCreateUserOnly"]
        origins = config(stack)["allowedOrigins"]

        assert invited is (stack not in PASSING)
        assert bool(origins) is (stack in PASSING)
        assert all(origin.startswith(("http://localhost:", "http://127.0.0.1:")) for origin in origins)

    def test_of_stacks_in_one_account_and_region_one_sets_the_logging_role(self) -> None:
        assert config("dev")["region"] == config("staging")["region"]
        assert {stack: len(deployed(stack).all(aws.apigateway.Account)) for stack in STACKS} == {
            "dev": 1,
            "staging": 0,
            "prod": 1,
            "local": 1,
        }

    def test_processing_has_executions_of_its_own_where_others_live_in_the_account(self) -> None:
        reserved = {
            stack: deployed(stack)
            .inputs(aws.lambda_.Function, "processing-process-object")
            .get("reservedConcurrentExecutions")
            for stack in STACKS
        }

        assert set(reserved.values()) == {None}


class TestNothingIsMadeOfABadConfig:
    @pytest.mark.parametrize(
        ("key", "value"),
        [("throttleRate", 0), ("recoveryDays", 36), ("logLevel", "LOUD"), ("region", "moon"), ("unheardOf", 1)],
    )
    def test_of_a_bad_value_or_key(self, project: Project, key: str, value: object) -> None:
        recording = run(project(**{key: value}))

        assert f"portage:{key} is " in recording.outputs["refused"]
        assert recording.registrations == ()

    def test_of_a_processor_without_its_code(self, project: Project) -> None:
        recording = run(project(processor="team.process"))

        assert "portage:processorCode" in recording.outputs["refused"]
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
