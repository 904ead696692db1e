"""The REST contract, once: an OpenAPI 3.0 document with API Gateway's extensions.

It is deployed as the RestApi's body, expanded from the same document by local mode, and what a client reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components import mapping_templates
from handlers.api import PROBLEM_JSON, PROBLEM_TYPE_PREFIX
from handlers.uploads.model import (
    CONTENT_TYPE_PATTERN,
    FILE_NAME_PATTERN,
    MAX_CONTENT_TYPE_LENGTH,
    MAX_FILE_NAME_LENGTH,
    Status,
)

VERSION = "1.0.0"

GATEWAY_PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    "ACCESS_DENIED": (403, "access-denied", "Access denied"),
    "API_CONFIGURATION_ERROR": (500, "internal-error", "Internal error"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "internal-error", "Internal error"),
    "AUTHORIZER_FAILURE": (500, "internal-error", "Internal error"),
    "BAD_REQUEST_BODY": (400, "invalid-request", "Invalid request"),
    "BAD_REQUEST_PARAMETERS": (400, "invalid-request", "Invalid request"),
    "DEFAULT_4XX": (400, "bad-request", "Bad request"),
    "DEFAULT_5XX": (500, "internal-error", "Internal error"),
    "EXPIRED_TOKEN": (401, "unauthorized", "Unauthorized"),
    "INVALID_API_KEY": (403, "access-denied", "Access denied"),
    "INVALID_SIGNATURE": (403, "access-denied", "Access denied"),
    "INTEGRATION_FAILURE": (504, "unavailable", "Temporarily unavailable"),
    "INTEGRATION_TIMEOUT": (504, "unavailable", "Temporarily unavailable"),
    # API Gateway's name for a path or method that does not exist.
    "MISSING_AUTHENTICATION_TOKEN": (404, "no-such-resource", "No such resource"),
    "QUOTA_EXCEEDED": (429, "throttled", "Too many requests"),
    "REQUEST_TOO_LARGE": (413, "request-too-large", "Request too large"),
    "RESOURCE_NOT_FOUND": (404, "no-such-resource", "No such resource"),
    "THROTTLED": (429, "throttled", "Too many requests"),
    "UNAUTHORIZED": (401, "unauthorized", "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported-media-type", "Unsupported media type"),
    "WAF_FILTERED": (403, "access-denied", "Access denied"),
}
"""Status, kind and title of each error that the gateway answers itself."""

GATEWAY_DETAILS = {
    "BAD_REQUEST_BODY": '"$context.error.validationErrorString"',
    "MISSING_AUTHENTICATION_TOKEN": '"There is no such path, or it has no such method; see the API\'s contract."',
    "REQUEST_TOO_LARGE": (
        '"API Gateway takes at most 10 MB. Ask POST /uploads for a presigned URL and send the file there."'
    ),
    "UNAUTHORIZED": '"Send the header Authorization: Bearer with a valid ID token of the user pool."',
    "EXPIRED_TOKEN": '"Sign in again: the token has expired."',
}
"""What to tell the client instead of API Gateway's own message."""


_UPLOAD_ID = {"name": "upload_id", "in": "path", "required": True, "schema": {"type": "string"}}


@dataclass(frozen=True)
class Contract:
    """What the document needs to know of its surroundings."""

    allowed_origins: Sequence[str]
    max_upload_bytes: int
    region: str
    partition: str
    table_name: str
    user_pool_arn: str
    create_upload_invoke_arn: str
    read_status_role_arn: str

    def document(self) -> dict[str, Any]:
        """The whole OpenAPI document."""
        return {
            "openapi": "3.0.1",
            "info": {"title": "Portage uploads", "version": VERSION},
            "paths": {
                "/uploads": self._with_preflight({"post": self._create_upload()}),
                "/uploads/{upload_id}": self._with_preflight({"get": self._get_upload()}, [_UPLOAD_ID]),
            },
            "components": {"schemas": self._schemas(), "securitySchemes": {"users": self._users()}},
            "x-amazon-apigateway-request-validators": {
                "everything": {"validateRequestBody": True, "validateRequestParameters": True}
            },
            "x-amazon-apigateway-request-validator": "everything",
            "x-amazon-apigateway-gateway-responses": {
                kind: self._gateway_response(kind) for kind in sorted(GATEWAY_PROBLEMS)
            },
        }

    def _create_upload(self) -> dict[str, Any]:
        return {
            "operationId": "createUpload",
            "summary": "Declare a file and receive a presigned PUT for it",
            "security": [{"users": []}],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _ref("CreateUploadRequest")}},
            },
            "responses": {
                "201": _response("The permission to send the file", "CreatedUpload"),
                "400": _response("The request breaks the contract", "Problem", PROBLEM_JSON),
            },
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": self.create_upload_invoke_arn,
            },
        }

    def _get_upload(self) -> dict[str, Any]:
        return {
            "operationId": "getUpload",
            "summary": "Ask how far an upload of your own is",
            "security": [{"users": []}],
            "parameters": [_UPLOAD_ID],
            "responses": {
                "200": _response("How far the upload is", "Upload"),
                "404": _response("You have no such upload", "Problem", PROBLEM_JSON),
                "503": _response("The status cannot be read at the moment", "Problem", PROBLEM_JSON),
            },
            "x-amazon-apigateway-integration": {
                "type": "aws",
                "httpMethod": "POST",
                "uri": f"arn:{self.partition}:apigateway:{self.region}:dynamodb:action/GetItem",
                "credentials": self.read_status_role_arn,
                "passthroughBehavior": "never",
                "requestTemplates": {"application/json": mapping_templates.get_upload_request(self.table_name)},
                "responses": {
                    "default": {
                        "statusCode": "200",
                        "responseTemplates": {
                            "application/json": mapping_templates.get_upload_response(self.allowed_origins)
                        },
                    },
                    r"[45]\d{2}": {
                        "statusCode": "503",
                        "responseTemplates": {
                            "application/json": mapping_templates.status_unavailable(self.allowed_origins)
                        },
                    },
                },
            },
        }

    def _with_preflight(self, methods: dict[str, Any], parameters: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """Answer the browser's OPTIONS, where any origin is allowed at all."""
        if not self.allowed_origins:
            return methods
        verbs = ",".join([*(verb.upper() for verb in methods), "OPTIONS"])
        return methods | {
            "options": {
                "operationId": "preflight"
                + "".join(operation["operationId"].title() for operation in methods.values()),
                "summary": "Tell a browser which origins may call",
                "parameters": list(parameters),
                "responses": {"204": {"description": "Allowed, where the answer names the origin"}},
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "passthroughBehavior": "never",
                    "requestTemplates": {"application/json": '{"statusCode": 204}'},
                    "responses": {
                        "default": {
                            "statusCode": "204",
                            "responseTemplates": {
                                "application/json": mapping_templates.preflight(self.allowed_origins, verbs)
                            },
                        }
                    },
                },
            }
        }

    def _users(self) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "x-amazon-apigateway-authtype": "cognito_user_pools",
            "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [self.user_pool_arn]},
        }

    def _gateway_response(self, kind: str) -> dict[str, Any]:
        status, problem, title = GATEWAY_PROBLEMS[kind]
        detail = GATEWAY_DETAILS.get(kind, "$context.error.messageString")
        parameters = {"gatewayresponse.header.Content-Type": f"'{PROBLEM_JSON}'"}
        if status == 401:  # noqa: PLR2004 - RFC 9110 asks a challenge of every 401
            parameters["gatewayresponse.header.WWW-Authenticate"] = "'Bearer'"
        if self.allowed_origins:
            # A gateway response can compute nothing. To echo any origin here is harmless: these answers hold no
            # data, and the API knows no cookies.
            only = self.allowed_origins[0] if len(self.allowed_origins) == 1 else None
            parameters["gatewayresponse.header.Access-Control-Allow-Origin"] = (
                f"'{only}'" if only else "method.request.header.Origin"
            )
            parameters["gatewayresponse.header.Vary"] = "'Origin'"
        template = (
            f'{{"type": "{PROBLEM_TYPE_PREFIX}{problem}", "title": "{title}", "status": {status}, '
            f'"detail": {detail}, "request_id": "$context.requestId"}}'
        )
        return {
            "statusCode": str(status),
            "responseParameters": parameters,
            "responseTemplates": {"application/json": template},
        }

    def _schemas(self) -> dict[str, Any]:
        file_name = {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_FILE_NAME_LENGTH,
            "pattern": FILE_NAME_PATTERN,
        }
        content_type = {"type": "string", "maxLength": MAX_CONTENT_TYPE_LENGTH, "pattern": CONTENT_TYPE_PATTERN}
        size = {"type": "integer", "format": "int64", "minimum": 1, "maximum": self.max_upload_bytes}
        declared = {"file_name": file_name, "content_type": content_type, "size_bytes": size}
        text, moment, number = {"type": "string"}, {"type": "string", "format": "date-time"}, {"type": "integer"}
        status = {"type": "string", "enum": [str(state) for state in Status]}
        created = {
            "upload_id": text,
            "status": status,
            "method": {"type": "string", "enum": ["put"]},
            "url": text,
            "headers": {"type": "object", "additionalProperties": text},
            "expires_at": moment,
            "expires_in_seconds": number,
        }
        upload = {
            "upload_id": text,
            "status": status,
            "version": number,
            "file_name": text,
            "content_type": text,
            "size_bytes": number,
            "created_at": moment,
            "updated_at": moment,
        }
        return {
            "CreateUploadRequest": _object(declared, additional=False),
            "CreatedUpload": _object(created),
            "Upload": _object(
                upload,
                optional={
                    "result": _object({"bucket": text, "key": text}),
                    "failure": _object({"code": text, "detail": text}),
                },
            ),
            "Problem": _object({"type": text, "title": text, "status": number, "detail": text, "request_id": text}),
        }


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _response(description: str, schema: str, media_type: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": _ref(schema)}}}


def _object(
    properties: Mapping[str, Any], *, optional: Mapping[str, Any] | None = None, additional: bool = True
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "required": list(properties),
        "properties": {**properties, **(optional or {})},
    }
    return schema if additional else {**schema, "additionalProperties": False}
