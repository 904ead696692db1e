"""VPCs and what is in them. MiniStack records them: no packet is filtered or routed, as nothing runs in a VPC."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.resources.parameters import Given, Move, json_text
from local.resources.rows import Autoname, Call, Made, Row

_RECORDED = {"": "the network is recorded, but jobs run as local processes outside of it"}


def _tags(kind: str) -> Move:
    """Return a move of tags for an operation that creates a resource of a kind."""
    return lambda tags: {
        "TagSpecifications": [
            {
                "ResourceType": kind,
                "Tags": [{"Key": replace(tag, value=name), "Value": tag} for name, tag in tags.children().items()],
            }
        ]
    }


def _response(operation: str, *path: str) -> Any:
    """Return a function that returns a value from an operation's response."""

    def read(made: Made) -> Any:
        found: Any = made.responses[operation]
        for name in path:
            found = found[name]
        return found

    return read


def _delete(operation: str, member: str) -> Call:
    return Call(operation=operation, also=lambda made: {member: made.id})


def _made_here(create: Call, delete: Call, *, at: tuple[str, ...], noun: str = "", **more: Any) -> Row:
    """Return the row of a resource that AWS names by an id, which is in the response of `create`.

    With a `noun` it has an ARN.
    """
    read = _response(create.operation, *at)

    def outputs(made: Made) -> Mapping[str, Any]:
        return {"arn": made.account.arn("ec2", f"{noun}/{read(made)}")} if noun else {}

    return Row(service="ec2", create=create, delete=delete, id=read, outputs=outputs, not_emulated=_RECORDED, **more)


def _attribute(name: str) -> Call:
    """ModifyVpcAttribute takes one attribute at a time."""
    return Call(
        operation="ModifyVpcAttribute",
        moves={name: f"{name[0].upper()}{name[1:]}.Value"},
        when=name,
        also=lambda made: {"VpcId": made.id},
    )


def _revoke_default_egress(made: Made) -> None:
    """Leave a new group without rules, as the provider does: AWS lets it send everywhere."""
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    made.account.client("ec2").revoke_security_group_egress(GroupId=made.id, IpPermissions=[everything])


def _revoke_all(made: Made) -> None:
    client = made.account.client("ec2")
    (group,) = made.responses["DescribeSecurityGroups"]["SecurityGroups"]
    if group["IpPermissions"]:
        client.revoke_security_group_ingress(GroupId=made.id, IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        client.revoke_security_group_egress(GroupId=made.id, IpPermissions=group["IpPermissionsEgress"])


def _detach(made: Made) -> None:
    made.account.client("ec2").detach_internet_gateway(InternetGatewayId=made.id, VpcId=made.inputs["vpcId"])


def _flag(member: str) -> Move:
    """Flags are text in the provider, because a template may leave them open."""
    return lambda text: {member: replace(text, value=text.value == "true")}


_TEMPLATE = {
    "blockDeviceMappings": "LaunchTemplateData.BlockDeviceMappings",
    "blockDeviceMappings.ebs.encrypted": _flag("Encrypted"),
    "blockDeviceMappings.ebs.deleteOnTermination": _flag("DeleteOnTermination"),
    "metadataOptions": "LaunchTemplateData.MetadataOptions",
}


def _template(made: Made) -> Mapping[str, Any]:
    """Return the ARN, and the number of the newest version."""
    (found,) = made.account.client("ec2").describe_launch_templates(LaunchTemplateIds=[made.id])["LaunchTemplates"]
    return {
        "arn": made.account.arn("ec2", f"launch-template/{made.id}"),
        "latestVersion": found["LatestVersionNumber"],
        "defaultVersion": found["DefaultVersionNumber"],
    }


def _default_group(vpc_id: Given) -> Mapping[str, Any]:
    return {"Filters": [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]}


def _endpoint(made: Made) -> Mapping[str, Any]:
    service = made.inputs["serviceName"]
    lists = made.account.client("ec2").describe_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": [service]}]
    )["PrefixLists"]
    is_gateway = made.inputs["vpcEndpointType"] == "Gateway"
    return {
        "arn": made.account.arn(
            "ec2", f"vpc-endpoint/{_response('CreateVpcEndpoint', 'VpcEndpoint', 'VpcEndpointId')(made)}"
        ),
        **({"prefixListId": lists[0]["PrefixListId"]} if is_gateway else {}),
    }


def _rule(direction: str) -> Row:
    create, revoke = f"AuthorizeSecurityGroup{direction}", f"RevokeSecurityGroup{direction}"
    to: dict[str, Move] = {
        "ipProtocol": "IpPermissions[].IpProtocol",
        "fromPort": "IpPermissions[].FromPort",
        "toPort": "IpPermissions[].ToPort",
        "cidrIpv4": "IpPermissions[].IpRanges[].CidrIp",
        "cidrIpv6": "IpPermissions[].Ipv6Ranges[].CidrIpv6",
        "prefixListId": "IpPermissions[].PrefixListIds[].PrefixListId",
        "referencedSecurityGroupId": "IpPermissions[].UserIdGroupPairs[].GroupId",
    }
    return Row(
        service="ec2",
        create=Call(operation=create, moves={"securityGroupId": "GroupId", **to, "tags": _tags("security-group-rule")}),
        replace_on=("securityGroupId", *to),
        delete=Call(
            operation=revoke,
            moves={"securityGroupId": "GroupId"},
            also=lambda made: {"SecurityGroupRuleIds": [made.id]},
        ),
        id=lambda made: made.responses[create]["SecurityGroupRules"][0]["SecurityGroupRuleId"],
        not_emulated=_RECORDED,
    )


TABLE = {
    "aws:ec2/vpc:Vpc": _made_here(
        Call(operation="CreateVpc", moves={"tags": _tags("vpc")}),
        _delete("DeleteVpc", "VpcId"),
        at=("Vpc", "VpcId"),
        noun="vpc",
        then=(_attribute("enableDnsSupport"), _attribute("enableDnsHostnames")),
        replace_on=("cidrBlock", "instanceTenancy"),
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Row(
        service="ec2",
        # AWS makes one with each VPC; the provider takes it over, and deletes nothing.
        create=Call(operation="DescribeSecurityGroups", moves={"vpcId": _default_group}),
        after=_revoke_all,
        replace_on=("vpcId",),
        delete=None,
        id=lambda made: made.responses["DescribeSecurityGroups"]["SecurityGroups"][0]["GroupId"],
        not_emulated=_RECORDED,
    ),
    "aws:ec2/subnet:Subnet": _made_here(
        Call(operation="CreateSubnet", moves={"tags": _tags("subnet")}),
        _delete("DeleteSubnet", "SubnetId"),
        at=("Subnet", "SubnetId"),
        noun="subnet",
        then=(
            Call(
                operation="ModifySubnetAttribute",
                moves={"mapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
                when="mapPublicIpOnLaunch",
                also=lambda made: {"SubnetId": made.id},
            ),
        ),
        replace_on=("availabilityZone", "cidrBlock", "vpcId"),
        neutral={"mapPublicIpOnLaunch": False},
    ),
    "aws:ec2/routeTable:RouteTable": _made_here(
        Call(operation="CreateRouteTable", moves={"tags": _tags("route-table")}),
        _delete("DeleteRouteTable", "RouteTableId"),
        at=("RouteTable", "RouteTableId"),
        noun="route-table",
        replace_on=("vpcId",),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _made_here(
        Call(operation="AssociateRouteTable"),
        _delete("DisassociateRouteTable", "AssociationId"),
        at=("AssociationId",),
        replace_on=("subnetId", "routeTableId"),
    ),
    "aws:ec2/route:Route": Row(
        service="ec2",
        create=Call(operation="CreateRoute"),
        replace_on=("routeTableId", "destinationCidrBlock", "gatewayId", "natGatewayId"),
        delete=Call(
            operation="DeleteRoute",
            moves={"routeTableId": "RouteTableId", "destinationCidrBlock": "DestinationCidrBlock"},
        ),
        id=lambda made: f"r-{made.inputs['routeTableId']}-{made.inputs['destinationCidrBlock']}",
        not_emulated=_RECORDED,
    ),
    "aws:ec2/internetGateway:InternetGateway": _made_here(
        Call(operation="CreateInternetGateway", moves={"tags": _tags("internet-gateway")}),
        _delete("DeleteInternetGateway", "InternetGatewayId"),
        at=("InternetGateway", "InternetGatewayId"),
        noun="internet-gateway",
        then=(
            Call(
                operation="AttachInternetGateway",
                moves={"vpcId": "VpcId"},
                when="vpcId",
                also=lambda made: {"InternetGatewayId": made.id},
            ),
        ),
        replace_on=("vpcId",),
        before_delete=_detach,
    ),
    "aws:ec2/eip:Eip": _made_here(
        Call(operation="AllocateAddress", moves={"tags": _tags("elastic-ip")}),
        _delete("ReleaseAddress", "AllocationId"),
        at=("AllocationId",),
        replace_on=("domain",),
    ),
    "aws:ec2/natGateway:NatGateway": _made_here(
        Call(operation="CreateNatGateway", moves={"tags": _tags("natgateway")}),
        _delete("DeleteNatGateway", "NatGatewayId"),
        at=("NatGateway", "NatGatewayId"),
        replace_on=("subnetId", "allocationId"),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Row(
        service="ec2",
        create=Call(
            operation="CreateVpcEndpoint",
            moves={
                "policy": json_text("PolicyDocument"),
                **{name: f"{name[0].upper()}{name[1:]}" for name in ("routeTableIds", "subnetIds", "securityGroupIds")},
                "tags": _tags("vpc-endpoint"),
            },
        ),
        update=(
            Call(
                operation="ModifyVpcEndpoint",
                moves={"policy": json_text("PolicyDocument")},
                also=lambda made: {"VpcEndpointId": made.id},
            ),
        ),
        replace_on=("vpcId", "serviceName", "vpcEndpointType"),
        delete=Call(operation="DeleteVpcEndpoints", also=lambda made: {"VpcEndpointIds": [made.id]}),
        id=_response("CreateVpcEndpoint", "VpcEndpoint", "VpcEndpointId"),
        outputs=_endpoint,
        defaults={"vpcEndpointType": "Gateway"},
        not_emulated=_RECORDED,
    ),
    "aws:ec2/securityGroup:SecurityGroup": _made_here(
        Call(
            operation="CreateSecurityGroup",
            moves={"name": "GroupName", "description": "Description", "tags": _tags("security-group")},
        ),
        _delete("DeleteSecurityGroup", "GroupId"),
        at=("GroupId",),
        noun="security-group",
        after=_revoke_default_egress,
        replace_on=("name", "description", "vpcId"),
        autoname=Autoname(limit=255),
        defaults={"description": "Managed by Pulumi"},
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Row(
        service="ec2",
        create=Call(
            operation="CreateLaunchTemplate",
            moves={**_TEMPLATE, "name": "LaunchTemplateName", "tags": _tags("launch-template")},
        ),
        update=(
            Call(
                operation="CreateLaunchTemplateVersion",
                moves=_TEMPLATE,
                also=lambda made: {"LaunchTemplateId": made.id},
            ),
        ),
        changing=frozenset({"latestVersion"}),
        replace_on=("name",),
        delete=_delete("DeleteLaunchTemplate", "LaunchTemplateId"),
        id=_response("CreateLaunchTemplate", "LaunchTemplate", "LaunchTemplateId"),
        outputs=_template,
        autoname=Autoname(limit=128),
        not_emulated={"": "no node is started"},
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("Egress"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("Ingress"),
    "aws:ec2/flowLog:FlowLog": Row(
        service="ec2",
        create=Call(
            operation="CreateFlowLogs",
            moves={
                "vpcId": lambda vpc_id: {"ResourceIds": [vpc_id], "ResourceType": "VPC"},
                "iamRoleArn": "DeliverLogsPermissionArn",
                "tags": _tags("vpc-flow-log"),
            },
        ),
        replace_on=("vpcId", "trafficType", "logDestination", "iamRoleArn"),
        delete=Call(operation="DeleteFlowLogs", also=lambda made: {"FlowLogIds": [made.id]}),
        id=lambda made: made.responses["CreateFlowLogs"]["FlowLogIds"][0],
        not_emulated=_RECORDED,
    ),
}
