"""The contract is valid OpenAPI 3.0 in API Gateway's words, and each operation goes where it is answered."""

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from components.api.gateway_responses import PROBLEMS
from components.api.operations import OPERATIONS, functions
from generate import OPENAPI_JSON
from tests.support.components.openapi_document import ORIGINS, contract, integration, invoke_arn
from tests.support.each_case import each_case

EXTENSIONS = {
    "x-amazon-apigateway-authorizer",
    "x-amazon-apigateway-authtype",
    "x-amazon-apigateway-gateway-responses",
    "x-amazon-apigateway-integration",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-request-validators",
}
"""Those of API Gateway's that are for what is used here (API Gateway guide, "OpenAPI extensions")."""

INTEGRATION_KEYS = {
    "type",
    "httpMethod",
    "uri",
    "credentials",
    "passthroughBehavior",
    "requestTemplates",
    "responses",
}
"""Of those in the guide's "x-amazon-apigateway-integration object"."""

APIGATEWAY: Any = botocore.session.get_session().get_service_model("apigateway")
GATEWAYS_KINDS = set(APIGATEWAY.shape_for("GatewayResponseType").enum)

DOCUMENTS = {"closed": contract(), "open": contract(*ORIGINS)}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for verb, operation in methods.items():
            yield path, verb, operation


def members(node: Any) -> Iterator[tuple[str, Any]]:
    """Every key of every object at any depth, with its value."""
    if isinstance(node, dict):
        for key, value in node.items():  # pyright: ignore[reportUnknownVariableType]
            yield str(key), value  # pyright: ignore[reportUnknownArgumentType]
            yield from members(value)
    if isinstance(node, list):
        for item in node:  # pyright: ignore[reportUnknownVariableType]
            yield from members(item)


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
class TestTheDocumentIsOneThatApiGatewayImports:
    def test_it_is_valid_openapi_3_0(self, document: dict[str, Any]) -> None:
        assert [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()] == []

    def test_it_is_json(self, document: dict[str, Any]) -> None:
        assert json.loads(json.dumps(document)) == document

    def test_every_reference_is_resolved_and_every_schema_referred_to(self, document: dict[str, Any]) -> None:
        referred = {value for key, value in members(document) if key == "$ref"}

        assert referred == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    def test_api_gateway_knows_its_extensions(self, document: dict[str, Any]) -> None:
        assert {key for key, _ in members(document) if key.startswith("x-")} == EXTENSIONS

    def test_api_gateway_knows_what_an_integration_says(self, document: dict[str, Any]) -> None:
        for path, verb, _ in operations(document):
            assert integration(document, path, verb).keys() <= INTEGRATION_KEYS

    def test_models_have_names_of_letters_and_digits_alone(self, document: dict[str, Any]) -> None:
        assert [name for name in document["components"]["schemas"] if not re.fullmatch(r"[A-Za-z0-9]+", name)] == []

    def test_every_status_of_an_integration_is_one_of_its_method(self, document: dict[str, Any]) -> None:
        for path, verb, operation in operations(document):
            answered = integration(document, path, verb).get("responses", {}).values()

            assert {response["statusCode"] for response in answered} <= operation["responses"].keys()

    def test_operations_have_ids_of_their_own(self, document: dict[str, Any]) -> None:
        ids = [operation["operationId"] for _, _, operation in operations(document)]

        assert len(ids) == len(set(ids))

    def test_every_operation_on_an_upload_declares_its_id(self, document: dict[str, Any]) -> None:
        for path, _, operation in operations(document):
            named = [each["name"] for each in operation["parameters"] if each["in"] == "path" and each["required"]]

            assert named == re.findall(r"\{(\w+)\}", path)


class TestThePublishedContract:
    DOCUMENT: Any = json.loads(OPENAPI_JSON.read_text(encoding="utf-8"))

    def test_is_valid_openapi_3_0(self) -> None:
        assert [error.message for error in OpenAPIV30SpecValidator(self.DOCUMENT).iter_errors()] == []

    def test_has_nothing_that_only_api_gateway_reads(self) -> None:
        assert [key for key, _ in members(self.DOCUMENT) if key.startswith("x-")] == []
        assert "arn:" not in json.dumps(self.DOCUMENT)

    def test_has_every_operation(self) -> None:
        ids = [operation["operationId"] for _, _, operation in operations(self.DOCUMENT)]

        assert sorted(ids) == sorted(each.operation_id for each in OPERATIONS)


class TestOnlySignedInUsersGetAnswers:
    @pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
    def test_every_operation_but_the_preflights_asks_for_a_user(self, document: dict[str, Any]) -> None:
        for _, verb, operation in operations(document):
            assert operation.get("security") == (None if verb == "options" else [{"users": []}])

    def test_users_are_those_of_the_pool(self) -> None:
        assert contract()["components"]["securitySchemes"] == {
            "users": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {
                    "type": "cognito_user_pools",
                    "providerARNs": ["arn:aws-mars:cognito-idp:mars-north-1:123456789012:userpool/pool"],
                },
            }
        }

    def test_requests_are_validated_whole(self) -> None:
        document = contract()
        validators = document["x-amazon-apigateway-request-validators"]

        assert validators[document["x-amazon-apigateway-request-validator"]] == {
            "validateRequestBody": True,
            "validateRequestParameters": True,
        }


class TestEachOperationGoesWhereItIsAnswered:
    def test_each_that_needs_code_goes_to_a_function_of_its_own_and_no_other_does(self) -> None:
        document = contract(*ORIGINS)
        proxied = {
            (operation["operationId"], verb.upper(), path): integration(document, path, verb)
            for path, verb, operation in operations(document)
            if integration(document, path, verb)["type"] == "aws_proxy"
        }

        assert proxied == {
            (operation.operation_id, operation.verb, operation.path): {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": invoke_arn(operation.operation_id),
            }
            for operation, _ in functions().values()
        }

    def test_get_upload_goes_to_the_table_with_the_role_that_may_read_it(self) -> None:
        asked = integration(contract(), "/uploads/{upload_id}", "get")

        assert {name: asked[name] for name in ("type", "httpMethod", "uri", "credentials", "passthroughBehavior")} == {
            "type": "aws",
            "httpMethod": "POST",
            "uri": "arn:aws-mars:apigateway:mars-north-1:dynamodb:action/GetItem",
            "credentials": "arn:aws-mars:iam::123456789012:role/read-status",
            "passthroughBehavior": "never",
        }

    @each_case("status", [400, 413, 429, 500, 503])
    def test_a_refusal_by_the_table_is_an_answer_of_its_own(self, status: int) -> None:
        answers = integration(contract(), "/uploads/{upload_id}", "get")["responses"]
        chosen = [key for key in answers if key != "default" and re.fullmatch(key, str(status))]

        assert [answers[key]["statusCode"] for key in chosen] == ["503"]


@each_case(("allow_forms", "methods"), [(True, ["put", "post", "multipart"]), (False, ["put", "multipart"])])
def test_a_client_may_choose_a_form_only_where_forms_are_allowed(*, allow_forms: bool, methods: list[str]) -> None:
    schemas = contract(allow_forms=allow_forms)["components"]["schemas"]

    for name in ("CreateUploadRequest", "CreatedUpload"):
        assert schemas[name]["properties"]["method"]["enum"] == methods


class TestWebPagesMayCallExactlyWhereOriginsAreAllowed:
    def test_nothing_speaks_of_origins_where_none_is_allowed(self) -> None:
        document = contract()

        assert "options" not in {verb for _, verb, _ in operations(document)}
        assert "Access-Control" not in json.dumps(document)

    @each_case("path", contract()["paths"])
    def test_every_path_answers_a_preflight_where_one_is(self, path: str) -> None:
        preflight = integration(contract(*ORIGINS), path, "options")

        assert (preflight["type"], preflight["requestTemplates"]) == (
            "mock",
            {"application/json": '{"statusCode": 204}'},
        )

    @each_case(
        ("origins", "header"),
        [
            (ORIGINS[:1], f"'{ORIGINS[0]}'"),
            (("*",), "'*'"),
            (ORIGINS, "'*'"),
        ],
    )
    def test_every_error_of_the_gateway_can_be_read_by_the_page(self, origins: tuple[str, ...], header: str) -> None:
        for response in contract(*origins)["x-amazon-apigateway-gateway-responses"].values():
            parameters = response["responseParameters"]

            assert parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == header


class TestTheGatewaysOwnErrorsAreProblems:
    @each_case("kind", PROBLEMS)
    def test_each_renders_a_problem_in_json(self, kind: str) -> None:
        response = contract()["x-amazon-apigateway-gateway-responses"][kind]
        template: str = response["responseTemplates"]["application/json"]
        # Of the two, API Gateway renders one with quotes around it and one without (developer guide, "$context").
        rendered = (
            template.replace("$context.error.messageString", json.dumps('Not "this" way'))
            .replace("$context.error.validationErrorString", json.dumps('["size_bytes"] is missing')[1:-1])
            .replace("$context.requestId", "the-request")
        )
        problem = json.loads(rendered)

        assert "$" not in rendered
        assert problem.keys() == {"type", "title", "status", "detail", "request_id"}
        assert problem["type"].startswith("urn:portage:problem:")
        assert problem["request_id"] == "the-request"
        assert str(problem["status"]) == response["statusCode"]
        assert response["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"

    @each_case("kind", PROBLEMS)
    def test_nobody_keeps_one_or_takes_it_for_another_type(self, kind: str) -> None:
        parameters = contract()["x-amazon-apigateway-gateway-responses"][kind]["responseParameters"]

        assert parameters["gatewayresponse.header.Cache-Control"] == "'no-store'"
        assert parameters["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"

    def test_only_a_challenge_comes_with_401_and_always(self) -> None:
        responses = contract()["x-amazon-apigateway-gateway-responses"]
        challenged = {
            kind
            for kind, response in responses.items()
            if response["responseParameters"].get("gatewayresponse.header.WWW-Authenticate") == "'Bearer'"
        }

        assert challenged == {kind for kind, response in responses.items() if response["statusCode"] == "401"}
        assert challenged >= {"UNAUTHORIZED", "EXPIRED_TOKEN"}

    def test_none_is_left_to_a_default_that_would_change_its_status(self) -> None:
        """A status for DEFAULT_4XX is that of every kind left out (guide, "Gateway response types")."""
        assert contract()["x-amazon-apigateway-gateway-responses"].keys() == GATEWAYS_KINDS
