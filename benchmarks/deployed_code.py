"""The functions as the program deploys them: handler, environment and unpacked code."""

import compileall
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pulumi
import yaml

from local.engine.built_in.program import Registration, run_program
from local.resources.parameters import plain

_PROJECT = Path(__file__).resolve().parents[1]

_PEERS = Path(__file__).with_name("peers")

_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""The SDK and its dependencies, which Lambda's Python runtime contains."""

_INTERFACE_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


@dataclass(frozen=True)
class Function:
    """One function with its unpacked code."""

    code: Path
    handler: str
    environment: Mapping[str, str]


@cache
def _deployed() -> tuple[Registration, ...]:
    """Run the program with Pulumi.yaml's defaults, because users change the stacks' files."""
    with TemporaryDirectory() as name:
        project = Path(name)
        description = yaml.safe_load((_PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))
        (project / "Pulumi.yaml").write_text(yaml.safe_dump(description | {"main": str(_PROJECT)}), encoding="utf-8")
        (project / "Pulumi.bench.yaml").write_text("config: {aws:region: us-east-1}", encoding="utf-8")
        return run_program(project, stack="bench", cloud=_Paper()).registrations


def unpack_function(operation: str, folder: Path) -> Function:
    """Unpack and compile the code of one of the API's operations, such as sign-parts."""
    (inputs,) = (
        plain(each.inputs)
        for each in _deployed()
        if each.type == "aws:lambda/function:Function" and each.name.endswith(f"-{operation}")
    )
    _unpack(inputs["code"], folder)
    compile_all(folder)
    return Function(folder, inputs["handler"], inputs["environment"]["variables"])


def peer_function(name: str, folder: Path) -> Function:
    """Copy one of `peers` to a new folder."""
    folder.mkdir()
    shutil.copy(_PEERS / f"{name}.py", folder)
    compile_all(folder)
    return Function(folder, f"{name}.handle", {"UPLOADS_TABLE": "uploads", "INGEST_BUCKET": "ingest"})


def make_runtime(folder: Path) -> Path:
    """Make a compiled copy of the packages in Lambda's runtime."""
    folder.mkdir()
    for name in (*_SDK, *_INTERFACE_CLIENT):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name} is not installed: run make install.")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    compile_all(folder)
    return folder


def compile_all(folder: Path) -> None:
    """Compile a folder's modules, as deployments do to shorten cold starts."""
    compileall.compile_dir(folder, quiet=2)


class _Paper:
    """A cloud that creates nothing, so that the program's registrations can be read."""

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        name = registration.name
        service, _, noun = registration.type.removeprefix("aws:").partition(":")[0].partition("/")
        arn = (
            f"arn:aws:{service}:::{name}"
            if noun == "bucket"
            else f"arn:aws:{service}:us-east-1:123456789012:{noun}/{name}"
        )
        arns = dict.fromkeys(("arn", "executionArn", "invokeArn", "streamArn"), arn)
        urls = dict.fromkeys(("url", "invokeUrl"), f"https://{name}.example")
        return f"{name}-id", {"name": name, "bucket": name, "version": "1", **arns, **urls, **registration.inputs}

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        answers = {
            "aws:index/getPartition:getPartition": {"partition": "aws"},
            "aws:index/getRegion:getRegion": {"region": "us-east-1"},
        }
        if token not in answers or arguments:
            raise LookupError(f"The program calls {token} with {dict(arguments)}, which is not implemented here.")
        return answers[token]


def _unpack(archive: pulumi.AssetArchive, folder: Path) -> None:
    for name, asset in archive.assets.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(asset, pulumi.FileAsset):
            raise TypeError(f"{name} is a {type(asset).__name__}, but must be a file.")
        target.write_bytes(Path(str(asset.path)).read_bytes())
