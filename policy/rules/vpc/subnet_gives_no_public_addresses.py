"""A subnet gives no public addresses by itself."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ec2/subnet:Subnet",
    severity=Severity.MEDIUM,
    reason="What starts there can otherwise be reached from the internet.",
    steps="Set mapPublicIpOnLaunch to false.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html",
    controls=("EC2.15",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.flag("mapPublicIpOnLaunch"):
        yield "mapPublicIpOnLaunch is true."
