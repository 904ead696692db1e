"""The stack's config is checked whole before anything is made, and says of each key what is wrong and what to do."""

import contextvars
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
import pulumi.runtime
import pytest
import yaml

from components.arguments import limits
from components.arguments.constraints import MaybeOutput
from generate import main as generate
from settings import SHAPES, Settings, StackArgs, keys, keys_of
from tests.support.components.examples import (
    BUCKET,
    COMPONENTS,
    KMS_KEY_ARN,
    REQUIREMENTS,
    STEPS,
    SUBNET_IDS,
    TABLE,
    USER_POOL_ARN,
)
from tests.support.paths import PROJECT

PULUMI_YAML = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
DECLARED: dict[str, dict[str, Any]] = PULUMI_YAML["config"]

REGION = "us-east-1"


def _as_text(value: object) -> str:
    """Return a value as a stack's file has it."""
    return value if isinstance(value, str) else json.dumps(value)


EXAMPLES = {each.shape: each for each in COMPONENTS}
RANGES: dict[str, tuple[int, int]] = {
    key: EXAMPLES[shape].ranges[name]
    for key, (shape, name) in keys().items()
    if shape in EXAMPLES and name in EXAMPLES[shape].ranges
}
ZERO_MEANS_NONE = (
    "objectExpirationDays",
    "resultExpirationDays",
    "processingMaxConcurrency",
    "processingReservedConcurrency",
    "archiveDays",
)
EMPTY_MEANS_NONE = (
    *("region", "kmsKeyArn", "userPoolArn", "userPoolClientId", "processorCode", "alarmTopicArn"),
    *("eksGitRepositoryUrl", "eksClusterName", "eksArgoIdentityCenterArn", "eksArgoOidcIssuer", "eksArgoOidcClientId"),
    *("eksGithubRepository", "eksGithubOidcProviderArn"),
    *("resultsBucketArn", "quarantineBucketArn"),
)
MAY_BE_SECRET = [
    key for key, (shape, name) in keys().items() if isinstance(shape.declared[name].constraint, MaybeOutput)
]
"""Their arguments may be Outputs."""
FLAGS = [key for key, each in DECLARED.items() if each["type"] == "boolean"]

OF_COMPONENTS = {key: (EXAMPLES[shape], name) for key, (shape, name) in keys().items() if shape in EXAMPLES}
"""By key: the example of the component that has the argument, and its name there."""

WRONG = {
    **{key: _as_text(each.bad[name][0]) for key, (each, name) in OF_COMPONENTS.items() if name in each.bad},
    **{key: str(high + 1) for key, (_, high) in RANGES.items()},
    **dict.fromkeys(FLAGS, "yes"),
    "region": "eu-central",
    "userPoolClientId": "a client",
    "eksGitRepositoryUrl": "git@github.com:example/portage.git",
    "eksAddonVersions": '"coredns"',
    "bucketNotifications": '"audit"',
    "processorCodeKey": " ",
}
"""A value for each key that its argument does not allow. What else arguments reject, test_arguments.py proves."""

TESTED_APART = {
    *("compute", "userPoolClientId", "securityGroupIds"),
    *("processorCode", "processorCodeBucket", "processorCodeKey", "processorCodeVersion"),
    *("processorDistributions", "processorRequirements", "processorEnvironment", "processorStatements"),
}
"""The keys that need others beside them."""

RIGHT: dict[str, Any] = {
    **{key: each.other[name] for key, (each, name) in OF_COMPONENTS.items() if key not in TESTED_APART},
    "region": "eusc-de-east-1",
    "eksGitRepositoryUrl": "https://github.com/example/portage.git",
}
"""A value for each other key that is not its default."""

NOT_OF_THE_TYPE = [
    *(("throttleRate", text) for text in ("", "many", "true", "null", "1.5", '"5"', "[5]", "{}", "0x10", "1_000")),
    *(("throttleRate", text) for text in ("Infinity", "NaN")),
    *(("objectExpirationDays", text) for text in ("-1", "false")),
    *(("logRetentionDays", text) for text in ("", "seven", "7.5", "true")),
    *(("deletionProtection", text) for text in ("", "yes", "True", "1", "null", '"true"', "[true]")),
    *(("processorEnvironment", text) for text in ("", "[]", "3", '"MODEL"')),
    *(("processorStatements", text) for text in ("", "{}", "3", '"*"')),
    *(("allowedOrigins", text) for text in ("", "https://a.example", '"https://a.example"', "{}", "[3]", "[null]")),
]
"""What the text in a stack's file is not read as, for one key of each type."""


def value_of(settings: Settings, key: str) -> Any:
    shape, name = keys()[key]
    if shape is StackArgs:
        return getattr(settings, name)
    sections = (
        *(settings.status_tracker, settings.upload_api),
        *(settings.processing_pipeline, settings.eks_argo_deploy),
    )
    return next(section[name] for section in sections if section.shape is shape)


def defaults() -> dict[str, str]:
    """What Pulumi.yaml declares, and the region, which has no default."""
    values = {key: each["default"] for key, each in DECLARED.items()} | {"region": REGION}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def load(values: Mapping[str, str], project: str = "portage", secret: Sequence[str] = ()) -> Settings:
    """Load a config without its defaults, in a context of its own so that nothing of it stays."""

    def in_its_own_context() -> Settings:
        config = {key if ":" in key else f"{project}:{key}": value for key, value in values.items()}
        pulumi.runtime.set_all_config(config, list(secret))
        with patch("pulumi.get_project", return_value=project):
            return Settings.load()

    return contextvars.copy_context().run(in_its_own_context)


def faults(values: Mapping[str, str], secret: Sequence[str] = ()) -> list[str]:
    with pytest.raises(pulumi.RunError, match=r"^The stack's config is wrong:\n") as caught:
        load(values, secret=secret)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.mark.parametrize("value", ["[" * 100_000, "a" * 70_000, "9" * 5_000, "a\0b"])
@pytest.mark.parametrize("key", ["processorCode", "processorRequirements", "tags", "processingMaxAttempts"])
def test_a_value_that_neither_json_nor_a_file_system_takes_is_refused_by_its_key(key: str, value: str) -> None:
    assert any(fault.startswith(f"portage:{key} is ") for fault in faults({**defaults(), key: value}))


class TestListsThatShareALimitedSpaceAreRefusedByTheirKeys:
    def test_in_a_functions_environment(self) -> None:
        origins = [f"https://app-{number}.example.com" for number in range(100, 220)]

        (fault,) = faults({**defaults(), "allowedOrigins": json.dumps(origins)})

        assert fault.startswith("portage:allowedOrigins has ")
        assert ", but at most 3,000 in all fit into a function's environment" in fault

    def test_in_a_buckets_policy(self) -> None:
        cidrs = [f"10.{number // 256}.{number % 256}.0/24" for number in range(1_500)]

        (fault,) = faults({**defaults(), "allowedSourceCidrs": json.dumps(cidrs)})

        assert fault.startswith("portage:allowedSourceCidrs has ")
        assert ", but at most 16,000 in all fit into a bucket's policy" in fault


class TestEveryKeyIsChecked:
    def test_the_tables_know_every_key(self) -> None:
        assert WRONG.keys() == DECLARED.keys()
        assert RIGHT.keys() == DECLARED.keys() - TESTED_APART

    @pytest.mark.parametrize("key", WRONG)
    def test_a_wrong_value_is_refused_by_key_and_value(self, key: str) -> None:
        (fault,) = faults({**defaults(), key: WRONG[key]})

        assert re.match(rf"portage:{key}(\[\d\])? is .+, but ", fault)
        if key in RANGES:
            assert fault.startswith(f"portage:{key} is {WRONG[key]}, but must be from {RANGES[key][0]} to ")

    @pytest.mark.parametrize("key", RIGHT)
    def test_a_right_value_reaches_its_argument(self, key: str) -> None:
        right = RIGHT[key]

        taken = value_of(load({**defaults(), key: right if isinstance(right, str) else json.dumps(right)}), key)

        assert (taken, type(taken)) == (right, type(right))

    @pytest.mark.parametrize("client_id", ["client-id", "x" * 129])
    def test_the_client_of_a_pool_is_an_id_of_cognito(self, client_id: str) -> None:
        (fault,) = faults({**defaults(), "userPoolArn": USER_POOL_ARN, "userPoolClientId": client_id})

        assert fault.startswith("portage:userPoolClientId is ")

    def test_the_client_of_a_pool_reaches_its_argument(self) -> None:
        settings = load({**defaults(), "userPoolArn": USER_POOL_ARN, "userPoolClientId": "client1"})

        assert settings.user_pool_client_id == "client1"

    def test_security_groups_reach_their_argument_beside_subnets(self) -> None:
        right = {"subnetIds": SUBNET_IDS, "securityGroupIds": ["sg-0a1b2c3d4e5f60718"]}
        texts = {key: json.dumps(value) for key, value in right.items()}

        settings = load({**defaults(), **texts})

        assert {key: value_of(settings, key) for key in right} == right

    def test_code_in_s3_reaches_its_arguments(self) -> None:
        right = {
            "processor": "team.process",
            "processorCodeBucket": "the-builds",
            "processorCodeKey": "build.zip",
            "processorCodeVersion": "a-version",
        }

        settings = load({**defaults(), **right})

        assert {key: value_of(settings, key) for key in right} == right

    def test_what_a_processor_needs_reaches_its_arguments(self, tmp_path: Path) -> None:
        (tmp_path / "team.py").write_text("def process(job): ...")
        right = {
            "processorDistributions": ["packaging"],
            "processorEnvironment": {"MODEL": "a-model"},
            "processorStatements": [{"actions": ["sqs:SendMessage"], "resources": ["*"]}],
        }
        texts = {key: json.dumps(value) for key, value in right.items()}

        texts["processorRequirements"] = REQUIREMENTS

        settings = load({**defaults(), "processor": "team.process", "processorCode": str(tmp_path), **texts})

        assert {key: value_of(settings, key) for key in texts} == {**right, "processorRequirements": REQUIREMENTS}

    def test_a_workflow_may_have_several_processors(self) -> None:
        right = {"stepFunctionsProcessors": STEPS, "stepFunctionsParallel": True}
        texts = {key: json.dumps(value) for key, value in right.items()}

        settings = load({**defaults(), "compute": "step-functions", **texts})

        assert {key: value_of(settings, key) for key in texts} == right

    def test_a_workflow_may_process_records(self) -> None:
        right = {"compute": "step-functions", "stepFunctionsMapProcessor": STEPS[0]}
        settings = load({**defaults(), **right})
        assert {key: value_of(settings, key) for key in right} == right

    @pytest.mark.parametrize(("key", "text"), NOT_OF_THE_TYPE)
    def test_a_text_of_another_type_is_refused_by_its_key(self, key: str, text: str) -> None:
        (fault,) = faults({**defaults(), key: text})

        assert re.match(rf"portage:{key}(\[0\])? is ", fault)

    @pytest.mark.parametrize(
        ("key", "text"),
        [*((key, "0") for key in ZERO_MEANS_NONE), *((key, "") for key in EMPTY_MEANS_NONE if key != "region")],
    )
    def test_zero_or_an_empty_text_means_none(self, key: str, text: str) -> None:
        assert value_of(load({**defaults(), key: text}), key) is None

    def test_logs_may_be_kept_as_long_as_cloudwatch_can(self) -> None:
        months = (30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
        # CloudWatch Logs API reference, PutRetentionPolicy.
        assert {*limits.LOG_RETENTION_DAYS.values} == {1, 3, 5, 7, 14, *months}

    @pytest.mark.parametrize("key", ["allowedOrigins", "allowedContentTypes"])
    def test_a_list_may_be_empty(self, key: str) -> None:
        assert value_of(load({**defaults(), key: "[]"}), key) == []

    @pytest.mark.parametrize("kind", ["folder", "zip"])
    def test_a_teams_code_is_a_folder_or_a_zip_file(self, kind: str, tmp_path: Path) -> None:
        code = tmp_path if kind == "folder" else tmp_path / "code.zip"
        (tmp_path / "team.py").write_text("def process(job): ...")
        if kind == "zip":
            with zipfile.ZipFile(code, "w") as archive:
                archive.write(tmp_path / "team.py", "team.py")

        taken = value_of(load({**defaults(), "processor": "team.process", "processorCode": str(code)}), "processorCode")

        assert isinstance(taken, pulumi.FileArchive)
        assert taken.path == str(code)

    def test_a_file_that_is_only_named_so_is_no_zip_file(self, tmp_path: Path) -> None:
        (tmp_path / "code.zip").write_text("def process(job): ...")

        (fault,) = faults({**defaults(), "processorCode": str(tmp_path / "code.zip")})

        assert fault == f"portage:processorCode is '{tmp_path}/code.zip', but must be a folder or a zip file."

    def test_missing_keys_are_refused_with_the_command_that_sets_them(self) -> None:
        assert faults({}) == [
            f"portage:{key} has no value; set it with: pulumi config set portage:{key} VALUE." for key in keys()
        ]

    @pytest.mark.parametrize(
        ("unknown", "meant"),
        [("throtleRate", "throttleRate"), ("alowedOrigins", "allowedOrigins"), ("log_level", "logLevel")],
    )
    def test_an_unknown_key_is_refused_with_the_one_that_was_meant(self, unknown: str, meant: str) -> None:
        assert faults({**defaults(), unknown: "1"}) == [
            f"portage:{unknown} is not a key of this program; did you mean portage:{meant}?"
        ]

    def test_a_key_like_none_is_refused_with_all_there_are(self) -> None:
        (fault,) = faults({**defaults(), "zzz": "1"})

        assert fault.startswith("portage:zzz is not a key of this program; the keys are ")
        assert all(key in fault for key in DECLARED)

    def test_other_namespaces_are_none_of_its_business(self) -> None:
        assert load({**defaults(), "pulumi:tags": "{}", "shop:colour": "blue"})

    def test_all_faults_are_told_at_once(self) -> None:
        values = {**defaults(), "throttleRate": "0", "logLevel": "LOUD", "allowSignUp": "perhaps", "colour": "blue"}
        values |= {"aws:assumeRole": "[]", "aws:maxRetries": "often"}
        del values["region"]

        assert sorted(fault.split(" ")[0] for fault in faults(values)) == [
            "aws:assumeRole",
            "aws:maxRetries",
            "portage:allowSignUp",
            "portage:colour",
            "portage:logLevel",
            "portage:region",
            "portage:throttleRate",
        ]


class TestKeysThatContradictEachOtherAreRefused:
    def test_a_processor_of_ones_own_without_its_code(self) -> None:
        (fault,) = faults({**defaults(), "processor": "team.process"})

        assert fault.startswith("portage:processor is 'team.process', but its code is missing; ")
        assert "portage:processorCode" in fault

    def test_code_of_ones_own_that_no_processor_names(self) -> None:
        (fault,) = faults({**defaults(), "processorCode": str(PROJECT / "handlers")})

        assert fault.startswith("portage:processor is 'handlers.processors.inspect.process', which is built in; ")
        assert "portage:processorCode" in fault

    def test_a_key_of_another_region(self) -> None:
        (fault,) = faults({**defaults(), "kmsKeyArn": KMS_KEY_ARN, "region": "eu-west-1"})

        assert fault.startswith(f"portage:kmsKeyArn is '{KMS_KEY_ARN}', but ")
        assert "eu-west-1" in fault

    def test_more_deliveries_than_executions_that_are_reserved(self) -> None:
        values = {**defaults(), "processingMaxConcurrency": "6", "processingReservedConcurrency": "5"}

        (fault,) = faults(values)

        assert fault.startswith(
            "portage:processingMaxConcurrency is 6, but must be at most the reserved concurrency, 5"
        )

    def test_two_regions(self) -> None:
        assert faults({**defaults(), "aws:region": "eu-west-1"}) == [
            "portage:region is 'us-east-1', but aws:region is 'eu-west-1'; remove one of them."
        ]

    def test_no_region(self) -> None:
        (fault,) = faults({**defaults(), "region": ""})

        assert fault.startswith("aws:region is missing; ")

    def test_a_client_without_its_pool(self) -> None:
        (fault,) = faults({**defaults(), "userPoolClientId": "client1"})

        assert fault.startswith("portage:userPoolClientId is set, but there is no portage:userPoolArn")

    def test_sign_up_in_a_pool_that_was_given(self) -> None:
        (fault,) = faults({**defaults(), "userPoolArn": USER_POOL_ARN, "allowSignUp": "true"})

        assert fault.startswith("portage:allowSignUp is true, but ")


class TestTheRegion:
    @pytest.mark.parametrize("own", ["", "eu-west-1"])
    def test_is_the_providers_own_key_where_that_is_set(self, own: str) -> None:
        assert load({**defaults(), "region": own, "aws:region": "eu-west-1"}).region == "eu-west-1"

    @pytest.mark.parametrize("region", ["eu-central", "EU-CENTRAL-1", "eu-central-1a", "eu_central_1", "cn-north-1"])
    def test_is_checked_there_too(self, region: str) -> None:
        (fault,) = faults({**defaults(), "region": "", "aws:region": region})

        assert fault.startswith(f"aws:region is {region!r}, but ")

    @pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "ap-southeast-2", "eusc-de-east-1"])
    def test_may_be_in_any_partition_with_user_pools(self, region: str) -> None:
        assert load({**defaults(), "region": region}).region == region

    def test_cannot_be_secret(self) -> None:
        (fault,) = faults({**defaults(), "aws:region": "us-east-1"}, secret=["aws:region"])

        assert "pulumi config set --plaintext aws:region VALUE" in fault


class TestASecret:
    def test_is_refused_where_its_plain_value_is_needed(self) -> None:
        plain = [key for key in keys() if key not in MAY_BE_SECRET]

        found = faults(defaults(), secret=[f"portage:{key}" for key in plain])

        assert len(found) == len(plain)
        for key, fault in zip(plain, found, strict=True):
            assert fault.startswith(f"portage:{key} is secret, but ")
            assert f"pulumi config set --plaintext portage:{key} VALUE" in fault

    def test_that_is_wrong_is_not_shown(self) -> None:
        bad = {key: '["hush! "]' if DECLARED[key]["type"] == "array" else '"hush!" ' for key in MAY_BE_SECRET}

        found = faults({**defaults(), **bad}, secret=[f"portage:{key}" for key in MAY_BE_SECRET])

        assert {fault.partition(", but must be ")[0] for fault in found} == {
            f"portage:{key} is [secret]" for key in MAY_BE_SECRET
        }
        assert "hush!" not in str(found)

    def test_key_of_another_region_is_not_shown(self) -> None:
        (fault,) = faults({**defaults(), "kmsKeyArn": KMS_KEY_ARN, "region": "eu-west-1"}, secret=["portage:kmsKeyArn"])

        assert fault.startswith("portage:kmsKeyArn is [secret], but ")

    def test_that_is_empty_makes_nothing(self) -> None:
        settings = load(defaults(), secret=[f"portage:{key}" for key in MAY_BE_SECRET])

        assert all(value_of(settings, key) in (None, [], {}) for key in MAY_BE_SECRET)


class TestAProjectFromTheTemplateMayHaveANameOfItsOwn:
    def test_its_keys_are_in_the_namespace_of_that_name(self) -> None:
        assert load({**defaults(), "throttleRate": "7"}, project="media-uploads").upload_api["throttle_rate"] == 7

    def test_and_so_are_the_faults(self) -> None:
        with pytest.raises(pulumi.RunError, match="media-uploads:throttleRate is 0, but must be from 1 to 10000"):
            load({**defaults(), "throttleRate": "0"}, project="media-uploads")

    def test_the_template_the_declarations_and_the_stacks_name_no_project(self) -> None:
        stacks = [yaml.safe_load(path.read_text()).get("config", {}) for path in PROJECT.glob("Pulumi.*.yaml")]
        namespaces = {
            key.partition(":")[0]
            for keys in (DECLARED, PULUMI_YAML["template"]["config"], *stacks)
            for key in keys
            if ":" in key
        }

        assert namespaces <= {"aws", "pulumi", PULUMI_YAML["name"]}


class TestPulumiYaml:
    def test_is_what_the_arguments_generate(self, capsys: pytest.CaptureFixture[str]) -> None:
        with patch("sys.argv", ["generate", "--check"]):
            assert generate() == 0, capsys.readouterr().err

    def test_each_key_has_type_default_and_description(self) -> None:
        wrong = [
            key
            for key, declaration in DECLARED.items()
            if not {"type", "default", "description"} <= declaration.keys()
            or not re.fullmatch(r"[A-Z].*\.", declaration["description"].strip())
        ]

        assert wrong == []

    def test_a_description_has_the_limits(self) -> None:
        wrong = [
            key
            for key, (low, high) in RANGES.items()
            if f"from {low} to {high} " not in DECLARED[key]["description"]
            or (key in ZERO_MEANS_NONE and not DECLARED[key]["description"].endswith(" 0 is the same as omitting it."))
        ]

        assert wrong == []

    def test_every_default_is_good(self) -> None:
        assert DECLARED["region"]["default"] == ""  # otherwise it would contradict aws:region
        assert load(defaults())

    def test_a_key_that_two_components_have_is_one_argument(self) -> None:
        for shape in SHAPES:
            for name, key in keys_of(shape).items():
                first, first_name = keys()[key]
                assert shape.declared[name] is first.declared[first_name]

    def test_the_template_asks_for_keys_that_there_are_with_good_answers(self) -> None:
        asked: dict[str, dict[str, Any]] = PULUMI_YAML["template"]["config"]

        assert asked
        assert all(each["description"] for each in asked.values())
        assert load({**defaults(), **{key: each["default"] for key, each in asked.items()}})
        assert "aws:region" in asked


class TestASection:
    def test_gives_a_component_its_arguments(self) -> None:
        settings = load({**defaults(), "processingTimeoutSeconds": "77", "throttleRate": "7"})

        args = settings.upload_api.args(**TABLE)

        assert (args.throttle_rate, args.table_name) == (7, TABLE["table_name"])
        assert settings.processing_pipeline.args(**BUCKET, **TABLE).timeout_seconds == 77
