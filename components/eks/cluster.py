"""The building block for a cluster that is made: the control plane, what pods run on, and add-ons.

                  API: private endpoint, public only for given networks
network, role --> control plane, all its logs, secrets encrypted --> auto: EKS Auto Mode              --> add-ons
                                                                     managed-nodes: node groups
                                                                     fargate: a profile

No change of an argument replaces the cluster. EKS upgrades it and changes its mode in place, and nodes with other
properties are other node groups. An input that cannot change in place is the same in all modes, or its changes are
ignored (pulumi_aws: name, role_arn, bootstrap_self_managed_addons, access_config's bootstrap, encryption_config).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import is_empty
from components.arguments.eks_argo_deploy import AUTO, FARGATE_PROFILES, MANAGED_NODES, EksArgoDeployArgs
from components.eks.add_ons import AFTER_NODES, BEFORE_NODES, add_ons
from components.eks.nodes import fargate_profile, node_groups
from components.eks.roles import administrator, role_with
from components.network.vpc import Network

CONTROL_PLANE_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""All that there are."""

CONTROL_PLANE_POLICIES = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
"""The first for every cluster, the others for Auto Mode. Source: EKS user guide, "EKS Auto Mode cluster IAM role"."""

AUTO_NODE_POLICIES = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
"""Source: EKS user guide, "Amazon EKS Auto Mode node IAM role"."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster, as identities and Argo CD need it."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    """In base64."""
    oidc_issuer: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    """Of the control plane and its nodes."""
    ready: Sequence[pulumi.Resource] = ()
    """What pods need to run."""


def existing_cluster(name: pulumi.Input[str], parent: pulumi.Resource) -> Cluster:
    """Return a cluster that exists outside of this component."""
    found = aws.eks.get_cluster_output(name=name, opts=pulumi.InvokeOutputOptions(parent=parent))
    return Cluster(
        name=found.name,
        arn=found.arn,
        endpoint=found.endpoint,
        certificate_authority=found.certificate_authorities[0].data,
        oidc_issuer=found.identities[0].oidcs[0].issuer,
        security_group_id=found.vpc_config.cluster_security_group_id,
    )


class EksCluster(pulumi.ComponentResource):
    """A cluster in private subnets."""

    cluster: Cluster

    def __init__(self, name: str, args: EksArgoDeployArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:EksCluster", name, {}, opts)
        # For ecr.dkr, the policy of S3's gateway endpoint allows the layers of images.
        network = Network(f"{name}-network", args.network, ["ecr.dkr"], pulumi.ResourceOptions(parent=self))
        control_plane = self._control_plane(name, args, network)
        ready = self._nodes(name, args, control_plane, network)
        self.cluster = Cluster(
            name=control_plane.name,
            arn=control_plane.arn,
            endpoint=control_plane.endpoint,
            certificate_authority=control_plane.certificate_authority.data,
            oidc_issuer=control_plane.identities[0].oidcs[0].issuer,
            security_group_id=control_plane.vpc_config.cluster_security_group_id,
            ready=[control_plane, *self._administrators(name, args, control_plane), *ready],
        )
        self.register_outputs({})

    def _control_plane(self, name: str, args: EksArgoDeployArgs, network: Network) -> aws.eks.Cluster:
        child = pulumi.ResourceOptions(parent=self)
        is_auto = args.mode == AUTO
        policies = CONTROL_PLANE_POLICIES if is_auto else CONTROL_PLANE_POLICIES[:1]
        role, attached = role_with(name, iam.trust_with_tags(iam.EKS), policies, self)
        # EKS would make it without a retention. Its name has the cluster's, which is the role's: unique as well.
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-log",
            name=pulumi.Output.concat("/aws/eks/", role.name, "/cluster"),
            retention_in_days=args.log_retention_days,
            opts=child,
        )
        is_public = not is_empty(args.public_access_cidrs)
        vpc: aws.eks.ClusterVpcConfigArgsDict = {
            "subnet_ids": network.subnet_ids,
            "security_group_ids": network.security_group_ids,
            "endpoint_private_access": True,
            "endpoint_public_access": is_public,
        }
        if is_public:
            vpc["public_access_cidrs"] = args.public_access_cidrs
        compute: aws.eks.ClusterComputeConfigArgsDict = {"enabled": is_auto}
        if is_auto:
            node_role, of_nodes = role_with(f"{name}-auto-node-role", iam.trust(iam.EC2), AUTO_NODE_POLICIES, self)
            attached += of_nodes
            compute |= {"node_pools": ["general-purpose", "system"], "node_role_arn": node_role.arn}
        return aws.eks.Cluster(
            name,
            name=role.name,
            role_arn=role.arn,
            version=args.kubernetes_version,
            vpc_config=vpc,
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
            bootstrap_self_managed_addons=False,
            encryption_config={"provider": {"key_arn": self._key(name, args, role.arn)}, "resources": ["secrets"]},
            enabled_cluster_log_types=list(CONTROL_PLANE_LOGS),
            # EKS takes these three together (EKS user guide, "Enable EKS Auto Mode on existing clusters").
            compute_config=compute,
            kubernetes_network_config={"elastic_load_balancing": {"enabled": is_auto}},
            storage_config={"block_storage": {"enabled": is_auto}},
            deletion_protection=args.deletion_protection,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*attached, log_group],
                # EKS takes a key once: another one would replace the cluster.
                ignore_changes=["encryptionConfig"],
                # None, not False: otherwise the cluster would not inherit protect=True from its component.
                protect=args.deletion_protection or None,
            ),
        )

    def _key(self, name: str, args: EksArgoDeployArgs, arn_of_the_account: pulumi.Input[str]) -> pulumi.Input[str]:
        if args.kms_key_arn is not None:
            return args.kms_key_arn
        return aws.kms.Key(
            f"{name}-key",
            description="Encrypts the secrets of a cluster",
            enable_key_rotation=True,
            policy=iam.key_policy(f"{name}-key", iam.administer_key(arn_of_the_account)),
            opts=pulumi.ResourceOptions(parent=self),
        ).arn

    def _administrators(
        self, name: str, args: EksArgoDeployArgs, control_plane: aws.eks.Cluster
    ) -> list[pulumi.Resource]:
        child = pulumi.ResourceOptions(parent=self)
        made: list[pulumi.Resource] = []
        for role_arn in args.admin_role_arns:
            who = f"{name}-admin-{_slug(role_arn)}"
            entry = aws.eks.AccessEntry(who, cluster_name=control_plane.name, principal_arn=role_arn, opts=child)
            made += [entry, administrator(who, control_plane.name, control_plane.arn, entry.principal_arn, child)]
        return made

    def _nodes(
        self, name: str, args: EksArgoDeployArgs, control_plane: aws.eks.Cluster, network: Network
    ) -> list[pulumi.Resource]:
        """Make what pods run on, with the add-ons that nodes need before it, and those that need nodes after it."""
        child = pulumi.ResourceOptions(parent=self)
        before = add_ons(name, args, control_plane, BEFORE_NODES, child)
        nodes: Sequence[pulumi.Resource] = []
        if args.mode == MANAGED_NODES:
            after_network = pulumi.ResourceOptions(parent=self, depends_on=before)
            nodes = node_groups(f"{name}-nodes", args, control_plane, network.subnet_ids, after_network)
        elif args.mode == FARGATE_PROFILES:
            nodes = [fargate_profile(f"{name}-pods", control_plane, network.subnet_ids, child)]
        after_nodes = pulumi.ResourceOptions(parent=self, depends_on=[*before, *nodes])
        after = add_ons(name, args, control_plane, AFTER_NODES, after_nodes)
        return [*before, *nodes, *after]


def _slug(role_arn: str) -> str:
    """Return a part of a resource's name, from account and name of the role."""
    _, _, _, _, account, role = role_arn.split(":", 5)
    return f"{account}-{re.sub(r'[^a-z0-9]+', '-', role.rpartition('/')[2].lower()).strip('-')}"
