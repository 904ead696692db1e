"""Rules of security groups in the embedded AWS."""

from collections.abc import Iterator

import pytest

from local.emulator.process import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_rules_for_two_prefix_lists_are_two_rules(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="jobs", Description="jobs", VpcId=vpc)["GroupId"]
    rules: list[str] = []
    for prefix_list in ("pl-63a5400a", "pl-02cd2c6b"):
        permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        made = ec2.authorize_security_group_egress(
            GroupId=group, IpPermissions=[{**permission, "PrefixListIds": [{"PrefixListId": prefix_list}]}]
        )
        rules += [each["SecurityGroupRuleId"] for each in made["SecurityGroupRules"]]

    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[rules[0]])

    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    named = [each["PrefixListId"] for rule in found["IpPermissionsEgress"] for each in rule.get("PrefixListIds", [])]
    assert named == ["pl-02cd2c6b"]
