"""What does not fit into an account, before and after an update."""

from typing import Any

import pytest

from client.operators.doctor import quotas
from client.operators.doctor.findings import Finding, Severity
from client.operators.doctor.resources import Stack, read
from tests.support.client.fake_account import Answers, fake_account
from tests.support.client.pulumi_documents import golden_plan, plan, resource, state, step

FUNCTION, MAPPING = "aws:lambda/function:Function", "aws:lambda/eventSourceMapping:EventSourceMapping"


def limits(concurrency: float = 1000, unreserved: float = 1000, quota: float = 300) -> Answers:
    """An account with these limits that uses 2 of everything."""
    listed = {"Buckets": [1, 2], "items": [1, 2], "Rules": [1, 2], "TableNames": [1, 2], "clusters": [1, 2]}
    listed |= {"Vpcs": [1, 2], "Addresses": [1, 2], "VpcEndpoints": [1, 2]}
    reads = [
        ("s3", "list_buckets"),
        ("apigateway", "get_rest_apis"),
        ("events", "list_rules"),
        ("dynamodb", "list_tables"),
        ("eks", "list_clusters"),
        ("ec2", "describe_vpcs"),
        ("ec2", "describe_addresses"),
        ("ec2", "describe_vpc_endpoints"),
    ]
    return {
        **dict.fromkeys(reads, listed),
        ("iam", "get_account_summary"): {"SummaryMap": {"Roles": 2}},
        ("apigateway", "get_account"): {"throttleSettings": {"rateLimit": 10_000.0, "burstLimit": 5_000}},
        ("service-quotas", "get_service_quota"): {"Quota": {"Value": quota}},
        ("lambda", "get_account_settings"): {
            "AccountLimit": {
                "ConcurrentExecutions": concurrency,
                "UnreservedConcurrentExecutions": unreserved,
                "TotalCodeSize": 80_530_636_800,
            },
            "AccountUsage": {"TotalCodeSize": 1},
        },
    }


def check(stack: Stack, answers: Answers) -> dict[str, Finding]:
    return {each.what: each for each in quotas.check(stack, fake_account(answers))}


def bad(findings: dict[str, Finding]) -> set[str]:
    return {name for name, each in findings.items() if each.severity is not Severity.OK}


def planned(kind: str, *all_inputs: dict[str, Any]) -> Stack:
    steps = [step("create", None, resource(f"r{n}", kind, inputs)) for n, inputs in enumerate(all_inputs)]
    return read(plan(steps))


@pytest.fixture(scope="module")
def prod() -> Stack:
    return read(golden_plan("prod"))


def test_the_production_stack_fits_into_a_usual_account(prod: Stack) -> None:
    findings = check(prod, limits())
    assert bad(findings) == set()
    assert findings["S3 buckets"].value == "2 in use, +3 by the update"
    assert findings["IAM roles"].value.startswith("2 in use, +14")
    assert "VPCs" not in findings, "the stack has none"


def test_a_new_account_has_less_concurrency_than_the_deliveries_of_the_queues(prod: Stack) -> None:
    assert bad(check(prod, limits(concurrency=10, unreserved=10))) == {"Lambda concurrency of the queues' deliveries"}


@pytest.mark.parametrize(("reserved", "unreserved", "fits"), [(900, 1000, True), (901, 1000, False), (1, 100, False)])
def test_a_hundred_executions_must_stay_unreserved(reserved: int, unreserved: float, fits: bool) -> None:
    stack = planned(FUNCTION, {"reservedConcurrentExecutions": reserved}, {"reservedConcurrentExecutions": -1}, {})
    found = check(stack, limits(unreserved=unreserved))["Lambda concurrency that stays unreserved"]
    assert found.severity is (Severity.OK if fits else Severity.ERROR)
    assert f"{unreserved:g} of 1000" in found.value
    assert found.limit == ("at least 100 if any is reserved" if fits else "at least 100")


@pytest.mark.parametrize(("used", "fits"), [(0.89, True), (0.9, False)])
def test_room_for_code_that_is_almost_full_is_a_warning(used: float, fits: bool) -> None:
    answers = limits()
    settings: Any = answers["lambda", "get_account_settings"]
    settings["AccountUsage"]["TotalCodeSize"] = used * settings["AccountLimit"]["TotalCodeSize"]
    found = check(Stack(), answers)["size of Lambda code and layers"]
    assert found.severity is (Severity.OK if fits else Severity.WARNING)


def test_a_reservation_that_stays_the_same_takes_nothing_more() -> None:
    same = resource("f", FUNCTION, {"reservedConcurrentExecutions": 500})
    assert bad(check(read(plan([step("same", same, same)])), limits(unreserved=100))) == set()
    assert bad(check(read(state([same])), limits(unreserved=100))) == set()


def test_a_mapping_may_use_what_its_function_has_reserved() -> None:
    function = resource("f", FUNCTION, {"reservedConcurrentExecutions": 60})
    mapping = resource("m", MAPPING, {"scalingConfig": {"maximumConcurrency": 50}})
    assert bad(check(read(state([function, mapping])), limits(unreserved=40))) == set()
    assert bad(check(read(state([mapping])), limits(unreserved=40))) == {"Lambda concurrency of the queues' deliveries"}


def test_a_workflow_uses_an_execution_more_for_the_function_that_waits_for_it() -> None:
    mapping = resource("m", MAPPING, {"scalingConfig": {"maximumConcurrency": 50}})
    workflow = resource("w", "aws:sfn/stateMachine:StateMachine", {})
    what = "Lambda concurrency of the queues' deliveries"
    assert check(read(state([mapping])), limits())[what].value == "50"
    assert check(read(state([mapping, workflow])), limits())[what].value == "100"


@pytest.mark.parametrize("quota", quotas.COUNTED, ids=lambda quota: quota.what)
def test_each_counted_quota_stops_one_too_many(quota: quotas.Counted) -> None:
    one = planned(quota.type, {})
    room = quota.fixed or 3
    answers = limits(quota=room)
    if quota.fixed:
        answers = {**answers, ("apigateway", "get_rest_apis"): {"items": [None] * int(quota.fixed)}}
    else:
        assert check(one, limits(quota=100))[quota.what].severity is Severity.OK
        assert check(one, limits(quota=3))[quota.what].severity is Severity.WARNING
        answers = limits(quota=2)
    found = check(one, answers)[quota.what]
    assert found.severity is Severity.ERROR
    assert found.fix
    assert found.source.startswith("https://docs.aws.amazon.com/")


def test_what_is_deleted_makes_room() -> None:
    kind = "aws:ec2/vpc:Vpc"
    steps = [step("create", None, resource("new", kind, {})), step("delete", resource("old", kind, {}), None)]
    assert check(read(plan(steps)), limits(quota=5))["VPCs"].severity is Severity.OK


def test_a_stage_that_allows_more_than_the_account_does_not_fit() -> None:
    kind = "aws:apigateway/methodSettings:MethodSettings"
    stack = planned(kind, {"settings": {"throttlingRateLimit": 10_001, "throttlingBurstLimit": 5_000}})
    assert bad(check(stack, limits())) == {"requests a second to API Gateway"}


def test_interface_endpoints_are_counted_by_vpc() -> None:
    kind = "aws:ec2/vpcEndpoint:VpcEndpoint"
    each = [{"vpcEndpointType": "Interface", "vpcId": vpc} for vpc in ("a", "a", "a", "b")]
    stack = planned(kind, *each, {"vpcEndpointType": "Gateway", "vpcId": "a"})
    assert check(stack, limits(quota=3))["interface endpoints of a VPC"].severity is Severity.OK
    assert check(stack, limits(quota=2))["interface endpoints of a VPC"].severity is Severity.ERROR
    assert check(stack, limits(quota=30))["gateway endpoints"].value == "2 in use, +1 by the update"


@pytest.mark.parametrize(
    ("quota", "severity"), [(40, Severity.OK), (39, Severity.WARNING), (20, Severity.WARNING), (19, Severity.ERROR)]
)
def test_fargate_needs_vcpus_for_all_tasks_and_twice_as_many_during_a_deployment(
    quota: float, severity: Severity
) -> None:
    task = resource("t", "aws:ecs/taskDefinition:TaskDefinition", {"cpu": "2048"})
    target = resource("s", "aws:appautoscaling/target:Target", {"maxCapacity": 10})
    service = resource(
        "x",
        "aws:ecs/service:Service",
        {"capacityProviderStrategies": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
    )
    findings = check(read(state([task, target, service])), limits(quota=quota))
    assert findings["vCPUs of FARGATE_SPOT"].severity is severity
    assert "vCPUs of FARGATE" not in findings


def test_what_may_not_be_read_is_not_checked_and_named_by_its_permission(prod: Stack) -> None:
    findings = check(prod, {})
    assert {each.severity for each in findings.values()} == {Severity.NOT_CHECKED}
    assert "lambda:GetAccountSettings" in findings["Lambda concurrency"].value
    assert "s3:ListAllMyBuckets" in findings["S3 buckets"].value


def test_a_quota_that_the_account_has_not_changed_is_awss_default() -> None:
    answers = {
        **limits(),
        ("service-quotas", "get_service_quota"): "NoSuchResourceException",
        ("service-quotas", "get_aws_default_service_quota"): {"Quota": {"Value": 5.0}},
    }
    assert check(planned("aws:ec2/vpc:Vpc", {}), answers)["VPCs"].limit == "5"


def test_quotas_of_the_whole_account_are_read_where_aws_keeps_them() -> None:
    asked: dict[str, str] = {}

    def quota(request: dict[str, str], region: str) -> Any:
        asked[request["ServiceCode"]] = region
        return {"Quota": {"Value": 1000.0}}

    check(Stack(), {**limits(), ("service-quotas", "get_service_quota"): quota})
    assert (asked["s3"], asked["iam"], asked["vpc"]) == ("us-east-1", "us-east-1", "eu-central-1")


def test_without_a_stack_the_account_is_shown() -> None:
    findings = check(Stack(), limits())
    assert {quota.what for quota in quotas.COUNTED} < findings.keys()
    assert bad(findings) == set()
