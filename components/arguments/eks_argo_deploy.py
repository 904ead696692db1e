"""The arguments of EksArgoDeploy."""

from collections.abc import Callable
from typing import Any

import pulumi

from components.arguments import is_empty, limits
from components.arguments.constraints import Choice, ListOf, MapOf, Pattern, Range
from components.arguments.declaration import Arguments, argument
from components.arguments.network import NetworkArgs, VpcArgs
from components.arguments.shared import (
    DELETION_PROTECTION,
    KMS_KEY_ARN,
    LogRetentionArgs,
    ProtectionArgs,
    RoleArgs,
    TagArgs,
)

AUTO, MANAGED_NODES, FARGATE_PROFILES = "auto", "managed-nodes", "fargate"
HELM, CAPABILITY = "helm", "capability"

EBS, EFS = "ebs", "efs"
"""Drivers of storage, as in `storage_drivers`."""

ADDON_VERSIONS = {
    "vpc-cni": "v1.20.4-eksbuild.2",
    "kube-proxy": "v1.34.0-eksbuild.4",
    "coredns": "v1.12.4-eksbuild.1",
    "eks-pod-identity-agent": "v1.3.9-eksbuild.5",
    "aws-ebs-csi-driver": "v1.52.1-eksbuild.1",
    "aws-efs-csi-driver": "v2.1.13-eksbuild.1",
}
"""For KUBERNETES_VERSION. Source: aws eks describe-addon-versions."""

KUBERNETES_VERSION = "1.34"


_NO_DRIVERS = {
    (AUTO, EBS): "has its own",
    (FARGATE_PROFILES, EBS): "cannot mount volumes",
    (FARGATE_PROFILES, EFS): "has its own",
}
"""Why no driver is made, by mode. Source: EKS user guide, "Amazon EFS" and "Amazon EBS" under storage."""


class GitArgs(Arguments):
    """Where the manifests are that Argo CD applies."""

    git_repository_url: pulumi.Input[str] = argument(limits.GIT_URL)
    """Git repository with the worker's manifests, https://HOST/PATH.git."""
    git_path: str = argument(
        Pattern(
            r"(?!(.*/)?\.\.?(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*",
            "a folder in the repository by its path from the root, without . and .., such as gitops/overlays/dev",
        ),
        default="gitops/overlays/dev",
    )
    """Folder in the repository with the overlay of this stack."""
    git_revision: str = argument(
        Pattern(
            r"(?!.*(\.\.|//|/\.|\.lock(/|$)|[/.]$))[A-Za-z0-9][A-Za-z0-9._/-]{0,249}",
            "a branch, a tag or a commit, by a name that git check-ref-format accepts",
        ),
        default="main",
    )
    """Branch, tag or commit that the cluster follows."""


class EksArgoDeployArgs(VpcArgs, ProtectionArgs, LogRetentionArgs, GitArgs, TagArgs, RoleArgs):
    """Arguments of EksArgoDeploy."""

    kms_key_arn: pulumi.Input[str] | None = KMS_KEY_ARN
    """Customer managed KMS key that encrypts the secrets of the cluster; if omitted, one is made.

    A cluster that is made keeps its key.
    """
    deletion_protection: bool = DELETION_PROTECTION
    """Whether the cluster is protected from deletion."""

    worker_policy: pulumi.Input[str] = argument(limits.POLICY)
    """ProcessingPipeline's worker_policy: what the worker's role may do."""
    worker_environment: pulumi.Input[dict[str, pulumi.Input[str]]] = argument(limits.WORKER_VARIABLES)
    """ProcessingPipeline's worker_environment: queue, table, buckets and limits, as the worker's variables."""
    image_repository_url: pulumi.Input[str] = argument(limits.IMAGE_REPOSITORY)
    """ProcessingPipeline's image_repository_url: where the worker's image is. Git has its digest."""
    queue_url: pulumi.Input[str] = argument(limits.QUEUE_URL)
    """URL of ProcessingPipeline's queue."""
    queue_arn: pulumi.Input[str] = argument(limits.QUEUE_ARN)
    """ARN of ProcessingPipeline's queue, by which the worker is scaled."""
    cluster_name: pulumi.Input[str] | None = argument(limits.CLUSTER_NAME, default=None)
    """Name of an existing cluster with EKS Auto Mode or the Pod Identity Agent; if omitted, a cluster is made."""
    aws_profile: pulumi.Input[str] | None = argument(limits.AWS_PROFILE, default=None)
    """Profile with which the AWS CLI gets tokens of the cluster: the AWS provider's, if it has one."""
    deployer_role_arn: pulumi.Input[str] | None = argument(limits.ROLE_ARN, default=None)
    """Role with which the AWS CLI gets tokens of the cluster: the one that the AWS provider assumes, if any."""
    mode: str = argument(
        Choice((AUTO, MANAGED_NODES, FARGATE_PROFILES), "what pods run on in a cluster that is made"), default=AUTO
    )
    """What runs pods: EKS Auto Mode, node groups of a fixed size on Graviton, or Fargate (x86).

    The cluster stays the same when it changes.
    """
    kubernetes_version: str = argument(
        Pattern(r"1\.[1-9][0-9]", f"a version of Kubernetes such as {KUBERNETES_VERSION}"), default=KUBERNETES_VERSION
    )
    """Version of Kubernetes. EKS upgrades by one minor version at a time, in place, and never goes back."""
    public_access_cidrs: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.CIDRS, default=[])
    """Networks from which the cluster's API can be reached through the internet; if empty, only from its VPC.

    Pulumi itself must reach it.
    """
    admin_role_arns: list[str] = argument(limits.ROLE_ARNS, default=[])
    """IAM roles that administer the cluster, besides the one that makes it. A CI that deploys is one of them."""
    node_instance_types: list[str] = argument(
        ListOf(Pattern(r"[a-z0-9-]+\.[a-z0-9-]+", "an EC2 instance type with Graviton, such as m7g.large")),
        default=["m7g.large", "m6g.large"],
    )
    """Instance types of node groups. A change replaces the nodes, one group after another. With `managed-nodes`."""
    on_demand_nodes: int = argument(Range(0, 450, "EKS's quota of nodes in a node group"), default=2)
    """Nodes on demand. With `managed-nodes`."""
    spot_nodes: int = argument(Range(0, 450, "EKS's quota of nodes in a node group"), default=0)
    """Spot nodes. AWS can stop them within two minutes; their jobs are done by other nodes. With `managed-nodes`."""
    node_disk_gib: int = argument(Range(20, 16_384, "EC2's limit for gp3 volumes"), default=50)
    """Disk of a node in GiB, for images and the workspaces of jobs. With `managed-nodes`."""
    storage_drivers: list[str] = argument(ListOf(Pattern(f"{EBS}|{EFS}", f"{EBS} or {EFS}")), default=[])
    """Storage that pods can mount: ebs for volumes, with `managed-nodes`, and efs for shared file systems."""
    addon_versions: dict[str, str] = argument(
        MapOf(
            Pattern("|".join(ADDON_VERSIONS), f"one of {', '.join(ADDON_VERSIONS)}"),
            Pattern(r"v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+", "a version such as v1.12.4-eksbuild.1"),
        ),
        default={},
    )
    """Versions of EKS add-ons, in place of those that are pinned for the default version of Kubernetes."""
    nat_per_zone: bool = argument(limits.BOOLEAN, default=False)
    """Whether each zone of the VPC that is made has its own NAT gateway, so that no zone depends on another."""
    argo: str = argument(Choice((HELM, CAPABILITY), "what installs Argo CD"), default=HELM)
    """Who runs Argo CD: a Helm release in the cluster, or AWS with EKS's managed capability."""
    argo_high_availability: bool = argument(limits.BOOLEAN, default=False)
    """Whether Argo CD runs in several replicas, which need three nodes. With `helm`."""
    argo_identity_center_arn: pulumi.Input[str] | None = argument(limits.IDENTITY_CENTER_ARN, default=None)
    """IAM Identity Center instance through which users sign in. Required by `capability`."""
    argo_oidc_issuer: str | None = argument(limits.OIDC_ISSUER, default=None)
    """OpenID Connect issuer through which users sign in, with `helm`; if omitted, nobody signs in."""
    argo_oidc_client_id: str | None = argument(Pattern(r"[\x21-\x7e]{1,255}", "the id of a client"), default=None)
    """Client of that issuer: a public one with PKCE, and http://localhost:8080/pkce/verify as its redirect."""
    argo_admin_groups: list[str] = argument(
        ListOf(Pattern(r"[\x21-\x7e]{1,255}", "the id of a group, without white space")), default=[]
    )
    """Groups of the identity provider that administer Argo CD."""
    github_repository: str | None = argument(
        Pattern(
            r"[A-Za-z0-9-]{1,39}(@[0-9]+)?/[A-Za-z0-9._-]{1,100}(@[0-9]+)?",
            "a repository on GitHub as OWNER/NAME or OWNER@ID/NAME@ID",
        ),
        default=None,
    )
    """GitHub repository with a workflow that builds and pushes the worker's image; if omitted, no role is made."""
    github_environment: str | None = argument(
        Pattern(r"[A-Za-z0-9 ._-]{1,255}", "the name of an environment of the repository"), default=None
    )
    """Environment of the GitHub repository in which the workflow may push, on the branch main, such as dev."""
    github_oidc_provider_arn: pulumi.Input[str] | None = argument(limits.OIDC_PROVIDER_ARN, default=None)
    """The account's OIDC provider for token.actions.githubusercontent.com; if omitted, it is made."""

    def warnings(self) -> list[str]:
        """The arguments that are given, but that only another mode, or another Argo CD, reads."""
        found: list[str] = []
        for name, value, read in _READ_WITH:
            chosen = vars(self)[name]
            if chosen != value:
                found += self.without_effect(f"With {self.spelled(name)} {chosen}", read)
        if self.github_repository is None:
            found += self.without_effect(
                f"Without {self.spelled('github_repository')}", ("github_environment", "github_oidc_provider_arn")
            )
        return found

    def conflicts(self, spelled: Callable[[str], str] = str) -> list[str]:
        """Arguments that contradict each other, by subject."""
        return self._cluster_conflicts(spelled) + self._argo_conflicts(spelled)

    @property
    def network(self) -> NetworkArgs:
        """The arguments of the network. Argo CD and the images of its pods need the internet."""
        given: dict[str, Any] = {name: vars(self)[name] for name in VpcArgs.declared}
        if is_empty(self.subnet_ids):
            given["network_egress"] = "nat-per-zone" if self.nat_per_zone else "nat"
        return NetworkArgs(**given)

    def version_of(self, addon: str) -> str:
        """Return the version of an add-on."""
        return {**ADDON_VERSIONS, **self.addon_versions}[addon]

    def _cluster_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        if self.cluster_name is not None:
            return [
                f"{spelled(name)} is given, but is for a cluster that is made, and {spelled('cluster_name')} is given; "
                "leave one of them out."
                for name in self.changed(_OF_A_CLUSTER)
            ]
        found = self.network_conflicts(spelled)
        if self.nat_per_zone and not is_empty(self.subnet_ids):
            found.append(
                f"{spelled('nat_per_zone')} is true, but is for a VPC that is made, and {spelled('subnet_ids')} are "
                "given; leave one of them out."
            )
        if self.mode == MANAGED_NODES and self.on_demand_nodes == self.spot_nodes == 0:
            found.append(
                f"{spelled('on_demand_nodes')} and {spelled('spot_nodes')} are 0, so no pod could run; make one of "
                "them at least 1."
            )
        found += [
            f"{spelled('storage_drivers')} has {driver}, but {spelled('mode')} {self.mode} {reason}; leave it out."
            for (mode, driver), reason in _NO_DRIVERS.items()
            if mode == self.mode and driver in self.storage_drivers
        ]
        if self.mode != AUTO and self.kubernetes_version != KUBERNETES_VERSION:
            found += [
                f"{spelled('kubernetes_version')} is {self.kubernetes_version}, but {addon} is pinned for "
                f"{KUBERNETES_VERSION}; give its version in {spelled('addon_versions')}."
                for addon in ("kube-proxy", "coredns")
                if addon not in self.addon_versions and (addon == "coredns" or self.mode == MANAGED_NODES)
            ]
        return found

    def _argo_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        found: list[str] = []
        if self.argo == CAPABILITY and self.argo_identity_center_arn is None:
            found.append(
                f"{spelled('argo_identity_center_arn')} is missing, but {spelled('argo')} {CAPABILITY} signs users in "
                "through it; give it, or choose helm."
            )
        if (self.argo_oidc_issuer is None) != (self.argo_oidc_client_id is None):
            found.append(
                f"{spelled('argo_oidc_issuer')} and {spelled('argo_oidc_client_id')} need each other; give both, or "
                "none."
            )
        if self.argo == HELM and self.argo_admin_groups and self.argo_oidc_issuer is None:
            found.append(
                f"{spelled('argo_admin_groups')} is given, but nobody signs in without "
                f"{spelled('argo_oidc_issuer')}; give both, or none."
            )
        if self.github_repository is not None and self.github_environment is None:
            found.append(
                f"{spelled('github_environment')} is missing, but {spelled('github_repository')} is given; name the "
                "environment in which jobs may push, such as dev."
            )
        return found


_OF_A_CLUSTER = (
    *VpcArgs.declared,
    *("mode", "public_access_cidrs", "admin_role_arns", "storage_drivers", "addon_versions", "nat_per_zone"),
)
"""Arguments of a cluster that is made. Others stay where they are, as those of another mode do."""

_READ_WITH = (
    ("mode", MANAGED_NODES, ("node_instance_types", "on_demand_nodes", "spot_nodes", "node_disk_gib")),
    ("argo", HELM, ("argo_high_availability", "argo_oidc_issuer", "argo_oidc_client_id")),
    ("argo", CAPABILITY, ("argo_identity_center_arn",)),
)
"""Arguments that are read only while another one has a value."""
