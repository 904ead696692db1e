"""A VPC has a flow log."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ec2/vpc:Vpc",
    severity=Severity.MEDIUM,
    reason="Nobody can see otherwise where data went.",
    steps="Add a FlowLog.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",
    controls=("EC2.6",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.stack.perhaps_attached(resource, "aws:ec2/flowLog:FlowLog", "vpcId"):
        yield "No FlowLog names this VPC."
