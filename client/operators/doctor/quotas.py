"""Quotas that an update would exceed: what a stack needs, beside the quotas of its account.

Codes and defaults: the page of each quota, or `aws service-quotas list-service-quotas --service-code CODE`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .account import Account, Gone, NotRead
from .findings import Finding, Severity
from .resources import Resource, Stack

SECTION = "quotas"

UNRESERVED = 100
"""Concurrency that AWS keeps for functions without a reservation. Source: Lambda guide, "Reserved concurrency"."""
_ALMOST = 0.9
_GENERAL = "https://docs.aws.amazon.com/general/latest/gr"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_THROTTLE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"
_FARGATE = f"{_GENERAL}/ecs-service.html#limits_fargate"


@dataclass(frozen=True)
class Counted:
    """A quota of how many resources an account may have."""

    what: str
    type: str
    used: Callable[[Account], float]
    source: str
    service_code: str = ""
    code: str = ""
    """Of Service Quotas. Empty if AWS raises it for nobody."""
    fixed: float = 0
    """The limit, where there is no code."""
    of_account: bool = False
    """Whether it counts resources of all regions."""
    measure: Callable[[Resource], float] = lambda _: 1


def _gateway_endpoints(account: Account) -> float:
    wanted = [{"Name": "vpc-endpoint-type", "Values": ["Gateway"]}]
    return account.count("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=wanted)


def _is_on_default_bus(rule: Resource) -> float:
    return rule.get("eventBusName") in (None, "default")


def _is_gateway(endpoint: Resource) -> float:
    return (endpoint.get("vpcEndpointType") or "Gateway") == "Gateway"


COUNTED: Sequence[Counted] = (
    Counted(
        "S3 buckets",
        "aws:s3/bucket:Bucket",
        lambda account: account.count("s3", "list_buckets", "Buckets"),
        f"{_GENERAL}/s3.html#limits_s3",
        "s3",
        "L-DC2B2D3D",
        of_account=True,
    ),
    Counted(
        "IAM roles",
        "aws:iam/role:Role",
        lambda account: float(account.read("iam", "get_account_summary")["SummaryMap"].get("Roles", 0)),
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        "iam",
        "L-FE177D64",
        of_account=True,
    ),
    Counted(
        "REST APIs",
        "aws:apigateway/restApi:RestApi",
        lambda account: account.count("apigateway", "get_rest_apis", "items"),
        _THROTTLE,
        fixed=600,
    ),
    Counted(
        "EventBridge rules of the default bus",
        "aws:cloudwatch/eventRule:EventRule",
        lambda account: account.count("events", "list_rules", "Rules"),
        f"{_GENERAL}/ev.html#limits_eventbridge",
        "events",
        "L-244521F2",
        measure=_is_on_default_bus,
    ),
    Counted(
        "DynamoDB tables",
        "aws:dynamodb/table:Table",
        lambda account: account.count("dynamodb", "list_tables", "TableNames"),
        f"{_GENERAL}/ddb.html#limits_dynamodb",
        "dynamodb",
        "L-F98FE922",
    ),
    Counted(
        "VPCs",
        "aws:ec2/vpc:Vpc",
        lambda account: account.count("ec2", "describe_vpcs", "Vpcs"),
        "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
        "vpc",
        "L-F678F1CE",
    ),
    Counted(
        "Elastic IP addresses (one for each NAT gateway)",
        "aws:ec2/eip:Eip",
        lambda account: account.count("ec2", "describe_addresses", "Addresses"),
        f"{_GENERAL}/ec2-service.html#limits_ec2",
        "ec2",
        "L-0263D0A3",
    ),
    Counted(
        "gateway endpoints",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        _gateway_endpoints,
        "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
        "vpc",
        "L-1B52E74A",
        measure=_is_gateway,
    ),
    Counted(
        "EKS clusters",
        "aws:eks/cluster:Cluster",
        lambda account: account.count("eks", "list_clusters", "clusters"),
        "https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html",
        "eks",
        "L-1194D53C",
    ),
)


Rule = Callable[[Account], Iterator[Finding]]


def check(stack: Stack, account: Account) -> Iterator[Finding]:
    """Yield what fits, what does not, and what could not be read."""
    for what, rule in _rules(stack, account.region):
        try:
            yield from list(rule(account))
        except (NotRead, Gone) as error:
            yield Finding(SECTION, Severity.NOT_CHECKED, what, str(error))


def _rules(stack: Stack, region: str) -> Iterator[tuple[str, Rule]]:
    here = stack.within(region)
    yield "Lambda concurrency", partial(_concurrency, here)
    yield "size of Lambda code", _code_size
    yield "requests to API Gateway", partial(_throttle, here)
    yield "interface endpoints of a VPC", partial(_interface_endpoints, here)
    yield "vCPUs of Fargate", partial(_fargate, here)
    for quota in COUNTED:
        counted = stack if quota.of_account else here
        is_used = counted.of(quota.type) or counted.growth(quota.type, quota.measure)
        if is_used or not stack.changes:
            yield quota.what, partial(_count, quota, counted)


def _count(quota: Counted, stack: Stack, account: Account) -> Iterator[Finding]:
    used, more = quota.used(account), stack.growth(quota.type, quota.measure)
    limit = account.quota(quota.service_code, quota.code, of_account=quota.of_account) if quota.code else quota.fixed
    needed, severity = used + more, Severity.OK
    if needed > limit and more > 0:
        severity = Severity.ERROR
    elif needed >= limit * _ALMOST:
        severity = Severity.WARNING
    yield Finding(
        SECTION,
        severity,
        quota.what,
        f"{used:g} in use" + (f", {more:+g} by the update" if more else ""),
        f"{limit:g}",
        "" if severity is Severity.OK else _raise(quota.service_code, quota.code),
        quota.source,
    )


def _raise(service_code: str, code: str) -> str:
    if not code:
        return "Delete what is not used, or use another account"
    return f"Request more (Service Quotas, {service_code} {code}), or delete what is not used"


def _reserved(function: Resource) -> float:
    return max(0, float(function.get("reservedConcurrentExecutions") or 0))


def _concurrency(stack: Stack, account: Account) -> Iterator[Finding]:
    settings = account.read("lambda", "get_account_settings")["AccountLimit"]
    limit, unreserved = float(settings["ConcurrentExecutions"]), float(settings["UnreservedConcurrentExecutions"])
    kind = "aws:lambda/function:Function"
    more = stack.growth(kind, _reserved)
    left = unreserved - more
    raising = "request more concurrent executions (Service Quotas, lambda L-B99A9384)"
    value = f"{unreserved:g} of {limit:g} are not reserved" + (f", the update reserves {more:+g}" if more else "")
    what = "Lambda concurrency that stays unreserved"
    if more > 0 and left < UNRESERVED:
        fix = f"AWS refuses the update. Lower processingReservedConcurrency, or {raising}"
        yield Finding(SECTION, Severity.ERROR, what, value, f"at least {UNRESERVED}", fix, _LAMBDA)
    else:
        yield Finding(SECTION, Severity.OK, what, value, f"at least {UNRESERVED} if any is reserved", source=_LAMBDA)
    deliveries = sum(
        float(each.get("scalingConfig.maximumConcurrency") or 0)
        for each in stack.of("aws:lambda/eventSourceMapping:EventSourceMapping")
    )
    if stack.of("aws:sfn/stateMachine:StateMachine"):
        deliveries *= 2  # the function that starts a workflow waits for it, beside the function of a step
    room = left + sum(_reserved(each) for each in stack.of(kind))
    if stack.changes:
        severity = Severity.WARNING if deliveries >= room else Severity.OK
        fix = (
            "Deliveries use all of it, so that requests to the API fail, and throttled deliveries use up tries. "
            f"Lower processingMaxConcurrency, or {raising}"
        )
        yield Finding(
            SECTION,
            severity,
            "Lambda concurrency of the queues' deliveries",
            f"{deliveries:g}",
            f"{room:g}",
            fix if severity is Severity.WARNING else "",
            _LAMBDA,
        )


def _code_size(account: Account) -> Iterator[Finding]:
    answer = account.read("lambda", "get_account_settings")
    used, limit = float(answer["AccountUsage"]["TotalCodeSize"]), float(answer["AccountLimit"]["TotalCodeSize"])
    is_full = limit > 0 and used >= limit * _ALMOST
    yield Finding(
        SECTION,
        Severity.WARNING if is_full else Severity.OK,
        "size of Lambda code and layers",
        f"{used / 1024**3:.1f} GB",
        f"{limit / 1024**3:.0f} GB",
        "Delete old versions of functions and layers" if is_full else "",
        _LAMBDA,
    )


def _throttle(stack: Stack, account: Account) -> Iterator[Finding]:
    settings = account.read("apigateway", "get_account")["throttleSettings"]
    stages = stack.of("aws:apigateway/methodSettings:MethodSettings")
    for what, name, key, code in (
        ("requests a second to API Gateway", "throttlingRateLimit", "rateLimit", "L-8A5B8E43"),
        ("requests at once to API Gateway", "throttlingBurstLimit", "burstLimit", "L-CDF5615A"),
    ):
        wanted = sum(float(each.get(f"settings.{name}") or 0) for each in stages)
        limit = float(settings[key])
        is_over = wanted > limit
        yield Finding(
            SECTION,
            Severity.ERROR if is_over else Severity.OK,
            what,
            f"{wanted:g} allowed by the stack" if stages else "",
            f"{limit:g} for all APIs of the account and region",
            f"Lower throttleRate and throttleBurst, or {_raise('apigateway', code).lower()}" if is_over else "",
            _THROTTLE,
        )


def _interface_endpoints(stack: Stack, account: Account) -> Iterator[Finding]:
    by_vpc: dict[Any, int] = {}
    for each in stack.of("aws:ec2/vpcEndpoint:VpcEndpoint"):
        if each.get("vpcEndpointType") == "Interface":
            by_vpc[each.get("vpcId")] = by_vpc.get(each.get("vpcId"), 0) + 1
    if by_vpc:
        limit = account.quota("vpc", "L-29B6F2EB", of_account=False)
        source = "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html"
        most = max(by_vpc.values())
        fits = most <= limit
        yield Finding(
            SECTION,
            Severity.OK if fits else Severity.ERROR,
            "interface endpoints of a VPC",
            f"{most}",
            f"{limit:g}",
            "" if fits else _raise("vpc", "L-29B6F2EB"),
            source,
        )


def _fargate(stack: Stack, account: Account) -> Iterator[Finding]:
    """Compare the most tasks at once. A deployment doubles them (deploymentMaximumPercent)."""
    tasks = stack.of("aws:ecs/taskDefinition:TaskDefinition")
    targets = stack.of("aws:appautoscaling/target:Target")
    vcpus = max((float(each.get("cpu") or 0) / 1024 for each in tasks), default=0)
    wanted = vcpus * max((float(each.get("maxCapacity") or 0) for each in targets), default=0)
    if not wanted:
        return
    strategies = [each.get("capacityProviderStrategies") or () for each in stack.of("aws:ecs/service:Service")]
    providers = {entry.get("capacityProvider") for strategy in strategies for entry in strategy}
    for provider, code in (("FARGATE", "L-3032A538"), ("FARGATE_SPOT", "L-36FBB829")):
        if provider in providers:
            limit = account.quota("fargate", code, of_account=False)
            severity = Severity.ERROR if wanted > limit else Severity.OK
            severity = Severity.WARNING if severity is Severity.OK and wanted * 2 > limit else severity
            yield Finding(
                SECTION,
                severity,
                f"vCPUs of {provider}",
                f"{wanted:g} with all tasks, {wanted * 2:g} while a deployment replaces them",
                f"{limit:g} for all tasks of the account and region",
                "" if severity is Severity.OK else f"Lower fargateMaxTasks, or {_raise('fargate', code).lower()}",
                _FARGATE,
            )
