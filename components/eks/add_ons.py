"""EKS add-ons at pinned versions. Auto Mode has its own, so it needs only drivers of storage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments.eks_argo_deploy import AUTO, EBS, EFS, FARGATE_PROFILES, MANAGED_NODES, EksArgoDeployArgs
from components.eks.roles import role_with


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """An add-on, and the modes that need it."""

    name: str
    modes: frozenset[str]
    driver: str | None = None
    """The item of `storage_drivers` that asks for it; if omitted, it is always there."""
    identity: "Identity | None" = None
    """Of an add-on that calls AWS."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A role for a service account in kube-system."""

    name: str
    service_account: str
    policy: str
    """AWS's policy for it."""


_NODES = frozenset({MANAGED_NODES})

BEFORE_NODES = (
    AddOn(
        name="vpc-cni",
        modes=_NODES,
        identity=Identity(name="cni", service_account="aws-node", policy="AmazonEKS_CNI_Policy"),
    ),
    AddOn(name="kube-proxy", modes=_NODES),
    AddOn(name="eks-pod-identity-agent", modes=_NODES),
)
"""A node is not ready without its network, and pods have no credentials without the agent."""

AFTER_NODES = (
    AddOn(name="coredns", modes=_NODES | {FARGATE_PROFILES}),
    AddOn(
        name="aws-ebs-csi-driver",
        modes=_NODES,
        driver=EBS,
        identity=Identity(
            name="ebs",
            service_account="ebs-csi-controller-sa",
            policy="service-role/AmazonEBSCSIDriverPolicy",
        ),
    ),
    AddOn(
        name="aws-efs-csi-driver",
        modes=_NODES | {AUTO},
        driver=EFS,
        identity=Identity(
            name="efs",
            service_account="efs-csi-controller-sa",
            policy="service-role/AmazonEFSCSIDriverPolicy",
        ),
    ),
)
"""EKS waits until their pods run."""


def add_ons(
    name: str,
    args: EksArgoDeployArgs,
    control_plane: aws.eks.Cluster,
    which: Sequence[AddOn],
    opts: pulumi.ResourceOptions,
) -> list[aws.eks.Addon]:
    """Make the add-ons that the mode and the arguments ask for."""
    wanted = [
        each
        for each in which
        if args.mode in each.modes and (each.driver is None or each.driver in args.storage_drivers)
    ]
    return [_add_on(name, args, control_plane, each, opts) for each in wanted]


def _add_on(
    name: str,
    args: EksArgoDeployArgs,
    control_plane: aws.eks.Cluster,
    add_on: AddOn,
    opts: pulumi.ResourceOptions,
) -> aws.eks.Addon:
    associations: list[aws.eks.AddonPodIdentityAssociationArgsDict] = []
    attached: list[aws.iam.RolePolicyAttachment] = []
    if (identity := add_on.identity) is not None:
        trust = iam.trust_pods(control_plane.arn, "kube-system", identity.service_account)
        role, attached = role_with(f"{name}-{identity.name}-role", trust, [identity.policy], opts.parent)
        associations = [{"role_arn": role.arn, "service_account": identity.service_account}]
    on_fargate = {"computeType": "Fargate"} if args.mode == FARGATE_PROFILES else None
    return aws.eks.Addon(
        f"{name}-{add_on.name}",
        cluster_name=control_plane.name,
        addon_name=add_on.name,
        addon_version=args.version_of(add_on.name),
        configuration_values=json.dumps(on_fargate) if on_fargate else None,
        pod_identity_associations=associations or None,
        # Nobody else manages these add-ons.
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update="OVERWRITE",
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=attached)),
    )
