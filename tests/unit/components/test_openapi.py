"""The contract is valid OpenAPI 3.0 in API Gateway's words, and says what the handlers' model says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from components.gateway_problems import PROBLEMS
from components.upload_functions import CALLS, Call
from handlers.uploads.model import METHODS, InvalidRequest, Status, UploadRequest
from handlers.uploads.part_signing import PartRange
from handlers.uploads.plan import MAX_PARTS
from handlers.uploads.session import MAX_TOKEN_LENGTH
from tests.unit.components.contracts import MAX_UPLOAD_BYTES, ORIGINS, contract, integration, invoke_arn

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

DOCUMENTS = {"closed": contract(), "open": contract(*ORIGINS), "open to one": contract(ORIGINS[0])}


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
    @pytest.mark.parametrize(("operation", "call"), CALLS.items(), ids=CALLS)
    def test_what_needs_code_goes_to_a_function_of_its_own(self, operation: str, call: Call) -> None:
        path = call.path.replace("*", "{upload_id}")

        assert contract()["paths"][path][call.verb.lower()]["operationId"] == operation
        assert integration(contract(), path, call.verb.lower()) == {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": invoke_arn(operation),
        }

    def test_all_else_needs_none(self) -> None:
        document = contract(*ORIGINS)
        proxied = {
            operation["operationId"]
            for path, verb, operation in operations(document)
            if integration(document, path, verb)["type"] == "aws_proxy"
        }

        assert proxied == CALLS.keys()

    def test_get_upload_goes_to_the_table_with_the_role_that_may_read_it(self) -> None:
        asked = integration(contract(), "/uploads/{upload_id}", "get")

        assert {name: asked[name] for name in ("type", "httpMethod", "uri", "credentials", "passthroughBehavior")} == {
            "type": "aws",
            "httpMethod": "POST",
            "uri": "arn:aws-mars:apigateway:mars-north-1:dynamodb:action/GetItem",
            "credentials": "arn:aws-mars:iam::123456789012:role/read-status",
            "passthroughBehavior": "never",
        }

    @pytest.mark.parametrize("status", [400, 413, 429, 500, 503])
    def test_a_refusal_by_the_table_is_an_answer_of_its_own(self, status: int) -> None:
        answers = integration(contract(), "/uploads/{upload_id}", "get")["responses"]
        chosen = [key for key in answers if key != "default" and re.fullmatch(key, str(status))]

        assert [answers[key]["statusCode"] for key in chosen] == ["503"]


class TestWebPagesMayCallExactlyWhereOriginsAreAllowed:
    def test_nothing_speaks_of_origins_where_none_is_allowed(self) -> None:
        document = contract()

        assert "options" not in {verb for _, verb, _ in operations(document)}
        assert "Access-Control" not in json.dumps(document)

    @pytest.mark.parametrize("path", contract()["paths"])
    def test_every_path_answers_a_preflight_where_one_is(self, path: str) -> None:
        preflight = integration(contract(*ORIGINS), path, "options")

        assert (preflight["type"], preflight["requestTemplates"]) == (
            "mock",
            {"application/json": '{"statusCode": 204}'},
        )

    @pytest.mark.parametrize(
        ("origins", "header"),
        [
            (ORIGINS[:1], f"'{ORIGINS[0]}'"),
            (("*",), "'*'"),
            (ORIGINS, "method.request.header.Origin"),
        ],
    )
    def test_every_error_of_the_gateway_can_be_read_by_the_page(self, origins: tuple[str, ...], header: str) -> None:
        for response in contract(*origins)["x-amazon-apigateway-gateway-responses"].values():
            parameters = response["responseParameters"]

            assert parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == header
            assert parameters["gatewayresponse.header.Vary"] == "'Origin'"


class TestTheGatewaysOwnErrorsAreProblems:
    @pytest.mark.parametrize("kind", PROBLEMS)
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


REPORT = {"file_name": "report.pdf", "content_type": "application/pdf", "size_bytes": 1}

GOOD = [
    REPORT,
    {**REPORT, "file_name": "ü" * 255},
    {**REPORT, "file_name": "a \"quoted\" 'name'.txt"},
    {**REPORT, "content_type": "text/csv; charset=utf-8"},
    {**REPORT, "content_type": "application/vnd.ms-excel.sheet+xml"},
    {**REPORT, "size_bytes": MAX_UPLOAD_BYTES},
    *({**REPORT, "method": str(method)} for method in METHODS),
]
BAD: list[Any] = [
    [],
    {},
    "report.pdf",
    *({name: value for name, value in REPORT.items() if name != left_out} for left_out in REPORT),
    {**REPORT, "owner": "somebody-else"},
    *(
        {**REPORT, "file_name": name}
        for name in ("", "ü" * 256, "a/b", "a\\b", "a\x00b", "a\x7f", "a\x9f", "a\nb", None, 3)
    ),
    *({**REPORT, "content_type": each} for each in ("", "pdf", "a/b\r\nX: y", "text/", "a/b;", "a/" + "b" * 254, 3)),
    *({**REPORT, "size_bytes": size} for size in (0, -1, MAX_UPLOAD_BYTES + 1, "1", None, True, 1.5)),
    *({**REPORT, "method": method} for method in ("", "PUT", "get", None, 1, ["put"])),
]

RANGE = {"session": "a-session", "first_part": 1, "last_part": MAX_PARTS}
BAD_RANGES: list[Any] = [
    [],
    {},
    *({name: value for name, value in RANGE.items() if name != left_out} for left_out in RANGE),
    {**RANGE, "owner": "somebody-else"},
    *({**RANGE, "session": session} for session in (None, 3, ["a-session"])),
    *(
        {**RANGE, part: number}
        for part in ("first_part", "last_part")
        for number in (0, -1, MAX_PARTS + 1, "1", None, True, 1.5)
    ),
]

SCHEMAS = contract()["components"]["schemas"]
REQUESTS, RANGES, COMPLETIONS = (
    OAS30Validator(SCHEMAS[name]) for name in ("CreateUploadRequest", "SignPartsRequest", "CompleteUploadRequest")
)


class TestContractAndModelAgree:
    @pytest.mark.parametrize("body", GOOD)
    def test_on_what_a_client_may_declare(self, body: Any) -> None:
        REQUESTS.validate(body)
        UploadRequest.parse(body, max_size_bytes=MAX_UPLOAD_BYTES)

    @pytest.mark.parametrize("body", BAD)
    def test_on_what_it_may_not(self, body: Any) -> None:
        assert not REQUESTS.is_valid(body)
        with pytest.raises(InvalidRequest):
            UploadRequest.parse(body, max_size_bytes=MAX_UPLOAD_BYTES)

    def test_but_the_model_knows_a_line_feed_at_the_end_of_a_name_which_a_pattern_may_let_through(self) -> None:
        with pytest.raises(InvalidRequest):
            UploadRequest.parse({**REPORT, "file_name": "report.pdf\n"}, max_size_bytes=MAX_UPLOAD_BYTES)

    def test_but_the_model_knows_what_a_method_cannot_carry(self) -> None:
        five_gibibytes = 5 * 1024**3
        body = {**REPORT, "method": "put", "size_bytes": five_gibibytes}

        UploadRequest.parse(body, max_size_bytes=five_gibibytes + 1)
        with pytest.raises(InvalidRequest):
            UploadRequest.parse({**body, "size_bytes": five_gibibytes + 1}, max_size_bytes=five_gibibytes + 1)

    def test_on_the_methods_of_which_one_is_chosen(self) -> None:
        for schema in ("CreateUploadRequest", "CreatedUpload"):
            assert SCHEMAS[schema]["properties"]["method"]["enum"] == [str(method) for method in METHODS]

    def test_on_the_range_of_parts_that_a_client_may_ask_for(self) -> None:
        RANGES.validate(RANGE)
        PartRange.parse(RANGE)

    @pytest.mark.parametrize("body", BAD_RANGES)
    def test_on_the_range_that_it_may_not(self, body: Any) -> None:
        assert not RANGES.is_valid(body)
        with pytest.raises(InvalidRequest):
            PartRange.parse(body)

    def test_on_the_longest_session(self) -> None:
        assert RANGES.is_valid({**RANGE, "session": "x" * MAX_TOKEN_LENGTH})
        assert not RANGES.is_valid({**RANGE, "session": "x" * (MAX_TOKEN_LENGTH + 1)})

    def test_a_completion_says_nothing_but_that(self) -> None:
        assert COMPLETIONS.is_valid({})
        assert not COMPLETIONS.is_valid({"parts": []})

    @pytest.mark.parametrize("schema", ["CreatedUpload", "Upload"])
    def test_on_the_states_of_an_upload(self, schema: str) -> None:
        properties = contract()["components"]["schemas"][schema]["properties"]

        assert properties["status"]["enum"] == [str(state) for state in Status]
