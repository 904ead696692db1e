"""Deploys a Pulumi program to the embedded AWS without the Pulumi CLI.

The emulator's operator creates the resources, so IAM checks each call. A type, an input or a provider function that is
not in the table stops the deployment.
"""

import difflib
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.emulator.process import Emulator
from local.engine import kubernetes
from local.engine.built_in.program import Registration, run_program
from local.engine.deployment import DeployedResource, Deployment, NotEmulated, not_emulated
from local.engine.images import build_images
from local.engine.kubernetes import KubernetesProvider
from local.engine.provider import DEFAULTS, TYPE, AwsProvider, Provider, Resource
from local.engine.stack_config import StackConfig, read_stack_config
from local.resources import Account
from local.resources.parameters import Given, plain

_FOLLOWED = ("region", "defaultTags", "allowedAccountIds")
"""The stack's `aws:` keys that local mode uses."""


def deploy(
    emulator: Emulator,
    *,
    project_dir: Path,
    stack: str = "local",
    on_resource: Callable[[DeployedResource], None] | None = None,
) -> Deployment:
    """Run the project's program with a stack's configuration and create everything that it declares.

    `on_resource` is called after each resource, by one thread at a time. The first error ends the deployment and is
    raised: RefusedError (from AWS), InvalidInputError, UnknownTypeError, or the program's own error.
    """
    account = Account(emulator.region, emulator.account_id, emulator.endpoint, emulator.client)
    cloud = _EmulatedCloud(account, on_resource or (lambda _: None))
    config = read_stack_config(project_dir, stack)
    cloud.configure_default_provider(config)
    build_images(emulator.data_dir, config)
    run = run_program(project_dir, stack=stack, cloud=cloud)
    return Deployment(run.outputs, tuple(cloud.resources), tuple(cloud.not_emulated))


class _EmulatedCloud:
    def __init__(self, account: Account, on_resource: Callable[[DeployedResource], None]) -> None:
        self._provider = AwsProvider(account)
        self._of_clusters: dict[str, KubernetesProvider] = {}
        """By the reference to the program's provider."""
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
        if registration.type == kubernetes.TYPE:
            provider_id, of_cluster = _random(), KubernetesProvider()
            of_cluster.configure(Given(dict(registration.inputs), str(resource)))
            self._of_clusters[f"{registration.urn}::{provider_id}"] = of_cluster
            return provider_id, registration.inputs
        provider: Provider = self._of_clusters.get(registration.options.provider, self._provider)
        default_tags = self._default_tags.get(registration.options.provider, {})
        inputs = provider.complete(resource, registration.inputs, default_tags=default_tags, random=_random())
        resource_id, outputs = provider.create(resource, inputs)
        self._report(resource, registration, resource_id)
        return resource_id, {name: value for name, value in inputs.items() if name != DEFAULTS} | outputs

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._provider.invoke(token, arguments)

    def configure_default_provider(self, config: StackConfig) -> None:
        """Configure the default provider with the stack's `aws:` keys; reject unsupported ones."""
        keys = {name: value for name, value in config.values.items() if name.startswith("aws:")}
        subject = f"the config of stack {config.stack}"
        for name, given in Given(keys, subject).children().items():
            if error := key_error(name):
                raise given.refuse(error)
            if name == "aws:region" and given.value != self._region:
                raise given.refuse(f"must be {self._region}, the only region of local mode")
        inputs = {name.removeprefix("aws:"): value for name, value in keys.items()}
        self._default_tags[""] = self._provider.configure(Given(inputs, subject))

    def _report(self, resource: Resource, registration: Registration, resource_id: str) -> None:
        inputs = plain(registration.inputs)
        deployed = DeployedResource(registration.type, registration.name, registration.urn, resource_id, inputs)
        inert = not_emulated(resource, inputs)
        with self._lock:
            self.resources.append(deployed)
            self.not_emulated.extend(inert)
            self._on_resource(deployed)


def key_error(key: str) -> str | None:
    """Return why local mode rejects one of the stack's `aws:` keys; None if it accepts it."""
    name = key.removeprefix("aws:")
    if name in _FOLLOWED:
        return None
    meant = difflib.get_close_matches(name, _FOLLOWED, n=1)
    if meant:
        return f"is not a key of the AWS provider; did you mean aws:{meant[0]}?"
    return "is not supported in local mode; remove it from this stack"


def _random() -> str:
    return secrets.token_hex(4)
