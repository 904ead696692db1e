"""What a user of the pack can set: values that rules read, levels, and exemptions, all in settings.yaml.

A rule's values can also come from Pulumi's own configuration of policies (`--policy-pack-config`), which then win.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import yaml
from pulumi_policy import EnforcementLevel

FILE = Path(__file__).parent.parent / "settings.yaml"


@dataclass(frozen=True)
class Setting:
    """A value that rules read."""

    type: str
    """`array`, `number` or `object`, as in JSON Schema."""
    default: Any
    description: str


SETTINGS: Mapping[str, Setting] = {
    "allowedRegions": Setting("array", [], "Regions that may be used. An empty list allows all."),
    "ingestBuckets": Setting(
        "array", ["*ingest*", "*incoming*"], "Names of buckets, in the program or in AWS, that clients upload to."
    ),
    "logRetentionDays": Setting("number", 7, "How long log groups must keep events at least, in days."),
    "presigners": Setting(
        "array",
        ["*create-upload*", "*sign-parts*", "*presign*"],
        "Names of roles, in the program or in AWS, that sign URLs with which clients upload.",
    ),
    "remediatedLogRetentionDays": Setting("number", 365, "The retention that the remediation sets, in days."),
    "requiredTags": Setting(
        "object", {}, "Tags that resources must have. The remediation adds those that have a value here."
    ),
    "resultBuckets": Setting("array", ["*result*"], "Names of buckets, in the program or in AWS, that have results."),
    "signatureSeconds": Setting("number", 43200, "How old a presigned request may be at most, in seconds."),
}


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.UTC).date()


@dataclass(frozen=True)
class Exemption:
    """A resource to which a rule does not apply, until a day."""

    rule: str
    """The rule's name."""
    resources: tuple[str, ...]
    """Patterns (`*`, `?`) of URNs."""
    reason: str
    until: dt.date
    """The last day. After it, the violation is reported again."""

    @property
    def expiry(self) -> str:
        """Return what a violation says when the last day is over."""
        return f"The exemption expired on {self.until} ({self.reason})."

    def covers(self, rule: str, urn: str) -> bool:
        """Return whether it is for this rule and resource, expired or not."""
        return rule == self.rule and any(fnmatchcase(urn, each) for each in self.resources)


class SettingsError(ValueError):
    """Something in settings.yaml is wrong."""


@dataclass(frozen=True)
class Configuration:
    """What settings.yaml says."""

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    levels: Mapping[str, EnforcementLevel] = field(default_factory=dict[str, EnforcementLevel])
    exemptions: tuple[Exemption, ...] = ()
    today: dt.date = field(default_factory=_today)

    def value(self, name: str, given: Mapping[str, Any]) -> Any:
        """Return a setting's value: of Pulumi's configuration, else of the file, else its default."""
        if name in given:
            return given[name]
        return self.values.get(name, SETTINGS[name].default)

    def schema(self, name: str) -> dict[str, Any]:
        """Return a setting's JSON schema.

        Its default is the file's value, because the engine sets each default as if it were Pulumi's configuration.
        """
        setting = SETTINGS[name]
        items = {"items": {"type": "string"}} if setting.type == "array" else {}
        return {
            "type": setting.type,
            "default": self.value(name, {}),
            "description": setting.description,
            **items,
        }

    def exemption(self, rule: str, urn: str) -> Exemption | None:
        """Return the exemption of a resource from a rule, preferably one that has not expired."""
        found = [each for each in self.exemptions if each.covers(rule, urn)]
        return max(found, key=lambda each: each.until, default=None)

    def is_current(self, exemption: Exemption) -> bool:
        """Return whether an exemption has not expired."""
        return self.today <= exemption.until


class _Loader(yaml.SafeLoader):
    """Rejects a key that a mapping has twice, as the Pulumi CLI does; PyYAML would drop the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for twice in (key for key in keys if keys.count(key) > 1):
            raise yaml.constructor.ConstructorError(None, None, f"{twice} is set twice; remove one", node.start_mark)
        return super().construct_mapping(node, deep)


def read(rules: frozenset[str], path: Path = FILE, today: dt.date | None = None) -> Configuration:
    """Return what the file says; SettingsError if it names an unknown rule or setting, or gives no reason or day."""
    try:
        document = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise SettingsError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}.") from error
    sections = _mapping(path, "the file", document)
    _check_names(path, "", sections.keys(), {"values", "levels", "exemptions"})
    values = _mapping(path, "values", sections.get("values"))
    levels = _mapping(path, "levels", sections.get("levels"))
    _check_names(path, "values: ", values.keys(), SETTINGS.keys())
    _check_names(path, "levels: ", levels.keys(), rules)
    exempt: Any = sections.get("exemptions") or []
    if not isinstance(exempt, list):
        raise SettingsError(f"{path.name}: exemptions is {exempt!r}, but must be a list.")
    return Configuration(
        {name: _value(path, name, value) for name, value in values.items()},
        {name: _level(path, name, level) for name, level in levels.items()},
        tuple(_exemption(path, each, rules) for each in cast("list[Any]", exempt)),
        today or _today(),
    )


def _mapping(path: Path, where: str, given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise SettingsError(f"{path.name}: {where} is {given!r}, but must be a mapping, with `key: value` lines.")
    return {str(key): value for key, value in cast("dict[Any, Any]", given).items()}


def _value(path: Path, name: str, given: Any) -> Any:
    """Return a setting's value; SettingsError if it is of another type than the setting."""
    kind, value = SETTINGS[name].type, cast("object", given)
    fits = {
        "array": isinstance(value, list) and all(isinstance(each, str) for each in cast("list[Any]", value)),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "object": isinstance(value, dict)
        and all(isinstance(each, str) for item in cast("dict[Any, Any]", value).items() for each in item),
    }
    if not fits[kind]:
        form = {"array": "a list of texts", "number": "a number", "object": "a mapping of texts to texts"}[kind]
        raise SettingsError(f"{path.name}: values: {name} is {value!r}, but must be {form}.")
    return given


def _exemption(path: Path, entry: Any, rules: frozenset[str]) -> Exemption:
    given = _mapping(path, "an item of exemptions", entry)
    _check_names(path, "exemptions: ", given.keys(), {"rule", "resources", "reason", "until"})
    rule, resources, reason, until = (given.get(key) for key in ("rule", "resources", "reason", "until"))
    _check_names(path, "exemptions: ", {str(rule)}, rules)
    patterns = cast("list[Any]", resources if isinstance(resources, list) else [resources])
    if not all(isinstance(each, str) and each for each in patterns) or not patterns:
        raise SettingsError(f"{path.name}: the exemption from {rule} has no `resources`, patterns of URNs.")
    if not isinstance(reason, str) or not reason.strip():
        raise SettingsError(f"{path.name}: the exemption from {rule} has no reason.")
    if isinstance(until, dt.datetime) or not isinstance(until, dt.date):
        raise SettingsError(f"{path.name}: the exemption from {rule} has no `until`, its last day (YYYY-MM-DD).")
    return Exemption(str(rule), tuple(patterns), " ".join(reason.split()), until)


def _level(path: Path, rule: str, level: Any) -> EnforcementLevel:
    try:
        return EnforcementLevel(level)
    except ValueError:
        allowed = ", ".join(each.value for each in EnforcementLevel)
        raise SettingsError(f"{path.name}: the level of {rule} is {level}, but must be one of {allowed}.") from None


def _check_names(path: Path, where: str, given: Collection[str], known: Collection[str]) -> None:
    if unknown := sorted(set(given) - set(known)):
        near = get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}."
        raise SettingsError(f"{path.name}: {where}{', '.join(unknown)} is not known; {hint}")
