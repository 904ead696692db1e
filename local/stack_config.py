"""What the Pulumi CLI makes of `Pulumi.yaml` and `Pulumi.<stack>.yaml` before it starts the program.

The rules are the CLI's (https://www.pulumi.com/docs/iac/concepts/config/), but two things that it allows are
refused: a stack without a file, which is most often a mistyped name, and what only a Pulumi backend can
resolve, secrets and environments.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

_TYPES = ("string", "integer", "boolean", "array", "object")
_DECLARATION_KEYS = {"type", "items", "default", "value", "description", "secret"}
_STACK_FILE_KEYS = {"config"}
_UNRESOLVABLE = {
    "environment": "Pulumi ESC environments live in Pulumi Cloud",
    "encryptionsalt": "it belongs to secret values",
    "secretsprovider": "it belongs to secret values",
    "encryptedkey": "it belongs to secret values",
}


class StackConfigError(ValueError):
    """The stack's configuration is not valid; the message names file, key, value and the fix."""


@dataclass(frozen=True)
class StackConfig:
    """A stack's complete configuration, as a program sees it."""

    project: str
    stack: str
    program_dir: Path
    """The folder of `__main__.py`: the project's own, or the one that `main:` in Pulumi.yaml names."""
    values: Mapping[str, str]
    """By full key (`project:key`), ready for `pulumi.runtime.set_all_config`; arrays and objects as JSON."""


def read_stack_config(project_dir: Path, stack: str) -> StackConfig:
    """Read both files, fill in the defaults and check every type; StackConfigError has a line for each wrong value."""
    project_file = project_dir / "Pulumi.yaml"
    project = _mapping(project_file)
    name = project.get("name")
    if not isinstance(name, str):
        raise StackConfigError(f"{project_file}: no project name; add `name: my-project`")
    declarations = dict(_declarations(project_file, name, project.get("config") or {}))
    given = dict(_stack_values(project_dir, name, stack))

    values: dict[str, str] = {}
    faults: list[str] = []
    for key, declaration in declarations.items():
        if key in given:
            where, value = given.pop(key)
        elif declaration.has_default:
            where, value = project_file, declaration.default
        else:
            faults.append(
                f"{_stack_file(project_dir, stack)}: {key} is missing; "
                f"add `{key}: <{declaration.type}>` to its config, or a default to {project_file.name}"
            )
            continue
        faults += _faults(where, key, value, declaration.type, declaration.items)
        values[key] = _text(value)
    if faults:
        raise StackConfigError("\n".join(faults))
    # what Pulumi.yaml does not declare is the program's to judge, as under the CLI
    values |= {key: _text(value) for key, (_, value) in given.items()}
    return StackConfig(name, stack, project_dir / str(project.get("main", "")), values)


@dataclass(frozen=True)
class _Declaration:
    type: str
    items: Mapping[str, Any] | None
    default: Any
    has_default: bool


def _declarations(file: Path, project: str, block: Any) -> Iterator[tuple[str, _Declaration]]:
    for key, body in _entries(file, block):
        full_key = _full_key(project, key)
        if not isinstance(body, dict):
            yield full_key, _Declaration(_type_of(file, key, body), None, body, has_default=True)
            continue
        declaration = cast("dict[str, Any]", body)
        if unknown := declaration.keys() - _DECLARATION_KEYS:
            raise StackConfigError(
                f"{file}: {key} has {_quoted(unknown)}; a declaration has only {_quoted(_DECLARATION_KEYS)}"
            )
        if "value" in declaration:
            if "default" in declaration:
                raise StackConfigError(f"{file}: {key} has both `value` and `default`; keep one")
            value = declaration["value"]
            kind = declaration.get("type") or _type_of(file, key, value)
        else:
            value = declaration.get("default")
            kind = declaration.get("type", "string")
        if kind not in _TYPES:
            raise StackConfigError(f"{file}: {key} has type {kind!r}; use one of {_quoted(_TYPES)}")
        has_default = "value" in declaration or "default" in declaration
        yield full_key, _Declaration(kind, declaration.get("items"), value, has_default)


def _stack_values(project_dir: Path, project: str, stack: str) -> Iterator[tuple[str, tuple[Path, Any]]]:
    file = _stack_file(project_dir, stack)
    if not file.is_file():
        others = {path.name for path in project_dir.glob("Pulumi.*.yaml")}
        model = f"; the others are {_quoted(others)}" if others else ""
        raise StackConfigError(f"{file} does not exist; write it{model}")
    document = _mapping(file)
    for key in document.keys() - _STACK_FILE_KEYS:
        reason = _UNRESOLVABLE.get(key, "a stack file holds only `config`")
        raise StackConfigError(f"{file}: {key} cannot be used here ({reason}); remove it")
    for key, value in _entries(file, document.get("config") or {}):
        if isinstance(value, dict) and "secure" in value:
            raise _secret(file, key)
        yield _full_key(project, key), (file, value)


def _faults(file: Path, key: str, value: Any, kind: str, items: Mapping[str, Any] | None) -> Iterator[str]:
    """Types as the CLI checks them: numbers and booleans may also be written as text."""
    fits = {
        "string": isinstance(value, str),
        "integer": _is_integer(value),
        "boolean": isinstance(value, bool) or value in ("true", "false"),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
    }[kind]
    if value is None:
        yield f"{file}: {key} has no value; give it one of type {kind}"
    elif not fits:
        fix = " (quote it)" if kind == "string" and isinstance(value, bool | int | float) else ""
        yield f"{file}: {key} is {value!r}, but must be of type {kind}; change it{fix}"
    elif kind == "array" and items is not None:
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _faults(file, f"{key}[{index}]", item, str(items.get("type", "string")), items.get("items"))


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, str) and value.removeprefix("-").isdecimal())


def _type_of(file: Path, key: str, value: Any) -> str:
    for kind, python_type in (("boolean", bool), ("integer", int), ("array", list), ("object", dict), ("string", str)):
        if isinstance(value, python_type):
            return kind
    found = "has no value" if value is None else f"is {value!r}"
    raise StackConfigError(f"{file}: {key} {found}; give it one of type {_quoted(_TYPES)}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _full_key(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _stack_file(project_dir: Path, stack: str) -> Path:
    return project_dir / f"Pulumi.{stack}.yaml"


def _secret(file: Path, key: str) -> StackConfigError:
    return StackConfigError(
        f"{file}: {key} is a secret (secure: ...), which only its Pulumi backend can decrypt; "
        "give this stack a plain value"
    )


def _mapping(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StackConfigError(f"{file} does not exist; name the folder of a Pulumi project") from error
    except yaml.YAMLError as error:
        raise StackConfigError(f"{file} is not YAML: {error}") from error
    return dict(_entries(file, {} if document is None else document))


def _entries(file: Path, block: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(block, dict):
        raise StackConfigError(f"{file}: {block!r} is not a mapping; write `key: value` lines")
    for key, value in cast("dict[Any, Any]", block).items():
        yield str(key), value


def _quoted(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
