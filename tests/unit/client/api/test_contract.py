"""The client's model has the fields that the API's contract declares, and reads each of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Struct, structs

from client import ProblemType
from client.api.models import ResultLink, Upload, UploadPage
from client.transport import read
from handlers.http.response import PROBLEMS
from tests.support.paths import PROJECT

SCHEMAS = json.loads((PROJECT / "docs/openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def example(name: str, schema: dict[str, Any]) -> Any:
    """Return a value of a schema, which no other member has."""
    if "$ref" in schema:
        return example(name, SCHEMAS[schema["$ref"].rpartition("/")[2]])
    match schema["type"]:
        case "object":
            return {member: example(f"{name}.{member}", each) for member, each in schema["properties"].items()}
        case "array":
            return [example(name, schema["items"])]
        case "integer":
            return len(name)
        case _:
            return NOON.isoformat() if schema.get("format") == "date-time" else name


def as_json(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case tuple():
            return [as_json(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case Struct():
            return {name: as_json(each) for name, each in structs.asdict(value).items()}
        case _:
            return value


@pytest.mark.parametrize("model", [Upload, UploadPage, ResultLink])
def test_every_member_of_a_response_is_a_field_of_the_same_name_and_value(model: type[Struct]) -> None:
    response = example("", SCHEMAS[model.__name__])
    assert as_json(read(json.dumps(response).encode(), model, "the response")) == response


def test_members_that_are_not_required_may_be_absent() -> None:
    required = set(SCHEMAS["Upload"]["required"])
    response = {name: value for name, value in example("", SCHEMAS["Upload"]).items() if name in required}
    upload = as_json(read(json.dumps(response).encode(), Upload, "the response"))
    assert {name: value for name, value in upload.items() if value is not None} == response


def test_every_problem_of_the_api_is_a_value_of_the_enum() -> None:
    assert {problem.kind for problem in PROBLEMS.values()} == {each.value for each in ProblemType if each.value}
