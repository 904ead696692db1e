"""Turns the stack's `aws:` keys into arguments of the program's own AWS provider.

The engine passes these keys only to the default provider, so the program reads them itself. Their names and types come
from ProviderArgs of the installed pulumi_aws.
"""

import difflib
import json
import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import pulumi
import pulumi_aws as aws

from components.arguments import ArgumentError

_ACCOUNT_ID_KEYS = frozenset({"allowedAccountIds", "forbiddenAccountIds"})
_WHAT_IT_MUST_BE = {str: "text", bool: "true or false", int: "a whole number", list: "a list", dict: "an object"}


def provider_args(values: Mapping[str, str], secret_keys: Collection[str]) -> dict[str, Any]:
    """Return the provider's keyword arguments for the `aws:` keys, which are given without this prefix.

    The value of a secret key is a secret Output. Raises ArgumentError with a line for every key that is wrong.
    """
    kinds = {camel_case(name): (name, kind) for name, kind in _parameters(aws.ProviderArgs).items()}
    args: dict[str, Any] = {}
    errors: list[str] = []
    for key, text in values.items():
        if key not in kinds:
            errors.append(f"aws:{key} is not a key of the AWS provider; {nearest('aws:', key, kinds)}")
            continue
        name, kind = kinds[key]
        try:
            value = _converted(f"aws:{key}", kind, decoded(text, is_text=kind is str))
            if key in _ACCOUNT_ID_KEYS:
                _check_account_ids(f"aws:{key}", value)
        except ArgumentError as error:
            hidden = f"aws:{key} is [secret], but must have the form that the AWS provider documents."
            errors.append(hidden if key in secret_keys else str(error))
            continue
        args[name] = pulumi.Output.secret(value) if key in secret_keys else value
    if errors:
        raise ArgumentError("\n".join(errors))
    return args


def with_tags(args: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments with additional default tags. The stack's own tags have priority."""
    given = pulumi.Output.from_input(cast("pulumi.Input[dict[str, Any]]", args.get("default_tags", {})))
    return {**args, "default_tags": given.apply(lambda known: {"tags": {**tags, **known.get("tags", {})}})}


def nearest(prefix: str, key: str, known: Collection[str]) -> str:
    """Return a hint with the most similar known key, or with all known keys."""
    found = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {prefix}{found[0]}?" if found else f"the keys are {', '.join(sorted(known))}."


def camel_case(name: str) -> str:
    """Return the key in Pulumi's config for a name in Python."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def decoded(text: str, *, is_text: bool) -> object:
    """Return a config value, which Pulumi stores as text: a string as it is, any other type from JSON."""
    if is_text:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # the check of the value rejects it and names the key


def _converted(path: str, kind: Any, value: object) -> Any:
    """Return a value of the kind that the provider expects; the CLI writes texts like 123 as numbers."""
    if get_origin(kind) is Sequence:
        items = _checked(path, list, value)
        return [_converted(f"{path}[{index}]", _inner(kind), item) for index, item in enumerate(items)]
    if get_origin(kind) is Mapping:
        return {
            key: _converted(f"{path}.{key}", _inner(kind), item) for key, item in _checked(path, dict, value).items()
        }
    if kind is str and isinstance(value, bool | int | float):
        return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)
    if kind in (str, bool, int):
        if isinstance(value, bool) and kind is int:
            raise ArgumentError(f"{path} is {value!r}, but must be {_WHAT_IT_MUST_BE[int]}.")
        return _checked(path, kind, value)
    kinds = {camel_case(name): inner for name, inner in _parameters(kind).items()}
    members = cast("dict[str, object]", _checked(path, dict, value))
    for key in members.keys() - kinds.keys():
        raise ArgumentError(f"{path}.{key} is not known to the AWS provider; {nearest(f'{path}.', key, kinds)}")
    return {key: _converted(f"{path}.{key}", kinds[key], item) for key, item in members.items()}


def _check_account_ids(path: str, ids: Sequence[str]) -> None:
    """Raise ArgumentError for an id without 12 digits, which no account has: YAML reads 012345678901 as a number."""
    for index, text in enumerate(ids):
        if not re.fullmatch("[0-9]{12}", text):
            raise ArgumentError(
                f"{path}[{index}] is {text!r}, but must be the 12 digits of an account's id. Quote each id in the "
                'stack\'s file, such as "012345678901", because YAML takes an unquoted one for a number.'
            )


def _checked(path: str, kind: type, value: object) -> Any:
    if not isinstance(value, kind):
        raise ArgumentError(f"{path} is {value!r}, but must be {_WHAT_IT_MUST_BE[kind]}.")
    return value


def _parameters(args: Any) -> dict[str, Any]:
    """Return the kind of each keyword of one of pulumi_aws's args classes."""
    hints: dict[str, Any] = get_type_hints(args.__init__, localns={"Output": pulumi.Output, "T": TypeVar("T")})
    return {name: _plain(hint) for name, hint in hints.items() if name != "return"}


def _inner(kind: Any) -> Any:
    return _plain(get_args(kind)[-1])


def _plain(hint: Any) -> Any:
    """Return T of Input[Optional[T]]."""
    wrappers = (NoneType, Awaitable, pulumi.Output)
    choices = [each for each in get_args(hint) if each not in wrappers and get_origin(each) not in wrappers]
    is_wrapped = len(choices) < len(get_args(hint))
    return _plain(choices[0]) if is_wrapped else hint
