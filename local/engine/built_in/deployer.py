"""Deploys a Pulumi program to the embedded AWS, without the Pulumi CLI.

Resources are made as the emulator's operator, so that IAM is asked about each call; a type, an input or a provider
function that the table does not know stops the deployment.
"""

import difflib
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.emulator.process import Emulator
from local.engine.built_in.program import Registration, plain, run_program
from local.engine.provider import DEFAULTS, TYPE, AwsProvider, Resource, at
from local.engine.stack_config import StackConfig, read_stack_config
from local.resources import Account
from local.resources.parameters import Given

_FOLLOWED = ("region", "defaultTags", "allowedAccountIds")
"""The stack's `aws:` keys that have a meaning here."""


@dataclass(frozen=True)
class DeployedResource:
    """A resource that exists now."""

    type: str
    name: str
    """The program's name for it."""
    urn: str
    id: str
    """AWS's name for it, as the provider would give it."""


@dataclass(frozen=True)
class NotEmulated:
    """Something that was checked and stored, but that nothing acts on."""

    type: str
    name: str
    property: str
    """The input's path; empty for the resource as a whole."""
    reason: str


@dataclass(frozen=True)
class Deployment:
    """What a deployment has made."""

    outputs: Mapping[str, Any]
    """The stack's exports."""
    resources: tuple[DeployedResource, ...]
    """In the order of their making, without components and providers."""
    not_emulated: tuple[NotEmulated, ...]


def deploy(
    emulator: Emulator,
    *,
    project_dir: Path,
    stack: str = "local",
    on_resource: Callable[[DeployedResource], None] | None = None,
) -> Deployment:
    """Run the project's program with a stack's configuration and make everything that it declares.

    `on_resource` is called after each resource, never twice at once. The first failure ends the deployment and is
    raised: RefusedError (AWS's word), InvalidInputError, UnknownTypeError, or the program's own error.
    """
    account = Account(emulator.region, emulator.account_id, emulator.endpoint, emulator.client)
    cloud = _EmulatedCloud(account, on_resource or (lambda _: None))
    cloud.configure_default_provider(read_stack_config(project_dir, stack))
    run = run_program(project_dir, stack=stack, cloud=cloud)
    return Deployment(run.outputs, tuple(cloud.resources), tuple(cloud.not_emulated))


class _EmulatedCloud:
    def __init__(self, account: Account, on_resource: Callable[[DeployedResource], None]) -> None:
        self._provider = AwsProvider(account)
        self._region = account.region
        self._on_resource = on_resource
        self._lock = threading.Lock()
        self._default_tags: dict[str, Mapping[str, str]] = {}
        self.resources: list[DeployedResource] = []
        self.not_emulated: list[NotEmulated] = []

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        resource = Resource(registration.type, registration.name)
        if registration.type == TYPE:
            provider_id = _random()
            self._default_tags[f"{registration.urn}::{provider_id}"] = self._provider.configure(
                Given(dict(registration.inputs), str(resource))
            )
            return provider_id, registration.inputs
        default_tags = self._default_tags.get(registration.options.provider, {})
        inputs = self._provider.complete(resource, registration.inputs, default_tags=default_tags, random=_random())
        resource_id, outputs = self._provider.create(resource, inputs)
        self._report(resource, registration, resource_id)
        return resource_id, {name: value for name, value in inputs.items() if name != DEFAULTS} | outputs

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._provider.invoke(token, arguments)

    def configure_default_provider(self, config: StackConfig) -> None:
        """Follow the stack's `aws:` keys as the engine's own provider does; refuse those that have no meaning here."""
        keys = {name: value for name, value in config.values.items() if name.startswith("aws:")}
        subject = f"the config of stack {config.stack}"
        for name, given in Given(keys, subject).children().items():
            if fault := key_fault(name):
                raise given.refuse(fault)
            if name == "aws:region" and given.value != self._region:
                raise given.refuse(f"must be {self._region}, which is local mode's one region")
        inputs = {name.removeprefix("aws:"): value for name, value in keys.items()}
        self._default_tags[""] = self._provider.configure(Given(inputs, subject))

    def _report(self, resource: Resource, registration: Registration, resource_id: str) -> None:
        deployed = DeployedResource(registration.type, registration.name, registration.urn, resource_id)
        inert = not_emulated(resource, plain(registration.inputs))
        with self._lock:
            self.resources.append(deployed)
            self.not_emulated.extend(inert)
            self._on_resource(deployed)


def key_fault(key: str) -> str | None:
    """Return why local mode refuses one of the stack's `aws:` keys; None if it does not."""
    name = key.removeprefix("aws:")
    if name in _FOLLOWED:
        return None
    meant = difflib.get_close_matches(name, _FOLLOWED, n=1)
    if meant:
        return f"is not a key of the AWS provider; did you mean aws:{meant[0]}?"
    return "cannot be followed locally; remove it from this stack"


def not_emulated(resource: Resource, inputs: Mapping[str, Any]) -> list[NotEmulated]:
    """Return which of a resource's inputs are checked and stored only."""
    return [
        NotEmulated(resource.type, resource.name, path, reason)
        for path, reason in resource.row.not_emulated.items()
        if not path or at(inputs, path)
    ]


def _random() -> str:
    return secrets.token_hex(4)
