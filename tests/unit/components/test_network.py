"""Jobs reach AWS services from private subnets, and nothing reaches them."""

import ipaddress
from typing import Any

import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.arguments.network import NetworkArgs
from components.network.vpc import Network
from tests.support.components.examples import NAME
from tests.support.components.recording import (
    ACCOUNT,
    PARTITION,
    REGION,
    FakeAws,
    Recording,
    arn_of,
    physical,
    record,
)
from tests.support.each_case import each_case

ZONES = "abc"
SERVICES = ("logs", "sqs", "ecr.dkr")
GIVEN = {"subnet_ids": ["subnet-0000001a", "subnet-0000002b"]}
TO_HTTPS = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}


def recorded(*services: str, **args: Any) -> Recording:
    def program() -> dict[str, Any]:
        network = Network(NAME, NetworkArgs(**args), services)
        return {
            "vpc": network.vpc_id,
            "subnets": network.subnet_ids,
            "groups": network.security_group_ids,
        }

    return record(program)


def id_of(name: str) -> str:
    return f"{physical(f'{NAME}{name}')}-id"


def private(zone: str) -> str:
    return id_of(f"-private-{zone}")


@pytest.fixture(scope="module")
def endpoints() -> Recording:
    return recorded(*SERVICES)


@pytest.fixture(scope="module")
def nat() -> Recording:
    return recorded(*SERVICES, network_egress="nat")


def rules(recording: Recording, direction: Any) -> dict[str, dict[str, Any]]:
    return {
        each.name.removeprefix(f"{NAME}-"): recording.inputs(direction, each.name) for each in recording.all(direction)
    }


class TestTheVpc:
    def test_resolves_the_private_names_of_endpoints(self, endpoints: Recording) -> None:
        assert endpoints.inputs(aws.ec2.Vpc) == {
            "cidrBlock": "10.0.0.0/16",
            "enableDnsHostnames": True,
            "enableDnsSupport": True,
            "tags": {"Name": NAME},
        }
        assert endpoints.outputs["vpc"] == id_of("")

    def test_its_default_security_group_has_no_rules(self, endpoints: Recording) -> None:
        assert endpoints.inputs(aws.ec2.DefaultSecurityGroup) == {"vpcId": id_of("")}

    def test_has_private_subnets_in_the_first_three_zones(self, endpoints: Recording) -> None:
        subnets = [endpoints.inputs(aws.ec2.Subnet, f"{NAME}-private-{zone}") for zone in ZONES]

        assert [each["availabilityZone"] for each in subnets] == [f"{REGION}{zone}" for zone in ZONES]
        assert [each["cidrBlock"] for each in subnets] == ["10.0.0.0/18", "10.0.64.0/18", "10.0.128.0/18"]
        assert {each["mapPublicIpOnLaunch"] for each in subnets} == {False}
        assert endpoints.outputs["subnets"] == [private(zone) for zone in ZONES]

    def test_keeps_its_subnets_when_the_region_gets_another_zone(self, endpoints: Recording) -> None:
        ignored = [list(each.options.ignore_changes) for each in endpoints.all(aws.ec2.Subnet)]

        assert ignored == [["availabilityZone"]] * 3

    def test_makes_nothing_in_a_region_with_two_zones(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def two_zones(*_: object) -> dict[str, list[str]]:
            return {"names": ["x-1a", "x-1b"]}

        monkeypatch.setattr(FakeAws, "invoke", two_zones)

        with pytest.raises(ArgumentError, match=r"2 availability zones for this account \(x-1a, x-1b\), but needs 3"):
            recorded()

    @pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.16.4.0/24"])
    def test_its_subnets_are_inside_of_it_and_apart_and_large_enough_for_aws(self, cidr: str) -> None:
        recording = recorded(network_cidr=cidr, network_egress="nat-per-zone")
        networks = [ipaddress.ip_network(each.inputs["cidrBlock"]) for each in recording.all(aws.ec2.Subnet)]

        assert len(networks) == 6
        assert all(each.subnet_of(ipaddress.ip_network(cidr)) for each in networks)  # pyright: ignore[reportArgumentType]
        assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)
        assert max(each.prefixlen for each in networks) <= 28


class TestEndpoints:
    def test_a_gateway_serves_s3_and_dynamodb_in_every_subnet(self, endpoints: Recording) -> None:
        for service in ("s3", "dynamodb"):
            inputs = endpoints.inputs(aws.ec2.VpcEndpoint, f"{NAME}-{service}")
            assert inputs["serviceName"] == f"com.amazonaws.{REGION}.{service}"
            assert inputs["vpcEndpointType"] == "Gateway"
            assert inputs["routeTableIds"] == [private(zone) for zone in ZONES]

    def test_a_gateway_lets_the_accounts_roles_use_the_accounts_resources_alone(self, endpoints: Recording) -> None:
        account = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT}},
        }
        layers = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:{PARTITION}:s3:::prod-{REGION}-starport-layer-bucket/*",
        }

        assert self.statements(endpoints, "s3") == [account, layers]
        assert self.statements(endpoints, "dynamodb") == [account]
        assert self.statements(recorded("sqs"), "s3") == [account]
        # Other registries keep layers in buckets of other accounts.
        any_layers = {**layers, "Resource": "*"}
        assert self.statements(recorded("ecr.dkr", network_egress="nat"), "s3") == [account, any_layers]

    def test_an_interface_serves_each_service_by_its_own_name_in_every_subnet(self, endpoints: Recording) -> None:
        interfaces = [each for each in endpoints.all(aws.ec2.VpcEndpoint) if "subnetIds" in each.inputs]

        assert {each.name for each in interfaces} == {f"{NAME}-{each}" for each in ("logs", "sqs", "ecr-dkr")}
        inputs = endpoints.inputs(aws.ec2.VpcEndpoint, f"{NAME}-ecr-dkr")
        del inputs["policy"], inputs["tags"]
        assert inputs == {
            "vpcId": id_of(""),
            "vpcEndpointType": "Interface",
            "serviceName": f"com.amazonaws.{REGION}.ecr.dkr",
            "subnetIds": [private(zone) for zone in ZONES],
            "securityGroupIds": [id_of("-endpoints")],
            "privateDnsEnabled": True,
        }

    def test_an_interface_serves_the_accounts_roles_alone(self, endpoints: Recording) -> None:
        assert self.statements(endpoints, "sqs") == [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
            }
        ]

    def test_what_a_processor_calls_is_added_once(self) -> None:
        recording = recorded("sqs", network_endpoints=["bedrock-runtime", "sqs"])

        names = sorted(each.name for each in recording.all(aws.ec2.VpcEndpoint))
        assert names == [f"{NAME}-{each}" for each in ("bedrock-runtime", "dynamodb", "s3", "sqs")]

    def test_jobs_send_to_the_endpoints_alone_and_receive_nothing(self, endpoints: Recording) -> None:
        jobs, group = {"securityGroupId": id_of("-jobs"), **TO_HTTPS}, id_of("-endpoints")

        assert rules(endpoints, aws.vpc.SecurityGroupEgressRule) == {
            "jobs-to-s3": {**jobs, "prefixListId": f"pl-of-{physical(f'{NAME}-s3')}"},
            "jobs-to-dynamodb": {**jobs, "prefixListId": f"pl-of-{physical(f'{NAME}-dynamodb')}"},
            "jobs-to-endpoints": {**jobs, "referencedSecurityGroupId": group},
        }
        assert rules(endpoints, aws.vpc.SecurityGroupIngressRule) == {
            "endpoints-from-jobs": {"securityGroupId": group, "referencedSecurityGroupId": id_of("-jobs"), **TO_HTTPS}
        }
        assert endpoints.outputs["groups"] == [id_of("-jobs")]

    def test_there_is_no_way_to_the_internet(self, endpoints: Recording) -> None:
        assert endpoints.all(aws.ec2.InternetGateway) == endpoints.all(aws.ec2.Route) == []

    def test_without_services_there_is_no_group_for_them(self) -> None:
        assert [each.name for each in recorded().all(aws.ec2.SecurityGroup)] == [f"{NAME}-jobs"]

    @staticmethod
    def statements(recording: Recording, service: str) -> Any:
        return recording.json_input(aws.ec2.VpcEndpoint, f"{NAME}-{service}", "policy")["Statement"]


class TestNat:
    @pytest.mark.parametrize(("egress", "gateways"), [("nat", "aaa"), ("nat-per-zone", "abc")])
    def test_private_subnets_send_to_the_internet_by_one_gateway_or_their_zones(
        self, egress: str, gateways: str
    ) -> None:
        recording = recorded(network_egress=egress)
        routes = {each.name: each.inputs for each in recording.all(aws.ec2.Route)}

        assert routes.pop(f"{NAME}-public-to-internet") == {
            "routeTableId": id_of("-public"),
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": id_of("-internet"),
        }
        assert routes == {
            f"{NAME}-private-{zone}-to-nat": {
                "routeTableId": private(zone),
                "destinationCidrBlock": "0.0.0.0/0",
                "natGatewayId": id_of(f"-nat-{gateway}"),
            }
            for zone, gateway in zip(ZONES, gateways, strict=True)
        }
        for each in recording.all(aws.ec2.NatGateway):
            zone = each.name[-1]
            assert each.inputs["subnetId"] == id_of(f"-public-{zone}")
            assert each.inputs["allocationId"] == id_of(f"-nat-{zone}")

    def test_a_gateway_waits_for_its_own_way_out(self, nat: Recording) -> None:
        way_out = {
            nat.only(aws.ec2.Route, f"{NAME}-public-to-internet").urn,
            nat.only(aws.ec2.RouteTableAssociation, f"{NAME}-public-a").urn,
        }

        assert way_out <= nat.only(aws.ec2.NatGateway).options.depends_on

    def test_jobs_send_to_port_443_alone_and_s3_and_dynamodb_stay_off_the_gateway(self, nat: Recording) -> None:
        assert rules(nat, aws.vpc.SecurityGroupEgressRule) == {
            "jobs-to-internet": {"securityGroupId": id_of("-jobs"), "cidrIpv4": "0.0.0.0/0", **TO_HTTPS}
        }
        assert {each.name for each in nat.all(aws.ec2.VpcEndpoint)} == {f"{NAME}-s3", f"{NAME}-dynamodb"}


class TestGivenSubnets:
    def test_nothing_is_made_but_a_security_group_in_their_vpc(self) -> None:
        recording = recorded(*SERVICES, **GIVEN)

        assert recording.inputs(aws.ec2.SecurityGroup)["vpcId"] == "vpc-of-subnet-0000001a"
        assert rules(recording, aws.vpc.SecurityGroupEgressRule) == {
            "jobs-to-anywhere": {"securityGroupId": id_of("-jobs"), "cidrIpv4": "0.0.0.0/0", **TO_HTTPS}
        }
        assert len(recording.registrations) == 3
        assert recording.outputs == {
            "vpc": "vpc-of-subnet-0000001a",
            "subnets": GIVEN["subnet_ids"],
            "groups": [id_of("-jobs")],
        }

    def test_nothing_at_all_is_made_where_security_groups_are_given_as_well(self) -> None:
        recording = recorded(*SERVICES, **GIVEN, security_group_ids=["sg-0000001a"])

        assert [each.type for each in recording.registrations] == ["portage:index:Network"]
        assert recording.outputs["groups"] == ["sg-0000001a"]


class TestFlowLogs:
    def test_are_kept_for_30_days_by_default(self, endpoints: Recording) -> None:
        assert endpoints.inputs(aws.cloudwatch.LogGroup) == {"retentionInDays": 30}

    def test_are_written_by_a_role_of_their_own_and_deleted_in_time(self) -> None:
        recording, log = recorded(network_flow_log_days=14), arn_of(aws.cloudwatch.LogGroup, f"{NAME}-flows-log")

        assert recording.inputs(aws.cloudwatch.LogGroup) == {"retentionInDays": 14}
        assert recording.inputs(aws.ec2.FlowLog) == {
            "vpcId": id_of(""),
            "trafficType": "ALL",
            "logDestination": log,
            "iamRoleArn": arn_of(aws.iam.Role, f"{NAME}-flows-role"),
        }
        assert recording.only(aws.iam.RolePolicy).urn in recording.only(aws.ec2.FlowLog).options.depends_on
        assert recording.json_input(aws.iam.RolePolicy, None, "policy")["Statement"] == [
            {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": [f"{log}:*"]},
            {"Effect": "Allow", "Action": ["logs:DescribeLogStreams"], "Resource": [f"{log}:*"]},
            {"Effect": "Allow", "Action": ["logs:DescribeLogGroups"], "Resource": ["*"]},
        ]
        trust = recording.json_input(aws.iam.Role, None, "assumeRolePolicy")["Statement"]
        assert [each["Principal"] for each in trust] == [{"Service": "vpc-flow-logs.amazonaws.com"}]


@each_case(
    ("args", "error"),
    [
        ({"network_cidr": "10.0.0.0/8"}, "network_cidr is '10.0.0.0/8', but must be an IPv4 network"),
        ({"network_cidr": "10.0.0.0/25"}, "network_cidr is '10.0.0.0/25', but must be an IPv4 network"),
        ({"network_cidr": "2001:db8::/32"}, "network_cidr is '2001:db8::/32', but must be an IPv4 network"),
        ({"network_cidr": "10.0.1.0/16"}, "network_cidr is '10.0.1.0/16', but must be 10.0.0.0/16"),
        ({"network_egress": "none"}, "network_egress is 'none', but must be one of endpoints, nat, nat-per-zone"),
        ({"network_endpoints": ["s3"]}, r"network_endpoints\[0\] is 's3'"),
        ({"network_flow_log_days": 2}, "network_flow_log_days is 2, but must be one of 1, 3, 5"),
        ({"subnet_ids": ["vpc-1"]}, r"subnet_ids\[0\] is 'vpc-1', but must be the id of a subnet"),
        ({"security_group_ids": ["default"]}, r"security_group_ids\[0\] is 'default', but must be the id of a"),
    ],
)
def test_a_bad_value_is_refused(args: dict[str, Any], error: str) -> None:
    with pytest.raises(ArgumentError, match=error):
        NetworkArgs(**args)


@each_case(
    ("args", "conflict"),
    [
        ({**GIVEN, "network_cidr": "10.1.0.0/16"}, "network_cidr is '10.1.0.0/16'"),
        ({**GIVEN, "network_egress": "nat"}, "network_egress is 'nat'"),
        ({**GIVEN, "network_endpoints": ["sqs"]}, "network_endpoints is ['sqs']"),
        ({**GIVEN, "network_flow_log_days": 14}, "network_flow_log_days is 14"),
        ({"security_group_ids": ["sg-0000001a"]}, "security_group_ids needs subnet_ids"),
        ({"network_egress": "nat", "network_endpoints": ["sqs"]}, "network_endpoints is given"),
    ],
)
def test_an_argument_that_nothing_would_read_is_a_conflict(args: dict[str, Any], conflict: str) -> None:
    (found,) = NetworkArgs(**args).network_conflicts(str)

    assert found.startswith(conflict)


@each_case("args", [{}, GIVEN, {**GIVEN, "security_group_ids": ["sg-0000001a"]}, {"network_egress": "nat-per-zone"}])
def test_what_is_read_is_no_conflict(args: dict[str, Any]) -> None:
    assert NetworkArgs(**args).network_conflicts(str) == []
