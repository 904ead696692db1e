"""What an argument's value must be. A check returns the value, or raises an error that names argument, value and fix.

A constraint says what it requires in `form`, which error messages and the generated documentation use.
"""

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, NotRequired, Protocol, TypedDict, cast
from urllib.parse import urlsplit

import pulumi


class ArgumentError(pulumi.RunError):
    """An argument is missing, unknown or not within its limit.

    The Pulumi CLI prints the message of a RunError without a traceback. It must not be a ValueError as well: the SDK
    wraps a ValueError that is raised inside `apply` into another one, which the CLI prints with a traceback.
    """


class Constraint(Protocol):
    """What the value of an argument must be."""

    @property
    def form(self) -> str:
        """What the value must be, in words that follow "must be"."""
        ...

    def check(self, name: str, value: Any) -> Any:
        """Return the value; raises ArgumentError that names the argument, the value and what it must be."""
        ...


@dataclass(frozen=True)
class Range:
    """A whole number within a closed range."""

    low: int
    high: int
    source: str
    """Where the limits come from."""

    @property
    def form(self) -> str:
        """Both limits and their source."""
        return f"from {self.low} to {self.high} ({self.source})"

    def check(self, name: str, value: object) -> int:
        """Return the whole number. Whole floats are accepted: other Pulumi languages send integers as floats."""
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_whole:
            raise ArgumentError(f"{name} is {value!r}, but must be a whole number from {self.low} to {self.high}.")
        if not self.low <= value <= self.high:
            raise ArgumentError(f"{name} is {int(value)}, but must be {self.form}.")
        return int(value)


@dataclass(frozen=True)
class Choice:
    """One of a closed set of values."""

    values: tuple[str, ...] | tuple[int, ...]
    source: str

    @property
    def form(self) -> str:
        """All values and their source."""
        return f"one of {', '.join(map(str, self.values))} ({self.source})"

    def check(self, name: str, value: Any) -> Any:
        """Return the value."""
        if isinstance(value, bool) or value not in self.values:
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        return self.values[self.values.index(value)]


_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML and XML cannot hold, and half of a pair (UTF-16), which no API can.

Source: YAML 1.2.2, c-printable, without the line break NEL; XML 1.0, Char.
"""


@dataclass(frozen=True)
class Pattern:
    """Text of printable characters that matches a regular expression."""

    regex: str
    form: str

    def check(self, name: str, value: object) -> str:
        """Return the text."""
        if not isinstance(value, str) or not re.fullmatch(self.regex, value):
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        if found := _UNPRINTABLE.search(value):
            raise ArgumentError(f"{name} is {value!r}, but {found[0]!r} is no printable character; leave it out.")
        return value


_CIDR = Pattern(r"[0-9A-Fa-f.:]+/[0-9]{1,3}", "a network such as 203.0.113.0/24 or 2001:db8::/32")


@dataclass(frozen=True)
class Network:
    """A range of IPv4 or IPv6 addresses in CIDR notation."""

    form = _CIDR.form

    def check(self, name: str, value: object) -> str:
        """Return the text. For an address inside a network, the error names that network."""
        text = _CIDR.check(name, value)
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise ArgumentError(f"{name} is {value!r}, but must be {_CIDR.form} ({error}).") from None
        if network.network_address != ipaddress.ip_address(text.partition("/")[0]):
            raise ArgumentError(f"{name} is {value!r}, but must be {network}, or end in /{network.max_prefixlen}.")
        return text


@dataclass(frozen=True)
class VpcNetwork:
    """The IPv4 addresses of a VPC, with a size within a closed range."""

    shortest: int
    """Prefix of the largest network."""
    longest: int

    @property
    def form(self) -> str:
        """The limits of its size, with the larger network first."""
        sizes = f"/{self.shortest} to /{self.longest}"
        return f"an IPv4 network such as 10.0.0.0/16, its prefix from {sizes} (VPC guide, sizes of VPCs and subnets)"

    def check(self, name: str, value: object) -> str:
        """Return the text."""
        text = Network().check(name, value)
        network = ipaddress.ip_network(text)
        if isinstance(network, ipaddress.IPv6Network) or not self.shortest <= network.prefixlen <= self.longest:
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        return text


_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OTHER_IN_BROWSERS = frozenset("ß\u03c2\u200c\u200d")
"""Python follows IDNA 2003, which writes these characters differently from browsers (UTS 46)."""


@dataclass(frozen=True)
class Origin:
    """The origin of a web page, exactly as browsers send it (WHATWG URL and HTML standards), or * for any."""

    form = "an origin such as https://app.example.com or http://localhost:8000, its port from 1 to 65535, or *"

    def check(self, name: str, value: object) -> str:
        """Return the text. For another spelling of an origin, the error names the one that browsers send."""
        if not isinstance(value, str):
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        sent = value if value == "*" else _as_browsers_send(value)
        if sent is None:
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        if sent != value:
            raise ArgumentError(f"{name} is {value!r}, but must be {sent}, as browsers send it.")
        return value


def _as_browsers_send(url: str) -> str | None:
    """Return the origin of a URL, or of a host without its scheme; None if no browser has such an origin."""
    try:
        parts = urlsplit(f"https://{url}" if "://" not in url and "." in url else url)
        host, port = _as_browsers_write(parts.hostname or ""), parts.port
    except ValueError:  # the port is no number up to 65535, or the host has a label that IDNA refuses
        return None
    if parts.scheme not in _DEFAULT_PORTS or host is None or port == 0:
        return None
    is_named = port is not None and port != _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}:{port}" if is_named else f"{parts.scheme}://{host}"


def _as_browsers_write(host: str) -> str | None:
    if _OTHER_IN_BROWSERS.intersection(host):
        return None
    ascii_host = host if host.isascii() else host.encode("idna").decode()
    if not _HOST.fullmatch(ascii_host):
        return None
    if re.fullmatch(r"\d+|0x[0-9a-f]*", ascii_host.rstrip(".").rpartition(".")[2]):
        return str(ipaddress.IPv4Address(ascii_host))  # a number at the end makes it an address
    return ascii_host


@dataclass(frozen=True)
class Boolean:
    """True or false."""

    form = "true or false"

    def check(self, name: str, value: object) -> bool:
        """Return the value."""
        if not isinstance(value, bool):
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        return value


@dataclass(frozen=True)
class ListOf:
    """A list with the same constraint on every item."""

    item: "Pattern | Network | Origin | MaybeOutput"

    @property
    def form(self) -> str:
        """The constraint on every item."""
        return f"a list, each item {self.item.form}"

    def check(self, name: str, value: object) -> list[Any]:
        """Return the list. The error names the item by its index."""
        if not isinstance(value, list):
            raise ArgumentError(f"{name} is {value!r}, but must be a list.")
        items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        return [self.item.check(f"{name}[{index}]", item) for index, item in enumerate(items)]


@dataclass(frozen=True)
class MapOf:
    """A map of texts."""

    key: Pattern
    value: Pattern

    @property
    def form(self) -> str:
        """The constraints on every key and value."""
        return f"a map, each key {self.key.form}, each value {self.value.form}"

    def check(self, name: str, value: object) -> dict[str, str]:
        """Return the map. The error names the value by its key. The Pulumi CLI writes texts like 3 as numbers."""
        if not isinstance(value, Mapping):
            raise ArgumentError(f"{name} is {value!r}, but must be a map.")
        items: Mapping[object, object] = value  # pyright: ignore[reportUnknownVariableType]
        return {
            self.key.check(f"{name}: a key", key): self.value.check(f"{name}.{key}", _as_text(item))
            for key, item in items.items()
        }


def _as_text(value: object) -> object:
    if isinstance(value, float) and value.is_integer():  # other languages send every number as one
        value = int(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else value


class StatementArgs(TypedDict):
    """A statement that allows actions on resources."""

    actions: list[str]
    """IAM actions, such as secretsmanager:GetSecretValue."""
    resources: list[pulumi.Input[str]]
    """ARNs, or * for an action without resources."""


class ProcessorRuleArgs(TypedDict):
    """The uploads that a processor gets. An upload matches one of the content types and one of the file names."""

    processor: str
    """Function that processes them, as module.function."""
    content_types: NotRequired[list[str]]
    """Media types, such as text/csv or image/*; if omitted, any."""
    file_names: NotRequired[list[str]]
    """Endings of file names, such as *.csv; if omitted, any."""


class NotificationArgs(TypedDict):
    """A notification of S3 about each created object with a key that has the prefix and the suffix."""

    target: pulumi.Input[str]
    """ARN of a standard queue or topic. Its policy must allow S3 to send, from this bucket."""
    prefix: NotRequired[str]
    """Beginning of the key; if omitted, any."""
    suffix: NotRequired[str]
    """End of the key; if omitted, any."""


@dataclass(frozen=True)
class MapsOf:
    """A list of maps with the same keys."""

    required: "Mapping[str, Pattern | ListOf | MaybeOutput]"
    optional: Mapping[str, Pattern | ListOf]

    @property
    def form(self) -> str:
        """The keys and their constraints."""
        required, optional = self._listed(self.required), self._listed(self.optional)
        return f"a list, each item with {required}" + (f", and optionally {optional}" if optional else "")

    @staticmethod
    def _listed(keys: "Mapping[str, Pattern | ListOf | MaybeOutput]") -> str:
        return " and ".join(f"{key} ({each.form})" for key, each in keys.items())

    def check(self, name: str, value: object) -> list[dict[str, Any]]:
        """Return the list. The error names the item by its index."""
        if not isinstance(value, list):
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        return [self._checked(f"{name}[{index}]", item) for index, item in enumerate(items)]

    def _checked(self, name: str, item: object) -> dict[str, Any]:
        known = {**self.required, **self.optional}
        if not isinstance(item, Mapping):
            raise ArgumentError(f"{name} is {item!r}, but must be a map of {' and '.join(known)}.")
        entries: Mapping[str, object] = item  # pyright: ignore[reportUnknownVariableType]
        if wrong := sorted((entries.keys() - known) | (self.required.keys() - entries), key=str):
            keys = " and ".join(self.required) + "".join(f", may have {key}" for key in self.optional)
            raise ArgumentError(f"{name} must have {keys}, and nothing else; see {wrong[0]!r}.")
        checked = {key: each.check(f"{name}.{key}", entries[key]) for key, each in known.items() if key in entries}
        if empty := [key for key, found in checked.items() if not is_late(found) and not found]:
            raise ArgumentError(f"{name}.{empty[0]} is empty; give it an item.")
        return checked


@dataclass(frozen=True)
class InstanceOf:
    """An instance of a class."""

    kind: type | UnionType
    form: str

    def check(self, name: str, value: object) -> Any:
        """Return the value."""
        if not isinstance(value, self.kind):
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        return value


@dataclass(frozen=True)
class MaybeOutput:
    """A value, or an Output of it, which is checked when it resolves.

    Items of a list and values of a map may be Outputs as well.
    """

    value: Pattern | Network | Origin | ListOf | MapOf | MapsOf

    @property
    def form(self) -> str:
        """The constraint on the value."""
        return self.value.form

    def check(self, name: str, value: object) -> Any:
        """Return the value, or an Output of the checked value, with the dependencies and the secrecy of the given one.

        An Output that is unknown during a preview is not checked.
        """
        if is_late(value) or (isinstance(self.value, MapsOf) and holds_late(value)):
            return self._checked_when_known(name, pulumi.Output.from_input(cast("Any", value)))
        if isinstance(self.value, ListOf) and isinstance(value, list):
            listed: list[object] = value  # pyright: ignore[reportUnknownVariableType]
            item = self.value.item
            of_one = item if isinstance(item, MaybeOutput) else MaybeOutput(item)
            items = [of_one.check(f"{name}[{index}]", each) for index, each in enumerate(listed)]
            return pulumi.Output.all(*items) if any(isinstance(each, pulumi.Output) for each in items) else items
        if isinstance(self.value, MapOf) and isinstance(value, Mapping):
            entries: Mapping[object, object] = value  # pyright: ignore[reportUnknownVariableType]
            late = {key: item for key, item in entries.items() if is_late(item)}
            known = self.value.check(name, {key: "" if key in late else item for key, item in entries.items()})
            of_value = MaybeOutput(self.value.value)
            return {
                **known,
                **{
                    key: of_value.check(f"{name}.{key}", pulumi.Output.from_input(cast("Any", item)).apply(_as_text))
                    for key, item in late.items()
                },
            }
        return self.value.check(name, value)

    def _checked_when_known(self, name: str, output: pulumi.Output[Any]) -> pulumi.Output[Any]:
        async def check(known: object) -> Any:
            if known == [] and isinstance(self.value, ListOf | MapsOf):
                raise ArgumentError(
                    f"{name} is empty, but an Output of a list must have an item; leave it out instead."
                )
            try:
                return self.value.check(name, known)
            except ArgumentError:
                if not await output.is_secret():
                    raise
            raise ArgumentError(f"{name} is [secret], but must be {self.form}.")

        return output.apply(check)


def refuses_late(constraint: Constraint, value: object) -> bool:
    """Return whether there is a late value where the constraint needs a plain one."""
    match constraint:
        case MaybeOutput():
            return False
        case ListOf() if isinstance(value, list):
            return any(refuses_late(constraint.item, each) for each in cast("list[object]", value))
        case MapsOf() if isinstance(value, list):
            kinds = {**constraint.required, **constraint.optional}
            return any(
                refuses_late(kinds[key], each)
                for item in cast("list[object]", value)
                if isinstance(item, Mapping)
                for key, each in cast("Mapping[str, object]", item).items()
                if key in kinds
            ) or any(map(is_late, cast("list[object]", value)))
        case InstanceOf():  # what building blocks get: maps and lists of Outputs
            return is_late(value)
        case _:
            return holds_late(value)


def is_late(value: object) -> bool:
    """Return whether a value is known only when others have been: an Output, or what one can be made of."""
    return isinstance(value, (pulumi.Output, Awaitable))


def holds_late(value: object) -> bool:
    """Return whether a value is late, or a map or list with a late value in it."""
    if isinstance(value, Mapping):
        return any(map(holds_late, cast("Mapping[str, object]", value).values()))
    if isinstance(value, list):
        return any(map(holds_late, cast("list[object]", value)))
    return is_late(value)


@dataclass(frozen=True)
class SharedSpace:
    """A limit on the size of several lists and maps together. Items that are Outputs are not counted."""

    arguments: tuple[str, ...]
    characters: int
    """The limit. An item takes its length, `per_item` and one more for the comma; a map counts as JSON."""
    per_item: int
    space: str
    """What the lists must fit into, and the source of its limit."""
    fix: str

    def conflict(self, values: Mapping[str, Any], spelled: Callable[[str], str]) -> str | None:
        """Return what is wrong with the lists, or None. `spelled` returns the reader's name for an argument."""
        taken = {spelled(name): self._taken(values[name]) for name in self.arguments}
        if sum(taken.values()) <= self.characters:
            return None
        counts = " and ".join(f"{name} has {count:,} characters" for name, count in taken.items() if count)
        return f"{counts}, but at most {self.characters:,} in all fit into {self.space}. {self.fix}"

    def _taken(self, value: object) -> int:
        if isinstance(value, Mapping):
            entries = cast("Mapping[str, object]", value)
            return len(json.dumps({key: item for key, item in entries.items() if isinstance(item, str)}))
        items = cast("list[object]", value) if isinstance(value, list) else []
        texts = (json.dumps(item) if isinstance(item, Mapping) else item for item in items)
        return sum(len(text) + self.per_item + 1 for text in texts if isinstance(text, str))


def is_empty(items: pulumi.Input[Sequence[pulumi.Input[str]]]) -> bool:
    """Return whether a list has no items. An Output of a list has items, because MaybeOutput rejects an empty one."""
    return isinstance(items, Sequence) and not items
