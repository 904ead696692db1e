"""Every Lambda function is made in one way: cheap, traced, logged for a time, and invoked by its alias alone."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.unit.components.examples import LAMBDA_FUNCTION, NAME
from tests.unit.components.recording import Recording, arn_of, physical, record


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        function = LAMBDA_FUNCTION.make(**args)
        return {each: getattr(function, each) for each in ("function_name", "role_name", "alias_arn", "invoke_arn")}

    return record(program)


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


@pytest.fixture(scope="module")
def function(by_default: Recording) -> dict[str, Any]:
    return by_default.inputs(aws.lambda_.Function)


class TestWhatRunsIsWhatWasPublished:
    def test_it_runs_on_arm_and_a_current_python(self, function: dict[str, Any]) -> None:
        assert (function["architectures"], function["runtime"]) == (["arm64"], "python3.13")

    def test_it_runs_the_entry_and_the_archive_that_were_given(self, function: dict[str, Any]) -> None:
        assert function["handler"] == "module.function"
        assert isinstance(function["code"], pulumi.AssetArchive)
        assert list(function["code"].assets) == ["module.py"]

    def test_every_change_publishes_a_version_and_makes_it_live(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.lambda_.Function)["publish"] is True
        assert by_default.inputs(aws.lambda_.Alias) == {
            "name": "live",
            "functionName": physical(NAME),
            "functionVersion": "7",
        }

    def test_what_comes_out_is_the_alias_and_the_role(self, by_default: Recording) -> None:
        alias = arn_of(aws.lambda_.Alias, f"{NAME}-live")

        assert by_default.outputs == {
            "function_name": physical(NAME),
            "role_name": physical(f"{NAME}-role"),
            "alias_arn": alias,
            "invoke_arn": f"{alias}/invocations",
        }

    def test_its_environment_is_what_was_given(self, function: dict[str, Any]) -> None:
        assert function["environment"] == {"variables": {"COLOUR": "blue"}}


class TestWhatItDoesCanBeSeen:
    def test_its_log_is_made_before_it_and_kept_for_a_month(self, by_default: Recording) -> None:
        group = by_default.only(aws.cloudwatch.LogGroup)

        assert group.inputs == {"retentionInDays": 30}
        assert group.urn in by_default.only(aws.lambda_.Function).options.depends_on

    def test_its_log_is_json_at_the_level_asked_for(self) -> None:
        function = recorded(log_level="DEBUG").inputs(aws.lambda_.Function)

        assert function["loggingConfig"] == {
            "logGroup": physical(f"{NAME}-log"),
            "logFormat": "JSON",
            "applicationLogLevel": "DEBUG",
            "systemLogLevel": "WARN",
        }

    def test_it_is_traced(self, function: dict[str, Any]) -> None:
        assert function["tracingConfig"] == {"mode": "Active"}


class TestWhatItMayUse:
    def test_time_and_memory_are_bounded(self, function: dict[str, Any]) -> None:
        assert (function["timeout"], function["memorySize"]) == (10, 256)

    def test_its_concurrency_is_the_accounts_unless_some_is_reserved(self, function: dict[str, Any]) -> None:
        assert "reservedConcurrentExecutions" not in function
        assert recorded(reserved_concurrency=5).inputs(aws.lambda_.Function)["reservedConcurrentExecutions"] == 5

    def test_it_takes_a_role_of_its_own_that_is_allowed_everything_before_the_first_call(
        self, by_default: Recording
    ) -> None:
        function = by_default.only(aws.lambda_.Function)

        assert function.inputs["role"] == arn_of(aws.iam.Role, f"{NAME}-role")
        assert by_default.only(aws.iam.RolePolicy).urn in function.options.depends_on
