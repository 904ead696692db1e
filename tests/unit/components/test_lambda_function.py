"""Every Lambda function is made in one way: cheap, traced, logged for a time, and invoked by its alias alone."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components import iam
from tests.support.components.examples import LAMBDA_FUNCTION, NAME
from tests.support.components.recording import Recording, arn_of, physical, record, refusal


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
            "systemLogLevel": "INFO",  # the level of Lambda's REPORT lines
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


class TestItsEnvironmentFitsIntoWhatLambdaTakes:
    """4,096 bytes of JSON; this one has 12 in addition to the value."""

    LARGEST = 4_096 - len('{"COLOUR":""}')

    @pytest.mark.parametrize("is_late", [True, False])
    def test_the_largest_is_taken(self, is_late: bool) -> None:
        value = "x" * self.LARGEST

        recording = record(lambda: LAMBDA_FUNCTION.make(environment=self.environment(value, is_late)) and None)

        assert recording.inputs(aws.lambda_.Function)["environment"] == {"variables": {"COLOUR": value}}

    def test_a_larger_one_is_refused_before_anything_is_made_where_it_is_known(self) -> None:
        environment = self.environment("x" * (self.LARGEST + 1), is_late=False)

        message = refusal(lambda: LAMBDA_FUNCTION.make(environment=environment))

        assert message.startswith("example: the function's environment has 4,097 bytes, but Lambda takes at most 4,096")
        assert "COLOUR with 4,084" in message

    def test_or_when_it_is_known(self) -> None:
        def program() -> None:
            LAMBDA_FUNCTION.make(environment=self.environment("x" * (self.LARGEST + 1), is_late=True))

        with pytest.raises(pulumi.RunError, match=r"the function's environment has 4,097 bytes, .* COLOUR with 4,084"):
            record(program)

    @staticmethod
    def environment(value: str, is_late: bool) -> dict[str, pulumi.Input[str]]:
        return {"COLOUR": pulumi.Output.from_input(value) if is_late else value}


class TestPoliciesFitIntoWhatAwsTakes:
    POLICIES = (
        pytest.param(iam.role_policy, 10_240, "IAM", id="role"),
        pytest.param(iam.bucket_policy, 20_480, "S3", id="bucket"),
        pytest.param(iam.queue_policy, 8_192, "SQS", id="queue"),
    )

    @pytest.mark.parametrize(("policy", "limit", "service"), POLICIES)
    def test_a_longer_one_is_refused_with_both_numbers_and_its_longest_statement(
        self, policy: Any, limit: int, service: str
    ) -> None:
        largest = limit - len(self.document(policy, 0))
        expected = f"the-policy has {limit + 1:,} characters, but {service} takes at most {limit:,} in a policy; "

        assert len(self.document(policy, largest)) == limit
        with pytest.raises(pulumi.RunError, match=f"^{expected}.* in the statement RefuseOtherNetworks. "):
            self.document(policy, largest + 1)

    @staticmethod
    def document(policy: Any, length: int) -> str:
        late = pulumi.Output.from_input
        statements: list[iam.Statement] = [
            iam.allow(["s3:GetObject"], "arn:aws:s3:::the-bucket/*"),
            {"Sid": "RefuseOtherNetworks", "Effect": "Deny", "Action": "s3:*", "Resource": "x" * length},
        ]
        return record(lambda: {"policy": policy("the-policy", *map(late, statements))}).outputs["policy"]
