"""API Gateway's mapping templates: Velocity with `$input`, `$util`, `$context` and `$stageVariables`.

AWS's pages do not say what follows where nothing is found. Here `$input.params()` returns an empty string,
`$input.path()` null, and `$input.json()` `""`.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import base64
import copy
import functools
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

import airspeed  # pyright: ignore[reportMissingTypeStubs]
import jsonpath_ng  # pyright: ignore[reportMissingTypeStubs]
import jsonpath_ng.ext.parser  # pyright: ignore[reportMissingTypeStubs]

from local.emulator.patches.api_gateway import java, velocity

velocity.patch()


class TemplateRefused(ValueError):
    """The template cannot be evaluated: a syntax error, or something that API Gateway does not have."""


class BodyNotJson(TemplateRefused):
    """The template reads a value from a body that is not JSON."""


@dataclass(frozen=True)
class Source:
    """What a template can read: the method request, and the body of the request or of the response."""

    body: str = ""
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    querystring: Mapping[str, str] = field(default_factory=dict[str, str])
    header: Mapping[str, str] = field(default_factory=dict[str, str])
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stage_variables: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Rendered:
    """A template's output, and the overrides that it set."""

    body: str
    status: int | None = None
    """`$context.responseOverride.status`, None if not set."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """`$context.responseOverride.header`, by name."""
    request_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """`$context.requestOverride.header`, by name."""


def render(template: str, source: Source) -> Rendered:
    """Evaluate a mapping template; TemplateRefused if it cannot be evaluated."""
    response: dict[str, Any] = {"header": {}}
    request: dict[str, Any] = {"header": {}}
    context = copy.deepcopy(dict(source.context))
    context |= {"responseOverride": response, "requestOverride": request}
    namespace = {
        "context": context,
        "input": _Input(source),
        "stageVariables": dict(source.stage_variables),
        "util": _Util(),
    }
    try:
        body = _compiled(template).merge(namespace)
    except airspeed.TemplateExecutionError as error:
        if isinstance(error.__cause__, TemplateRefused):
            raise error.__cause__ from error
        raise TemplateRefused(str(error)) from error
    except airspeed.TemplateError as error:
        raise TemplateRefused(str(error)) from error
    if request.keys() != {"header"}:
        raise TemplateRefused(f"$context.requestOverride: only its header can be set here, not {sorted(request)}")
    status = response.get("status")
    return Rendered(
        body,
        None if status is None else int(status),
        {name: java.string(value) for name, value in response["header"].items()},
        {name: java.string(value) for name, value in request["header"].items()},
    )


def find(document: Any, path: str) -> Any:
    """Return what a JSONPath names: a value, or a list if the path may name several; None for nothing."""
    expression = _json_path(path)
    found = [match.value for match in cast("Any", expression).find(document)]
    if _names_one(expression):
        return found[0] if found else None
    return found


class _Closed:
    """An object of API Gateway: an unknown member is an error; Velocity would print nothing."""

    _name: str

    def __getattr__(self, member: str) -> NoReturn:
        raise TemplateRefused(f"API Gateway has no ${self._name}.{member}")


class _Input(_Closed):
    _name = "input"

    def __init__(self, source: Source) -> None:
        self._source = source
        self._params = {
            "path": dict(source.path),
            "querystring": dict(source.querystring),
            "header": dict(source.header),
        }

    @property
    def body(self) -> str:
        return self._source.body

    def path(self, path: str) -> Any:
        return find(self._document(), path)

    def json(self, path: str) -> str:
        found = find(self._document(), path)
        return '""' if found is None else json.dumps(found, ensure_ascii=False, separators=(",", ":"))

    def params(self, name: str | None = None) -> Any:
        if name is None:
            return self._params
        values = (params.get(name) for params in self._params.values())
        return next((value for value in values if value is not None), "")

    def _document(self) -> Any:
        try:
            return json.loads(self._source.body) if self._source.body else {}
        except ValueError as error:
            raise BodyNotJson(f"Could not parse request body into json: {error}") from error


class _Util(_Closed):
    _name = "util"

    def escapeJavaScript(self, value: Any) -> str | None:  # noqa: N802 - AWS's name, as below
        return None if value is None else "".join(map(_escape, java.string(value)))

    def parseJson(self, text: str) -> Any:  # noqa: N802
        return json.loads(text)

    def urlEncode(self, text: str) -> str:  # noqa: N802
        return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")  # as java.net.URLEncoder

    def urlDecode(self, text: str) -> str:  # noqa: N802
        return urllib.parse.unquote_plus(text)

    def base64Encode(self, text: str) -> str:  # noqa: N802
        return base64.b64encode(text.encode()).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        return base64.b64decode(text).decode()


_ESCAPES = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r"} | {c: f"\\{c}" for c in "'\"\\/"}


def _escape(character: str) -> str:
    """Escape as Apache Commons does, which AWS uses: also the single quote, which is not valid in JSON."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))


@functools.lru_cache(maxsize=256)
def _compiled(template: str) -> airspeed.Template:
    compiled = airspeed.Template(template)
    compiled.ensure_compiled()
    return compiled


@functools.lru_cache(maxsize=256)
def _json_path(path: str) -> jsonpath_ng.JSONPath:
    try:
        return jsonpath_ng.ext.parser.parse(path)
    except Exception as error:  # its parser and lexer raise bare Exceptions
        raise TemplateRefused(f"{path!r} is not a JSONPath: {error}") from error


def _names_one(path: jsonpath_ng.JSONPath) -> bool:
    match path:
        case jsonpath_ng.Child(left=left, right=right):
            return _names_one(left) and _names_one(right)
        case jsonpath_ng.Fields(fields=fields):
            return len(fields) == 1 and fields[0] != "*"
        case jsonpath_ng.Root() | jsonpath_ng.Index():
            return True
        case _:
            return False
