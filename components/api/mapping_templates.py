"""The mapping templates (VTL) with which API Gateway answers without a Lambda."""

import json
from collections.abc import Sequence

from handlers.domain.upload import UPLOAD_ID_PATTERN, Status
from handlers.http.api import ANSWER_HEADERS, PROBLEM_JSON, PROBLEM_TYPE_PREFIX

_UPLOAD_FIELDS = (
    "upload_id.S",
    "status.S",
    "version.N",
    "file_name.S",
    "content_type.S",
    "size_bytes.N",
    "created_at.S",
    "updated_at.S",
)


_ENDINGS = {
    Status.COMPLETED: ("result", ("bucket", "key")),
    Status.FAILED: ("failure", ("code", "detail")),
    Status.REJECTED: ("rejection", ("code", "detail")),
}
"""Additional fields of an upload that has ended so."""


def get_upload_request(table_name: str) -> str:
    """DynamoDB's GetItem for an upload of the signed-in user: the owner comes from the token alone.

    An id that is no UUID becomes one that nobody has, so that nothing of the path gets into the request.
    """
    return f"""#set($id = $input.params('upload_id'))
#if(!$id.matches("{UPLOAD_ID_PATTERN}"))#set($id = "none")#end
{{
  "TableName": "{table_name}",
  "Key": {{"owner": {{"S": "$context.authorizer.claims.sub"}}, "upload_id": {{"S": "$id"}}}},
  "ConsistentRead": true
}}"""


def get_upload_response(allowed_origins: Sequence[str]) -> str:
    """The upload as the contract's Upload, or a 404 problem."""
    fields = ",\n  ".join(_field(path) for path in _UPLOAD_FIELDS)
    endings = "".join(_ending(status, name, members) for status, (name, members) in _ENDINGS.items())
    not_found = _problem(404, "upload-not-found", "No such upload", "You have no upload with this id.")
    return f"""{_headers(allowed_origins)}#set($status = $input.path('$.Item.status.S'))
#if($status && $status != "")
{{
  {fields}{endings}

}}
#else
{not_found}#end"""


def status_unavailable(allowed_origins: Sequence[str]) -> str:
    """A 503 problem for each error of DynamoDB: throttling, or a missing permission."""
    detail = "The status cannot be read at the moment. Try again in a few seconds."
    return _headers(allowed_origins) + _problem(503, "unavailable", "Temporarily unavailable", detail)


def preflight(allowed_origins: Sequence[str], verbs: str) -> str:
    """CORS headers for a browser's OPTIONS; an answer without them is its refusal."""
    return f"""{_cors(allowed_origins)}#set($context.responseOverride.header.Access-Control-Allow-Methods = "{verbs}")
#set($context.responseOverride.header.Access-Control-Allow-Headers = "Authorization,Content-Type,Idempotency-Key")
#set($context.responseOverride.header.Access-Control-Max-Age = "600")
"""


def _field(path: str) -> str:
    name, kind = path.split(".")
    value = f"$input.path('$.Item.{path}')" if kind == "N" else _json(path)
    return f'"{name}": {value}'


def _ending(status: Status, name: str, members: Sequence[str]) -> str:
    told = ", ".join(f'"{member}": {_json(f"{name}.M.{member}.S")}' for member in members)
    return f'#if($status == "{status}"),\n  "{name}": {{{told}}}#end'


def _json(path: str) -> str:
    """A JSON string, quoted and escaped by API Gateway itself."""
    return f"$input.json('$.Item.{path}')"


def _problem(status: int, kind: str, title: str, detail: str) -> str:
    fixed = json.dumps({"type": PROBLEM_TYPE_PREFIX + kind, "title": title, "status": status, "detail": detail})
    return f"""#set($context.responseOverride.status = {status})
#set($context.responseOverride.header.Content-Type = "{PROBLEM_JSON}")
{fixed[:-1]}, "request_id": "$context.requestId"}}
"""


def _headers(allowed_origins: Sequence[str]) -> str:
    """Set what every answer has, and what lets a page read it."""
    fixed = "".join(
        f'#set($context.responseOverride.header.{name} = "{value}")\n' for name, value in ANSWER_HEADERS.items()
    )
    return fixed + _cors(allowed_origins)


def _cors(allowed_origins: Sequence[str]) -> str:
    """Name the caller's origin, where it is allowed; nothing where no origin is."""
    if not allowed_origins:
        return ""
    if "*" in allowed_origins:
        return '#set($context.responseOverride.header.Access-Control-Allow-Origin = "*")\n'
    return f"""#set($allowed = {json.dumps(list(allowed_origins))})
#set($origin = $input.params('origin'))
#if(!$origin || $origin == "")#set($origin = $input.params('Origin'))#end
#if($allowed.contains($origin))
#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#set($context.responseOverride.header.Vary = "Origin")
#end
"""
