"""Values that the components of one run of a program share, until the run ends.

The root resource of a run is its stack. A component host has no stack, but each of its runs has its own event loop.
"""

import asyncio
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource

_ATTRIBUTE = "_portage_shared"
"""Attribute of the run's own object, so that the values are deleted with it."""


def shared(what: str) -> dict[Any, Any]:
    """Return the dictionary of this name that belongs to the run.

    An entry has the name of the component that wrote it. A component of the same name may overwrite it, because unit
    tests with Pulumi's mocks share one stack. In a real run, the engine rejects a second component of the same name.
    """
    everything: dict[str, dict[Any, Any]] = vars(_run()).setdefault(_ATTRIBUTE, {})
    return everything.setdefault(what, {})


def provider_key(component: pulumi.ComponentResource, resource_type: str) -> object:
    """Return the same value for all components that use one provider for resources of this type."""
    provider = component.get_provider(resource_type)
    # A component host creates an object of the provider for each component.
    return provider.pulumi_resource_name if provider and get_root_resource() is None else provider


def _run() -> object:
    root: pulumi.Resource | None = get_root_resource()
    return asyncio.get_running_loop() if root is None else root
