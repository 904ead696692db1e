"""A document becomes the calls that API Gateway's own import stands for; what it does not know, it refuses."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from local.resources.openapi_import import import_openapi
from local.resources.parameters import Given, InvalidInputError
from tests.support.each_case import each_case

EXTENSION = "x-amazon-apigateway"
ROLE = "arn:aws:iam::123456789012:role/reads"
GET_ITEM = "arn:aws:apigateway:us-east-1:dynamodb:action/GetItem"

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "notes", "version": "1"},
    f"{EXTENSION}-request-validators": {"body": {"validateRequestBody": True, "validateRequestParameters": False}},
    f"{EXTENSION}-gateway-responses": {"DEFAULT_4XX": {"statusCode": 400, "responseTemplates": {"a/b": "{}"}}},
    "components": {
        "securitySchemes": {
            "user": {
                "type": "apiKey",
                "name": "X-Token",
                "in": "header",
                f"{EXTENSION}-authorizer": {"type": "cognito_user_pools", "providerARNs": ["arn:aws:cognito-idp:x"]},
            },
            "signed": {"type": "apiKey", f"{EXTENSION}-authtype": "awsSigv4"},
        },
        "schemas": {"Note": {"properties": {"by": {"$ref": "#/components/schemas/Name"}}}, "Name": {"type": "string"}},
        "parameters": {"Language": {"name": "Accept-Language", "in": "header"}},
    },
    "paths": {
        "/notes/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True}],
            "get": {
                "operationId": "readNote",
                "security": [{"user": ["notes/read"]}],
                "parameters": [
                    {"$ref": "#/components/parameters/Language"},
                    {"name": "q", "in": "query", "required": True},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}},
                    "404": {"headers": {"X-Reason": {}}},
                },
                f"{EXTENSION}-integration": {
                    "type": "aws",
                    "httpMethod": "POST",
                    "uri": GET_ITEM,
                    "credentials": ROLE,
                    "passthroughBehavior": "never",
                    "requestTemplates": {"application/json": "#set($a = 1)"},
                    "responses": {
                        "default": {"statusCode": 200, "responseTemplates": {"application/json": "$input.json('$')"}},
                        "4\\d{2}": {
                            "statusCode": "404",
                            "responseParameters": {"method.response.header.X-Reason": "'none'"},
                        },
                    },
                },
            },
        },
        "/notes": {
            "post": {
                "security": [{"signed": []}],
                f"{EXTENSION}-request-validator": "body",
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"201": {}},
                f"{EXTENSION}-integration": {"type": "mock"},
            }
        },
    },
}


@cache
def _meta() -> Any:
    return botocore.session.Session().create_client("apigateway", region_name="us-east-1").meta


class Recorder:
    """A client that answers every operation with an id of its own."""

    def __init__(self) -> None:
        self.meta = _meta()
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        def answer(**given: Any) -> dict[str, Any]:
            self.calls.append((name, given))
            return {"id": f"{name}-{len(self.calls)}", **given}

        return answer

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [given for name, given in self.calls if name == xform_name(operation)]


def imported(document: Any) -> Recorder:
    client = Recorder()
    body = document if isinstance(document, str) else json.dumps(document)
    import_openapi(client, "api1", "root1", Given({"body": body}, "aws:apigateway/restApi:RestApi a").child("body"))
    return client


@pytest.fixture(scope="module")
def calls() -> Recorder:
    return imported(DOCUMENT)


def test_each_part_of_a_path_is_made_once(calls: Recorder) -> None:
    first, second = calls.of("CreateResource")

    assert (first["parentId"], first["pathPart"]) == ("root1", "notes")
    assert second["pathPart"] == "{id}"
    assert second["parentId"].startswith("create_resource-")


def test_models_refer_to_each_other_by_address(calls: Recorder) -> None:
    models = {model["name"]: json.loads(model["schema"]) for model in calls.of("CreateModel")}

    assert models["Note"]["properties"]["by"] == {"$ref": "https://apigateway.amazonaws.com/restapis/api1/models/Name"}
    assert models["Name"] == {"type": "string"}


def test_a_schema_that_stands_in_place_becomes_a_model(calls: Recorder) -> None:
    read, add = calls.of("PutMethod")
    named = {model["name"]: model["schema"] for model in calls.of("CreateModel")}

    assert read["requestModels"] == {}
    assert named[add["requestModels"]["application/json"]] == '{"type": "object"}'


def test_methods_have_their_authorizer_parameters_and_validator(calls: Recorder) -> None:
    (authorizer,) = calls.of("CreateAuthorizer")
    read, add = calls.of("PutMethod")

    assert (authorizer["type"], authorizer["identitySource"]) == (
        "COGNITO_USER_POOLS",
        "method.request.header.X-Token",
    )
    assert (read["authorizationType"], read["authorizationScopes"]) == ("COGNITO_USER_POOLS", ["notes/read"])
    assert read["authorizerId"].startswith("create_authorizer-")
    assert read["operationName"] == "readNote"
    assert read["requestParameters"] == {
        "method.request.path.id": True,
        "method.request.header.Accept-Language": False,
        "method.request.querystring.q": True,
    }
    assert "requestValidatorId" not in read
    assert add["requestValidatorId"].startswith("create_request_validator-")
    assert add["authorizationType"] == "AWS_IAM"


def test_integrations_keep_their_templates(calls: Recorder) -> None:
    service, mock = calls.of("PutIntegration")

    assert {name: service[name] for name in ("type", "integrationHttpMethod", "uri", "credentials")} == {
        "type": "AWS",
        "integrationHttpMethod": "POST",
        "uri": GET_ITEM,
        "credentials": ROLE,
    }
    assert service["passthroughBehavior"] == "NEVER"
    assert service["requestTemplates"] == {"application/json": "#set($a = 1)"}
    assert mock["type"] == "MOCK"


def test_responses_are_selected_by_their_pattern(calls: Recorder) -> None:
    default, missing = calls.of("PutIntegrationResponse")
    found, lost, _ = calls.of("PutMethodResponse")

    assert "selectionPattern" not in default
    assert (missing["selectionPattern"], missing["statusCode"]) == ("4\\d{2}", "404")
    assert missing["responseParameters"] == {"method.response.header.X-Reason": "'none'"}
    assert found["responseModels"] == {"application/json": "Note"}
    assert lost["responseParameters"] == {"method.response.header.X-Reason": False}


def test_gateway_responses_are_put(calls: Recorder) -> None:
    (response,) = calls.of("PutGatewayResponse")

    assert response == {
        "restApiId": "api1",
        "responseType": "DEFAULT_4XX",
        "statusCode": "400",
        "responseTemplates": {"a/b": "{}"},
    }


READ = ("paths", "/notes/{id}", "get")
INTEGRATION = (*READ, f"{EXTENSION}-integration")


REFUSALS: list[tuple[tuple[str, ...], Any, str]] = [
    (("openapi",), "3.1.0", "body is .* it must be an OpenAPI 3.0 document"),
    ((f"{EXTENSION}-cors",), {}, f"body is '{EXTENSION}-cors'; it is not an extension"),
    (
        (f"{EXTENSION}-integration",),
        {},
        f"body is '{EXTENSION}-integration'; it is not an extension that local mode supports here",
    ),
    (
        (*READ, f"{EXTENSION}-gateway-responses"),
        {},
        f"body.paths./notes/{{id}}.get is '{EXTENSION}-gateway-responses'; it is not an extension",
    ),
    ((*INTEGRATION, "type"), "magic", r"integration.type is 'MAGIC'; it must be one of HTTP, AWS, MOCK"),
    ((*INTEGRATION, "tempaltes"), {}, r"integration.tempaltes is {}; it is not an input"),
    ((*INTEGRATION, "timeoutInMillis"), "1s", r"timeoutInMillis is '1s'; it must be a whole number"),
    (
        (*INTEGRATION, "responses", "default", "statusCode"),
        "418",
        r"responses.default is .*; it has the status code 418, which the method does not declare",
    ),
    (
        (*INTEGRATION, "responses", "default", "responseParameters"),
        {"method.response.header.X-More": "'a'"},
        "it goes to method.response.header.X-More, which the method's response 200 does not declare",
    ),
    (
        (*READ, "security"),
        [{"nobody": []}],
        r"security\[0\].nobody is \[\]; it names no security scheme; use one of",
    ),
    ((*READ, "security"), [{"user": []}, {"signed": []}], "it must name one alternative"),
    (
        (*READ, "parameters"),
        [{"name": "c", "in": "cookie"}],
        r"parameters\[0\] is .* must be in path, query, header",
    ),
    ((*READ, "parameters"), [{"$ref": "#/components/parameters/None"}], "it refers to nothing"),
    ((*READ, "responses", "default"), {}, "it stands for default; API Gateway knows only single status codes"),
    (
        (*READ, f"{EXTENSION}-request-validator"),
        "all",
        "is 'all'; it must be one of the document's validators: body",
    ),
    (("paths", "/notes", "trace"), {}, "notes.trace is {}; it is not a method that API Gateway has"),
    (("paths", "/notes", "put"), {}, f"notes.put is {{}}; it must have an {EXTENSION}-integration"),
    (("components", "schemas", "a_b"), {}, "it cannot be a model: a_b must have letters and digits only"),
    (("components", "securitySchemes", "odd"), {"type": "oauth2"}, f"it must have an {EXTENSION}-authorizer"),
    ((f"{EXTENSION}-gateway-responses", "TEAPOT"), {}, "it must be one of DEFAULT_4XX"),
]


@each_case(("place", "value", "message"), REFUSALS)
def test_what_api_gateway_would_not_import_is_refused(place: tuple[str, ...], value: Any, message: str) -> None:
    document = deepcopy(DOCUMENT)
    block = document
    for name in place[:-1]:
        block = block[name]
    block[place[-1]] = value

    with pytest.raises(InvalidInputError, match=re.escape("aws:apigateway/restApi:RestApi a: body")) as caught:
        imported(document)
    assert re.search(message.replace("{}", re.escape("{}")).replace("{id}", re.escape("{id}")), str(caught.value))


def test_a_body_that_is_not_json_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"body is 'openapi: 3\.0\.1'; it must be a JSON document"):
        imported("openapi: 3.0.1")
