"""The base class of component args: declares each argument once, and checks all of them before any resource is made."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar, Never, Self, cast, dataclass_transform

from components.arguments.constraints import (
    ArgumentError,
    Boolean,
    Constraint,
    InstanceOf,
    is_late,
    refuses_late,
)

REQUIRED = object()
"""The default of an argument that must be given."""


@dataclass(frozen=True)
class Argument:
    """What is declared beside an argument's name and type."""

    constraint: Constraint
    default: Any
    """The value of an omitted argument, or REQUIRED."""

    @property
    def is_required(self) -> bool:
        """Whether the argument must be given."""
        return self.default is REQUIRED

    def read(self, name: str, value: object) -> Any:
        """Return the checked value, or the default for None; raises ArgumentError that names the argument."""
        if value is not None:
            self._refuse_late(name, value)
            return self.constraint.check(name, value)
        if self.is_required:
            raise ArgumentError(f"{name} is missing; give it a value.")
        return copy(self.default)

    def _refuse_late(self, name: str, value: object) -> None:
        """Raise ArgumentError for an Output, which also is how a secret arrives, where a plain value is needed."""
        if refuses_late(self.constraint, value):
            where = "is" if is_late(value) else "holds"
            raise ArgumentError(
                f"{name} {where} an Output or a secret, but must be a plain value, because it decides what is made; "
                "give it a value that is known before the deployment, such as one of the program's config."
            )


def unknown_argument(component: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a name that is none of the known ones. It suggests the nearest."""
    names = sorted(known)
    meant = get_close_matches(name, names, n=1)
    instead = f"did you mean {meant[0]}?" if meant else f"the arguments are: {', '.join(names)}."
    return f"{component}: {name!r} is not an argument; {instead}"


def argument(constraint: Constraint, *, default: Any = REQUIRED) -> Any:
    """Declare an argument in the body of an Arguments class; its docstring follows it."""
    return Argument(constraint, default)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(argument,))
class Arguments:
    """Typed, frozen arguments. A subclass declares `name: type = argument(constraint, default=...)` for each.

    Constructing one checks every value. Pulumi's component host passes a dict instead of the class: see `of`.
    """

    declared: ClassVar[Mapping[str, Argument]] = {}

    def __init_subclass__(cls) -> None:
        own = {name: each for name, each in vars(cls).items() if isinstance(each, Argument)}
        inherited: dict[str, Argument] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited |= vars(base).get("declared", {})
        cls.declared = {**inherited, **own}
        annotations = inspect.get_annotations(cls)
        for name, each in own.items():
            delattr(cls, name)
            if not each.is_required:
                # Pulumi's schema generator makes an argument optional if its type includes None.
                annotations[name] = annotations[name] | None
        cls.__annotations__ = annotations

    def __init__(self, **given: Any) -> None:
        component = type(self).component()
        for name in given:
            if name not in self.declared:
                raise ArgumentError(unknown_argument(component, name, self.declared))
        self._set("_given", given)
        self._set("_spelled", str)
        for name, each in self.declared.items():
            self._set(name, each.read(f"{component}: {name}", given.get(name)))
        for conflict in self.conflicts():
            raise ArgumentError(f"{component}: {conflict}")

    @classmethod
    def of(cls, args: Self | Mapping[str, Any]) -> Self:
        """Return the arguments. Raises ArgumentError for one that is unknown, missing or not within its constraint."""
        if isinstance(args, cls):
            return args
        if not isinstance(args, Mapping):
            raise ArgumentError(f"{cls.component()}: args is {args!r}, but must be {cls.__name__} or a mapping.")
        return cls(**args)

    @classmethod
    def component(cls) -> str:
        """Return the name of the component that takes these arguments."""
        return cls.__name__.removesuffix("Args")

    @classmethod
    def conflicts_among(cls, values: Mapping[str, Any], spelled: Callable[[str], str]) -> list[str]:
        """Return the conflicts among checked values while required arguments are not known yet."""
        partial = object.__new__(cls)
        for name, each in cls.declared.items():
            partial._set(name, values.get(name, None if each.is_required else each.default))
        return partial.conflicts(spelled)

    def named(self, spelled: Callable[[str], str]) -> Self:
        """Return the same arguments, for warnings with the names under which their values were written."""
        same = copy(self)
        object.__setattr__(same, "_spelled", spelled)
        return same

    def spelled(self, name: str) -> str:
        """Return the reader's name for an argument: its own, unless `named` says otherwise."""
        return vars(self)["_spelled"](name)

    def as_given(self, name: str) -> Any:
        """Return the object that the caller gave for an argument, if any. Checking an Output makes another object."""
        return vars(self).get("_given", {}).get(name)

    def items_of(self, name: str) -> Sequence[Any]:
        """Return the items of a list, or none if it is an Output. If an item is one, the checked list is as well."""
        for value in (vars(self)[name], self.as_given(name)):
            if isinstance(value, list):
                return cast("list[Any]", value)
        return ()

    def changed(self, names: Iterable[str]) -> list[str]:
        """Return those of these arguments that have another value than their default; an Output is one."""
        values = vars(self)
        return sorted(name for name in names if is_late(values[name]) or values[name] != self.declared[name].default)

    def without_effect(self, why: str, names: Iterable[str]) -> list[str]:
        """Return a warning that names those of these arguments that are changed, or nothing if none is."""
        idle = ", ".join(map(self.spelled, self.changed(names)))
        return [f"{why}, these have no effect: {idle}."] if idle else []

    def warnings(self) -> list[str]:
        """Return what is allowed but of no use, such as arguments that nothing reads."""
        return []

    def conflicts(self, spelled: Callable[[str], str] = str) -> list[str]:
        """Return the conflicts between arguments that are each valid alone; each line begins with a name.

        `spelled` returns the reader's name for an argument: a key of the stack's config, for example.
        """
        del spelled
        return []

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> Never:
        raise ArgumentError(f"{self.component()}: {name} cannot be changed to {value!r}; make new arguments instead.")


Arguments.__annotations__ = {}
"""Without its own annotations, because Pulumi's schema generator makes an argument of each one."""


def description(shape: type[Arguments], name: str) -> str:
    """Return an argument's docstring, on one line, and what its value must be."""
    constraint = shape.declared[name].constraint
    text = " ".join(_docstrings(shape)[name].split())
    return text if isinstance(constraint, Boolean | InstanceOf) else f"{text} Must be {constraint.form}."


@cache
def _docstrings(shape: type[Arguments]) -> dict[str, str]:
    """Return the docstring of each argument. At run time, docstrings of attributes exist in the source code only."""
    found: dict[str, str] = {}
    for base in reversed(shape.__mro__):
        if issubclass(base, Arguments):
            (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            statements = body.body if isinstance(body, ast.ClassDef) else []
            for declared, docstring in pairwise(statements):
                match declared, docstring:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ) if name in shape.declared:
                        found[name] = text
                    case _:
                        pass
    return found
