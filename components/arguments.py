"""Reads component args; each error names the argument, the value and the fix, before any resource is made."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import pulumi


class ArgumentError(pulumi.RunError):
    """An argument is missing, unknown or not within its limit.

    The Pulumi CLI prints the message of a RunError without a traceback. It must not be a ValueError as well: the SDK
    wraps a ValueError that is raised inside `apply` into another one, which the CLI prints with a traceback.
    """


@dataclass(frozen=True)
class Range:
    """A closed range of whole numbers, with the words and the source of its limits."""

    low: int
    high: int
    source: str

    def check(self, name: str, value: object) -> int:
        """Return the whole number; raises ArgumentError that names argument, value and range.

        Whole floats count: that is how other Pulumi languages send integers.
        """
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_whole:
            raise ArgumentError(f"{name} is {value!r}, but must be a whole number from {self.low} to {self.high}.")
        if not self.low <= value <= self.high:
            raise ArgumentError(f"{name} is {int(value)}, but must be from {self.low} to {self.high} ({self.source}).")
        return int(value)


@dataclass(frozen=True)
class Choice:
    """A closed set of values."""

    values: tuple[Any, ...]
    source: str

    def check(self, name: str, value: Any) -> Any:
        """Return the value; raises ArgumentError that names argument, value and set."""
        if isinstance(value, bool) or value not in self.values:
            listed = ", ".join(str(allowed) for allowed in self.values)
            raise ArgumentError(f"{name} is {value!r}, but must be one of {listed} ({self.source}).")
        return self.values[self.values.index(value)]


@dataclass(frozen=True)
class Pattern:
    """Text of one form."""

    regex: str
    form: str

    def check(self, name: str, value: object) -> str:
        """Return the text; raises ArgumentError that names argument, value and form."""
        if not isinstance(value, str) or not re.fullmatch(self.regex, value):
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        return value


_CIDR = Pattern(r"[0-9A-Fa-f.:]+/\d{1,3}", "a network such as 203.0.113.0/24 or 2001:db8::/32")


@dataclass(frozen=True)
class Network:
    """Addresses in CIDR notation, of either version of IP."""

    form = _CIDR.form

    def check(self, name: str, value: object) -> str:
        """Return the text; raises ArgumentError that names argument and value, and the network that it is in."""
        text = _CIDR.check(name, value)
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as fault:
            raise ArgumentError(f"{name} is {value!r}, but must be {_CIDR.form} ({fault}).") from None
        if network.network_address != ipaddress.ip_address(text.partition("/")[0]):
            raise ArgumentError(f"{name} is {value!r}, but must be {network}, or end in /{network.max_prefixlen}.")
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
        """Return the text; raises ArgumentError that names argument and value, and the form that browsers send."""
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
class Flag:
    """True or false."""

    def check(self, name: str, value: object) -> bool:
        """Return the flag; raises ArgumentError that names argument and value."""
        if not isinstance(value, bool):
            raise ArgumentError(f"{name} is {value!r}, but must be true or false.")
        return value


@dataclass(frozen=True)
class Each:
    """A list whose every item keeps one limit."""

    limit: Pattern | Network | Origin

    @property
    def form(self) -> str:
        """What the list must be."""
        return f"a list, each item {self.limit.form}"

    def check(self, name: str, value: object) -> list[str]:
        """Return the list; raises ArgumentError that names argument, item and form."""
        if not isinstance(value, list):
            raise ArgumentError(f"{name} is {value!r}, but must be a list.")
        items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        return [self.limit.check(f"{name}[{index}]", item) for index, item in enumerate(items)]


@dataclass(frozen=True)
class Kind:
    """A value of one kind."""

    kind: type
    form: str

    def check(self, name: str, value: object) -> Any:
        """Return the value; raises ArgumentError that names argument, value and kind."""
        if not isinstance(value, self.kind):
            raise ArgumentError(f"{name} is {value!r}, but must be {self.form}.")
        return value


@dataclass(frozen=True)
class OrOutput:
    """A limit on a value that may be an Output, whose value is checked when it is known; for Each, on its items too."""

    limit: Pattern | Network | Origin | Kind | Each

    def check(self, name: str, value: object) -> Any:
        """Return the value, or an Output of the checked value; raises ArgumentError as the limit does.

        An Output keeps its dependencies and its secrecy. While its value is unknown, in a preview, nothing is checked.
        """
        if isinstance(value, (pulumi.Output, Awaitable)):
            return self._checked_when_known(name, pulumi.Output.from_input(cast("Any", value)))
        if isinstance(self.limit, Each) and isinstance(value, list):
            listed: list[object] = value  # pyright: ignore[reportUnknownVariableType]
            of_one = OrOutput(self.limit.limit)
            items = [of_one.check(f"{name}[{index}]", item) for index, item in enumerate(listed)]
            return pulumi.Output.all(*items) if any(isinstance(item, pulumi.Output) for item in items) else items
        return self.limit.check(name, value)

    def _checked_when_known(self, name: str, output: pulumi.Output[Any]) -> pulumi.Output[Any]:
        async def check(known: object) -> Any:
            if known == [] and isinstance(self.limit, Each):
                raise ArgumentError(
                    f"{name} is empty, but an Output of a list must have an item; leave it out instead."
                )
            try:
                return self.limit.check(name, known)
            except ArgumentError:
                if not await output.is_secret():
                    raise
            raise ArgumentError(f"{name} is [secret], but must be {self.limit.form}.")

        return output.apply(check)


@dataclass(frozen=True)
class SharedSpace:
    """Lists that share a limited space; items that are Outputs count when the container is measured."""

    arguments: tuple[str, ...]
    limit: int
    """Characters, with one for the comma after each item, and quotes where the container has them."""
    quotes: int
    container: str
    """What holds the lists, with its own limit."""
    fix: str

    def fault(self, values: Mapping[str, Any], spelled: Callable[[str], str]) -> str | None:
        """Tell what is wrong with the arguments, or None; `spelled` is how the reader knows an argument."""
        taken = {spelled(name): self._taken(values[name]) for name in self.arguments}
        if sum(taken.values()) <= self.limit:
            return None
        counts = " and ".join(f"{name} has {count:,} characters" for name, count in taken.items() if count)
        return f"{counts}, but at most {self.limit:,} in all fit into {self.container}. {self.fix}"

    def _taken(self, items: list[object] | pulumi.Output[list[str]]) -> int:
        known = items if isinstance(items, list) else []
        return sum(len(item) + self.quotes + 1 for item in known if isinstance(item, str))


def is_left_out(items: pulumi.Input[Sequence[pulumi.Input[str]]]) -> bool:
    """Whether a list has no items; an Output of a list always has some, see OrOutput."""
    return isinstance(items, Sequence) and not items


ARCHIVE = Kind(pulumi.Archive, "an archive, such as pulumi.FileArchive of a folder")

Limit = Range | Choice | Pattern | Flag | Each | Kind | OrOutput


def checked(shape: type, args: Mapping[str, Any], rules: Mapping[str, tuple[Limit, Any]]) -> dict[str, Any]:
    """Return the arguments that `rules` names, each within its limit, or its default where it is left out.

    Refuses what `shape`, a TypedDict, does not know, and what it requires and is missing.
    """
    component = shape.__name__.removesuffix("Args")
    known: Mapping[str, Any] = shape.__annotations__
    required: frozenset[str] = getattr(shape, "__required_keys__", frozenset())
    for name in args:
        if name not in known:
            raise ArgumentError(f"{component}: {name} is not an argument; those there are: {', '.join(sorted(known))}.")
    for name in sorted(required):
        if args.get(name) is None:
            raise ArgumentError(f"{component}: {name} is missing; give it a value.")
    return {
        name: default if args.get(name) is None else limit.check(f"{component}: {name}", args[name])
        for name, (limit, default) in rules.items()
    }
