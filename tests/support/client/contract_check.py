"""Holds the client's calls, and what the fake API answers, against the real contract's schemas."""

from collections.abc import Mapping
from typing import Any, cast

from openapi_schema_validator import OAS30Validator

from components.api.schemas import schemas
from handlers.domain.plan import Method
from tests.support.client.fake_portage import FakePortage

_BODIES = {
    "POST/uploads": "CreateUploadRequest",
    "POST /parts": "SignPartsRequest",
    "POST /complete": "CompleteUploadRequest",
}
_ANSWERS = {
    "POST/uploads": (201, "CreatedUpload"),
    "GET/uploads": (200, "UploadPage"),
    "GET": (200, "Upload"),
    "DELETE": (204, None),
    "POST /parts": (200, "SignedParts"),
    "GET /parts": (200, "UploadedParts"),
    "POST /complete": (200, "Upload"),
    "GET /result": (200, "ResultLink"),
}


def _strictly(schema: Any) -> Any:
    """Let an object have no member that the contract does not name: a client could come to rely on it."""
    if not isinstance(schema, dict):
        return schema
    members = cast("dict[str, Any]", schema)
    if "$ref" in members:
        return _strictly(_SCHEMAS[members["$ref"].rpartition("/")[2]])
    closed = {"additionalProperties": False} if "properties" in members else {}
    return closed | {name: _strictly(value) for name, value in members.items()}


_SCHEMAS: Mapping[str, Any] = schemas(tuple(Method))
_VALIDATORS = {name: OAS30Validator(_strictly(schema)) for name, schema in _SCHEMAS.items()}


def assert_kept_the_contract(fake: FakePortage) -> None:
    """Of all calls that the fake itself has answered."""
    for call, body, status, answer in fake.exchanges:
        if call in _BODIES:
            _VALIDATORS[_BODIES[call]].validate(body)
        if status >= 400:
            _VALIDATORS["Problem"].validate(answer)
            continue
        expected, schema = _ANSWERS[call]
        assert status == expected, call
        if schema is not None:
            _VALIDATORS[schema].validate(answer)
