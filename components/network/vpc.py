"""The building block for the network of jobs: a VPC with private subnets in three zones, or subnets that are given.

              zone 1            zone 2            zone 3
private       jobs, endpoints   jobs, endpoints   jobs, endpoints   --> gateway endpoints: S3, DynamoDB
public (nat)  NAT gateway       (per zone)        (per zone)        --> internet gateway

No job has a public address, and nothing outside of the VPC can open a connection into it.

A compute or workspace that needs a network gets it from ProcessingPipeline, which then also inherits NetworkArgs, adds
`network_conflicts` to its conflicts and SECURITY_GROUP to its names:

    Network(f"{name}-network", args, ["sqs", "logs"], pulumi.ResourceOptions(parent=self))
"""

import ipaddress
from collections.abc import Collection, Sequence
from typing import cast

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import ArgumentError, is_empty
from components.arguments.names import LOG_GROUP, ROLE, ROLE_POLICY, SECURITY_GROUP, NameRule
from components.arguments.network import NetworkArgs

ZONES = 3
HTTPS = 443
_LETTERS = "abc"
_ANYWHERE = "0.0.0.0/0"


class Network(pulumi.ComponentResource):
    """Private subnets that reach AWS services, and the security group of the jobs in them.

    What jobs connect to besides, such as a file system, adds a rule to `security_group_ids`, or groups of its own.
    """

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""
    subnet_ids: pulumi.Output[Sequence[str]]
    """Private subnets for jobs. They are known when their routes and endpoints exist."""
    security_group_ids: pulumi.Output[Sequence[str]]
    """Security groups for jobs. The one that is made lets them send to port 443, and receive nothing."""

    def __init__(
        self, name: str, args: NetworkArgs, services: Collection[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make or take a network. `services` are those that jobs call besides S3 and DynamoDB, such as sqs, ecr.dkr."""
        super().__init__("portage:index:Network", name, {}, opts)
        if is_empty(args.subnet_ids):
            vpc = self._vpc(name, args)
            self.vpc_id = vpc.id
            jobs = self._security_group(name, "jobs", vpc.id)
            self.subnet_ids = self._subnets(name, args, vpc, jobs, sorted({*services, *args.network_endpoints}))
            self.security_group_ids = jobs.id.apply(lambda known: [known])
        else:
            self.subnet_ids = _known(args.subnet_ids)
            here = pulumi.InvokeOutputOptions(parent=self)
            self.vpc_id = aws.ec2.get_subnet_output(id=self.subnet_ids[0], opts=here).vpc_id
            self.security_group_ids = self._given_or_made_group(name, args)
        self.register_outputs(
            {"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids, "security_group_ids": self.security_group_ids}
        )

    def _vpc(self, name: str, args: NetworkArgs) -> aws.ec2.Vpc:
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.network_cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,  # interface endpoints with private names need both
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Removes its rules. A resource without a security group of its own gets this one.
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, opts=pulumi.ResourceOptions(parent=self))
        self._flow_logs(f"{name}-flows", vpc.id, args.network_flow_log_days)
        return vpc

    def _subnets(
        self, name: str, args: NetworkArgs, vpc: aws.ec2.Vpc, jobs: aws.ec2.SecurityGroup, services: Sequence[str]
    ) -> pulumi.Output[Sequence[str]]:
        child = pulumi.ResourceOptions(parent=self)
        private = [self._subnet(name, "private", zone, args.network_cidr, vpc.id) for zone in range(ZONES)]
        tables = [
            aws.ec2.RouteTable(f"{name}-private-{_LETTERS[zone]}", vpc_id=vpc.id, opts=child) for zone in range(ZONES)
        ]
        ways: list[pulumi.Output[str]] = [
            aws.ec2.RouteTableAssociation(
                f"{name}-private-{_LETTERS[zone]}", subnet_id=subnet.id, route_table_id=table.id, opts=child
            ).id
            for zone, (subnet, table) in enumerate(zip(private, tables, strict=True))
        ]
        layers = [_image_layers(args, vpc)] if "ecr.dkr" in services else []
        gateways = [
            self._gateway_endpoint(f"{name}-{service}", service, vpc, tables, more)
            for service, more in (("s3", layers), ("dynamodb", []))
        ]
        ways += [gateway.id for gateway in gateways]
        if args.network_egress == "endpoints":
            for gateway, service in zip(gateways, ("s3", "dynamodb"), strict=True):
                self._egress(f"{name}-jobs-to-{service}", jobs, prefix_list_id=gateway.prefix_list_id)
            ways += self._interface_endpoints(name, vpc, private, jobs, services)
        else:
            self._egress(f"{name}-jobs-to-internet", jobs, cidr_ipv4=_ANYWHERE)
            ways += self._nat(name, args, vpc.id, tables)
        ids = pulumi.Output.all(*(subnet.id for subnet in private))
        return pulumi.Output.all(ids, *ways).apply(lambda known: known[0])

    def _subnet(self, name: str, kind: str, zone: int, cidr: str, vpc_id: pulumi.Input[str]) -> aws.ec2.Subnet:
        zones = aws.get_availability_zones_output(
            state="available",
            # Excludes Local Zones and Wavelength Zones, which an account must opt into.
            filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            opts=pulumi.InvokeOutputOptions(parent=self),
        ).names
        name = f"{name}-{kind}-{_LETTERS[zone]}"
        return aws.ec2.Subnet(
            name,
            vpc_id=vpc_id,
            availability_zone=zones.apply(lambda names: _zone(names, zone)),
            cidr_block=_addresses(cidr, kind, zone),
            map_public_ip_on_launch=False,
            tags={"Name": name},
            # A zone that AWS adds to the region must not replace the subnets of others.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["availability_zone"]),
        )

    def _gateway_endpoint(
        self,
        name: str,
        service: str,
        vpc: aws.ec2.Vpc,
        tables: Sequence[aws.ec2.RouteTable],
        more: Sequence[iam.Statement],
    ) -> aws.ec2.VpcEndpoint:
        return aws.ec2.VpcEndpoint(
            name,
            vpc_id=vpc.id,
            vpc_endpoint_type="Gateway",
            service_name=_service_name(vpc, service),
            route_table_ids=[table.id for table in tables],
            policy=iam.endpoint_policy(name, iam.stay_in_account(vpc.arn), *more),
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _interface_endpoints(
        self,
        name: str,
        vpc: aws.ec2.Vpc,
        subnets: Sequence[aws.ec2.Subnet],
        jobs: aws.ec2.SecurityGroup,
        services: Sequence[str],
    ) -> list[pulumi.Output[str]]:
        if not services:
            return []
        child = pulumi.ResourceOptions(parent=self)
        group = self._security_group(name, "endpoints", vpc.id)
        connect(name, ("jobs", jobs), ("endpoints", group), HTTPS, child)
        return [
            aws.ec2.VpcEndpoint(
                f"{name}-{service.replace('.', '-')}",
                vpc_id=vpc.id,
                vpc_endpoint_type="Interface",
                service_name=_service_name(vpc, service),
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                private_dns_enabled=True,
                policy=iam.endpoint_policy(f"{name}-{service}", iam.only_from_account(vpc.arn)),
                tags={"Name": f"{name}-{service}"},
                opts=child,
            ).id
            for service in services
        ]

    def _nat(
        self, name: str, args: NetworkArgs, vpc_id: pulumi.Input[str], tables: Sequence[aws.ec2.RouteTable]
    ) -> list[pulumi.Output[str]]:
        """Make NAT gateways, each in a public subnet, and return the routes to them."""
        child = pulumi.ResourceOptions(parent=self)
        internet = aws.ec2.InternetGateway(f"{name}-internet", vpc_id=vpc_id, opts=child)
        public = aws.ec2.RouteTable(f"{name}-public", vpc_id=vpc_id, opts=child)
        way_out = aws.ec2.Route(
            f"{name}-public-to-internet",
            route_table_id=public.id,
            destination_cidr_block=_ANYWHERE,
            gateway_id=internet.id,
            opts=child,
        )
        gateways: list[aws.ec2.NatGateway] = []
        for zone in range(ZONES if args.network_egress == "nat-per-zone" else 1):
            subnet = self._subnet(name, "public", zone, args.network_cidr, vpc_id)
            association = aws.ec2.RouteTableAssociation(
                f"{name}-public-{_LETTERS[zone]}", subnet_id=subnet.id, route_table_id=public.id, opts=child
            )
            address = aws.ec2.Eip(f"{name}-nat-{_LETTERS[zone]}", domain="vpc", opts=child)
            gateways.append(
                aws.ec2.NatGateway(
                    f"{name}-nat-{_LETTERS[zone]}",
                    subnet_id=subnet.id,
                    allocation_id=address.id,
                    tags={"Name": f"{name}-nat-{_LETTERS[zone]}"},
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[way_out, association]),
                )
            )
        return [
            aws.ec2.Route(
                f"{name}-private-{_LETTERS[zone]}-to-nat",
                route_table_id=table.id,
                destination_cidr_block=_ANYWHERE,
                nat_gateway_id=gateways[min(zone, len(gateways) - 1)].id,
                opts=child,
            ).id
            for zone, table in enumerate(tables)
        ]

    def _given_or_made_group(self, name: str, args: NetworkArgs) -> pulumi.Output[Sequence[str]]:
        if not is_empty(args.security_group_ids):
            return _known(args.security_group_ids)
        jobs = self._security_group(name, "jobs", self.vpc_id)
        # How the given subnets reach AWS is not known here.
        rule = self._egress(f"{name}-jobs-to-anywhere", jobs, cidr_ipv4=_ANYWHERE)
        return pulumi.Output.all(jobs.id, rule.id).apply(lambda known: known[:1])

    def _security_group(self, name: str, whose: str, vpc_id: pulumi.Input[str]) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{name}-{whose}",
            vpc_id=vpc_id,
            description=f"Portage {whose}",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _egress(
        self,
        name: str,
        group: aws.ec2.SecurityGroup,
        *,
        cidr_ipv4: pulumi.Input[str] | None = None,
        prefix_list_id: pulumi.Input[str] | None = None,
    ) -> aws.vpc.SecurityGroupEgressRule:
        """Let a group's members send to port 443 of one destination."""
        return aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            cidr_ipv4=cidr_ipv4,
            prefix_list_id=prefix_list_id,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _flow_logs(self, name: str, vpc_id: pulumi.Input[str], retention_days: int) -> None:
        child = pulumi.ResourceOptions(parent=self)
        log = aws.cloudwatch.LogGroup(f"{name}-log", retention_in_days=retention_days, opts=child)
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust(iam.FLOW_LOGS), opts=child)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(f"{name}-policy", *iam.write_flow_logs(log.arn)),
            opts=child,
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination=log.arn,
            iam_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )


def network_names(network: str) -> dict[NameRule, str]:
    """Return the longest names of a network's resources by type, for check_names; `network` is the network's own."""
    return {
        LOG_GROUP: f"{network}-flows-log",
        ROLE: f"{network}-flows-role",
        ROLE_POLICY: f"{network}-flows-policy",
        SECURITY_GROUP: f"{network}-endpoints",
    }


def connect(
    name: str,
    source: tuple[str, aws.ec2.SecurityGroup],
    target: tuple[str, aws.ec2.SecurityGroup],
    port: int,
    opts: pulumi.ResourceOptions,
) -> None:
    """Let the members of one security group connect to a port of another's; each has a word for names."""
    (sender, from_group), (receiver, to_group) = source, target
    aws.vpc.SecurityGroupEgressRule(
        f"{name}-{sender}-to-{receiver}",
        security_group_id=from_group.id,
        referenced_security_group_id=to_group.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        opts=opts,
    )
    aws.vpc.SecurityGroupIngressRule(
        f"{name}-{receiver}-from-{sender}",
        security_group_id=to_group.id,
        referenced_security_group_id=from_group.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        opts=opts,
    )


def _image_layers(args: NetworkArgs, vpc: aws.ec2.Vpc) -> iam.Statement:
    """Return what lets layers of images through the endpoint of S3.

    By NAT, nodes reach other registries than ECR. Some of these keep layers in S3 as well, such as quay.io.
    """
    return iam.read_image_layers(vpc.arn) if args.network_egress == "endpoints" else iam.read_any_image_layers()


def _known(ids: pulumi.Input[list[pulumi.Input[str]]]) -> pulumi.Output[Sequence[str]]:
    return cast("pulumi.Output[Sequence[str]]", pulumi.Output.from_input(ids))


def _zone(names: Sequence[str], number: int) -> str:
    if len(names) < ZONES:
        raise ArgumentError(
            f"Network: the region has {len(names)} availability zones for this account ({', '.join(names)}), but needs "
            f"{ZONES}; choose another region, or give the ids of subnets."
        )
    return sorted(names)[number]


def _addresses(cidr: str, kind: str, zone: int) -> str:
    """Return a quarter of the network for each private subnet, and a sixteenth of the last quarter for each public one.

    What is left can hold more subnets, such as those of another program.
    """
    *quarters, last = ipaddress.ip_network(cidr).subnets(prefixlen_diff=2)
    return str(quarters[zone] if kind == "private" else list(last.subnets(prefixlen_diff=2))[zone])


def _service_name(vpc: aws.ec2.Vpc, service: str) -> pulumi.Output[str]:
    return vpc.arn.apply(lambda arn: f"com.amazonaws.{arn.split(':')[3]}.{service}")
