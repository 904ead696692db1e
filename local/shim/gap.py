"""How a gap is mended: an attribute of MiniStack that must exist gives way to another one."""

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any


class GapError(RuntimeError):
    """MiniStack is not what a patch was written for."""


def attribute(module: str, path: str) -> Any:
    """Return `module`'s attribute at the dotted `path`; GapError if this MiniStack has none there."""
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        if not hasattr(found, name):
            raise GapError(
                f"MiniStack {version('ministack')} has no {module}.{path}, which local/shim builds on:"
                " pin the version in requirements-dev.txt again, or mend the shim"
            )
        found = getattr(found, name)
    return found


def replace(module: str, path: str, make: Callable[[Any], Any]) -> None:
    """Put `make(original)` in the place of `module`'s attribute at the dotted `path`."""
    original = attribute(module, path)
    owner, _, name = path.rpartition(".")
    setattr(attribute(module, owner) if owner else importlib.import_module(module), name, make(original))
