"""Provider functions, which only read."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

from local.resources.rows import Account

Invoke = Callable[[Account, Mapping[str, Any]], Mapping[str, Any]]

_STATEMENT_PARTS = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}


def _region(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    region = arguments.get("region", account.region)
    return {"id": region, "region": region, "name": region, "endpoint": f"ec2.{region}.amazonaws.com"}


def _partition(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    del account, arguments
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def _caller_identity(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    del arguments
    caller = account.client("sts").get_caller_identity()
    return {"id": caller["Account"], "accountId": caller["Account"], "arn": caller["Arn"], "userId": caller["UserId"]}


def _availability_zones(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    filters = [{"Name": each["name"], "Values": each["values"]} for each in arguments.get("filters", [])]
    if "state" in arguments:
        filters.append({"Name": "state", "Values": [arguments["state"]]})
    zones = account.client("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
    return {
        "id": account.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone["GroupName"] for zone in zones}),
    }


def _subnet(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    (subnet,) = account.client("ec2").describe_subnets(SubnetIds=[arguments["id"]])["Subnets"]
    return {
        "id": subnet["SubnetId"],
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet["CidrBlock"],
        "availabilityZone": subnet["AvailabilityZone"],
    }


def _ecs_cluster(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    name = arguments["clusterName"]
    found = account.client("ecs").describe_clusters(clusters=[name], include=["SETTINGS"])["clusters"]
    if not found:
        raise ValueError(f"getCluster: the region {account.region} has no ECS cluster {name!r}")
    return {
        "id": found[0]["clusterArn"],
        "arn": found[0]["clusterArn"],
        "clusterName": name,
        "status": found[0]["status"],
        "settings": found[0]["settings"],
    }


def _bucket(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    name = arguments["bucket"]
    try:
        head = account.client("s3").head_bucket(Bucket=name)
    except ClientError as error:
        raise ValueError(f"getBucket: reading the S3 bucket {name!r}: {error}") from error
    return {
        "id": name,
        "bucket": name,
        "arn": f"arn:aws:s3:::{name}",
        "bucketRegion": head.get("BucketRegion", account.region),
        "region": account.region,
    }


def _policy_document(account: Account, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write a policy as the provider does: one-element lists as plain text."""
    del account
    known = {"statements", "version", "policyId"}
    if unknown := arguments.keys() - known:
        raise ValueError(f"getPolicyDocument: {', '.join(sorted(unknown))} cannot be used locally; write one document")
    document: dict[str, Any] = {"Version": arguments.get("version", "2012-10-17")}
    if "policyId" in arguments:
        document["Id"] = arguments["policyId"]
    document["Statement"] = [_statement(statement) for statement in arguments.get("statements", [])]
    return {"json": json.dumps(document, indent=2), "minifiedJson": json.dumps(document, separators=(",", ":"))}


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": given.get("effect", "Allow")}
    if "sid" in given:
        statement["Sid"] = given["sid"]
    for name, part in _STATEMENT_PARTS.items():
        if given.get(name):
            statement[part] = _one_or_all(given[name])
    for name, part in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(name):
            statement[part] = _principals(given[name])
    for condition in given.get("conditions", []):
        tests = statement.setdefault("Condition", {}).setdefault(condition["test"], {})
        tests[condition["variable"]] = _one_or_all(condition["values"])
    return statement


def _principals(given: list[Mapping[str, Any]]) -> Any:
    principals: dict[str, list[str]] = {}
    for principal in given:
        principals.setdefault(principal["type"], []).extend(principal["identifiers"])
    if principals == {"*": ["*"]}:
        return "*"
    return {kind: _one_or_all(identifiers) for kind, identifiers in principals.items()}


def _one_or_all(values: Any) -> Any:
    texts = [_with_variables(value) for value in cast("list[str]", values)]
    return texts[0] if len(texts) == 1 else texts


def _with_variables(text: str) -> str:
    """The provider writes IAM's `${..}` as `&{..}`, so that Terraform leaves it alone."""
    return text.replace("&{", "${")


INVOKES: dict[str, Invoke] = {
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:ecs/getCluster:getCluster": _ecs_cluster,
    "aws:s3/getBucket:getBucket": _bucket,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
}
