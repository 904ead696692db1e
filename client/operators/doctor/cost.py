"""What a load costs in a month: as Portage carries it, and as a proxy through the gateway and Lambda would.

Quantities that no stack shows, such as how long a function runs, are assumptions in `Assumptions`. They err on the
side of a higher cost for Portage and a lower one for the proxy.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from ...transfer.part_queue import MOST_PARTS
from .prices import Price, Prices
from .resources import Resource, Stack, value_at

DAYS = 30
HOURS = 730

_MIB = 1024**2
GIB = 1024**3
"""What AWS bills as a GB."""
PART_BYTES = 16 * _MIB


@dataclass(frozen=True)
class Load:
    """What people send."""

    uploads_per_day: float
    average_size_bytes: float
    polls_per_upload: float

    @property
    def uploads(self) -> float:
        """Return the uploads of a month."""
        return self.uploads_per_day * DAYS

    @property
    def polls(self) -> float:
        """Return the requests for a status in a month."""
        return self.uploads * self.polls_per_upload


@dataclass(frozen=True)
class Assumptions:
    """Quantities that a load and a stack do not say."""

    proxy_chunk_bytes: float = 4_500_000
    """Lambda takes 6 MB in a request, and API Gateway encodes bytes in base64, which adds a third (Lambda quotas)."""
    s3_bytes_per_second: float = 85_000_000
    """Of one connection. Source: S3 guide, "Performance guidelines", 85-90 MB/s."""
    api_seconds: float = 0.05
    """A function that answers the API, with its cold starts. Measured: 1 to 300 ms (docs/benchmarks.md)."""
    api_memory_gb: float = 0.25
    proxy_memory_gb: float = 0.5
    proxy_seconds: float = 0.2
    """A proxy that decodes a chunk and stores it, besides the transfer."""
    assembly_memory_gb: float = 1
    job_seconds: float = 1
    """Of a job, besides reading the object once."""
    transitions: float = 6
    """The states of a workflow with one processor, and its start and end."""
    writes_per_upload: float = 12
    """Of 1 KB: the record, its place, its changes of state, and the index of open uploads with each."""
    queue_requests_per_upload: float = 7
    """Two queues: sent, received, deleted; hidden once."""
    fair_requests_per_upload: float = 4
    """Those of the queue of jobs, in which messages have groups."""
    access_log_bytes: float = 700
    function_log_bytes: float = 1_500
    """Lambda's own lines and ours, of one invocation."""
    idle_requests_per_queue: float = 5 * HOURS * 3600 / 20
    """Lambda polls a queue with 5 connections, each 20 s long. Source: Lambda guide, "Using Lambda with Amazon SQS"."""
    sampled: float = 0.05
    sampled_per_second: float = 1
    """X-Ray's default rule: the first request in each second, and 5 % of the others. Source: X-Ray guide."""

    def traces(self, requests: float) -> float:
        """Return how many of a month's requests X-Ray records, if they come evenly."""
        first = min(requests, self.sampled_per_second * HOURS * 3600)
        return first + (requests - first) * self.sampled


@dataclass(frozen=True)
class Shape:
    """What of a stack changes its cost. Defaults are those of the program."""

    multipart_threshold_bytes: float = 64 * _MIB
    job_memory_gb: float = 1
    """Of the function that runs jobs. 0 if containers run them."""
    transitions: float = 0
    """Of a workflow, for one upload."""
    keep_days: float = DAYS
    """How long objects stay in the ingest bucket, at most a month's worth is stored at the end of the first month."""
    queues: float = 2
    standing: tuple[tuple[str, str, float], ...] = ()
    """What costs without any load: name, price, quantity."""


@dataclass(frozen=True)
class Line:
    """One line of a bill."""

    group: str
    item: str
    quantity: float
    price: Price

    @property
    def usd(self) -> float:
        """Return the price of the quantity."""
        return self.price.of(self.quantity)


@dataclass(frozen=True)
class Calls:
    """Invocations of a function in a month."""

    who: str
    count: float
    gb_seconds: float
    """Of one."""


PRESIGNED = "send: presigned"
PROXIED = "send: through API Gateway and Lambda"
DIRECT = "status: from DynamoDB, without Lambda"
BY_LAMBDA = "status: by Lambda"
SHARED = "process and store"
STANDING = "fixed, at any load"


_JOBS = frozenset({"handlers.entries.process_object.handle", "handlers.entries.process_step.handle"})
"""The entries that run a processor. Its variables may be encrypted in the state."""


def shape_of(stack: Stack) -> Shape:
    """Return what of a stack changes its cost."""
    functions = stack.of("aws:lambda/function:Function")
    thresholds = [float(each.get("environment.variables.MULTIPART_THRESHOLD_BYTES") or 0) for each in functions]
    jobs = [each for each in functions if _JOBS.intersection({each.get("handler"), each.get("imageConfig.commands.0")})]
    no_function = 0 if functions else Shape.job_memory_gb * 1024
    return Shape(
        multipart_threshold_bytes=max(thresholds, default=0) or Shape.multipart_threshold_bytes,
        job_memory_gb=max((float(each.get("memorySize") or 0) for each in jobs), default=no_function) / 1024,
        transitions=Assumptions.transitions if stack.of("aws:sfn/stateMachine:StateMachine") else 0,
        keep_days=_keep_days(stack),
        queues=len(stack.of("aws:lambda/eventSourceMapping:EventSourceMapping")) or Shape.queues,
        standing=tuple(_standing(stack)),
    )


def _keep_days(stack: Stack) -> float:
    ingest = [
        float(rule["expiration"]["days"])
        for each in stack.of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
        if "ingest" in each.name
        for rule in each.get("rules") or ()
        if (rule.get("expiration") or {}).get("days")
    ]
    return min(ingest, default=Shape.keep_days)


def _zones(endpoint: Resource) -> float:
    return len(endpoint.get("subnetIds") or ()) * HOURS if endpoint.get("vpcEndpointType") == "Interface" else 0


_VERBS = ("get", "put", "post", "delete", "patch", "head", "options")
_METRICS_OF_A_METHOD = 5
"""Count, both latencies, and both kinds of errors. Source: API Gateway guide, "dimensions and metrics"."""
_METRICS_OF_A_FUNCTION = 3
"""Latency, and both kinds of errors (docs/architecture.md, "Logs and metrics")."""


def _method_metrics(api: Resource) -> float:
    """Return the metrics of each method, from the API's OpenAPI document."""
    body = str(api.get("body") or "")
    document = msgspec.json.decode(body, type=dict[str, Any]) if body.startswith("{") else {}
    paths = cast("Mapping[str, Mapping[str, Any]]", value_at(document, "paths") or {})
    return sum(verb in _VERBS for path in paths.values() for verb in path) * _METRICS_OF_A_METHOD


_STANDING: Sequence[tuple[str, str, str, Callable[[Resource], float]]] = (
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "alarms", "alarm", lambda _: 1),
    ("aws:lambda/function:Function", "metrics of functions, at most", "metric", lambda _: _METRICS_OF_A_FUNCTION),
    ("aws:apigateway/restApi:RestApi", "metrics of API methods, at most", "metric", _method_metrics),
    ("aws:secretsmanager/secret:Secret", "secrets", "secret", lambda _: 1),
    ("aws:kms/key:Key", "KMS keys", "kms_key", lambda _: 1),
    ("aws:ec2/natGateway:NatGateway", "NAT gateways", "nat_gateway_hour", lambda _: HOURS),
    ("aws:ec2/eip:Eip", "public addresses", "public_address_hour", lambda _: HOURS),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "interface endpoints", "interface_endpoint_hour", _zones),
    ("aws:eks/cluster:Cluster", "EKS cluster", "cluster_hour", lambda _: HOURS),
)


def _standing(stack: Stack) -> Iterator[tuple[str, str, float]]:
    for kind, item, price, measure in _STANDING:
        if quantity := sum(measure(each) for each in stack.of(kind)):
            yield item, price, quantity
    tasks = sum(float(each.get("minCapacity") or 0) for each in stack.of("aws:appautoscaling/target:Target"))
    for task in stack.of("aws:ecs/taskDefinition:TaskDefinition") if tasks else ():
        yield (
            "Fargate: vCPUs of the least tasks",
            "fargate_vcpu_hour",
            tasks * HOURS * float(task.get("cpu") or 0) / 1024,
        )
        yield (
            "Fargate: memory of the least tasks",
            "fargate_gb_hour",
            tasks * HOURS * float(task.get("memory") or 0) / 1024,
        )


def bill(load: Load, shape: Shape, prices: Prices, assumed: Assumptions | None = None) -> list[Line]:
    """Return the lines of both ways to send, both ways to show a status, and of what they share."""
    assumed = assumed or Assumptions()
    return [
        *_presigned(load, shape, prices, assumed),
        *_proxied(load, prices, assumed),
        *_status(load, prices, assumed),
        *_shared(load, shape, prices, assumed),
        *(Line(STANDING, item, quantity, prices[price]) for item, price, quantity in shape.standing),
        Line(
            STANDING,
            "SQS: polls of empty queues",
            assumed.idle_requests_per_queue * shape.queues,
            prices["sqs_request"],
        ),
    ]


def _answer(assumed: Assumptions) -> float:
    return assumed.api_seconds * assumed.api_memory_gb


def _parts(size_bytes: float) -> float:
    part = max(PART_BYTES, math.ceil(size_bytes / MOST_PARTS / _MIB) * _MIB)
    return max(1, math.ceil(size_bytes / part))


def _presigned(load: Load, shape: Shape, prices: Prices, assumed: Assumptions) -> Iterator[Line]:
    in_parts = load.average_size_bytes > shape.multipart_threshold_bytes
    calls = load.uploads * (3 if in_parts else 1)  # create; sign parts, complete
    writes = load.uploads * (_parts(load.average_size_bytes) + 2 if in_parts else 1)  # start, parts, complete
    yield from _api(PRESIGNED, Calls("Lambda", calls, _answer(assumed)), prices, assumed)
    yield Line(PRESIGNED, "S3: objects or parts written by clients", writes, prices["s3_write"])


def _proxied(load: Load, prices: Prices, assumed: Assumptions) -> Iterator[Line]:
    """Chunks are smaller than the least part of S3 (5 MiB), so each is an object, and a function joins them."""
    chunks = load.uploads * max(1, math.ceil(load.average_size_bytes / assumed.proxy_chunk_bytes))
    bytes_sent = load.uploads * load.average_size_bytes
    seconds = (
        assumed.proxy_seconds + min(load.average_size_bytes, assumed.proxy_chunk_bytes) / assumed.s3_bytes_per_second
    )
    yield from _api(PROXIED, Calls("Lambda", chunks, seconds * assumed.proxy_memory_gb), prices, assumed)
    yield Line(PROXIED, "S3: chunks written", chunks, prices["s3_write"])
    if chunks > load.uploads:
        join_seconds = 2 * bytes_sent / assumed.s3_bytes_per_second
        writes = load.uploads * (_parts(load.average_size_bytes) + 2)
        yield Line(PROXIED, "S3: chunks read to join them", chunks, prices["s3_read"])
        yield Line(PROXIED, "S3: parts of the joined objects", writes, prices["s3_write"])
        yield Line(PROXIED, "Lambda: joining", join_seconds * assumed.assembly_memory_gb, prices["lambda_gb_second"])


def _status(load: Load, prices: Prices, assumed: Assumptions) -> Iterator[Line]:
    reads = prices["dynamodb_read"]
    yield from _gateway(DIRECT, load.polls, prices, assumed)
    yield Line(DIRECT, "DynamoDB: consistent reads", load.polls, reads)
    yield from _api(BY_LAMBDA, Calls("Lambda", load.polls, _answer(assumed)), prices, assumed)
    yield Line(BY_LAMBDA, "DynamoDB: consistent reads", load.polls, reads)


def _api(group: str, calls: Calls, prices: Prices, assumed: Assumptions) -> Iterator[Line]:
    """Yield what requests cost that a function answers."""
    yield from _gateway(group, calls.count, prices, assumed)
    yield from _function(group, calls, prices, assumed)


def _gateway(group: str, count: float, prices: Prices, assumed: Assumptions) -> Iterator[Line]:
    yield Line(group, "API Gateway: requests", count, prices["api_request"])
    yield Line(group, "API Gateway: access log", count * assumed.access_log_bytes / GIB, prices["log_ingestion"])
    yield Line(group, "API Gateway: traces, at most", assumed.traces(count), prices["trace"])


def _function(group: str, calls: Calls, prices: Prices, assumed: Assumptions) -> Iterator[Line]:
    yield Line(group, f"{calls.who}: requests", calls.count, prices["lambda_request"])
    yield Line(group, f"{calls.who}: run time", calls.count * calls.gb_seconds, prices["lambda_gb_second"])
    yield Line(group, f"{calls.who}: logs", calls.count * assumed.function_log_bytes / GIB, prices["log_ingestion"])


def _shared(load: Load, shape: Shape, prices: Prices, assumed: Assumptions) -> Iterator[Line]:
    read_seconds = load.average_size_bytes / assumed.s3_bytes_per_second
    stored = load.uploads_per_day * min(shape.keep_days, DAYS) * load.average_size_bytes / GIB
    job = (assumed.job_seconds + read_seconds) * shape.job_memory_gb
    yield Line(SHARED, "DynamoDB: writes", load.uploads * assumed.writes_per_upload, prices["dynamodb_write"])
    yield Line(SHARED, "EventBridge: S3's events", load.uploads, prices["event"])
    yield Line(SHARED, "SQS: requests", load.uploads * assumed.queue_requests_per_upload, prices["sqs_request"])
    fair = load.uploads * assumed.fair_requests_per_upload
    yield Line(SHARED, "SQS: requests of a fair queue, more", fair, prices["sqs_fair_request"])
    yield from _function(SHARED, Calls("Lambda, arrivals", load.uploads, _answer(assumed)), prices, assumed)
    if shape.job_memory_gb:
        yield from _function(SHARED, Calls("Lambda, jobs", load.uploads, job), prices, assumed)
    if shape.transitions:
        transitions = load.uploads * shape.transitions
        yield Line(SHARED, "Step Functions: transitions", transitions, prices["state_transition"])
    yield Line(SHARED, "Lambda: traces, at most", assumed.traces(load.uploads), prices["trace"])
    yield Line(SHARED, "S3: objects read", load.uploads * 2, prices["s3_read"])
    yield Line(SHARED, "S3: results written", load.uploads, prices["s3_write"])
    yield Line(SHARED, "S3: objects stored after a month", stored, prices["s3_storage"])


def total(lines: Sequence[Line], *groups: str) -> float:
    """Return the sum of some groups in USD."""
    return sum(line.usd for line in lines if line.group in groups)
