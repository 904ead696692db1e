"""What a load costs. The expected figures are computed by hand, from round prices."""

import json
from pathlib import Path
from typing import Any

import pytest

from client.errors import WrongUsage
from client.operators.doctor import cost
from client.operators.doctor.cost import Assumptions, Load, Shape
from client.operators.doctor.prices import Price, Prices, load
from client.operators.doctor.resources import read
from tests.support.client.pulumi_documents import golden_plan, resource, state

GIB = 1024**3
ROUND = Prices("r", {name: Price(1.0, 1.0, "units", "https://aws.example") for name in load("us-east-1").by_name})
"""Each unit costs 1 USD, so that a line's price is its quantity."""

ASSUMED = Assumptions(
    proxy_chunk_bytes=4_000_000,
    s3_bytes_per_second=100_000_000,
    api_seconds=0.1,
    api_memory_gb=0.25,
    proxy_memory_gb=0.5,
    proxy_seconds=0.16,
    assembly_memory_gb=1,
    job_seconds=1,
    writes_per_upload=10,
    queue_requests_per_upload=7,
    fair_requests_per_upload=4,
    access_log_bytes=GIB,
    function_log_bytes=2 * GIB,
    idle_requests_per_queue=1000,
    sampled=0.5,
    sampled_per_second=10 / (730 * 3600),
)
SHAPE = Shape(multipart_threshold_bytes=64 * 1024**2, job_memory_gb=2, keep_days=10, queues=2, standing=())


def quantities(load: Load, shape: Shape = SHAPE) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for line in cost.bill(load, shape, ROUND, ASSUMED):
        assert line.usd == pytest.approx(line.quantity)
        found.setdefault(line.group, {})[line.item] = line.quantity
    return found


def test_of_uploads_in_parts() -> None:
    """1 upload a day of 200 MB: 30 a month, in 12 parts of 16 MiB, or 50 chunks of 4 MB."""
    bill = quantities(Load(uploads_per_day=1, average_size_bytes=200_000_000, polls_per_upload=2))
    assert bill[cost.PRESIGNED] == pytest.approx(
        {
            "API Gateway: requests": 90,  # create, sign, complete
            "API Gateway: access log": 90,
            "API Gateway: traces, at most": 50,  # the first 10, and half of the other 80
            "Lambda: requests": 90,
            "Lambda: run time": 2.25,  # 90 x 0.1 s x 0.25 GB
            "Lambda: logs": 180,
            "S3: objects or parts written by clients": 420,  # 30 x (12 parts, start, complete)
        }
    )
    assert bill[cost.PROXIED] == pytest.approx(
        {
            "API Gateway: requests": 1500,
            "API Gateway: access log": 1500,
            "API Gateway: traces, at most": 755,
            "Lambda: requests": 1500,
            "Lambda: run time": 150,  # 1500 x (0.16 + 0.04) s x 0.5 GB
            "Lambda: logs": 3000,
            "S3: chunks written": 1500,
            "S3: chunks read to join them": 1500,
            "S3: parts of the joined objects": 420,
            "Lambda: joining": 120,  # 30 x 400 MB through S3 at 100 MB/s, with 1 GB
        }
    )
    assert bill[cost.DIRECT] == pytest.approx(
        {
            "API Gateway: requests": 60,
            "API Gateway: access log": 60,
            "API Gateway: traces, at most": 35,
            "DynamoDB: consistent reads": 60,
        }
    )
    assert bill[cost.BY_LAMBDA] == pytest.approx(
        {**bill[cost.DIRECT], "Lambda: requests": 60, "Lambda: run time": 1.5, "Lambda: logs": 120}
    )
    assert bill[cost.SHARED] == pytest.approx(
        {
            "DynamoDB: writes": 300,
            "EventBridge: S3's events": 30,
            "SQS: requests": 210,
            "SQS: requests of a fair queue, more": 120,
            "Lambda, arrivals: requests": 30,
            "Lambda, arrivals: run time": 0.75,
            "Lambda, arrivals: logs": 60,
            "Lambda, jobs: requests": 30,
            "Lambda, jobs: run time": 180,  # 30 x (1 + 2) s x 2 GB
            "Lambda, jobs: logs": 60,
            "Lambda: traces, at most": 20,
            "S3: objects read": 60,
            "S3: results written": 30,
            "S3: objects stored after a month": 10 * 200_000_000 / GIB,  # kept for 10 days
        }
    )
    assert bill[cost.STANDING] == {"SQS: polls of empty queues": 2000}


def test_of_small_uploads_which_need_one_request_either_way() -> None:
    bill = quantities(Load(uploads_per_day=10, average_size_bytes=1_000_000, polls_per_upload=1))
    assert bill[cost.PRESIGNED]["API Gateway: requests"] == 300
    assert bill[cost.PRESIGNED]["S3: objects or parts written by clients"] == 300
    assert bill[cost.PROXIED]["S3: chunks written"] == 300
    assert "Lambda: joining" not in bill[cost.PROXIED]


def test_of_a_huge_upload_which_has_at_most_10000_parts() -> None:
    bill = quantities(Load(uploads_per_day=1, average_size_bytes=1e12, polls_per_upload=1))
    # ceil(10**12 / 10**4 / 2**20) = 96 MiB a part, so 9,935 parts
    assert bill[cost.PRESIGNED]["S3: objects or parts written by clients"] == 30 * (9_935 + 2)


def test_a_stack_says_what_of_its_shape_matters() -> None:
    shape = cost.shape_of(read(golden_plan("local")))
    assert shape.multipart_threshold_bytes == 64 * 1024**2
    assert shape.keep_days == 1
    assert shape.queues == 2
    assert shape.job_memory_gb == 0.5
    assert shape.transitions == 0
    assert ("alarms", "alarm", 4) in shape.standing
    assert ("metrics of functions, at most", "metric", 33) in shape.standing
    assert ("KMS keys", "kms_key", 1) in shape.standing


@pytest.mark.parametrize(
    "entry",
    [
        {"handler": "handlers.entries.process_step.handle"},
        {"imageConfig": {"commands": ["handlers.entries.process_object.handle"]}},
    ],
)
def test_jobs_cost_also_where_the_state_has_the_variables_encrypted(entry: dict[str, Any]) -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}
    inputs = {"memorySize": 2048, "environment": {"variables": secret}, **entry}
    other = {"memorySize": 4096, "handler": "handlers.entries.record_step.handle"}
    functions = [resource(f"f{n}", "aws:lambda/function:Function", each) for n, each in enumerate((inputs, other))]
    assert cost.shape_of(read(state(functions))).job_memory_gb == 2


def test_a_network_costs_by_the_hour_and_an_endpoint_in_each_zone() -> None:
    inputs = {"vpcEndpointType": "Interface", "subnetIds": ["a", "b", "c"]}
    stack = read(
        state(
            [
                resource("n", "aws:ec2/natGateway:NatGateway", {}),
                resource("e", "aws:ec2/vpcEndpoint:VpcEndpoint", inputs),
                resource("g", "aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Gateway"}),
            ]
        )
    )
    assert set(cost.shape_of(stack).standing) == {
        ("NAT gateways", "nat_gateway_hour", 730),
        ("interface endpoints", "interface_endpoint_hour", 2190),
    }


def test_containers_run_jobs_without_a_function_and_the_least_tasks_always_run() -> None:
    api = resource("f", "aws:lambda/function:Function", {})
    task = resource("t", "aws:ecs/taskDefinition:TaskDefinition", {"cpu": "512", "memory": "2048"})
    target = resource("s", "aws:appautoscaling/target:Target", {"minCapacity": 2, "maxCapacity": 9})
    shape = cost.shape_of(read(state([api, task, target])))
    assert shape.job_memory_gb == 0
    assert set(shape.standing) == {
        ("metrics of functions, at most", "metric", 3),
        ("Fargate: vCPUs of the least tasks", "fargate_vcpu_hour", 730),
        ("Fargate: memory of the least tasks", "fargate_gb_hour", 2920),
    }
    bill = quantities(Load(1, 1_000, 1), shape)
    assert "Lambda, jobs: requests" not in bill[cost.SHARED]


def test_a_workflow_has_transitions_and_an_api_metrics_of_each_method() -> None:
    body: dict[str, Any] = {
        "paths": {"/uploads": {"get": {}, "post": {}, "parameters": []}, "/uploads/{id}": {"get": {}}}
    }
    machine = resource("m", "aws:sfn/stateMachine:StateMachine", {})
    shape = cost.shape_of(
        read(state([machine, resource("a", "aws:apigateway/restApi:RestApi", {"body": json.dumps(body)})]))
    )
    assert shape.standing == (("metrics of API methods, at most", "metric", 15),)
    assert quantities(Load(1, 1_000, 1), shape)[cost.SHARED]["Step Functions: transitions"] == 180


class TestPrices:
    def test_each_has_a_source_of_aws(self) -> None:
        prices = load("us-east-1").by_name
        assert all(each.source.startswith("https://aws.amazon.com/") for each in prices.values())
        assert prices["api_request"].of(2_000_000) == pytest.approx(7.0)

    def test_of_an_unknown_region_are_those_of_us_east_1(self) -> None:
        assert load("eu-central-1").region == "us-east-1"

    def test_can_be_replaced_one_by_one(self, tmp_path: Path) -> None:
        path = tmp_path / "prices.toml"
        path.write_text(
            '[eu-central-1.api_request]\nusd = 3.7\nper = 1_000_000\nunit = "requests"\nsource = "https://x"\n'
        )
        prices = load("eu-central-1", path)
        assert (prices.region, prices["api_request"].usd, prices["s3_storage"].usd) == ("eu-central-1", 3.7, 0.023)

    @pytest.mark.parametrize(
        "content",
        [
            "not toml",
            "[us-east-1.api_request]\nusd = 1",
            '[us-east-1.api_request]\nusd = "1"\nper = 1\nunit = "u"\nsource = "s"',
            '[us-east-1.api_requests]\nusd = 1\nper = 1\nunit = "u"\nsource = "s"',
            '[us-east-1.api_request]\nusd = 1\nper = 1\nunit = "u"\nsource = "s"\nunknown = 1',
            '[us-east-1.api_request]\nusd = 1\nper = 0\nunit = "u"\nsource = "s"',
            '[us-east-1.api_request]\nusd = nan\nper = 1\nunit = "u"\nsource = "s"',
            '[us-east-1.api_request]\nusd = -1\nper = 1\nunit = "u"\nsource = "s"',
            '[us-east-1.api_request]\nusd = 1\nper = inf\nunit = "u"\nsource = "s"',
            "us-east-1 = 1",
        ],
    )
    def test_of_a_wrong_file_are_refused_with_its_name(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "prices.toml").write_text(content)
        with pytest.raises(WrongUsage, match=r"prices\.toml"):
            load("us-east-1", tmp_path / "prices.toml")
