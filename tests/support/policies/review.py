"""Has the policies of the pack look at recorded resources, as the engine has them look at a stack's."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from core.pack import policies
from core.settings import Configuration
from local.engine.built_in.program import Registration
from local.resources.parameters import plain
from tests.support.components.recording import FakeAws


@dataclass(frozen=True, order=True)
class Violation:
    """What a policy reported."""

    rule: str
    urn: str
    message: str

    @property
    def name(self) -> str:
        """The program's name for the resource."""
        return self.urn.rpartition("::")[2]


@cache
def _without_exemptions() -> list[Policy]:
    return policies(Configuration())


def review(
    registrations: Iterable[Registration],
    *,
    rules: Collection[str] | None = None,
    configuration: Configuration | None = None,
    config: Mapping[str, Any] | None = None,
) -> list[Violation]:
    """Return what the policies report; without a configuration, as if settings.yaml were empty.

    `config` is what Pulumi's own configuration gives each policy.
    """
    chosen = _without_exemptions() if configuration is None else policies(configuration)
    found: list[Violation] = []
    resources = list(registrations)
    each_alone = [_arguments(each, config) for each in resources]
    together = StackValidationArgs(_linked(resources), config)
    for policy in chosen:
        if rules is not None and policy.name not in rules:
            continue
        if isinstance(policy, ResourceValidationPolicy):
            for each in each_alone:
                policy.validate(each, _into(found, policy, each.urn))
        elif isinstance(policy, StackValidationPolicy):
            policy.validate(together, _into(found, policy, ""))
    return sorted(found)


def _into(found: list[Violation], policy: Policy, resource_urn: str) -> ReportViolation:
    def report(message: str, urn: str | None = None) -> None:
        found.append(Violation(policy.name, urn or resource_urn, message))

    return report


def _arguments(each: Registration, config: Mapping[str, Any] | None) -> ResourceValidationArgs:
    return ResourceValidationArgs(each.type, _proxy(plain(each.inputs)), each.urn, each.name, OPTIONS, None, config)


OPTIONS = PolicyResourceOptions(
    protect=False,
    ignore_changes=[],
    delete_before_replace=None,
    aliases=[],
    custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
    additional_secret_outputs=[],
)


def _proxy(properties: dict[str, Any]) -> Mapping[str, Any]:
    return unknown_checking_proxy(properties)


def _linked(registrations: list[Registration]) -> list[PolicyResource]:
    """Return the resources with inputs, outputs and references, as the engine has them at the end of an update."""
    by_urn = {each.urn: _with_outputs(each) for each in registrations}
    for each in registrations:
        resource = by_urn[each.urn]
        resource.parent = by_urn.get(each.parent)
        resource.property_dependencies = {
            key: [by_urn[urn] for urn in sorted(urns) if urn in by_urn]
            for key, urns in each.options.property_dependencies.items()
        }
    return list(by_urn.values())


def _with_outputs(each: Registration) -> PolicyResource:
    properties = plain(each.inputs)
    if each.custom:
        properties = {**plain(FakeAws().create(each)[1]), **properties}
    return PolicyResource(each.type, _proxy(properties), each.urn, each.name, OPTIONS, None, None, [], {})


def changed(registration: Registration, **inputs: Any) -> Registration:
    """Return the resource with other inputs; None removes one."""
    merged = {**registration.inputs, **inputs}
    return replace(registration, inputs={key: value for key, value in merged.items() if value is not None})


def with_unknown(registration: Registration, key: str) -> Registration:
    """Return the resource as a preview shows it if an input is not known yet."""
    return replace(registration, inputs={**registration.inputs, key: UNKNOWN_STRING_VALUE})
