"""Reads `Pulumi.yaml` and `Pulumi.<stack>.yaml` as the Pulumi CLI does before it starts the program.

The rules are the CLI's (https://www.pulumi.com/docs/iac/concepts/config/), and every form that `pulumi stack init` and
`pulumi config set` write can be read. Three things that the CLI allows are errors here: a stack without a file, which
is usually a mistyped name; a key without a value; and the values of secrets and environments, which only a Pulumi
backend can resolve.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

_TYPES = ("string", "integer", "boolean", "array", "object")
_EXAMPLES = {
    "string": "text",
    "integer": "50",
    "boolean": "true",
    "array": "[first, second]",
    "object": "{key: value}",
}
_DECLARATION_KEYS = {"type", "items", "default", "value", "description", "secret"}
_SECRET_KEYS = {"encryptionsalt", "encryptedkey", "secretsprovider"}
"""The CLI writes them into every stack's file, whether it has secret values or not."""
_STACK_FILE_KEYS = {"config", *_SECRET_KEYS}


class _Loader(yaml.SafeLoader):
    """Reads plain scalars by YAML 1.2, as the CLI does: no, 12:30 and 2026-11-25 are text.

    The CLI writes a text without quotes if it is special only in YAML 1.1, such as = and <<. It rejects a key that a
    mapping has twice.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; ConstructorError if it has a key twice."""
        first: dict[str, yaml.Mark] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in first:
                problem = f"{key.value} is already set in line {first[key.value].line + 1}; remove one of them"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            first[key.value] = key.start_mark
        return super().construct_mapping(node, deep)


def _as_text(_: yaml.SafeLoader, node: yaml.Node) -> str:
    return str(node.value)


_Loader.yaml_implicit_resolvers = {}
for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9_]*|0[0-7]+|0x[0-9a-fA-F]+)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_form})\Z"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:merge", _as_text)


class StackConfigError(ValueError):
    """The stack's configuration is not valid; the message names file, key, value and the fix."""


class BackendOnlyError(StackConfigError):
    """Only the stack's Pulumi backend can resolve a value: a secret, or one of an environment."""


@dataclass(frozen=True)
class StackConfig:
    """A stack's complete configuration, as a program gets it."""

    project: str
    stack: str
    program_dir: Path
    """The folder of `__main__.py`: the project's own, or the one that `main:` in Pulumi.yaml names."""
    values: Mapping[str, str]
    """By full key (`project:key`), ready for `pulumi.runtime.set_all_config`; arrays and objects as JSON."""

    def own(self, key: str) -> str | None:
        """Return the value of one of the project's own keys."""
        return self.values.get(_full_key(self.project, key))


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
    errors: list[str] = []
    for key, declaration in declarations.items():
        if key in given:
            where, value = given.pop(key)
        elif declaration.has_default:
            where, value = project_file, declaration.default
        else:
            errors.append(
                f"{_stack_file(project_dir, stack)}: {key} is missing; "
                f"add `{key}: <{declaration.type}>` to its config, or a default to {project_file.name}"
            )
            continue
        errors += _errors(where, key, value, declaration.type, declaration.items)
        values[key] = _text(value)
    if errors:
        raise StackConfigError("\n".join(errors))
    # the program itself checks what Pulumi.yaml does not declare, as under the CLI
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
        if key == "environment":
            raise BackendOnlyError(
                f"{file}: environment cannot be used here (Pulumi ESC environments live in Pulumi Cloud); remove it"
            )
        raise StackConfigError(f"{file}: {key} cannot be used here (a stack file has no such key); remove it")
    for key, value in _entries(file, document.get("config") or {}):
        full_key = _full_key(project, key)
        _refuse_secrets(file, full_key, value)
        yield full_key, (file, value)


def _errors(file: Path, key: str, value: Any, kind: str, items: Mapping[str, Any] | None) -> Iterator[str]:
    """Check types as the CLI does: every scalar is valid text, also one that is a number or a boolean."""
    fits = {
        "string": isinstance(value, str | bool | int | float),
        "integer": _is_integer(value),
        "boolean": isinstance(value, bool) or value in ("true", "false"),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
    }[kind]
    if value is None:
        yield f"{file}: {key} has no value; give it one of type {kind}"
    elif not fits:
        yield f"{file}: {key} is {value!r}, but must be of type {kind}, such as {_EXAMPLES[kind]}"
    elif kind == "array" and items is not None:
        for index, item in enumerate(cast("list[Any]", value)):
            item_kind = str(items.get("type", "string"))
            if item_kind == "string" and isinstance(item, bool | int | float):
                yield f"{file}: {key}[{index}] is {item!r}, but must be of type string; quote it"
            else:
                yield from _errors(file, f"{key}[{index}]", item, item_kind, items.get("items"))


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.removeprefix("-").isdecimal()
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _type_of(file: Path, key: str, value: Any) -> str:
    for kind, python_type in (("boolean", bool), ("integer", int), ("array", list), ("object", dict), ("string", str)):
        if isinstance(value, python_type):
            return kind
    found = "has no value" if value is None else f"is {value!r}"
    raise StackConfigError(f"{file}: {key} {found}; give it one of type {_quoted(_TYPES)}")


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def _full_key(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _stack_file(project_dir: Path, stack: str) -> Path:
    return project_dir / f"Pulumi.{stack}.yaml"


def _refuse_secrets(file: Path, path: str, value: Any) -> None:
    """Reject a secret anywhere in a value, because `pulumi config set --secret --path` encrypts single items."""
    if isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            _refuse_secrets(file, f"{path}[{index}]", item)
    if not isinstance(value, dict):
        return
    members = cast("dict[str, Any]", value)
    if members.keys() == {"secure"} and isinstance(members["secure"], str):
        raise BackendOnlyError(
            f"{file}: {path} is a secret (secure: ...), which only its Pulumi backend can decrypt; "
            f"give this stack a plain value, with: pulumi config set --plaintext --path '{path}' VALUE"
        )
    for key, member in members.items():
        _refuse_secrets(file, f"{path}.{key}", member)


def _mapping(file: Path) -> dict[str, Any]:
    try:
        document = yaml.load(file.read_bytes(), _Loader)  # noqa: S506 - it is a SafeLoader
    except FileNotFoundError as error:
        raise StackConfigError(f"{file} does not exist; name the folder of a Pulumi project") from error
    except yaml.YAMLError as error:
        raise StackConfigError(f"{file}{_place(error)} is not valid YAML: {_problem(error)}") from error
    return dict(_entries(file, {} if document is None else document))


def _place(error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1},"


def _problem(error: yaml.YAMLError) -> str:
    """Return the problem in one line; PyYAML's own text adds an excerpt of the file."""
    problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else None
    return problem or " ".join(str(error).split())


def _entries(file: Path, block: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(block, dict):
        raise StackConfigError(f"{file}: {block!r} is not a mapping; write `key: value` lines")
    for key, value in cast("dict[Any, Any]", block).items():
        yield str(key), value


def _quoted(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
