"""The building block for the identity of pods: a role for one service account of one cluster.

EKS Pod Identity gives it to pods on nodes. Fargate does not support it, so there the cluster's OIDC provider does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from components.eks.cluster import Cluster


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    """The service account that gets an identity, and what it may do."""

    cluster: Cluster
    oidc_provider_arn: pulumi.Input[str] | None
    """The cluster's, where pods run on Fargate."""
    namespace: str
    service_account: str
    policy: pulumi.Input[str]
    """All that the role may do."""


class PodIdentity(pulumi.ComponentResource):
    """A role for the pods of a service account."""

    role_name: pulumi.Output[str]
    """Name of the role."""
    role_arn: pulumi.Output[str]
    """ARN of the role."""
    ready: Sequence[pulumi.Resource]
    """What pods need to have the role's permissions when they start."""

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:PodIdentity", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        who = args.namespace, args.service_account
        trust = (
            iam.trust_pods(args.cluster.arn, *who)
            if args.oidc_provider_arn is None
            else iam.trust_service_account(args.oidc_provider_arn, *who)
        )
        role = aws.iam.Role(f"{name}-role", assume_role_policy=trust, opts=child)
        policy = aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=args.policy, opts=child)
        ready: list[pulumi.Resource] = [policy]
        if args.oidc_provider_arn is None:
            ready.append(
                aws.eks.PodIdentityAssociation(
                    name,
                    cluster_name=args.cluster.name,
                    namespace=args.namespace,
                    service_account=args.service_account,
                    role_arn=role.arn,
                    # In a destroy, Argo CD and its pods are gone first, then identities, then nodes.
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.cluster.ready, policy]),
                )
            )
        self.ready = ready
        self.role_name, self.role_arn = role.name, role.arn
        self.register_outputs({"role_name": self.role_name, "role_arn": self.role_arn})
