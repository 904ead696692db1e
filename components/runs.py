"""What the components of one run of a program know of each other; nothing of it outlives the run.

A run has one stack as its root. A component host has none, but serves one run with one event loop.
"""

import asyncio
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource

_ATTRIBUTE = "_portage_shared"
"""Of the run's own object, so that all ends with it, also what refers back to it."""


def shared(what: str) -> dict[Any, Any]:
    """Return the run's own dictionary of this name.

    An entry names the component that wrote it, and a component of the same name may write it again: unit tests with
    Pulumi's mocks share one stack. In a real run, the engine rejects a second component of the same name.
    """
    everything: dict[str, dict[Any, Any]] = vars(_run()).setdefault(_ATTRIBUTE, {})
    return everything.setdefault(what, {})


def provider_key(component: pulumi.ComponentResource, resource_type: str) -> object:
    """Return the same value for all components that use one provider for resources of this type."""
    provider = component.get_provider(resource_type)
    # A component host makes another object of the same provider for each component.
    return provider.pulumi_resource_name if provider and get_root_resource() is None else provider


def _run() -> object:
    root: pulumi.Resource | None = get_root_resource()
    return asyncio.get_running_loop() if root is None else root
