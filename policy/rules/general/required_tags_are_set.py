"""Resources have the tags that the settings require."""

from collections.abc import Iterator
from typing import Any

from pulumi_policy import Severity

from core.reading import changeable
from core.resources import Resource
from core.rule import rule

TAGGED = (
    "aws:apigateway/restApi:RestApi",
    "aws:apigateway/stage:Stage",
    "aws:apigatewayv2/api:Api",
    "aws:cloudfront/distribution:Distribution",
    "aws:cloudwatch/eventBus:EventBus",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:cognito/userPool:UserPool",
    "aws:dynamodb/table:Table",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ecr/repository:Repository",
    "aws:ecs/cluster:Cluster",
    "aws:ecs/service:Service",
    "aws:efs/fileSystem:FileSystem",
    "aws:eks/cluster:Cluster",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:lambda/function:Function",
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "aws:sfn/stateMachine:StateMachine",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
)
"""Types that can have tags, which are also those that hold data or run code."""


def _missing(resource: Resource) -> dict[str, str]:
    """Return the required tags that the resource has neither itself nor from its provider, with their values."""
    required = resource.settings.block("requiredTags")
    present = {*resource.block("tags").names(), *resource.block("tagsAll").names()}
    return {name: required.text(name) for name in required.names() if name not in present}


def add_tags(resource: Resource, properties: Any) -> bool:
    """Add the missing tags that have a value in the settings."""
    missing = {name: value for name, value in _missing(resource).items() if value}
    if not missing:
        return False
    if resource.block("tags"):
        for name, value in missing.items():
            changeable(properties, "tags")[name] = value
    else:
        properties["tags"] = missing
    return True


@rule(
    *TAGGED,
    severity=Severity.LOW,
    reason="Otherwise nobody knows which team owns it, and who pays for it.",
    steps="Set the tags, best for all resources in aws:defaultTags; the remediation adds those with a value.",
    source="https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html",
    settings=("requiredTags",),
    remedy=add_tags,
)
def check(resource: Resource) -> Iterator[str]:
    for name in _missing(resource):
        yield f"The tag {name} is missing."
