"""The REST contract, once: an OpenAPI 3.0 document with API Gateway's extensions.

It is deployed as the RestApi's body, expanded from the same document by local mode, and what a client reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.api import mapping_templates
from components.api.gateway_responses import gateway_responses
from components.api.schemas import ref, schemas
from handlers.domain.plan import allowed_methods
from handlers.domain.upload import IDEMPOTENCY_KEY_PATTERN
from handlers.http.api import PROBLEM_JSON

VERSION = "1.3.0"

_UPLOAD_ID = {"name": "upload_id", "in": "path", "required": True, "schema": {"type": "string"}}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "For a day, the same key and body give the same upload while it is pending; best a UUID",
    "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY_PATTERN},
}


@dataclass(frozen=True)
class Contract:
    """What the document needs to know of its surroundings."""

    allowed_origins: Sequence[str]
    allow_forms: bool
    region: str
    partition: str
    table_name: str
    user_pool_arn: str
    invoke_arns: Mapping[str, str]
    """The functions' invoke ARNs, by operation."""
    read_status_role_arn: str

    def document(self) -> dict[str, Any]:
        """The whole OpenAPI document."""
        return {
            "openapi": "3.0.1",
            "info": {"title": "Portage uploads", "version": VERSION},
            "paths": {
                "/uploads": self._with_preflight({"get": self._list_uploads(), "post": self._create_upload()}),
                "/uploads/{upload_id}": self._with_preflight(
                    {"get": self._get_upload(), "delete": self._abort_upload()}, [_UPLOAD_ID]
                ),
                "/uploads/{upload_id}/parts": self._with_preflight(
                    {"get": self._list_parts(), "post": self._sign_parts()}, [_UPLOAD_ID]
                ),
                "/uploads/{upload_id}/result": self._with_preflight({"get": self._get_result()}, [_UPLOAD_ID]),
                "/uploads/{upload_id}/complete": self._with_preflight({"post": self._complete_upload()}, [_UPLOAD_ID]),
            },
            "components": {
                "schemas": schemas(allowed_methods(allow_forms=self.allow_forms)),
                "securitySchemes": {"users": self._users()},
            },
            "x-amazon-apigateway-request-validators": {
                "everything": {"validateRequestBody": True, "validateRequestParameters": True}
            },
            "x-amazon-apigateway-request-validator": "everything",
            "x-amazon-apigateway-gateway-responses": gateway_responses(self.allowed_origins),
        }

    def _create_upload(self) -> dict[str, Any]:
        return self._function(
            "createUpload",
            "Declare a file and receive a presigned PUT, a form, or a plan of parts for it",
            body="CreateUploadRequest",
            parameters=[_IDEMPOTENCY_KEY],
            responses={
                "201": _response("The permission to send the file", "CreatedUpload"),
                "400": _problem("The request breaks the contract"),
                "403": _problem("The upload is over your quota"),
                "409": _problem("The Idempotency-Key was sent with another body, or its upload is no longer pending"),
            },
        )

    def _list_uploads(self) -> dict[str, Any]:
        return self._function(
            "listUploads",
            "List your uploads, newest first",
            parameters=[_query("limit", "Uploads a page, 1 to 100"), _query("after", "The page before's next")],
            responses={
                "200": _response("A page", "UploadPage"),
                "400": _problem("The query breaks the contract"),
            },
        )

    def _get_result(self) -> dict[str, Any]:
        return self._function(
            "getResult",
            "Receive a link from which an upload's result can be downloaded",
            parameters=[_UPLOAD_ID],
            responses={
                "200": _response("The link", "ResultLink"),
                "404": _problem("You have no such upload"),
                "409": _problem("There is no result, or none yet"),
            },
        )

    def _sign_parts(self) -> dict[str, Any]:
        return self._function(
            "signParts",
            "Sign the URLs of a range of parts, again if they have expired",
            body="SignPartsRequest",
            parameters=[_UPLOAD_ID],
            responses={
                "200": _response("One signature a part", "SignedParts"),
                "400": _problem("The range is not one of the plan"),
                "403": _problem("The session is not one of this upload, or has expired"),
                "404": _problem("There can be no such upload"),
            },
        )

    def _list_parts(self) -> dict[str, Any]:
        return self._function(
            "listParts",
            "Ask which parts S3 holds, and receive a new session to go on with",
            parameters=[_UPLOAD_ID],
            responses={
                "200": _response("The parts that are there", "UploadedParts"),
                "404": _problem("You have no such upload"),
                "409": _problem("The upload does not come in parts, or is over"),
            },
        )

    def _complete_upload(self) -> dict[str, Any]:
        return self._function(
            "completeUpload",
            "Put the parts together; again, it changes nothing",
            body="CompleteUploadRequest",
            parameters=[_UPLOAD_ID],
            responses={
                "200": _response("How far the upload is", "Upload"),
                "400": _problem("The body is not an empty object"),
                "404": _problem("You have no such upload"),
                "409": _problem("Parts are missing, or of another size together, or the upload is over"),
                "503": _problem("S3 is working on the object for another request: complete again after Retry-After"),
            },
        )

    def _abort_upload(self) -> dict[str, Any]:
        return self._function(
            "abortUpload",
            "Give an upload up before it is complete; again, it changes nothing",
            parameters=[_UPLOAD_ID],
            responses={
                "204": {"description": "The upload is aborted"},
                "404": _problem("You have no such upload"),
                "409": _problem("The upload is complete already"),
            },
        )

    def _function(
        self,
        operation: str,
        summary: str,
        *,
        responses: Mapping[str, Any],
        body: str | None = None,
        parameters: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        """An operation that a Lambda function answers."""
        request = (
            {"requestBody": {"required": True, "content": {"application/json": {"schema": ref(body)}}}} if body else {}
        )
        return {
            "operationId": operation,
            "summary": summary,
            "security": [{"users": []}],
            "parameters": list(parameters),
            **request,
            "responses": {**responses, **_ANSWERS_OF_THE_GATEWAY},
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": self.invoke_arns[operation],
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
                "404": _problem("You have no such upload"),
                "415": _problem("The request has a Content-Type other than application/json"),
                "503": _problem("The status cannot be read at the moment"),
                **_ANSWERS_OF_THE_GATEWAY,
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


def _query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": {"type": "string"}}


def _response(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": ref(schema)}}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_JSON: {"schema": ref("Problem")}}}


_ANSWERS_OF_THE_GATEWAY = {
    "401": _problem("There is no valid ID token of the user pool in the header Authorization"),
    "413": _problem("The request is larger than API Gateway takes"),
    "429": _problem("There are too many requests at the moment"),
    "504": _problem("There was no answer in time"),
}
"""What each operation may be answered with before it is reached, or while it is."""
