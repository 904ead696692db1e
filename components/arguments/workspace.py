"""The arguments of a workflow's workspace."""

from collections.abc import Callable

from components.arguments import is_empty
from components.arguments.constraints import Choice
from components.arguments.declaration import argument
from components.arguments.network import NetworkArgs
from components.arguments.shared import ProtectionArgs

EPHEMERAL, EFS = "ephemeral", "efs"

_MAX_GROUPS = 4
"""A function in a VPC has at most five (Lambda API reference, VpcConfig). The fifth leads to the file system."""


class WorkspaceArgs(NetworkArgs, ProtectionArgs):
    """Arguments of ProcessingPipeline that Workspace uses, and that choose it."""

    workspace: str = argument(
        Choice((EPHEMERAL, EFS), "where the processors of a workflow have the object and their files"),
        default=EPHEMERAL,
    )
    """Where the processors of a workflow have the object and their files, with the compute `step-functions`.

    With `ephemeral`, each one reads the object from S3, and has a folder of its own. With `efs`, they run in
    a VPC and share a file system: the object is copied into it once, and they pass files of any size to each other.
    Subnets that are given must then be in a zone each.
    """

    def workspace_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        if self.workspace == EPHEMERAL:
            return []
        found = self.network_conflicts(spelled)
        if not is_empty(self.subnet_ids) and not self.items_of("subnet_ids"):
            found.append(
                f"{spelled('subnet_ids')} is an Output, but with {spelled('workspace')} {EFS} each subnet gets a mount "
                "target; give a list, which may hold Outputs."
            )
        groups = self.security_group_ids
        if isinstance(groups, list) and len(groups) > _MAX_GROUPS:
            found.append(
                f"{spelled('security_group_ids')} has {len(groups)} groups, but must have at most {_MAX_GROUPS} with "
                f"{spelled('workspace')} {EFS}: a function has five, and one leads to the file system."
            )
        return found
