"""Copies of this project. The real engine deploys their stacks to an embedded AWS."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from local.emulator.process import Emulator
from local.engine.pulumi_cli.stacks import EngineStack, Run
from tests.support.paths import PROJECT

STACKS = sorted(re.findall(r"Pulumi\.(\w+)\.yaml", " ".join(path.name for path in PROJECT.glob("Pulumi.*.yaml"))))

STATEFUL = frozenset(
    (
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:cognito/userPool:UserPool",
        "aws:cognito/userPoolClient:UserPoolClient",
        "aws:dynamodb/table:Table",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
        "aws:sqs/queue:Queue",
    )
)
"""What holds data, or names that clients know: it must never be replaced by a changed setting."""


class Project:
    """A folder with Pulumi.yaml and the stacks' files; the CLI rewrites them."""

    def __init__(
        self, folder: Path, emulator: Emulator, *, program_dir: Path = PROJECT, name: str | None = None
    ) -> None:
        """Copy the project's files from the folder of the program."""
        self._folder = folder
        self.emulator = emulator
        self._program_dir = program_dir
        self._state = folder / "state"
        folder.mkdir(parents=True)
        for path in program_dir.iterdir() if program_dir != PROJECT else program_dir.glob("Pulumi*.yaml"):
            if path.is_file():
                shutil.copy(path, folder)
        if name is not None:
            description = _read(folder / "Pulumi.yaml")
            _write(folder / "Pulumi.yaml", {**description, "name": name})

    def stack(self, name: str, *, program_dir: Path | None = None) -> EngineStack:
        """Take a stack, or make it; `program_dir` is another copy of the program."""
        return EngineStack(
            project_dir=self._folder,
            name=name,
            program_dir=program_dir or self._program_dir,
            home=self._state,
            emulator=self.emulator,
        )

    def make_buckets(self, *names: str) -> None:
        """Make buckets that the program does not make, in its region."""
        s3 = self.emulator.client("s3")
        for name in names:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})

    def stored_state(self, stack: str) -> str:
        """Return a stack's state as the CLI stores it, with what is secret encrypted."""
        (path,) = (self._state / "state" / ".pulumi" / "stacks").rglob(f"{stack}.json")
        return path.read_text()

    def config(self, stack: str) -> dict[str, Any]:
        """Return the config of a stack's file."""
        return cast("dict[str, Any]", _read(self._folder / f"Pulumi.{stack}.yaml").get("config") or {})

    def configure(self, stack: str, **settings: object) -> None:
        """Set the program's own keys, which the CLI has named with the project since it has seen the file."""
        name = _read(self._folder / "Pulumi.yaml")["name"]
        config = {key: value for key, value in self.config(stack).items() if key not in settings}
        self.write_config(stack, {**config, **{f"{name}:{key}": value for key, value in settings.items()}})

    def write_config(self, stack: str, config: Mapping[str, Any]) -> None:
        """Write the config of a stack's file, and leave alone what else the CLI keeps there."""
        path = self._folder / f"Pulumi.{stack}.yaml"
        document = _read(path) if path.exists() else {}
        _write(path, {**document, "config": dict(config)})


def checkout(folder: Path) -> Path:
    """Copy what a clone of this repository would have, with the changes that are not committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    return folder


def lost(run: Run) -> set[str]:
    """Return the names of what holds data and would be replaced or deleted."""
    return {
        step.name for step in run.steps if step.type in STATEFUL and step.operation not in ("same", "create", "update")
    }


LOGS = "aws:cloudwatch/logGroup:LogGroup"
"""Each compute has a log of its own."""


def kept(stack: EngineStack) -> dict[str, str]:
    """Return what holds data and does not belong to one compute, by its URN, with AWS's id."""
    return {
        each["urn"]: each["id"]
        for each in stack.state()["resources"]
        if each["type"] in STATEFUL and each["type"] != LOGS
    }


def lost_data(run: Run) -> set[str]:
    """Return the names of what would be lost and does not belong to one compute."""
    return lost(run) - {step.name for step in run.steps if step.type == LOGS}


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(document)))
