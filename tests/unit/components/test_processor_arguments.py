"""What a platform team gives its processor: variables, permissions and libraries, each checked before any resource."""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.compute import processor_code
from components.compute.processor_code import with_requirements
from handlers.processors import JOB_VARIABLES
from tests.support.components.examples import NAME, PROCESSING_PIPELINE, SESSION_KEY_ARN, TEAM_CODE
from tests.support.components.recording import Recording, physical, record, refusal

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
        recording = recorded(processor_environment={"MODEL": "a-model", "LIMIT": 3})

        assert variables(recording).keys() == {*JOB_VARIABLES, "MODEL", "LIMIT"}
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


class TestABuiltInProcessor:
    @pytest.mark.parametrize("argument", ["processor_distributions", "processor_environment", "processor_statements"])
    def test_is_given_nothing_that_it_would_not_use(self, argument: str) -> None:
        value = PROCESSING_PIPELINE.other[argument]

        message = refusal(lambda: PROCESSING_PIPELINE.make(**{argument: value}))

        assert message.startswith(f"ProcessingPipeline: {argument} is given, but a built-in processor uses nothing ")


def test_other_components_can_grant_more_to_the_role() -> None:
    assert recorded().outputs == {"role": physical(f"{NAME}-process-object-role")}
