"""What a deployment returns, whichever engine ran it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.engine.provider import Resource, at


@dataclass(frozen=True)
class DeployedResource:
    """A resource that was created."""

    type: str
    name: str
    """The program's name for it."""
    urn: str
    id: str
    """AWS's name for it, in the form of the provider."""
    inputs: Mapping[str, Any]
    """As the program declares them."""


@dataclass(frozen=True)
class NotEmulated:
    """An input that is checked and stored, but has no effect on the embedded AWS."""

    type: str
    name: str
    property: str
    """The input's path; empty for the resource as a whole."""
    reason: str


@dataclass(frozen=True)
class Deployment:
    """The result of a deployment."""

    outputs: Mapping[str, Any]
    """The stack's exports."""
    resources: tuple[DeployedResource, ...]
    """In the order of their creation, without components and providers."""
    not_emulated: tuple[NotEmulated, ...]


def not_emulated(resource: Resource, inputs: Mapping[str, Any]) -> list[NotEmulated]:
    """Return the inputs of a resource that have no effect."""
    return [
        NotEmulated(resource.type, resource.name, path, reason)
        for path, reason in resource.row.not_emulated.items()
        if not path or at(inputs, path)
    ]
