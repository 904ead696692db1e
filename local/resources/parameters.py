"""Turns Pulumi's inputs into the parameters of AWS's operations, and rejects what AWS would reject.

botocore's models of the operations are the rule: their members, required members, types, enumerations, patterns,
lengths and ranges. Inputs are matched to members by name, in any case (`kmsMasterKeyId`, `KMSMasterKeyID`);
where AWS names or nests something otherwise, a move says so.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import regex
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from dateutil.parser import isoparse
from pulumi.output import Unknown
from pulumi.runtime import rpc

_PATTERN_SECONDS = 2.0  # some of AWS's patterns backtrack exponentially on some texts


class InvalidInputError(ValueError):
    """An input that AWS would reject; the message names resource, property, value and what is expected."""

    def __init__(self, subject: str, path: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")
        self.path = path
        """Where the value stands in the resource's inputs; empty for the inputs as a whole."""
        self.reason = reason


@dataclass(frozen=True)
class Given:
    """A value that the program gave, with the place where it gave it."""

    value: Any
    subject: str
    """What the error names first: `<type> <name>` of the resource."""
    path: str = ""
    """Where the value stands in the resource's inputs, as the program would write it: `rules[0].id`."""
    key: str = ""
    """The same without list positions, as moves name it: `rules.id`."""
    secret: bool = False

    def child(self, name: str) -> "Given":
        """Return a property of a block."""
        return self._inside(self.value[name], f".{name}", f".{name}")

    def item(self, index: int) -> "Given":
        """Return an item of a list; all items have the list's key."""
        return self._inside(self.value[index], f"[{index}]", "")

    def items(self) -> "list[Given]":
        """Return every item of a list, or the only one if the program gave a single block."""
        if not isinstance(self.value, list):
            return [self]
        return [self.item(index) for index, _ in enumerate(cast("list[Any]", self.value))]

    def children(self) -> "dict[str, Given]":
        """Return the properties of a block, without those that are null."""
        inside = {str(name): self.child(str(name)) for name in self.value}
        return {name: child for name, child in inside.items() if child.value is not None}

    def refuse(self, expected: str) -> InvalidInputError:
        """Return the error; `expected` completes a sentence (`must be at least 1`)."""
        shown = "[secret]" if self.secret else _shortened(self.value)
        return InvalidInputError(self.subject, self.path, f"{self.path or 'inputs'} is {shown}; it {expected}")

    def _inside(self, value: Any, path: str, key: str) -> "Given":
        secret = self.secret
        if rpc.is_rpc_secret(value):
            value, secret = rpc.unwrap_rpc_secret(value), True
        return replace(
            self,
            value=value,
            secret=secret,
            path=(self.path + path).removeprefix("."),
            key=(self.key + key).removeprefix("."),
        )


Move = str | Callable[[Given], Mapping[str, Any]]
"""Where an input goes: the path of a member (`Rule.Status`; `Targets[].Arn` in the one item of a list), or a function
that returns members by AWS's own names, with constants or `Given`s as values."""


def parameters(
    operation: OperationModel,
    inputs: Given,
    moves: Mapping[str, Move] | None = None,
    also: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an operation's parameters for botocore; InvalidInputError for what AWS would reject.

    Every input must have a member or a move. `also` has members that do not come from the inputs.
    In a preview some inputs are `pulumi.output.Unknown`: those are not checked, and a missing member is no error.
    """
    is_partial = rpc.contains_unknowns(inputs.value)
    fitting = _Fitting(f"{operation.service_model.service_name} {operation.name}", moves or {}, is_partial)
    shape = operation.input_shape
    if not isinstance(shape, StructureShape):
        raise TypeError(f"{operation.name} has no parameters; remove it from the table")
    return fitting.structure(shape, _merged([fitting.members(shape, inputs), also or {}]), inputs)


@dataclass(frozen=True)
class _Fitting:
    """Builds the parameters of one operation.

    A node is a `Given`, or what a move built: members by AWS's names, a list, or a constant; `at` is then the
    input that the move was given.
    """

    operation: str
    moves: Mapping[str, Move]
    is_partial: bool

    def members(self, shape: StructureShape, block: Given) -> dict[str, Any]:
        """Distribute a block's properties over a structure's members, moves first and in their order."""
        names = {member.lower(): member for member in shape.members}
        children = block.children()
        ordered = sorted(children.items(), key=lambda entry: self._rank(entry[1]))
        return _merged(self._placed(names, name, child) for name, child in ordered)

    def structure(self, shape: StructureShape, nodes: Mapping[str, Any], at: Given) -> dict[str, Any]:
        for member in () if self.is_partial else shape.required_members:
            if member not in nodes and not shape.members[member].metadata.get("idempotencyToken"):
                name = self._input_name(member, at)
                raise InvalidInputError(at.subject, name, f"{name} is missing; {self.operation} requires it")
        return {member: self.fit(shape.members[member], node, at) for member, node in nodes.items()}

    def fit(self, shape: Shape, node: Any, at: Given) -> Any:
        given = isinstance(node, Given)
        at = node if given else replace(at, value=node)
        value = at.value
        if isinstance(value, Unknown):
            return value
        if isinstance(shape, StructureShape):
            if isinstance(value, list) and len(cast("list[Any]", value)) == 1:  # a single block in Terraform's form
                at = at.item(0) if given else replace(at, value=value[0])
            if not isinstance(at.value, dict):
                raise at.refuse("must be a block of properties")
            return self.structure(shape, self.members(shape, at) if given else cast("dict[str, Any]", at.value), at)
        if isinstance(shape, ListShape):
            if isinstance(value, _OnlyItem):
                value = [dict(value)]
            if not isinstance(value, list):
                raise at.refuse("must be a list")
            self._check_size(shape, len(cast("list[Any]", value)), at, "items")
            items = at.items() if given else cast("list[Any]", value)
            return [self.fit(shape.member, item, at) for item in items]
        if isinstance(shape, MapShape):
            if not isinstance(value, dict):
                raise at.refuse("must be a map")
            self._check_size(shape, len(cast("dict[str, Any]", value)), at, "entries")
            entries = at.children() if given else cast("dict[str, Any]", value)
            return {self.fit(shape.key, key, at): self.fit(shape.value, item, at) for key, item in entries.items()}
        return self._scalar(shape, at)

    def _scalar(self, shape: Shape, at: Given) -> Any:
        value = at.value
        match shape.type_name:
            case "boolean":
                if not isinstance(value, bool):
                    raise at.refuse("must be true or false")
                return value
            case "integer" | "long":
                if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
                    raise at.refuse("must be a whole number")
                self._check_range(shape, value, at)
                return int(value)
            case "float" | "double":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise at.refuse("must be a number")
                self._check_range(shape, value, at)
                return float(value)
            case "timestamp":
                return _timestamp(at)
            case "blob":
                if not isinstance(value, bytes | str):
                    raise at.refuse("must be text or bytes")
                data = value.encode() if isinstance(value, str) else value
                self._check_size(shape, len(data), at, "bytes")
                return data
            case _:
                return self._text(shape, at)

    def _text(self, shape: Shape, at: Given) -> str:
        value = at.value
        if not isinstance(value, str):
            raise at.refuse("must be text")
        allowed = shape.enum if isinstance(shape, StringShape) else []
        if allowed and value not in allowed:
            raise at.refuse(f"must be one of {', '.join(allowed)} ({self.operation})")
        self._check_size(shape, len(value), at, "characters")
        pattern = shape.metadata.get("pattern")
        if pattern and not compiled(pattern).fullmatch(value, timeout=_PATTERN_SECONDS):
            raise at.refuse(f"must match {pattern} ({self.operation})")
        return value

    def _check_size(self, shape: Shape, size: int, at: Given, unit: str) -> None:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and size < low:
            raise at.refuse(f"must have at least {low} {unit}, not {size} ({self.operation})")
        if high is not None and size > high:
            raise at.refuse(f"must have at most {high} {unit}, not {size} ({self.operation})")

    def _check_range(self, shape: Shape, value: float, at: Given) -> None:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            raise at.refuse(f"must be at least {low} ({self.operation})")
        if high is not None and value > high:
            raise at.refuse(f"must be at most {high} ({self.operation})")

    def _placed(self, names: Mapping[str, str], name: str, child: Given) -> Mapping[str, Any]:
        move = self.moves.get(child.key)
        if callable(move):
            return {} if self.is_partial and rpc.contains_unknowns(child.value) else move(child)
        if move is not None:
            return nested(move, child)
        if name.lower() not in names:
            raise child.refuse(
                f"is not an input that {self.operation} takes; remove it, or give it a move in the table"
            )
        return {names[name.lower()]: child}

    def _rank(self, child: Given) -> int:
        order = list(self.moves)
        return order.index(child.key) if child.key in order else len(order)

    def _input_name(self, member: str, at: Given) -> str:
        """Return the input's name for a member that is missing."""
        moved = (
            key
            for key, move in self.moves.items()
            if isinstance(move, str) and move.split(".")[0].removesuffix("[]") == member and _block(key) == at.key
        )
        name = next(moved, member[0].lower() + member[1:]).rpartition(".")[2]
        return f"{at.path}.{name}".removeprefix(".")


def _timestamp(at: Given) -> Any:
    try:
        return isoparse(at.value)
    except (TypeError, ValueError) as error:
        raise at.refuse("must be a date or a time in ISO 8601") from error


_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"


@cache
def compiled(pattern: str) -> "regex.Pattern[str]":
    r"""Compile one of AWS's Java patterns; `regex.error` for one that the `regex` package cannot parse.

    In Java `\w`, `\d` and `\s` are ASCII by default, while `\p{..}` is Unicode; here one flag is for both. Java writes
    the characters above U+FFFF as pairs of surrogates.
    """
    pattern = pattern.replace(_SURROGATES, r"\U00010000-\U0010FFFF")
    return regex.compile(pattern, 0 if r"\p" in pattern else regex.ASCII)


def plain(value: Any) -> Any:
    """Return a value without Pulumi's secret wrappers, at any depth, and with whole numbers as int.

    Pulumi's wire format has floats only (protobuf's Struct).
    """
    if rpc.is_rpc_secret(value):
        return plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def json_text(member: str) -> Move:
    """Move a JSON document, given as text or as a block, to a member that holds it as text."""

    def move(document: Given) -> Mapping[str, Any]:
        if isinstance(document.value, dict):
            return nested(member, replace(document, value=json.dumps(plain(document.value))))
        try:
            json.loads(document.value)
        except (TypeError, ValueError) as error:
            raise document.refuse(f"must be a JSON document ({error})") from error
        return nested(member, document)

    return move


def _block(key: str) -> str:
    return key.rpartition(".")[0]


class _OnlyItem(dict[str, Any]):
    """The members of a list's only item, to which several inputs may move."""


def nested(path: str, leaf: Any) -> dict[str, Any]:
    """`A.B` with a leaf becomes {"A": {"B": leaf}}; see `Move` for lists."""
    for name in reversed(path.split(".")):
        if name.endswith("[]"):
            leaf = {
                name.removesuffix("[]"): _OnlyItem(cast("dict[str, Any]", leaf)) if isinstance(leaf, dict) else [leaf]
            }
        else:
            leaf = {name: leaf}
    return leaf


def _merged(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge structures member by member; lists are joined."""
    merged: dict[str, Any] = {}
    for part in parts:
        for member, node in part.items():
            before = merged.get(member)
            if isinstance(before, dict) and isinstance(node, dict):
                both = _merged([cast("dict[str, Any]", before), cast("dict[str, Any]", node)])
                merged[member] = _OnlyItem(both) if isinstance(node, _OnlyItem) else both
            elif isinstance(before, list) and isinstance(node, list):
                merged[member] = cast("list[Any]", before) + cast("list[Any]", node)
            elif before is None:
                merged[member] = node
            else:
                raise TypeError(f"two inputs go to {member}; fix the table's moves")
    return merged


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."  # noqa: PLR2004 - an error line stays a line
