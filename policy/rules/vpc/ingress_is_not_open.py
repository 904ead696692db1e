"""No security group lets the internet reach ports other than 80 and 443."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    severity=Severity.HIGH,
    reason="Otherwise anybody can attack what listens there.",
    steps="Name the networks or the security group that may connect.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html",
    controls=("EC2.19",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.type == "aws:ec2/securityGroup:SecurityGroup":
        rules = resource.blocks("ingress")
    elif resource.text("type", "ingress") == "ingress":
        rules = [resource]
    else:
        rules = []
    for each in rules:
        sources = {
            *each.texts("cidrBlocks"),
            *each.texts("ipv6CidrBlocks"),
            each.text("cidrIpv4"),
            each.text("cidrIpv6"),
        }
        ports = (each.number("fromPort"), each.number("toPort"))
        if sources & {"0.0.0.0/0", "::/0"} and ports not in ((80, 80), (443, 443)):
            yield f"The internet can reach the ports {ports[0]:.0f} to {ports[1]:.0f}."
