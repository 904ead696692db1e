"""The API is throttled, logged and traced, and deployed again only when its contract changes."""

import json
import re
from typing import Any

import pulumi_aws as aws
import pytest

from tests.support.components.examples import NAME, REST_API
from tests.support.components.recording import Recording, arn_of, physical, record, token

ACCOUNT_LOGGING = (
    (aws.apigateway.Account, f"{NAME}-account"),
    (aws.iam.Role, f"{NAME}-account-log-role"),
    (aws.iam.RolePolicy, f"{NAME}-account-log-policy"),
)

LOGGED = {
    "$context.authorizer.claims.sub",
    "$context.error.responseType",
    "$context.httpMethod",
    "$context.identity.sourceIp",
    "$context.integrationErrorMessage",
    "$context.requestId",
    "$context.requestTime",
    "$context.resourcePath",
    "$context.responseLatency",
    "$context.responseLength",
    "$context.status",
    "$context.xrayTraceId",
}
"""What says who did what and how it went; a token, a URL, a file name or a body is none of them."""


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        api = REST_API.make(**args)
        return {"url": api.url, "execution_arn": api.execution_arn}

    return record(program)


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


class TestTheApiIsBounded:
    def test_every_method_is_throttled(self) -> None:
        settings = recorded(throttle_rate=5, throttle_burst=6).inputs(aws.apigateway.MethodSettings)

        assert settings["methodPath"] == "*/*"
        assert (settings["settings"]["throttlingRateLimit"], settings["settings"]["throttlingBurstLimit"]) == (5, 6)

    def test_it_is_regional(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.apigateway.RestApi)["endpointConfiguration"] == {"types": "REGIONAL"}

    def test_it_takes_tls_1_2_or_newer_for_its_own_host_alone(self, by_default: Recording) -> None:
        api = by_default.inputs(aws.apigateway.RestApi)

        assert api["securityPolicy"].startswith("SecurityPolicy_TLS13_1_2_")
        assert api["endpointAccessMode"] == "STRICT"


class TestTheApiTellsWhatItDoesAndKeepsSecrets:
    def test_its_access_log_is_kept_for_the_days_asked_for(self) -> None:
        recording = recorded(log_retention_days=14)
        log = aws.cloudwatch.LogGroup, f"{NAME}-access-log"

        assert recording.inputs(*log) == {"retentionInDays": 14}
        assert recording.inputs(aws.apigateway.Stage)["accessLogSettings"]["destinationArn"] == arn_of(*log)

    def test_its_own_log_is_made_before_it_would_make_one_that_is_kept_for_ever(self) -> None:
        recording = recorded(log_retention_days=14)
        log = recording.only(aws.cloudwatch.LogGroup, f"{NAME}-execution-log")

        assert log.inputs == {"name": f"API-Gateway-Execution-Logs_{physical(NAME)}-id/v1", "retentionInDays": 14}
        assert log.urn in recording.only(aws.apigateway.Stage).options.depends_on

    def test_a_line_of_its_access_log_is_json_of_things_that_are_no_secret(self, by_default: Recording) -> None:
        line = by_default.inputs(aws.apigateway.Stage)["accessLogSettings"]["format"]

        assert set(json.loads(line).values()) == LOGGED
        assert json.loads(re.sub(r"\$context\.[A-Za-z.]+", "-", line)).keys() == json.loads(line).keys()

    def test_a_line_of_its_access_log_has_the_request_id_without_which_api_gateway_refuses_it(
        self, by_default: Recording
    ) -> None:
        assert "$context.requestId" in by_default.inputs(aws.apigateway.Stage)["accessLogSettings"]["format"]

    def test_bodies_and_headers_are_not_traced_into_its_log(self, by_default: Recording) -> None:
        settings = by_default.inputs(aws.apigateway.MethodSettings)["settings"]

        assert settings["dataTraceEnabled"] is False
        assert (settings["loggingLevel"], settings["metricsEnabled"]) == ("ERROR", True)

    def test_it_is_traced(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.apigateway.Stage)["xrayTracingEnabled"] is True


class TestItIsDeployedAnewExactlyWhenItsContractChanges:
    def test_the_same_contract_is_not_deployed_again(self, by_default: Recording) -> None:
        deployment = by_default.inputs(aws.apigateway.Deployment)

        assert recorded().inputs(aws.apigateway.Deployment) == deployment

    def test_nothing_but_the_contract_makes_another_deployment(self, by_default: Recording) -> None:
        others = {name: value for name, value in REST_API.other.items() if name != "body"}

        assert recorded(**others).inputs(aws.apigateway.Deployment) == by_default.inputs(aws.apigateway.Deployment)

    def test_any_other_contract_does(self, by_default: Recording) -> None:
        another = recorded(body='{"openapi": "3.0.2"}').inputs(aws.apigateway.Deployment)

        assert another["triggers"] != by_default.inputs(aws.apigateway.Deployment)["triggers"]

    def test_what_is_deployed_is_the_contract_and_what_is_on_the_air_is_the_deployment(
        self, by_default: Recording
    ) -> None:
        api, deployment = f"{physical(NAME)}-id", f"{physical(f'{NAME}-deployment')}-id"
        stage = by_default.inputs(aws.apigateway.Stage)

        assert by_default.inputs(aws.apigateway.RestApi)["body"] == REST_API.more["body"]
        assert by_default.inputs(aws.apigateway.Deployment)["restApi"] == api
        assert (stage["restApi"], stage["deployment"], stage["stageName"]) == (api, deployment, "v1")
        assert by_default.inputs(aws.apigateway.MethodSettings)["stageName"] == "v1"

    def test_the_deployment_waits_for_the_contract(self, by_default: Recording) -> None:
        deployment = by_default.only(aws.apigateway.Deployment)

        assert by_default.only(aws.apigateway.RestApi).urn in deployment.options.depends_on


class TestTheAccountsOneLoggingRole:
    def test_outlives_the_stack_since_other_apis_log_with_it(self, by_default: Recording) -> None:
        kept = [each for each in by_default.registrations if each.options.retain_on_delete]

        assert {(each.type, each.name) for each in kept} == {(token(kind), name) for kind, name in ACCOUNT_LOGGING}

    def test_is_there_before_the_stage_that_logs(self, by_default: Recording) -> None:
        account = by_default.only(aws.apigateway.Account)

        assert account.inputs == {"cloudwatchRoleArn": arn_of(aws.iam.Role, f"{NAME}-account-log-role")}
        assert by_default.only(aws.iam.RolePolicy).urn in account.options.depends_on
        assert account.urn in by_default.only(aws.apigateway.Stage).options.depends_on

    def test_is_left_alone_where_another_program_sets_it(self) -> None:
        recording = recorded(manage_account_logging=False)

        assert not [each for kind, _ in ACCOUNT_LOGGING for each in recording.all(kind)]


def test_its_url_and_execution_arn_come_out(by_default: Recording) -> None:
    assert by_default.outputs == {
        "url": f"https://{physical(f'{NAME}-stage')}.example",
        "execution_arn": f"{arn_of(aws.apigateway.RestApi, NAME)}/execution",
    }
