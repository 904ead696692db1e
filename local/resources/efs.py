"""EFS file systems. Functions that mount one share a folder of this machine (local/emulator/patches/efs.py)."""

from local.resources.parameters import json_text
from local.resources.rows import Call, Row, by, tag_list

TABLE = {
    "aws:efs/fileSystem:FileSystem": Row(
        service="efs",
        create=Call(operation="CreateFileSystem", moves={"tags": tag_list()}),
        then=(
            Call(
                operation="PutLifecycleConfiguration",
                moves={"lifecyclePolicies": "LifecyclePolicies"},
                when="lifecyclePolicies",
                also=lambda made: {"FileSystemId": made.id},
            ),
        ),
        update=(Call(operation="UpdateFileSystem", also=lambda made: {"FileSystemId": made.id}),),
        replace_on=("availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode"),
        delete=Call(operation="DeleteFileSystem", also=lambda made: {"FileSystemId": made.id}),
        id=lambda made: made.responses["CreateFileSystem"]["FileSystemId"],
        outputs=lambda made: {
            "arn": made.account.arn("elasticfilesystem", f"file-system/{made.id}"),
            "dnsName": f"{made.id}.efs.{made.account.region}.amazonaws.com",
        },
        not_emulated={
            "encrypted": "files are on this machine's disk, until the emulator ends",
            "lifecyclePolicies": "files stay where they are",
            "throughputMode": "files are as fast as this machine's disk",
        },
    ),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": Row(
        service="efs",
        create=Call(operation="PutFileSystemPolicy", moves={"policy": json_text("Policy")}),
        repeatable=True,
        replace_on=("fileSystemId",),
        delete=Call(operation="DeleteFileSystemPolicy", moves={"fileSystemId": "FileSystemId"}),
        id=by("fileSystemId"),
        not_emulated={"": "functions mount a folder of this machine without NFS"},
    ),
    "aws:efs/mountTarget:MountTarget": Row(
        service="efs",
        create=Call(operation="CreateMountTarget"),
        update=(
            Call(
                operation="ModifyMountTargetSecurityGroups",
                moves={"securityGroups": "SecurityGroups"},
                also=lambda made: {"MountTargetId": made.id},
            ),
        ),
        replace_on=("fileSystemId", "ipAddress", "ipAddressType", "ipv6Address", "subnetId"),
        delete=Call(operation="DeleteMountTarget", also=lambda made: {"MountTargetId": made.id}),
        id=lambda made: made.responses["CreateMountTarget"]["MountTargetId"],
        not_emulated={"": "functions mount a folder of this machine without a network"},
    ),
    "aws:efs/accessPoint:AccessPoint": Row(
        service="efs",
        create=Call(operation="CreateAccessPoint", moves={"tags": tag_list()}),
        replace_on=("fileSystemId", "posixUser", "rootDirectory"),
        delete=Call(operation="DeleteAccessPoint", also=lambda made: {"AccessPointId": made.id}),
        id=lambda made: made.responses["CreateAccessPoint"]["AccessPointId"],
        outputs=lambda made: {"arn": made.account.arn("elasticfilesystem", f"access-point/{made.id}")},
        not_emulated={
            "posixUser": "files belong to this machine's user",
            "rootDirectory.creationInfo": "files belong to this machine's user",
        },
    ),
}
