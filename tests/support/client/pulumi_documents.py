"""What Pulumi prints of a stack, made from what the program registers."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import yaml

from local.engine.deployment import Deployment
from tests.support.golden import path_of

_STACK = "pulumi:pulumi:Stack"


def resource(urn_or_name: str, kind: str, inputs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A resource as a state or a step has it."""
    is_urn = urn_or_name.startswith("urn:")
    urn = urn_or_name if is_urn else f"urn:pulumi:prod::portage::{kind}::{urn_or_name}"
    return {"urn": urn, "type": kind, "custom": True, "inputs": dict(inputs), "outputs": {}, **more}


def step(operation: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"op": operation, "urn": (new or old or {})["urn"], "oldState": old, "newState": new}


def plan(steps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What `pulumi preview --json` prints."""
    return {"steps": list(steps), "changeSummary": {}}


def state(
    resources: Iterable[Mapping[str, Any]], outputs: Mapping[str, Any] | None = None, stack: str = "prod"
) -> dict[str, Any]:
    """What `pulumi stack export` prints."""
    urn = f"urn:pulumi:{stack}::portage::{_STACK}::portage-{stack}"
    root = {**resource(urn, _STACK, {}), "outputs": dict(outputs or {})}
    return {"version": 3, "deployment": {"resources": [root, *resources]}}


@cache
def golden_plan(stack: str) -> Mapping[str, Any]:
    """The plan of a stack's first update, from its golden dump."""
    dump = yaml.load(path_of(stack).read_text(), yaml.CSafeLoader)
    named = ([*name.split(" ", 1), each.get("inputs", {})] for name, each in dump["resources"].items())
    return plan(
        step("create", None, resource(f"urn:pulumi:{stack}::portage::{kind}::{name}", kind, inputs))
        for name, kind, inputs in named
    )


def state_of(deployment: Deployment) -> dict[str, Any]:
    """The state of a deployment by the built-in runner."""
    resources = (resource(each.urn, each.type, each.inputs, id=each.id) for each in deployment.resources)
    return _as_json(state(resources, deployment.outputs))


def _as_json(document: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(document, default=str))  # archives of code, which no rule reads
