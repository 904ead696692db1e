"""The shared workspace of a workflow: a file system that the functions of its processors mount.

private subnets: functions in the group "steps" --NFS--> mount targets in the group "files" --> file system (EFS)

The functions mount one folder through an access point. Each execution has a folder of its own in it
(handlers/storage/workspace.py). All files are copies, or are made from copies, and live for one execution: there is no
backup. The file system's policy refuses other access points, clients without TLS, and anonymous clients.
"""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import ArgumentError, is_empty
from components.arguments.workspace import WorkspaceArgs
from components.compute.lambda_function import Mount, VpcConnection
from components.network.vpc import ZONES, Network, connect

NFS = 2049

MOUNT_PATH = "/mnt/workspace"

_USER = 1000
"""The id of the user that owns all files. EFS puts it in place of the user that a function runs as."""


class Workspace(pulumi.ComponentResource):
    """An encrypted file system, in a network that is made or given."""

    mount: Mount
    """For the functions."""

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:Workspace", name, {}, opts)
        # S3 and DynamoDB, which the functions call, have gateway endpoints in each network that is made.
        network = Network(f"{name}-network", args, (), pulumi.ResourceOptions(parent=self))
        steps, files = (self._group(f"{name}-{whose}", whose, network) for whose in ("steps", "files"))
        # Nothing else connects to the file system, and it connects to nothing.
        connect(name, ("steps", steps), ("files", files), NFS, pulumi.ResourceOptions(parent=self))
        file_system = self._file_system(name, args)
        access_point = self._access_point(name, file_system)
        aws.efs.FileSystemPolicy(
            f"{name}-policy",
            file_system_id=file_system.id,
            policy=iam.file_system_policy(f"{name}-policy", file_system.arn, access_point.arn),
            opts=pulumi.ResourceOptions(parent=self),
        )
        subnet_ids = network.subnet_ids
        if not is_empty(args.subnet_ids):
            subnet_ids = self._in_a_zone_each(args.items_of("subnet_ids"))
        targets = [
            aws.efs.MountTarget(
                f"{name}-{key}",
                file_system_id=file_system.id,
                subnet_id=subnet_ids[index],
                security_groups=[files.id],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for index, key in enumerate(_keys(args))
        ]
        arns = pulumi.Output.all(access_point.arn, *(target.id for target in targets))
        groups = pulumi.Output.all(network.security_group_ids, steps.id)
        self.mount = Mount(
            file_system_arn=file_system.arn,
            access_point_arn=arns.apply(lambda known: known[0]),
            path=MOUNT_PATH,
            vpc=VpcConnection(
                subnet_ids=network.subnet_ids,
                security_group_ids=groups.apply(lambda known: [*known[0], known[1]]),
            ),
        )
        self.register_outputs({"file_system_arn": file_system.arn, "access_point_arn": access_point.arn})

    def _in_a_zone_each(self, subnet_ids: Sequence[pulumi.Input[str]]) -> pulumi.Output[Sequence[str]]:
        here = pulumi.InvokeOutputOptions(parent=self)
        zones = [aws.ec2.get_subnet_output(id=each, opts=here).availability_zone for each in subnet_ids]
        return pulumi.Output.all(pulumi.Output.all(*subnet_ids), pulumi.Output.all(*zones)).apply(
            lambda known: _checked_zones(*known)
        )

    def _file_system(self, name: str, args: WorkspaceArgs) -> aws.efs.FileSystem:
        return aws.efs.FileSystem(
            name,
            encrypted=True,
            kms_key_id=args.kms_key_arn,
            throughput_mode="elastic",  # uploads come in bursts
            # EFS deletes nothing by itself: the next execution deletes what is left over. Until then it costs less.
            lifecycle_policies=[{"transition_to_ia": "AFTER_1_DAY"}],
            tags={"Name": name},
            # None, not False: otherwise the file system would not inherit protect=True from its component.
            opts=pulumi.ResourceOptions(parent=self, protect=args.deletion_protection or None),
        )

    def _access_point(self, name: str, file_system: aws.efs.FileSystem) -> aws.efs.AccessPoint:
        return aws.efs.AccessPoint(
            f"{name}-executions",
            file_system_id=file_system.id,
            posix_user={"uid": _USER, "gid": _USER},
            root_directory={
                "path": "/executions",
                "creation_info": {"owner_uid": _USER, "owner_gid": _USER, "permissions": "700"},
            },
            tags={"Name": f"{name}-executions"},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _group(self, name: str, whose: str, network: Network) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            name,
            vpc_id=network.vpc_id,
            description=f"Portage workspace {whose}",
            opts=pulumi.ResourceOptions(parent=self),
        )


def _keys(args: WorkspaceArgs) -> Sequence[str]:
    """Return what names each subnet's mount target: another order of the given subnets must replace none."""
    if is_empty(args.subnet_ids):
        return [f"files-{zone}" for zone in range(ZONES)]
    return [
        each if isinstance(each, str) else f"files-{index}" for index, each in enumerate(args.items_of("subnet_ids"))
    ]


def _checked_zones(subnet_ids: Sequence[str], zones: Sequence[str]) -> Sequence[str]:
    """Return the subnets' ids; raises ArgumentError where two are in the same zone."""
    first: dict[str, str] = {}
    for subnet_id, zone in zip(subnet_ids, zones, strict=True):
        if first.setdefault(zone, subnet_id) != subnet_id:
            raise ArgumentError(
                f"Workspace: subnet_ids has {first[zone]} and {subnet_id}, which are both in {zone}, but a file system "
                "has one mount target for each zone; leave one of them out."
            )
    return subnet_ids
