"""The API's OpenAPI 3.0 document, as clients read it and as API Gateway imports it. Its operations: operations.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.api import mapping_templates
from components.api.gateway_responses import gateway_responses
from components.api.operations import (
    ERRORS_OF_EVERY_OPERATION,
    OPERATIONS,
    Function,
    Operation,
    Parameter,
    TableRead,
)
from components.api.schemas import ref, schemas
from handlers.domain.plan import Method, allowed_methods
from handlers.http.response import PROBLEM_JSON

VERSION = "1.3.0"

_UPLOAD_ID = {"name": "upload_id", "in": "path", "required": True, "schema": {"type": "string"}}


def contract(methods: Sequence[Method] = tuple(Method)) -> dict[str, Any]:
    """Return the document as clients read it, if uploads can be sent by these methods."""
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.verb.lower()] = _operation(each)
    return {
        "openapi": "3.0.1",
        "info": {"title": "Portage uploads", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": schemas(methods),
            "securitySchemes": {"users": {"type": "apiKey", "name": "Authorization", "in": "header"}},
        },
    }


@dataclass(frozen=True)
class Deployment:
    """The values of one deployment that API Gateway needs in the document."""

    allowed_origins: Sequence[str]
    allow_forms: bool
    region: str
    partition: str
    table_name: str
    user_pool_arn: str
    invoke_arns: Mapping[str, str]
    """The functions' invoke ARNs, by operationId."""
    read_status_role_arn: str

    def document(self) -> dict[str, Any]:
        """Return the contract with API Gateway's extensions, and with preflights if origins are allowed."""
        document = contract(allowed_methods(allow_forms=self.allow_forms))
        for schema in document["components"]["schemas"].values():
            # Otherwise a change of words would redeploy the API.
            schema["properties"] = {name: _without_description(each) for name, each in schema["properties"].items()}
        for each in OPERATIONS:
            document["paths"][each.path][each.verb.lower()]["x-amazon-apigateway-integration"] = self._integration(each)
        if self.allowed_origins:
            for path, operations in document["paths"].items():
                operations["options"] = self._preflight(path, list(operations.items()))
        document["components"]["securitySchemes"]["users"] |= {
            "x-amazon-apigateway-authtype": "cognito_user_pools",
            "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [self.user_pool_arn]},
        }
        return document | {
            "x-amazon-apigateway-request-validators": {
                "everything": {"validateRequestBody": True, "validateRequestParameters": True}
            },
            "x-amazon-apigateway-request-validator": "everything",
            "x-amazon-apigateway-gateway-responses": gateway_responses(self.allowed_origins),
        }

    def _integration(self, operation: Operation) -> dict[str, Any]:
        match operation.performed_by:
            case Function():
                return {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": self.invoke_arns[operation.operation_id],
                }
            case TableRead() as read:
                return {
                    "type": "aws",
                    "httpMethod": "POST",
                    "uri": f"arn:{self.partition}:apigateway:{self.region}:dynamodb:action/{read.action}",
                    "credentials": self.read_status_role_arn,
                    "passthroughBehavior": "never",
                    "requestTemplates": {"application/json": read.request(self.table_name)},
                    "responses": {
                        "default": _mapped(operation.success.status, read.response(self.allowed_origins)),
                        r"[45]\d{2}": _mapped(read.error_status, read.error(self.allowed_origins)),
                    },
                }

    def _preflight(self, path: str, operations: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
        """Return the operation that answers a browser's OPTIONS."""
        verbs = ",".join([*(verb.upper() for verb, _ in operations), "OPTIONS"])
        return {
            "operationId": "preflight" + "".join(operation["operationId"].title() for _, operation in operations),
            "summary": "Answer a browser's preflight request",
            "parameters": _path_parameters(path),
            "responses": {"204": {"description": "Allowed, where the answer names the origin"}},
            "x-amazon-apigateway-integration": {
                "type": "mock",
                "passthroughBehavior": "never",
                "requestTemplates": {"application/json": '{"statusCode": 204}'},
                "responses": {"default": _mapped(204, mapping_templates.preflight(self.allowed_origins, verbs))},
            },
        }


def _operation(row: Operation) -> dict[str, Any]:
    request = {} if row.body is None else {"requestBody": {"required": True, "content": _json(row.body)}}
    content = {} if row.success.schema is None else {"content": _json(row.success.schema)}
    errors = {**row.errors, **ERRORS_OF_EVERY_OPERATION}
    return {
        "operationId": row.operation_id,
        "summary": row.summary,
        "security": [{"users": []}],
        "parameters": [*_path_parameters(row.path), *(_parameter(each) for each in row.parameters)],
        **request,
        "responses": {
            str(row.success.status): {"description": row.success.description, **content},
            **{str(status): _problem(description) for status, description in errors.items()},
        },
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [_UPLOAD_ID] if "{upload_id}" in path else []


def _parameter(parameter: Parameter) -> dict[str, Any]:
    pattern = {} if parameter.pattern is None else {"pattern": parameter.pattern}
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": False,
        "description": parameter.description,
        "schema": {"type": "string", **pattern},
    }


def _without_description(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "description"}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": ref(schema)}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_JSON: {"schema": ref("Problem")}}}


def _mapped(status: int, template: str) -> dict[str, Any]:
    return {"statusCode": str(status), "responseTemplates": {"application/json": template}}
