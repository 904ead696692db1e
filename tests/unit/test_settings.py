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

from components.arguments.constraints import MaybeOutput
from generate import main as generate
from settings import SHAPES, Settings, StackArgs, keys, keys_of
from tests.support.components.examples import (
    BAD_CIDRS,
    BAD_KMS_KEY_ARNS,
    BAD_VPC_IDS,
    BUCKET,
    CIDRS,
    KMS_KEY_ARN,
    TABLE,
    USER_POOL_ARN,
    VPC_IDS,
)
from tests.support.paths import PROJECT

PULUMI_YAML = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
DECLARED: dict[str, dict[str, Any]] = PULUMI_YAML["config"]

REGION = "us-east-1"
RANGES = {
    "maxUploadBytes": (1, 10_000 * 5 * 1024**3),
    "maxOpenUploads": (1, 5_000),
    "multipartThresholdBytes": (1, 5 * 1024**3),
    "urlExpiresInSeconds": (1, 3_600),
    "sessionExpiresInSeconds": (3_600, 604_800),
    "sessionKeyRotationDays": (8, 1_000),
    "throttleRate": (1, 10_000),
    "throttleBurst": (1, 5_000),
    "recordRetentionDays": (1, 3_650),
    "recoveryDays": (1, 35),
    "objectExpirationDays": (1, 3_650),
    "resultExpirationDays": (1, 3_650),
    "noncurrentVersionDays": (1, 3_650),
    "quarantineExpirationDays": (1, 3_650),
    "processingTimeoutSeconds": (10, 900),
    "processingMemoryMb": (128, 10_240),
    "processingMaxConcurrency": (2, 1_000),
    "processingReservedConcurrency": (2, 900),
    "processingMaxAttempts": (1, 1_000),
}
ZERO_MEANS_NONE = (
    "objectExpirationDays",
    "resultExpirationDays",
    "processingMaxConcurrency",
    "processingReservedConcurrency",
)
EMPTY_MEANS_NONE = ("region", "kmsKeyArn", "userPoolArn", "userPoolClientId", "processorCode")
MAY_BE_SECRET = (
    "kmsKeyArn",
    "userPoolArn",
    "userPoolClientId",
    "allowedOrigins",
    "allowedSourceCidrs",
    "allowedSourceVpcIds",
    "allowedContentTypes",
    "processorEnvironment",
    "processorStatements",
)
FLAGS = [key for key, each in DECLARED.items() if each["type"] == "boolean"]
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288)

BAD_TEXTS = {
    "region": ("eu-central", "EU-CENTRAL-1", "eu-central-1a", "eu_central_1", "cn-north-1"),
    "kmsKeyArn": tuple(arn for arn in BAD_KMS_KEY_ARNS if isinstance(arn, str) and arn),
    "userPoolArn": ("eu-central-1_AbCdEf123", KMS_KEY_ARN, f"{USER_POOL_ARN}/"),
    "userPoolClientId": ("a client", "client-id", "x" * 129),
    "processor": ("", "process", "a b.process", "handlers.", ".process"),
    "processorCode": ("no-such-folder", "no-such-file.zip", "Pulumi.yaml"),
    "processorDistributions": ("", "pypdf", "{}", '[""]', "[3]"),
    "processorEnvironment": ("", "[]", "3", '"MODEL"'),
    "processorStatements": ("", "{}", "3", '"*"'),
    "rejectedObjects": ("", "Quarantine", "keep", "true"),
    "unscannableObjects": ("", "Reject", "quarantine", "false"),
    "logLevel": ("", "info", "TRACE", "WARNING"),
    "logRetentionDays": ("", "2", "0", "3654", "seven", "7.5", "true"),
    "allowedSourceCidrs": ("", "203.0.113.0/24", "{}", *(json.dumps([cidr]) for cidr in (*BAD_CIDRS, "10.0.0.1/8", 3))),
    "allowedSourceVpcIds": ("", "vpc-0a1b2c3d", "{}", *(json.dumps([vpc_id]) for vpc_id in (*BAD_VPC_IDS, 3))),
    "allowedContentTypes": ("", "image/*", "{}", '["*/*"]', '["text/csv; charset=utf-8"]', '["image"]', "[3]"),
    "allowedOrigins": (
        "",
        "https://app.example.com",
        '"https://app.example.com"',
        "{}",
        '["https://app.example.com/"]',
        '["https://app.example.com", "ftp://app.example.com"]',
        "[3]",
        "[null]",
    ),
}
NOT_WHOLE_NUMBERS = ("", "many", "true", "null", "1.5", '"5"', "[5]", "{}", "0x10", "1_000")
NOT_FLAGS = ("", "yes", "True", "1", "null", '"true"', "[true]")

BAD = [
    *((key, str(ends[0] - 1)) for key, ends in RANGES.items() if key not in ZERO_MEANS_NONE),
    *((key, "-1") for key in ZERO_MEANS_NONE),
    *((key, str(ends[1] + 1)) for key, ends in RANGES.items()),
    *((key, text) for key in RANGES for text in NOT_WHOLE_NUMBERS),
    *((key, text) for key in FLAGS for text in NOT_FLAGS),
    *((key, text) for key, texts in BAD_TEXTS.items() for text in texts),
    ("processingReservedConcurrency", "1"),
    ("processingMaxConcurrency", "1"),
]

GOOD: list[tuple[str, str, Any]] = [
    *((key, str(ends[0]), ends[0]) for key, ends in RANGES.items()),
    *((key, str(ends[1]), ends[1]) for key, ends in RANGES.items()),
    *((key, "0", None) for key in ZERO_MEANS_NONE),
    *((key, "", None) for key in EMPTY_MEANS_NONE if key != "region"),
    *((key, text, value) for key in FLAGS for text, value in (("true", True), ("false", False))),
    *(("logRetentionDays", str(days), days) for days in (*LOG_RETENTION_DAYS, 3653)),
    *(("logLevel", level, level) for level in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")),
    *(("rejectedObjects", what, what) for what in ("quarantine", "delete")),
    *(("unscannableObjects", what, what) for what in ("reject", "process")),
    *(("region", region, region) for region in ("eu-central-1", "us-gov-west-1", "ap-southeast-2", "eusc-de-east-1")),
    ("kmsKeyArn", KMS_KEY_ARN, KMS_KEY_ARN),
    ("userPoolArn", USER_POOL_ARN, USER_POOL_ARN),
    ("processor", "handlers.processors.load_processor", "handlers.processors.load_processor"),
    ("allowedContentTypes", "[]", []),
    ("allowedContentTypes", '["image/*", "application/pdf"]', ["image/*", "application/pdf"]),
    ("allowedOrigins", "[]", []),
    ("allowedOrigins", '["*"]', ["*"]),
    ("allowedSourceCidrs", "[]", []),
    ("allowedSourceCidrs", json.dumps(CIDRS), CIDRS),
    ("allowedSourceVpcIds", "[]", []),
    ("allowedSourceVpcIds", json.dumps(VPC_IDS), VPC_IDS),
    (
        "allowedOrigins",
        '["https://a.example", "http://127.0.0.1:8000"]',
        ["https://a.example", "http://127.0.0.1:8000"],
    ),
]


def value_of(settings: Settings, key: str) -> Any:
    shape, name = keys()[key]
    if shape is StackArgs:
        return getattr(settings, name)
    sections = (settings.status_tracker, settings.upload_api, settings.processing_pipeline)
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
        assert {*RANGES, *FLAGS, *BAD_TEXTS} == DECLARED.keys()

    @pytest.mark.parametrize(("key", "text"), BAD)
    def test_a_bad_value_is_refused_by_key_and_value(self, key: str, text: str) -> None:
        (fault,) = faults({**defaults(), key: text})

        assert re.match(
            rf"portage:{key}(\[\d\])? is .+, but (must be|there is nothing of that name|the API needs) ", fault
        )
        if key in RANGES and re.fullmatch(r"-?\d+", text):
            assert fault.startswith(f"portage:{key} is {text}, but must be from {RANGES[key][0]} to {RANGES[key][1]} ")

    @pytest.mark.parametrize("key", ZERO_MEANS_NONE)
    def test_false_is_no_number_even_where_zero_means_none(self, key: str) -> None:
        assert faults({**defaults(), key: "false"})

    @pytest.mark.parametrize("text", ["Infinity", "NaN"])
    def test_a_number_without_a_whole_part_is_refused_by_its_key(self, text: str) -> None:
        (fault,) = faults({**defaults(), "throttleRate": text})

        assert fault.startswith("portage:throttleRate is ")

    @pytest.mark.parametrize(("key", "text", "value"), GOOD)
    def test_a_good_value_is_taken(self, key: str, text: str, value: object) -> None:
        taken = value_of(load({**defaults(), key: text}), key)

        assert (taken, type(taken)) == (value, type(value))

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

    @pytest.mark.parametrize("key", DECLARED)
    def test_a_missing_key_is_refused_with_the_command_that_sets_it(self, key: str) -> None:
        others = {name: value for name, value in defaults().items() if name != key}

        assert faults(others) == [f"portage:{key} has no value; set it with: pulumi config set portage:{key} VALUE."]

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

    @pytest.mark.parametrize("region", [text for text in BAD_TEXTS["region"] if text])
    def test_is_checked_there_too(self, region: str) -> None:
        (fault,) = faults({**defaults(), "region": "", "aws:region": region})

        assert fault.startswith(f"aws:region is {region!r}, but ")

    def test_cannot_be_secret(self) -> None:
        (fault,) = faults({**defaults(), "aws:region": "us-east-1"}, secret=["aws:region"])

        assert "pulumi config set --plaintext aws:region VALUE" in fault


class TestASecret:
    @pytest.mark.parametrize("key", sorted(DECLARED.keys() - set(MAY_BE_SECRET)))
    def test_is_refused_where_its_plain_value_is_needed(self, key: str) -> None:
        (fault,) = faults(defaults(), secret=[f"portage:{key}"])

        assert fault.startswith(f"portage:{key} is secret, but ")
        assert f"pulumi config set --plaintext portage:{key} VALUE" in fault

    @pytest.mark.parametrize("key", MAY_BE_SECRET)
    def test_that_is_wrong_is_not_shown(self, key: str) -> None:
        bad = '["hush!"]' if DECLARED[key]["type"] == "array" else "hush!"

        (fault,) = faults({**defaults(), key: bad}, secret=[f"portage:{key}"])

        assert fault.startswith(f"portage:{key} is [secret], but must be ")
        assert "hush!" not in fault

    def test_key_of_another_region_is_not_shown(self) -> None:
        (fault,) = faults({**defaults(), "kmsKeyArn": KMS_KEY_ARN, "region": "eu-west-1"}, secret=["portage:kmsKeyArn"])

        assert fault.startswith("portage:kmsKeyArn is [secret], but ")

    @pytest.mark.parametrize("key", MAY_BE_SECRET)
    def test_that_is_empty_makes_nothing(self, key: str) -> None:
        assert value_of(load(defaults(), secret=[f"portage:{key}"]), key) in (None, [], {})

    def test_may_be_what_a_component_takes_as_an_output(self) -> None:
        takes_outputs = {
            key for key, (shape, name) in keys().items() if isinstance(shape.declared[name].constraint, MaybeOutput)
        }

        assert set(MAY_BE_SECRET) == takes_outputs


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

    @pytest.mark.parametrize("key", DECLARED)
    def test_a_key_has_type_default_and_description(self, key: str) -> None:
        declaration = DECLARED[key]

        assert {"type", "default", "description"} <= declaration.keys()
        assert re.fullmatch(r"[A-Z].*\.", declaration["description"].strip())

    @pytest.mark.parametrize("key", RANGES)
    def test_a_description_tells_the_limits(self, key: str) -> None:
        low, high = RANGES[key]

        assert f"from {low} to {high} " in DECLARED[key]["description"]
        assert key not in ZERO_MEANS_NONE or DECLARED[key]["description"].endswith(" 0 is the same as omitting it.")

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

        args = settings.upload_api(**TABLE)

        assert (args.throttle_rate, args.table_name) == (7, TABLE["table_name"])
        assert settings.processing_pipeline(**BUCKET, **TABLE).timeout_seconds == 77
