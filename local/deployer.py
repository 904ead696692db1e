"""Deploys a Pulumi program to the embedded AWS, without the Pulumi CLI.

Resources are made as the emulator's operator, so that IAM is asked about each call; a type, an input or a provider
function that the table does not know stops the deployment.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from local.calls import call, check
from local.emulator import Emulator
from local.models import Given, InvalidInputError
from local.program import Registration, plain, run_program
from local.resources import INVOKES, TABLE, Account, Made, Row
from local.resources.rows import Call
from local.stack_config import StackConfig, read_stack_config

_PROVIDER_TYPE = "pulumi:providers:"
_PROVIDER_INPUTS = {
    "region",
    "defaultTags",
    # the SDK sets these itself; they say what the provider is to look up before it starts
    "skipCredentialsValidation",
    "skipMetadataApiCheck",
    "skipRegionValidation",
    "skipRequestingAccountId",
}
_RANDOM_BYTES = 4  # of which Pulumi's automatic names show seven hexadecimal digits


class UnknownTypeError(LookupError):
    """The table has no row for a resource type or no entry for a provider function."""


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
        self._account = account
        self._on_resource = on_resource
        self._lock = threading.Lock()
        self._default_tags: dict[str, Mapping[str, str]] = {}
        self.resources: list[DeployedResource] = []
        self.not_emulated: list[NotEmulated] = []

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        subject = f"{registration.type} {registration.name}"
        if registration.type.startswith(_PROVIDER_TYPE):
            return self._create_provider(registration, subject)
        row = TABLE.get(registration.type)
        if row is None:
            raise UnknownTypeError(f"{subject}: local mode has no row for this type; add one in local/resources/")
        given = self._effective_inputs(row, registration, subject)
        made = Made(subject, self._account, given, plain(given.value))
        for step in (row.create, *row.then):
            if not step.when or _at(made.inputs, step.when):
                self._call(row, step, made)
        row.after(made)
        resource_id = row.id(made)
        outputs = {**given.value, **row.outputs(made), "region": self._account.region}
        if _takes_tags(self._account, row):
            outputs["tagsAll"] = given.value.get("tags", {})
            outputs["tags"] = registration.inputs.get("tags")
        self._report(row, registration, resource_id)
        return resource_id, outputs

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if token not in INVOKES:
            raise UnknownTypeError(f"{token}: local mode does not know this function; add it in local/resources/")
        return INVOKES[token](self._account, arguments)

    def configure_default_provider(self, config: StackConfig) -> None:
        """Refuse what a program without a provider of its own would get from the stack's `aws:` keys."""
        inputs = {name.removeprefix("aws:"): value for name, value in config.values.items() if name.startswith("aws:")}
        given = Given(inputs, f"the config of stack {config.stack}")
        for name, value in given.children().items():
            if name != "region":
                raise value.refuse(f"cannot be set locally; remove aws:{name}")
        self._check_region(given)

    def _create_provider(self, registration: Registration, subject: str) -> tuple[str, Mapping[str, Any]]:
        """Inputs of providers arrive as JSON text."""
        inputs = Given(dict(registration.inputs), subject)
        for name, given in inputs.children().items():
            if name not in _PROVIDER_INPUTS:
                raise given.refuse("cannot be set locally; remove it from the provider")
        self._check_region(inputs)
        provider_id = secrets.token_hex(_RANDOM_BYTES)
        tags = json.loads(plain(registration.inputs.get("defaultTags", "{}"))).get("tags", {})
        self._default_tags[f"{registration.urn}::{provider_id}"] = tags
        return provider_id, registration.inputs

    def _effective_inputs(self, row: Row, registration: Registration, subject: str) -> Given:
        """Fill in what the provider fills in, and leave out what says nothing."""
        given = Given(dict(registration.inputs), subject)
        self._check_region(given)
        inputs = {**row.defaults, **registration.inputs}
        inputs.pop("region", None)
        for name, value in row.neutral.items():
            if plain(inputs.get(name)) == value:
                del inputs[name]
        if row.autoname is not None and inputs.get(row.autoname.input) is None:
            inputs[row.autoname.input] = _automatic_name(row, registration, subject)
        default_tags = self._default_tags.get(registration.options.provider, {})
        if default_tags and _takes_tags(self._account, row):
            inputs["tags"] = {**default_tags, **inputs.get("tags", {})}
        return replace(given, value=inputs)

    def _call(self, row: Row, step: Call, made: Made) -> None:
        claimed = {name for other in row.then for name in _heads(other)} - _heads(row.create)
        left = made.given.value.keys() - claimed - row.provider_only.keys()
        names = left if step is row.create else _heads(step)
        inputs = {name: value for name, value in made.given.value.items() if name in names}
        request = (
            self._account.client(row.service),
            step.operation,
            replace(made.given, value=inputs),
            step.moves,
            step.also(made),
        )
        if row.is_called:
            made.responses[step.operation] = call(*request)
        else:
            check(*request)

    def _check_region(self, inputs: Given) -> None:
        region = inputs.children().get("region")
        if region is not None and region.value != self._account.region:
            raise region.refuse(f"must be {self._account.region}: local mode has one region; leave it out")

    def _report(self, row: Row, registration: Registration, resource_id: str) -> None:
        resource = DeployedResource(registration.type, registration.name, registration.urn, resource_id)
        inert = [
            NotEmulated(registration.type, registration.name, path, reason)
            for path, reason in row.not_emulated.items()
            if not path or _at(plain(registration.inputs), path)
        ]
        with self._lock:
            self.resources.append(resource)
            self.not_emulated.extend(inert)
            self._on_resource(resource)


def _automatic_name(row: Row, registration: Registration, subject: str) -> str:
    rule = row.autoname
    if rule is None:
        raise TypeError(f"{subject}: its row has no automatic name")
    suffix = rule.suffix(registration.inputs)
    stem = registration.name.lower() if rule.lower_case else registration.name
    name = f"{rule.prefix}{stem}-{secrets.token_hex(_RANDOM_BYTES)[:7]}{suffix}"
    if len(name) > rule.limit:
        raise InvalidInputError(
            f"{subject}: {rule.input} would be {name}, longer than {rule.limit} characters; "
            f"name the resource shorter, or give it a {rule.input}"
        )
    return name


def _heads(step: Call) -> set[str]:
    return {key.partition(".")[0] for key in step.moves}


def _takes_tags(account: Account, row: Row) -> bool:
    if any("tags" in step.moves for step in (row.create, *row.then)):
        return True
    model = account.client(row.service).meta.service_model.operation_model(row.create.operation)
    return any(member.lower() == "tags" for member in model.input_shape.members)


def _at(inputs: Any, path: str) -> Any:
    """Look an input up by its path; None where a block on the way is missing."""
    for name in path.split("."):
        inputs = cast("dict[str, Any]", inputs).get(name) if isinstance(inputs, dict) else None
    return inputs
