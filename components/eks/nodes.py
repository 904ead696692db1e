"""What pods run on, where it is not Auto Mode: managed node groups, or a Fargate profile."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments.eks_argo_deploy import EksArgoDeployArgs
from components.eks import WORKER_NAMESPACE
from components.eks.application import ARGO_NAMESPACE, KEDA
from components.eks.roles import role_with

NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""Source: EKS user guide, "Amazon EKS node IAM role". The network's permissions are the add-on's own."""

POD_POLICIES = ("AmazonEKSFargatePodExecutionRolePolicy",)
"""Source: EKS user guide, "Amazon EKS Pod execution IAM role"."""

FARGATE_NAMESPACES = ("kube-system", ARGO_NAMESPACE, KEDA, WORKER_NAMESPACE)
"""A profile takes five at most (EKS user guide, "Define which Pods use AWS Fargate when launched")."""


def node_groups(
    name: str,
    args: EksArgoDeployArgs,
    control_plane: aws.eks.Cluster,
    subnet_ids: pulumi.Input[Sequence[str]],
    opts: pulumi.ResourceOptions,
) -> list[aws.eks.NodeGroup]:
    """Make a node group for nodes on demand, and one for Spot.

    The provider names them: a group with other instance types is made before the one that it replaces is deleted.
    """
    role, attached = role_with(f"{name}-role", iam.trust(iam.EC2), NODE_POLICIES, opts.parent)
    template = aws.ec2.LaunchTemplate(
        name,
        block_device_mappings=[
            {
                "device_name": "/dev/xvda",
                "ebs": {
                    "volume_type": "gp3",
                    "volume_size": args.node_disk_gib,
                    "encrypted": "true",
                    "delete_on_termination": "true",
                },
            }
        ],
        # One hop: a pod gets no credentials of its node.
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        opts=pulumi.ResourceOptions(parent=opts.parent),
    )
    sizes = {"on-demand": ("ON_DEMAND", args.on_demand_nodes), "spot": ("SPOT", args.spot_nodes)}
    return [
        aws.eks.NodeGroup(
            f"{name}-{kind}",
            cluster_name=control_plane.name,
            node_role_arn=role.arn,
            subnet_ids=subnet_ids,
            ami_type="AL2023_ARM_64_STANDARD",
            capacity_type=capacity,
            instance_types=args.node_instance_types,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"desired_size": size, "min_size": size, "max_size": size},
            update_config={"max_unavailable_percentage": 33},
            node_repair_config={"enabled": True},
            version=control_plane.version,
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=attached)),
        )
        for kind, (capacity, size) in sizes.items()
        if size
    ]


def fargate_profile(
    name: str, control_plane: aws.eks.Cluster, subnet_ids: pulumi.Input[Sequence[str]], opts: pulumi.ResourceOptions
) -> aws.eks.FargateProfile:
    """Make a profile for the pods of all namespaces that this project fills."""
    role, attached = role_with(f"{name}-role", iam.trust(iam.EKS_FARGATE_PODS), POD_POLICIES, opts.parent)
    return aws.eks.FargateProfile(
        name,
        cluster_name=control_plane.name,
        pod_execution_role_arn=role.arn,
        subnet_ids=subnet_ids,
        selectors=[{"namespace": namespace} for namespace in FARGATE_NAMESPACES],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=attached)),
    )
