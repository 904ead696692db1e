"""Replaces attributes of MiniStack and airspeed."""

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any


class PatchError(RuntimeError):
    """An installed package differs from the one that a patch was written for."""


def attribute(module: str, path: str) -> Any:
    """Return `module`'s attribute at the dotted `path`; PatchError if the installed version has none there."""
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        if not hasattr(found, name):
            package = module.partition(".")[0]
            raise PatchError(
                f"{package} {version(package)} has no {module}.{path}, which local/emulator/patches builds on:"
                f" install the {package} that requirements-dev.txt names, or fix the patch"
            )
        found = getattr(found, name)
    return found


def replace(module: str, path: str, make: Callable[[Any], Any]) -> None:
    """Replace `module`'s attribute at the dotted `path` with `make(original)`."""
    original = attribute(module, path)
    owner, _, name = path.rpartition(".")
    setattr(attribute(module, owner) if owner else importlib.import_module(module), name, make(original))
