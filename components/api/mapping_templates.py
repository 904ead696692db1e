"""The mapping templates (VTL) with which API Gateway responds without a Lambda function."""

import json
from collections.abc import Sequence

from handlers.domain.errors import UnknownUpload
from handlers.domain.fields import Field, all_fields
from handlers.domain.upload import Upload
from handlers.domain.upload_ref import UPLOAD_ID_PATTERN
from handlers.http.response import COMMON_HEADERS, NO_UPLOAD, PROBLEM_JSON, PROBLEM_TYPE_PREFIX, PROBLEMS


def get_upload_request(table_name: str) -> str:
    """Return the template of DynamoDB's GetItem for an upload of the signed-in user. The owner comes from the token.

    An id that is not a UUID is replaced by one that no upload has. So the path cannot change the request.
    """
    return f"""#set($id = $input.params('upload_id'))
#if(!$id.matches("{UPLOAD_ID_PATTERN}"))#set($id = "none")#end
{{
  "TableName": "{table_name}",
  "Key": {{"owner": {{"S": "$context.authorizer.claims.sub"}}, "upload_id": {{"S": "$id"}}}},
  "ConsistentRead": true
}}"""


def get_upload_response(allowed_origins: Sequence[str]) -> str:
    """Return the template of the contract's Upload, or of a problem with status 404."""
    public = [field for field in all_fields(Upload) if field.mark.is_public]
    fields = ",\n  ".join(_member(field) for field in public if not field.is_optional)
    endings = "".join(_optional_member(field) for field in public if field.is_optional)
    not_found = _problem(*PROBLEMS[UnknownUpload], NO_UPLOAD)
    return f"""{_headers(allowed_origins)}#set($status = $input.path('$.Item.status.S'))
#if($status && $status != "")
{{
  {fields}{endings}

}}
#else
{not_found}#end"""


def status_unavailable(allowed_origins: Sequence[str]) -> str:
    """Return the template of a problem with status 503, for each error of DynamoDB, such as throttling."""
    detail = "The status cannot be read at the moment. Try again in a few seconds."
    return _headers(allowed_origins) + _problem(503, "unavailable", "Temporarily unavailable", detail)


def preflight(allowed_origins: Sequence[str], verbs: str) -> str:
    """Return the template of a preflight's CORS headers. Without them, the browser does not send the request."""
    return f"""{_cors(allowed_origins)}#set($context.responseOverride.header.Access-Control-Allow-Methods = "{verbs}")
#set($context.responseOverride.header.Access-Control-Allow-Headers = "Authorization,Content-Type,Idempotency-Key")
#set($context.responseOverride.header.Access-Control-Max-Age = "600")
"""


def _member(field: Field) -> str:
    """Write a field as a member of a JSON object. API Gateway itself quotes and escapes texts."""
    path = f"$.Item.{field.name}"
    if field.kind is int:
        return f"\"{field.name}\": $input.path('{path}.N')"
    if members := getattr(field.kind, "_fields", None):
        texts = ", ".join(f"\"{member}\": $input.json('{path}.M.{member}.S')" for member in members)
        return f'"{field.name}": {{{texts}}}'
    return f"\"{field.name}\": $input.json('{path}.S')"


def _optional_member(field: Field) -> str:
    """Write a field where the upload's status shows it, or where the record has it."""
    if field.mark.shown_in:
        condition = f'$status == "{field.mark.shown_in}"'
    else:
        value = f"$input.path('$.Item.{field.name}')"
        condition = f'{value} && {value} != ""'
    return f"#if({condition}),\n  {_member(field)}#end"


def _problem(status: int, kind: str, title: str, detail: str) -> str:
    fixed = json.dumps({"type": PROBLEM_TYPE_PREFIX + kind, "title": title, "status": status, "detail": detail})
    return f"""#set($context.responseOverride.status = {status})
#set($context.responseOverride.header.Content-Type = "{PROBLEM_JSON}")
{fixed[:-1]}, "request_id": "$context.requestId"}}
"""


def _headers(allowed_origins: Sequence[str]) -> str:
    """Set the headers of every response, and those that allow a page to read it."""
    fixed = "".join(
        f'#set($context.responseOverride.header.{name} = "{value}")\n' for name, value in COMMON_HEADERS.items()
    )
    return fixed + _cors(allowed_origins)


def _cors(allowed_origins: Sequence[str]) -> str:
    """Allow the request's origin if it is one of these."""
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
