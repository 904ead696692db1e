"""Records what a piece of Pulumi program registers, so that tests assert on it afterwards, outside `apply`."""

import json
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import rpc

from local.engine.built_in.program import Registration, run_program
from local.resources.parameters import plain

REGION, PARTITION, ACCOUNT = "mars-north-1", "aws-mars", "123456789012"
"""Unlike any that could stand in the code as a constant."""

SUFFIX = "-0a1b2c3"
"""What the fake cloud makes names unique with."""

Kind = type[pulumi.CustomResource]
Program = Callable[[], Mapping[str, Any] | None]

_FOLDER = Path(__file__).parent / "program"
_program: ContextVar[Program] = ContextVar("program")


@dataclass(frozen=True)
class Recording:
    """What a program registered, and its outputs."""

    registrations: tuple[Registration, ...]
    outputs: Mapping[str, Any]

    def all(self, kind: Kind) -> list[Registration]:
        return [each for each in self.registrations if each.type == token(kind)]

    def only(self, kind: Kind, name: str | None = None) -> Registration:
        """The one resource of its type, or of its type and name."""
        found = [each for each in self.all(kind) if name in (None, each.name)]
        assert len(found) == 1, f"{[each.name for each in found]} are of {token(kind)}"
        return found[0]

    def inputs(self, kind: Kind, name: str | None = None) -> dict[str, Any]:
        return plain(self.only(kind, name).inputs)

    def json_input(self, kind: Kind, name: str | None, key: str) -> Any:
        return json.loads(self.inputs(kind, name)[key])

    def comparable(self) -> list[Any]:
        """Everything that the engine would compare with the state, in a form that equals itself."""
        return sorted(
            [
                each.urn,
                rendered(plain(each.inputs)),
                each.options.protect,
                each.options.retain_on_delete,
            ]
            for each in self.registrations
        )


def record(program: Program) -> Recording:
    """Run a program; what it returns becomes its outputs, which come back resolved."""
    current = _program.set(program)
    # The SDK describes the stack of each registration for the engine. Nothing here reads it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "tracebacklimit", 1, raising=False)
        try:
            run = run_program(_FOLDER, stack="test", cloud=FakeAws())
        finally:
            _program.reset(current)
    return Recording(run.registrations, run.outputs)


def refusal(make: Callable[[], object]) -> str:
    """What the RunError says that `make` raises before it has registered anything.

    The program goes on: one that fails is stopped, and what it had registered by then would not be seen.
    """
    faults: list[str] = []

    def program() -> None:
        try:
            make()
        except pulumi.RunError as fault:
            faults.append(str(fault))

    recording = record(program)
    assert faults, "nothing was refused"
    assert recording.registrations == ()
    return faults[0]


def run_the_program() -> None:
    for name, value in (_program.get()() or {}).items():
        pulumi.export(name, value)


def token(kind: Kind) -> str:
    """The name of a type in Pulumi, which the SDK keeps in an attribute that it does not declare."""
    return cast("Any", kind).pulumi_type


def physical(name: str) -> str:
    """The name that a resource has in the fake cloud, never the one that it has in the program."""
    return f"{name}{SUFFIX}"


def arn_of(kind: Kind, name: str) -> str:
    return _arn(token(kind), name)


def url_of(queue_name: str) -> str:
    return f"https://{physical(queue_name)}.example"


class FakeAws:
    """Names every resource, and computes what the components read of one."""

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        name, arn = physical(registration.name), _arn(registration.type, registration.name)
        computed: dict[str, dict[str, Any]] = {
            "aws:apigateway/restApi:RestApi": {"executionArn": f"{arn}/execution"},
            "aws:apigateway/stage:Stage": {"invokeUrl": f"https://{name}.example"},
            "aws:dynamodb/table:Table": {"streamArn": f"{arn}/stream"},
            "aws:lambda/alias:Alias": {"name": "live", "invokeArn": f"{arn}/invocations"},
            "aws:lambda/function:Function": {"version": "7"},
            "aws:s3/bucket:Bucket": {"bucket": name},
            "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
            "aws:ec2/vpcEndpoint:VpcEndpoint": {"prefixListId": f"pl-of-{name}"},
            "aws:ecr/repository:Repository": {"repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}"},
            "aws:eks/cluster:Cluster": {**_cluster(name), "vpcConfig": {"clusterSecurityGroupId": f"sg-of-{name}"}},
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
                "arn": f"arn:{PARTITION}:iam::{ACCOUNT}:oidc-provider/"
                + str(registration.inputs.get("url", "")).removeprefix("https://")
            },
            "aws:sqs/queue:Queue": {"url": url_of(registration.name)},
        }
        outputs = {"arn": arn, "name": name, **computed.get(registration.type, {})}
        return f"{name}-id", {**registration.inputs, **outputs}

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "aws:eks/getCluster:getCluster": {
                **_cluster(name := str(arguments.get("name"))),
                "name": name,
                "arn": f"arn:{PARTITION}:eks:{REGION}:{ACCOUNT}:cluster/{name}",
                "certificateAuthorities": [{"data": "YQ=="}],
                "vpcConfig": {"clusterSecurityGroupId": f"sg-of-{name}"},
            },
            "aws:ec2/getSubnet:getSubnet": _subnet(str(arguments.get("id"))),
            "aws:ecs/getCluster:getCluster": _ecs_cluster(str(arguments.get("clusterName"))),
            "aws:s3/getBucket:getBucket": _bucket(str(arguments.get("bucket"))),
            "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": [f"{REGION}{zone}" for zone in "dbac"]},
            "aws:index/getPartition:getPartition": {"partition": PARTITION},
            "aws:index/getRegion:getRegion": {"region": REGION},
        }[token]


def rendered(inputs: Mapping[str, Any]) -> str:
    """Inputs as text, with the names of the files in archives."""
    return json.dumps(inputs, default=_asset, sort_keys=True)


def without_secrets(value: Any) -> Any:
    """What anybody sees who reads the state."""
    if rpc.is_rpc_secret(value):
        return "[secret]"
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in cast("list[Any]", value)]
    return value


def _cluster(name: str) -> dict[str, Any]:
    return {
        "endpoint": f"https://{name}.eks.example",
        "certificateAuthority": {"data": "YQ=="},
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.example/id/{name}"}]}],
    }


def _subnet(subnet_id: str) -> dict[str, str]:
    """Subnets are in the same zone if the first digits of their ids are the same."""
    digit = subnet_id.removeprefix("subnet-")[:1]
    return {"id": subnet_id, "vpcId": f"vpc-of-{subnet_id}", "availabilityZone": f"{REGION}-zone-{digit}"}


def _bucket(name: str) -> dict[str, str]:
    """A bucket in another region has that in its name."""
    return {"bucket": name, "bucketRegion": "ap-south-2" if "elsewhere" in name else REGION}


def _ecs_cluster(name: str) -> dict[str, Any]:
    """What a cluster lacks is in its name."""
    insights = "disabled" if "without-insights" in name else "enhanced"
    return {
        "clusterName": name,
        "arn": f"arn:aws:ecs:eu-central-1:123456789012:cluster/{name}",
        "status": "INACTIVE" if "deleted" in name else "ACTIVE",
        "settings": [{"name": "containerInsights", "value": insights}],
    }


def _arn(kind: str, name: str) -> str:
    if ":" not in kind or "/" not in kind:
        return ""  # a provider's
    if kind == "aws:s3/bucket:Bucket":
        return f"arn:{PARTITION}:s3:::{physical(name)}"
    if kind == "aws:lambda/layerVersion:LayerVersion":
        return f"arn:{PARTITION}:lambda:{REGION}:{ACCOUNT}:layer:{physical(name)}:1"
    if kind == "aws:sqs/queue:Queue":
        return f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:{physical(name)}"
    service, noun = kind.split(":")[1].split("/")
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{noun}/{physical(name)}"


def _asset(value: object) -> Any:
    match value:
        case pulumi.AssetArchive():
            return value.assets
        case pulumi.FileAsset() | pulumi.FileArchive():
            return f"{type(value).__name__} {value.path}"
        case pulumi.StringAsset():
            return value.text
        case _:
            raise TypeError(f"{value!r} cannot be compared")
