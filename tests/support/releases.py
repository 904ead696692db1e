"""What each release keeps data in, by stack: a later version must not replace, rename or move it without an alias.

`python -m tests.support.releases` writes the file of the version in pyproject.toml: of each stack as its golden dump
has it, and of the stack prod with each other compute.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local.resources import TABLE
from tests.support import golden
from tests.support.deployment.engine_project import STATEFUL
from tests.support.paths import PROJECT
from tests.support.policies.stacks import COMPUTES

FOLDER = PROJECT / "tests" / "unit" / "releases"

KEPT = STATEFUL | {
    "aws:apigateway/restApi:RestApi",
    "aws:cloudwatch/eventArchive:EventArchive",
    "aws:ecr/repository:Repository",
    "aws:efs/fileSystem:FileSystem",
    "aws:eks/cluster:Cluster",
    "aws:kms/key:Key",
    "aws:sns/topic:Topic",
}
"""Also what clients and people are bound to: the API's address, subscriptions, images, workloads."""

Resources = Mapping[str, Mapping[str, Any]]
"""What a golden dump has of each resource, by `NAME TYPE`."""


def names() -> list[str]:
    """Return what a release is recorded of: stacks, and `prod with COMPUTE`."""
    return [*golden.STACKS, *(f"prod with {each}" for each in COMPUTES if not each.startswith("lambda"))]


@cache
def resources_of(name: str) -> Resources:
    """Return the present resources of one of `names`."""
    stack, _, compute = name.partition(" with ")
    path = golden.path_of(stack)
    if not compute:
        return of_dump(path)
    return yaml.safe_load(golden.dump(stack, {**golden.read_config(path), **COMPUTES[compute]}))["resources"]


def of_dump(path: Path) -> Resources:
    """Return the resources of a golden dump."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))["resources"]


def kept(resources: Resources) -> dict[str, dict[str, Any]]:
    """Return the parent of each resource that keeps data, and its inputs that AWS cannot change in place."""
    return {
        key: {"parent": each.get("parent"), "inputs": _fixed(_type(key), each)}
        for key, each in resources.items()
        if _type(key) in KEPT
    }


def broken(before: Resources, now: Resources) -> Iterator[str]:
    """Yield what would be lost by an upgrade; `before` is what `kept` has returned."""
    found = kept(now)
    aliases = {f"{alias} {_type(key)}" for key, each in now.items() for alias in each.get("aliases", ())}
    for key, each in before.items():
        if key in aliases:
            continue
        if key not in found:
            yield f"{key} is gone or has another name; give it an alias."
        elif found[key]["parent"] != each["parent"]:
            yield f"{key} moved from {each['parent']} to {found[key]['parent']}; give it an alias."
        elif found[key]["inputs"] != each["inputs"]:
            yield f"{key} would be replaced: {each['inputs']} became {found[key]['inputs']}."


def _type(key: str) -> str:
    return key.rpartition(" ")[2]


def _fixed(kind: str, each: Mapping[str, Any]) -> dict[str, Any]:
    names = {path.partition(".")[0] for path in TABLE[kind].replace_on}
    return {name: value for name, value in sorted(each.get("inputs", {}).items()) if name in names}


def write() -> None:
    """Write the file of this version."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    stacks = {name: kept(resources_of(name)) for name in names()}
    (FOLDER / f"{version}.yaml").write_text(yaml.safe_dump(stacks, width=116))


if __name__ == "__main__":
    write()
