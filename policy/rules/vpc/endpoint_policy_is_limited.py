"""A VPC endpoint's policy limits who can use it for what."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import statements
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    severity=Severity.LOW,
    reason="Otherwise an attacker who takes over a job can copy data to a bucket of their own, with their own "
    "credentials.",
    steps="Set a policy with conditions on aws:PrincipalAccount and aws:ResourceAccount.",
    source="https://docs.aws.amazon.com/whitepapers/latest/building-a-data-perimeter-on-aws/perimeter-implementation.html",
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.has("policy"):
        yield "There is no policy, so everybody in the VPC may do everything by the endpoint."
    for statement in statements(resource):
        unlimited = "*" in statement.actions and "*" in statement.resources
        if statement.allows and unlimited and "*" in statement.principals and not statement.conditions:
            yield "The policy allows everything."
