"""Patch of EFS: a function that mounts a file system reads and writes a folder of this machine.

AWS: mounts the root directory of an access point at the function's local mount path, if the function's role may mount
it by its own policies and the file system's. The root directory is made at the first mount.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-filesystem.html
MiniStack: records file systems, access points and what functions mount. Nothing is mounted.
Here: each root directory is a folder in the data folder. Only root may mount a folder elsewhere, so each variable of
the function that begins with its local mount path names the folder in its place. The policies are checked as on AWS.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.emulator import patching
from local.emulator.role_policies import ALLOW, DENY, decision_of_resource, decision_of_role, request_of_role

FOLDER = "file-systems"
"""In the data folder: a folder for each file system."""

_ACTIONS = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")


def patch(data_dir: Path) -> None:
    """Mount file systems when a function's process starts."""

    def mounting(original: Callable[..., None]) -> Callable[..., None]:
        def spawn(self: Any, *arguments: Any, **options: Any) -> None:
            for mount in self.config.get("FileSystemConfigs") or ():
                folder = _root_directory(data_dir, mount["Arn"], self.config["Role"])
                self.config = _with_variables(self.config, mount["LocalMountPath"], str(folder))
            original(self, *arguments, **options)

        return spawn

    patching.replace("ministack.core.lambda_runtime", "Worker._spawn", mounting)


def _with_variables(config: Mapping[str, Any], path: str, folder: str) -> dict[str, Any]:
    variables: Mapping[str, str] = config.get("Environment", {}).get("Variables", {})
    named = {
        name: folder + value.removeprefix(path) if f"{value}/".startswith(f"{path}/") else value
        for name, value in variables.items()
    }
    return {**config, "Environment": {"Variables": named}}


def _root_directory(data_dir: Path, access_point_arn: str, role_arn: str) -> Path:
    """Return the folder of an access point; PermissionError if the role may not mount it."""
    _, _, _, region, account, resource = access_point_arn.split(":", 5)
    with patching.attribute("ministack.core.responses", "request_scope")(account, region):
        access_point: Mapping[str, Any] = _efs("_access_points")[resource.rpartition("/")[2]]
        file_system: Mapping[str, Any] = _efs("_file_systems")[access_point["FileSystemId"]]
        for action in _ACTIONS:
            if not _is_allowed(action, access_point_arn, file_system, role_arn):
                raise PermissionError(
                    f"EFSMountFailureException: {role_arn} has no {action} through {access_point_arn}"
                )
    folder = data_dir / FOLDER / access_point["FileSystemId"] / access_point["RootDirectory"]["Path"].lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_allowed(action: str, access_point_arn: str, file_system: Mapping[str, Any], role_arn: str) -> bool:
    """Evaluate the policies of the role and the file system. Lambda mounts by TLS."""
    request = request_of_role(
        role_arn,
        "mount",
        action,
        file_system["FileSystemArn"],
        access_point_arn.split(":")[3],
        secure_transport=True,
        service_context={"elasticfilesystem:accesspointarn": access_point_arn},
    )
    decisions = {
        decision_of_role(role_arn, request),
        decision_of_resource(file_system.get("FileSystemPolicy"), request),
    }
    return ALLOW in decisions and DENY not in decisions


def _efs(name: str) -> Any:
    return patching.attribute("ministack.services.efs", name)
