"""Reads a Lambda function's environment into a typed, frozen dataclass."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=_Dataclass)


def read_environment(kind: type[T], environ: Mapping[str, str] = os.environ) -> T:
    """Fill `kind` from variables named as its fields in upper case: str, int, or tuple[str, ...] (by commas).

    Raises ValueError that names every variable that is missing or not a number.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in fields(kind):
        name = field.name.upper()
        text = environ.get(name)
        if text is None:
            faults.append(f"{name} is not set")
        elif hints[field.name] is int:
            try:
                values[field.name] = int(text)
            except ValueError:
                faults.append(f"{name} is {text!r}, not a whole number")
        elif hints[field.name] is str:
            values[field.name] = text
        else:
            values[field.name] = tuple(part for part in text.split(",") if part)
    if faults:
        raise ValueError(f"The function's environment is wrong: {'; '.join(faults)}.")
    return kind(**values)
