"""The arguments of the network that jobs run in."""

from collections.abc import Callable

import pulumi

from components.arguments import is_empty, limits
from components.arguments.constraints import Choice
from components.arguments.declaration import Arguments, argument


class VpcArgs(Arguments):
    """Arguments of what runs in a VPC."""

    subnet_ids: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.SUBNET_IDS, default=[])
    """Private subnets that jobs run in, all of one VPC; if omitted, a VPC is made where jobs need one.

    Functions need none, except for what is in a VPC, such as a database. The subnets must reach the AWS services that
    jobs call, by VPC endpoints or a NAT gateway.
    """
    security_group_ids: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.SECURITY_GROUP_IDS, default=[])
    """Security groups of the jobs in `subnet_ids`; if omitted, one is made that lets jobs send to port 443 alone."""
    network_cidr: str = argument(limits.VPC_CIDR, default="10.0.0.0/16")
    """Addresses of the VPC. They must not overlap with those of networks that the VPC will be connected with."""
    network_flow_log_days: int = argument(limits.LOG_RETENTION_DAYS, default=30)
    """Days after which CloudWatch Logs deletes the flow logs of the VPC."""

    def network_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        found: list[str] = []
        if not is_empty(self.subnet_ids):
            found += [
                f"{spelled(name)} is {vars(self)[name]!r}, but is for a VPC that is made, and {spelled('subnet_ids')} "
                "are given; leave one of them out."
                for name in self.changed(each for each in self.declared if each.startswith("network_"))
            ]
        elif not is_empty(self.security_group_ids):
            found.append(
                f"{spelled('security_group_ids')} needs {spelled('subnet_ids')}: a security group belongs to the VPC "
                "of its subnets. Give both, or leave it out."
            )
        return found


class NetworkArgs(VpcArgs):
    """Arguments of ProcessingPipeline that Network uses, where the compute or the workspace needs a network."""

    network_egress: str = argument(
        Choice(("endpoints", "nat", "nat-per-zone"), "how jobs reach AWS services, and others"), default="endpoints"
    )
    """How jobs leave the VPC.

    With `endpoints` they reach only AWS services, at a price for each service and zone. With `nat` they reach the
    internet by one NAT gateway; with `nat-per-zone`, by one in each zone, so that no zone depends on another.
    """
    network_endpoints: list[str] = argument(limits.ENDPOINT_SERVICES, default=[])
    """More AWS services that a processor calls, such as bedrock-runtime. S3, DynamoDB and the compute's own are there.

    Used with `endpoints` as the egress.
    """

    def network_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        found = super().network_conflicts(spelled)
        if self.network_endpoints and self.network_egress != "endpoints":
            found.append(
                f"{spelled('network_endpoints')} is given, but with {spelled('network_egress')} "
                f"{self.network_egress!r} jobs reach all services by NAT; leave it out."
            )
        return found
