"""A stack's resources, from what Pulumi prints: `preview --json`, `stack export`, or only its outputs.

Source of the forms: pulumi/pulumi, sdk/go/common/apitype/core.go (ResourceV3, UntypedDeployment) and
pkg/backend/display/json.go (PreviewDigest).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, cast

import msgspec

from ...errors import WrongUsage, reason

Json = Mapping[str, Any]

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for values that a preview does not know. Source: sdk/go/common/resource/plugin/rpc.go, UnknownStringValue."""
_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key of objects that are more than JSON, such as secrets. Source: sdk/go/common/resource/sig/sig.go."""

_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:aws"
_HOW = "pulumi preview --json --show-sames, pulumi stack export, or pulumi stack output --json"


@dataclass(frozen=True)
class Resource:
    """A resource as the program declares it."""

    urn: str
    type: str
    id: str
    """AWS's name for it, in the provider's form. Empty before it is created."""
    inputs: Json
    outputs: Json
    region: str = ""
    """Empty if the state does not say it."""
    hidden: frozenset[str] = frozenset()
    """Paths of inputs that are encrypted or not known yet."""

    @property
    def name(self) -> str:
        """Return the program's name for it."""
        return self.urn.rpartition("::")[2]

    def get(self, path: str) -> Any:
        """Return an input by its path, such as `loggingConfig.logGroup`. None if it is not set or not known yet."""
        return value_at(self.inputs, path)

    def hides(self, path: str) -> bool:
        """Whether an input, or what it is in, is encrypted or not known yet."""
        return any(path == each or path.startswith(f"{each}.") for each in self.hidden)

    def hides_within(self, path: str) -> bool:
        """Whether something in an input is encrypted or not known yet."""
        return any(each.startswith(f"{path}.") for each in self.hidden)

    @classmethod
    def read(cls, state: Json | None, regions: Mapping[str, str]) -> Self | None:
        """Read a resource of a preview or a state. None for what belongs to others, or is to be deleted.

        `regions` are those of providers, by their URNs.
        """
        if state is None or state.get("external") or state.get("delete"):
            return None
        inputs, outputs = plain(state.get("inputs") or {}), plain(state.get("outputs") or {})
        kind, provider = str(state["type"]), str(state.get("provider") or "").rpartition("::")[0]
        region = inputs.get("region") or regions.get(provider) or ""
        hidden = frozenset(_hidden_in(state.get("inputs") or {}))
        return cls(str(state["urn"]), kind, str(state.get("id") or ""), inputs, outputs, str(region), hidden)


@dataclass(frozen=True)
class Change:
    """A resource before and after an update. In a state, and for what stays the same, both are equal."""

    before: Resource | None
    after: Resource | None


@dataclass(frozen=True)
class Stack:
    """What is known of a stack."""

    name: str = ""
    region: str = ""
    changes: tuple[Change, ...] = ()
    outputs: Json = field(default_factory=dict[str, Any])
    is_planned: bool = False
    """Whether this is what an update would do."""
    elsewhere: Json = field(default_factory=dict[str, int])
    """The number of resources that are left out, by their region."""

    @property
    def resources(self) -> list[Resource]:
        """Return what the stack has, or will have."""
        return [change.after for change in self.changes if change.after is not None]

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a type."""
        return [each for each in self.resources if each.type == kind]

    def growth(self, kind: str, measure: Callable[[Resource], float] = lambda _: 1) -> float:
        """Return by how much an update raises the sum of a measure over the resources of a type."""
        pairs = ((change.before, change.after) for change in self.changes)
        return sum(_measured(after, kind, measure) - _measured(before, kind, measure) for before, after in pairs)

    def within(self, region: str) -> Self:
        """Return the stack without the resources that are known to be in another region."""
        ours = [each for each in self.changes if _region_of(each) in ("", region)]
        others = Counter(_region_of(each) for each in self.changes if _region_of(each) not in ("", region))
        return replace(self, changes=tuple(ours), elsewhere=others)

    @property
    def is_production(self) -> bool:
        """Whether the stack's name says that people depend on it."""
        return "prod" in self.name.lower() or self.name.lower() == "live"


def load(path: Path) -> Stack:
    """Read a file that Pulumi has written. Raises WrongUsage if it is none of the three kinds."""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WrongUsage(f"{path} is not what Pulumi writes ({reason(error)}): write it with {_HOW}") from error
    try:
        return read(document, str(path))
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # a member is missing, or has another form
        raise WrongUsage(f"{path} is not what Pulumi writes ({error!r}): write it with {_HOW}") from error


def read(document: Json, where: str = "the document") -> Stack:
    """Read the document of a preview, a state or a stack's outputs."""
    if "deployment" in document:
        deployment: Any = document["deployment"]
        if deployment is None:  # before the first update
            deployment = {}
        states = deployment.get("resources") or ()
        regions = _regions(states)
        found = (Resource.read(each, regions) for each in states)
        return _stack([Change(each, each) for each in found], is_planned=False)
    if "steps" in document or "changeSummary" in document:
        steps = document.get("steps") or ()
        regions = _regions(each.get("newState") or each.get("oldState") or {} for each in steps)
        changes = [_change(step, regions) for step in steps]
        return _stack([each for each in changes if each.before or each.after], is_planned=True)
    if "apiUrl" in document or "region" in document:
        return Stack(region=str(document.get("region") or ""), outputs=document)
    raise WrongUsage(f"{where} has no steps, deployment or outputs of a stack: write it with {_HOW}")


def _regions(states: Iterable[Json]) -> dict[str, str]:
    """Return the region of each provider of AWS, by its URN."""
    providers = [each for each in states if each.get("type") == _PROVIDER]
    return {str(each["urn"]): str(plain(each.get("inputs") or {}).get("region") or "") for each in providers}


def _region_of(change: Change) -> str:
    one = change.after or change.before
    return one.region if one is not None else ""


def _change(step: Json, regions: Mapping[str, str]) -> Change:
    """Read a step. A replacement is a create step and a delete step, and a `replace` step that says so again."""
    operation = str(step["op"])
    before, after = (Resource.read(step.get(state), regions) for state in ("oldState", "newState"))
    if operation in ("replace", "read", "read-replacement", "read-discard"):
        return Change(None, None)
    if operation.startswith(("create", "import")):
        return Change(None, after)
    if operation.startswith(("delete", "discard", "remove")):
        return Change(before, None)
    return Change(before, after)


def _stack(changes: list[Change], *, is_planned: bool) -> Stack:
    custom: list[Change] = []
    name, region, outputs = "", "", dict[str, Any]()
    for change in changes:
        one = change.after or change.before
        if one is None:
            continue
        name = name or (one.urn.split(":")[2] if one.urn.startswith("urn:pulumi:") else "")
        if one.type == _STACK:
            outputs = dict(one.outputs)
        elif one.type == _PROVIDER:
            region = str(one.get("region") or region)
        else:
            custom.append(change)
    known = Counter(found for each in custom if (found := _region_of(each)))
    region = known.most_common(1)[0][0] if known else region
    return Stack(name, region or str(outputs.get("region") or ""), tuple(custom), outputs, is_planned)


def _measured(resource: Resource | None, kind: str, measure: Callable[[Resource], float]) -> float:
    return measure(resource) if resource is not None and resource.type == kind else 0


def plain(value: Any) -> Any:
    """Return a value without Pulumi's own forms: what is unknown or encrypted becomes None."""
    if isinstance(value, list):
        return [plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        if _SIGNATURE in known:
            return json.loads(known["plaintext"]) if "plaintext" in known else None
        return {key: plain(each) for key, each in known.items()}
    return None if value in (_UNKNOWN, "[secret]") else value


def _hidden_in(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what `plain` returns None for, although there is a value."""
    if isinstance(value, list):
        for number, each in enumerate(cast("list[Any]", value)):
            yield from _hidden_in(each, f"{path}.{number}")
    elif isinstance(value, dict) and _SIGNATURE not in value:
        for key, each in cast("dict[str, Any]", value).items():
            yield from _hidden_in(each, f"{path}.{key}")
    elif value is not None and plain(value) is None:
        yield path.removeprefix(".")


def value_at(value: Any, path: str) -> Any:
    """Return the value at a path of keys and indexes. None if there is none, or for an empty list on the way."""
    for part in path.split("."):
        if isinstance(value, list):
            items = cast("list[Any]", value)
            value = items[int(part)] if part.isdigit() and int(part) < len(items) else None
        else:
            value = cast("Json", value).get(part) if isinstance(value, Mapping) else None
    return value
