"""What a platform team gives its processor: variables, permissions and libraries, each checked before any resource."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.arguments.processing_pipeline import PROCESSOR_POLICY_CHARACTERS, ProcessingPipelineArgs
from components.compute import processor_code
from components.compute.processor_code import with_requirements
from handlers.processors import JOB_VARIABLES, WORKSPACE_VARIABLE
from handlers.processors.routing import Rule, read_rules
from tests.support.components.examples import (
    EKS,
    FARGATE,
    IMAGE,
    KMS_KEY_ARN,
    LAYER_ARN,
    NAME,
    PROCESSING_PIPELINE,
    SESSION_KEY_ARN,
    SUBNET_IDS,
    TEAM_CODE,
)
from tests.support.components.recording import Recording, physical, record, refusal
from tests.support.each_case import each_case

FUNCTION = f"{NAME}-process-object"
OWN = {"processor": "team.process", "processor_code": TEAM_CODE}
READ_SECRET = {"actions": ["secretsmanager:GetSecretValue"], "resources": [SESSION_KEY_ARN]}


def recorded(**args: Any) -> Recording:
    """Run the pipeline; an argument that is a function makes an Output, which needs the program's event loop."""

    def program() -> dict[str, Any]:
        made = {name: value() if callable(value) else value for name, value in args.items()}
        pipeline = PROCESSING_PIPELINE.make(**OWN, **made)
        return {"role": pipeline.processor_role_name}

    return record(program)


def refused(**args: Any) -> str:
    return refusal(lambda: PROCESSING_PIPELINE.make(**OWN, **args)).removeprefix("ProcessingPipeline: ")


def late(value: object) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(value)


def variables(recording: Recording) -> dict[str, str]:
    return recording.inputs(aws.lambda_.Function, FUNCTION)["environment"]["variables"]


class TestVariables:
    def test_the_function_has_them_beside_its_own(self) -> None:
        recording = recorded(processor_environment={"MODEL": "a-model", "LIMIT": 3.0})

        assert variables(recording).keys() == {*JOB_VARIABLES, "MODEL", "LIMIT"} - {WORKSPACE_VARIABLE}
        assert (variables(recording)["MODEL"], variables(recording)["LIMIT"]) == ("a-model", "3")

    def test_a_value_may_be_known_late(self) -> None:
        recording = recorded(processor_environment=lambda: {"MODEL": pulumi.Output.from_input("a-model")})

        assert variables(recording)["MODEL"] == "a-model"

    @pytest.mark.parametrize("name", ["AWS_REGION", "LAMBDA_TASK_ROOT", "_X", "a-b", "1A", "X", ""])
    def test_a_name_that_lambda_rejects_is_refused(self, name: str) -> None:
        assert refused(processor_environment={name: "x"}).startswith(f"processor_environment: a key is {name!r}, but ")

    @pytest.mark.parametrize("name", sorted(JOB_VARIABLES))
    def test_a_name_that_portage_uses_is_refused(self, name: str) -> None:
        assert refused(processor_environment={name: "x"}).startswith(f"processor_environment holds {name}, which ")

    def test_it_is_refused_as_well_when_it_is_known_late(self) -> None:
        with pytest.raises(ArgumentError, match="QUEUE_URL is set already"):
            recorded(processor_environment=lambda: late({"QUEUE_URL": "x"}))

    def test_a_value_that_is_no_text_is_refused_by_its_key(self) -> None:
        assert refused(processor_environment={"MODEL": ["x"]}).startswith("processor_environment.MODEL is ['x'], but ")

    def test_more_than_lambda_takes_is_refused(self) -> None:
        assert "processor_environment has 3,013 characters" in refused(processor_environment={"MODEL": "x" * 3_000})


class TestStatements:
    def test_the_role_of_the_processor_has_them_in_a_policy_of_their_own(self) -> None:
        recording = recorded(processor_statements=[READ_SECRET])
        policy = recording.inputs(aws.iam.RolePolicy, f"{NAME}-processor-policy")

        assert policy["role"] == physical(f"{NAME}-process-object-role")
        assert json.loads(policy["policy"])["Statement"] == [
            {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [SESSION_KEY_ARN]}
        ]

    def test_a_resource_may_be_known_late(self) -> None:
        recording = recorded(processor_statements=lambda: [{**READ_SECRET, "resources": [late(SESSION_KEY_ARN)]}])

        assert recording.comparable() == (recorded(processor_statements=[READ_SECRET]).comparable())

    def test_more_than_fits_beside_the_jobs_own_policy_is_refused(self) -> None:
        many = [{**READ_SECRET, "resources": [f"{SESSION_KEY_ARN}{number}" for number in range(130)]}]

        assert refused(processor_statements=many).startswith("processor_statements makes a policy of 9,")

    def test_the_jobs_own_policy_leaves_that_much(self) -> None:
        own = recorded().inputs(aws.iam.RolePolicy, f"{NAME}-process-object-policy")["policy"]

        # Names can be longer than the examples' by 40 characters in each of some 10 ARNs.
        assert len(own) + 400 + PROCESSOR_POLICY_CHARACTERS < 10_240

    def test_without_statements_there_is_no_such_policy(self) -> None:
        assert f"{NAME}-processor-policy" not in {each.name for each in recorded().all(aws.iam.RolePolicy)}

    @pytest.mark.parametrize(
        ("statement", "message"),
        [
            ("s3:GetObject", "processor_statements[0] is 's3:GetObject', but "),
            ({"actions": ["s3:GetObject"]}, "processor_statements[0] must have actions and resources, "),
            ({**READ_SECRET, "effect": "Deny"}, "processor_statements[0] must have actions and resources, "),
            ({**READ_SECRET, "actions": []}, "processor_statements[0].actions is empty; "),
            ({**READ_SECRET, "resources": []}, "processor_statements[0].resources is empty; "),
            ({**READ_SECRET, "actions": ["*"]}, "processor_statements[0].actions[0] is '*', but "),
            ({**READ_SECRET, "resources": ["a-name"]}, "processor_statements[0].resources[0] is 'a-name', but "),
        ],
    )
    def test_one_that_iam_would_refuse_is_refused(self, statement: object, message: str) -> None:
        assert refused(processor_statements=[statement]).startswith(message)


class TestDistributions:
    def test_they_are_shipped_beside_the_handlers(self) -> None:
        code = recorded(processor_distributions=["packaging"]).inputs(aws.lambda_.Function, FUNCTION)["code"]

        assert "packaging/version.py" in code.assets
        assert "packaging/version.py" not in recorded().inputs(aws.lambda_.Function, FUNCTION)["code"].assets

    def test_one_that_is_not_installed_is_refused(self) -> None:
        assert "the distribution of-nobody is not installed" in refused(processor_distributions=["of-nobody"])

    def test_one_that_is_not_pure_python_is_refused(self) -> None:
        message = refused(processor_distributions=["cryptography"])

        assert message.startswith("processor_distributions is ['cryptography'], but ")
        assert " is not pure Python" in message

    def test_what_they_require_on_the_functions_python_is_shipped_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            processor_code,
            "requires",
            requirements_of(
                {
                    "first": [
                        "second[fast]>=1; python_version >= '3.13'",
                        "old; python_version < '3.13'",
                        "other-extra; extra == 'other'",
                        "mac; sys_platform == 'darwin'",
                        "boto3",
                    ],
                    "second": ["Quick_One; extra == 'fast'", "slow; extra == 'slow'"],
                    "late": ["second"],
                    "quick-one": ["first"],
                }
            ),
        )

        assert with_requirements(["First"]) == ["first", "quick-one", "second"]


def requirements_of(table: Mapping[str, list[str]]) -> Any:
    def requires(name: str) -> list[str]:
        if name not in table:
            raise PackageNotFoundError(name)
        return table[name]

    return requires


class TestDistributionsThatCannotBeShipped:
    """Each is refused before any resource: it would fail at the first upload, or ship what it must not."""

    @pytest.fixture
    def site(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path

    def install(self, site: Path, files: Mapping[str, bytes], *, record: Sequence[str] = (), **metadata: str) -> None:
        """Write a distribution as pip does."""
        info = site / "team_lib-1.0.dist-info"
        for name, content in files.items():
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_bytes(content)
        info.mkdir()
        requires = "".join(f"Requires-Dist: {each}\n" for each in metadata.pop("requires", "").split("|") if each)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: team-lib\nVersion: 1.0\n{requires}")
        for name, text in metadata.items():
            (info / f"{name}.json").write_text(text)
        listed = [*files, *record, f"{info.name}/METADATA"]
        (info / "RECORD").write_text("".join(f"{name},,\n" for name in listed))

    def refused(self) -> str:
        return refused(processor_distributions=["team-lib"]).removeprefix(
            "processor_distributions is ['team-lib'], but "
        )

    def test_one_with_a_module_of_ours_or_pythons(self, site: Path) -> None:
        self.install(site, {"handlers/__init__.py": b""})

        assert self.refused().startswith("the distribution team-lib holds handlers/__init__.py, but ")

    def test_one_in_the_folder_of_the_processors_code(self, site: Path) -> None:
        self.install(site, {"processor/a.py": b""})

        assert self.refused().startswith("the distribution team-lib holds processor/a.py, but ")

    @pytest.mark.parametrize(
        ("name", "content"), [("team/tool", b"\x7fELF..."), ("team/a.so", b""), ("team/.env", b"")]
    )
    def test_one_with_a_program_or_a_private_file(self, site: Path, name: str, content: bytes) -> None:
        self.install(site, {"team/__init__.py": b"", name: content})

        assert self.refused().startswith(f"the distribution team-lib holds {name}, ")

    @pytest.mark.parametrize("name", ["/etc/hostname", "team/gone.py"])
    def test_one_with_a_file_outside_or_without_it(self, site: Path, name: str) -> None:
        self.install(site, {"team/__init__.py": b""}, record=[name])

        assert self.refused().startswith(f"the distribution team-lib holds {name}, which is ")

    def test_one_that_is_installed_in_editable_mode(self, site: Path) -> None:
        self.install(site, {"team.pth": b""}, direct_url='{"dir_info": {"editable": true}, "url": "file:///team"}')

        assert self.refused().startswith("the distribution team-lib is installed in editable mode; ")

    def test_one_with_a_requirement_that_is_not_valid(self, site: Path) -> None:
        self.install(site, {"team/__init__.py": b""}, requires="packaging (>=1.0.*)")

        assert self.refused().startswith("the distribution team-lib has a requirement that is not valid: ")

    def test_but_one_that_is_pure_python_is_shipped(self, site: Path) -> None:
        self.install(site, {"team/__init__.py": b"", "team/data.txt": b"x"}, requires="packaging")

        code = recorded(processor_distributions=["team-lib"]).inputs(aws.lambda_.Function, FUNCTION)["code"]

        assert {"team/__init__.py", "team/data.txt", "packaging/version.py"} <= code.assets.keys()


CSV = {"processor": "handlers.processors.csv_summary.process", "content_types": ["text/csv"]}
PICTURES = {"processor": "team.pictures", "content_types": ["image/*"]}


class TestRules:
    def test_a_job_reads_what_was_given(self) -> None:
        given = [PICTURES, {**CSV, "file_names": ["*.csv", "*.tsv"]}]

        rules = read_rules(variables(recorded(processors=given))["PROCESSORS"])

        assert rules == [
            Rule("team.pictures", ["image/*"], []),
            Rule("handlers.processors.csv_summary.process", ["text/csv"], ["*.csv", "*.tsv"]),
        ]

    def test_built_in_processors_need_no_code(self) -> None:
        recording = record(lambda: PROCESSING_PIPELINE.make(processors=[CSV]) and None)

        function = recording.inputs(aws.lambda_.Function, FUNCTION)
        assert "processor" not in function["code"].assets

    def test_one_of_the_teams_processors_is_enough_for_its_code(self) -> None:
        assert refusal(lambda: PROCESSING_PIPELINE.make(processors=[CSV], processor_code=TEAM_CODE))
        record(lambda: PROCESSING_PIPELINE.make(processors=[PICTURES], processor_code=TEAM_CODE) and None)

    @each_case(
        ("rules", "message"),
        [
            ([{"processor": "team.x"}], "processors[0] has neither content_types nor file_names, "),
            ([{"content_types": ["a/b"]}], "processors[0] must have processor, "),
            ([{**CSV, "prefix": "a/"}], "processors[0] must have processor, "),
            ([{**CSV, "processor": "team"}], "processors[0].processor is 'team', but "),
            ([{**CSV, "content_types": ["csv"]}], "processors[0].content_types[0] is 'csv', but "),
            ([{**CSV, "content_types": []}], "processors[0].content_types is empty; "),
            ([{**CSV, "file_names": ["*"]}], "processors[0].file_names[0] is '*', but "),
            ([{**CSV, "file_names": ["a.csv"]}], "processors[0].file_names[0] is 'a.csv', but "),
            (
                [PICTURES, {**PICTURES, "file_names": ["*.png"]}],
                "processors[1] can never match, because processors[0] ",
            ),
            ([{**CSV, "processor": "handlers.processors.csv.process"}], "processors[0].processor is 'handlers."),
            ([{**CSV, "file_names": ["*" + "x" * 3_000]}], "processors has 3,"),
        ],
    )
    def test_one_without_effect_is_refused(self, rules: list[Any], message: str) -> None:
        assert refused(processors=rules).startswith(message)


class TestABuiltInProcessor:
    @pytest.mark.parametrize("argument", ["processor_distributions", "processor_environment", "processor_statements"])
    def test_is_given_nothing_that_it_would_not_use(self, argument: str) -> None:
        value = PROCESSING_PIPELINE.other[argument]

        message = refusal(lambda: PROCESSING_PIPELINE.make(**{argument: value}))

        assert message.startswith(f"ProcessingPipeline: {argument} is given, but a built-in processor uses nothing ")


def test_other_components_can_grant_more_to_the_role() -> None:
    assert recorded().outputs == {"role": physical(f"{NAME}-process-object-role")}


class TestArgumentsOfAnotherCompute:
    @each_case(
        ("args", "idle"),
        [
            ({}, []),
            ({"fargate_cpu": 512, "worker_image": IMAGE, "kms_key_arn": KMS_KEY_ARN}, ["fargate_cpu", "worker_image"]),
            ({"function_layers": [LAYER_ARN], "max_concurrency": 7, "image_repository": True}, []),
            ({"workspace": "efs"}, ["workspace"]),
            ({**FARGATE, "fargate_cpu": 512, "function_image": IMAGE}, ["function_image"]),
            ({**FARGATE, "subnet_ids": SUBNET_IDS, "timeout_seconds": 60}, []),
            ({**EKS, "subnet_ids": SUBNET_IDS, "reserved_concurrency": 5}, ["reserved_concurrency"]),
            ({"compute": "step-functions", "function_storage_mb": 1_024, "eks_jobs_at_once": 7}, ["eks_jobs_at_once"]),
        ],
    )
    def test_are_named(self, args: dict[str, Any], idle: list[str]) -> None:
        given: dict[str, Any] = {"compute": "lambda", **PROCESSING_PIPELINE.required, **args}
        warnings = ProcessingPipelineArgs(**given).warnings()

        named = f"With the compute {given['compute']}, these have no effect: {', '.join(idle)}."
        assert warnings == ([named] if idle else [])

    @pytest.mark.parametrize(("args", "times"), [({"fargate_cpu": 512}, 1), ({}, 0)])
    def test_are_a_warning(self, args: dict[str, Any], times: int, monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[str] = []

        def warn(text: str, resource: pulumi.Resource | None = None) -> None:
            assert resource is not None
            said.append(text)

        monkeypatch.setattr(pulumi.log, "warn", warn)
        record(lambda: PROCESSING_PIPELINE.make(**args) and None)

        assert [text.endswith(": fargate_cpu.") for text in said] == [True] * times
