"""Roles with AWS's own policies, which EKS names for what it runs."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws


def role_with(
    name: str, trust: pulumi.Input[str], policies: Sequence[str], parent: pulumi.Resource | None
) -> tuple[aws.iam.Role, list[aws.iam.RolePolicyAttachment]]:
    """Make a role with AWS's policies of these names, which may have a path, and return it with their attachments."""
    child = pulumi.ResourceOptions(parent=parent)
    role = aws.iam.Role(name, assume_role_policy=trust, opts=child)
    attachments = [
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2].replace('_', '').lower()}",
            role=role.name,
            policy_arn=managed_policy(role.arn, "iam", f"policy/{policy}"),
            opts=child,
        )
        for policy in policies
    ]
    return role, attachments


def administrator(
    name: str,
    cluster_name: pulumi.Input[str],
    cluster_arn: pulumi.Input[str],
    principal_arn: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> aws.eks.AccessPolicyAssociation:
    """Let the principal of an access entry do everything in a cluster."""
    return aws.eks.AccessPolicyAssociation(
        name,
        cluster_name=cluster_name,
        principal_arn=principal_arn,
        policy_arn=managed_policy(cluster_arn, "eks", "cluster-access-policy/AmazonEKSClusterAdminPolicy"),
        access_scope={"type": "cluster"},
        opts=opts,
    )


def managed_policy(arn_of_the_partition: pulumi.Input[str], service: str, policy: str) -> pulumi.Output[str]:
    """Return the ARN of a policy that AWS owns, in the partition of another ARN."""
    known = pulumi.Output.from_input(arn_of_the_partition)
    return known.apply(lambda arn: f"arn:{arn.split(':')[1]}:{service}::aws:{policy}")
