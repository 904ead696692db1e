"""All rules, as policies of Pulumi."""

import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

import rules
from core.reading import UnknownValueError
from core.resources import Resource, Stack
from core.rule import Rule
from core.settings import SETTINGS, Configuration, read


def all_rules() -> list[Rule]:
    """Return the rule of each module below rules/, by name."""
    found: list[Rule] = []
    for each in pkgutil.walk_packages(rules.__path__, "rules."):
        if each.ispkg:
            continue
        declared = [value for value in vars(import_module(each.name)).values() if isinstance(value, Rule)]
        if len(declared) != 1:
            raise TypeError(f"{each.name} must declare one rule, and declares {len(declared)}.")
        found += declared
    return sorted(found, key=lambda rule: rule.name)


def policies(configuration: Configuration | None = None) -> list[Policy]:
    """Return the policy of each rule; without a configuration, as settings.yaml says."""
    declared = all_rules()
    if configuration is None:
        configuration = read(frozenset(rule.name for rule in declared))
    return [_policy(rule, configuration) for rule in declared]


def _policy(rule: Rule, configuration: Configuration) -> Policy:
    described: dict[str, Any] = {
        "name": rule.name,
        "display_name": rule.title,
        "description": f"{rule.title} {rule.reason}",
        "enforcement_level": configuration.levels.get(rule.name, rule.level),
        "severity": rule.severity,
        "framework": _framework(rule),
        "tags": tags(rule),
        "remediation_steps": rule.steps,
        "url": rule.source,
        "config_schema": PolicyConfigSchema({name: configuration.schema(name) for name in rule.settings})
        if rule.settings
        else None,
    }
    if rule.needs_stack:
        return StackValidationPolicy(validate=_stack_validation(rule, configuration), **described)
    return ResourceValidationPolicy(
        validate=_validation(rule, configuration), remediate=_remediation(rule, configuration), **described
    )


def tags(rule: Rule) -> list[str]:
    """Return the group of a rule, and the ids of its controls in each framework."""
    return [
        rule.group,
        *(f"AWS-FSBP/1.0.0/{each.id}" for each in rule.controls if each.fsbp),
        *(f"AWS-Security-Hub/{each.id}" for each in rule.controls if not each.fsbp),
        *(f"CIS-AWS/{key}" for each in rule.controls for key in each.cis),
        *sorted({f"NIST-800-53-r5/{key}" for each in rule.controls for key in each.nist}),
    ]


def _framework(rule: Rule) -> PolicyComplianceFramework | None:
    """Pulumi has a place for one framework; the others are in the tags."""
    found = [each.id for each in rule.controls if each.fsbp]
    if not found:
        return None
    return PolicyComplianceFramework(
        name="AWS Foundational Security Best Practices", version="1.0.0", reference=", ".join(found)
    )


def _validation(rule: Rule, configuration: Configuration) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        resource = _resource(args, configuration)
        if resource.type not in rule.types:
            return
        for message in violations(rule, resource, configuration):
            report(message, None)

    return validate


def _stack_validation(
    rule: Rule, configuration: Configuration
) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for resource in _stack(args, configuration).of(*rule.types):
            for message in violations(rule, resource, configuration):
                report(message, resource.urn)

    return validate


def _remediation(rule: Rule, configuration: Configuration) -> Callable[[ResourceValidationArgs], Any] | None:
    remedy = rule.remedy
    if remedy is None:
        return None

    def remediate(args: ResourceValidationArgs) -> Any:
        resource = _resource(args, configuration)
        if resource.type not in rule.types or configuration.exemption(rule.name, args.urn) is not None:
            return None
        # The same mapping, since a copy would lose which values are secret.
        return args.props if remedy(resource, args.props) else None

    return remediate


def violations(rule: Rule, resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Yield what is wrong with a resource and not exempt, as far as its values are known."""
    exemption = configuration.exemption(rule.name, resource.urn)
    if exemption is not None and configuration.is_current(exemption):
        return
    note = "" if exemption is None else f" {exemption.expiry}"
    try:
        for message in rule.check(resource):
            yield f"{message}{note}"
    except UnknownValueError:
        return  # what depends on the unknown value is checked when the resource is created


_V2 = re.compile(r"(aws:s3/bucket\w*)V2(:Bucket\w*)V2")
"""Types of buckets in Pulumi's AWS provider 6. Version 7 has them without V2, and still takes the old names."""


def _present(type_: str) -> str:
    """Return the name that a type has in the newest provider, which rules use."""
    return _V2.sub(r"\1\2", type_)


def _resource(args: ResourceValidationArgs, configuration: Configuration) -> Resource:
    return Resource(
        type_=_present(args.resource_type),
        name=args.name,
        urn=args.urn,
        properties=args.props,
        settings=_settings(configuration, args.get_config()),
    )


def _stack(args: StackValidationArgs, configuration: Configuration) -> Stack:
    stack = Stack([_stack_resource(each, configuration, args.get_config()) for each in args.resources])
    for each in stack.resources:
        each.stack = stack
    return stack


def _stack_resource(each: PolicyResource, configuration: Configuration, given: Mapping[str, Any]) -> Resource:
    return Resource(
        type_=_present(each.resource_type),
        name=each.name,
        urn=each.urn,
        properties=each.props,
        settings=_settings(configuration, given),
        references={key: [other.urn for other in others] for key, others in each.property_dependencies.items()},
        parent="" if each.parent is None else each.parent.urn,
    )


def _settings(configuration: Configuration, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: configuration.value(name, given) for name in SETTINGS}
