"""What API Gateway answers without a Lambda is the owner's, is JSON, and lets nothing of the path into a request."""

import json
from itertools import product
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator

from local.emulator.patches.api_gateway.templates import Rendered, Source, render
from tests.support.components.openapi_document import ORIGINS, contract, integration
from tests.support.each_case import each_case

UPLOAD_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
OWNER = "0f5e2f0c-5f0b-4a3e-9d1c-2b7c1a9e8d47"
CONTEXT = {"requestId": "the-request", "authorizer": {"claims": {"sub": OWNER}}}
ITEM: dict[str, Any] = {
    "owner": {"S": OWNER},
    "upload_id": {"S": UPLOAD_ID},
    "status": {"S": "pending"},
    "version": {"N": "1"},
    "file_name": {"S": "report.pdf"},
    "content_type": {"S": "application/pdf"},
    "size_bytes": {"N": "1000000"},
    "created_at": {"S": "2026-01-01T00:00:00.000Z"},
    "updated_at": {"S": "2026-01-01T00:00:01.000Z"},
    "expires_at": {"S": "2026-01-01T00:15:00.000Z"},
    "open_shard": {"S": "3"},
    "delete_at": {"N": "1774828800"},
}
RESULT = {"M": {"bucket": {"S": "the-results"}, "key": {"S": f"results/{OWNER}/{UPLOAD_ID}.json"}}}
FAILURE = {"M": {"code": {"S": "unprocessable"}, "detail": {"S": 'The object is no "report".\n'}}}


def _schema(name: str) -> Any:
    schema = contract()["components"]["schemas"][name]
    return OAS30Validator({**schema, "additionalProperties": False})


def ask(upload_id: str, context: dict[str, Any] = CONTEXT) -> dict[str, Any]:
    """What is sent to DynamoDB for a path."""
    template = integration(contract(), "/uploads/{upload_id}", "get")["requestTemplates"]["application/json"]
    return json.loads(render(template, Source(path={"upload_id": upload_id}, context=context)).body)


def answer(item: dict[str, Any] | None, *origins: str, response: str = "default", **headers: str) -> Rendered:
    """What is made of DynamoDB's answer."""
    responses = integration(contract(*origins), "/uploads/{upload_id}", "get")["responses"]
    body = json.dumps({"Item": item} if item else {})
    template = responses[response]["responseTemplates"]["application/json"]
    return render(template, Source(body=body, header=headers, context=CONTEXT))


class TestTheTableIsAskedForTheUsersOwnUploadAlone:
    def test_the_owner_is_who_signed_in(self) -> None:
        assert ask(UPLOAD_ID) == {
            "TableName": "the-table",
            "Key": {"owner": {"S": OWNER}, "upload_id": {"S": UPLOAD_ID}},
            "ConsistentRead": True,
        }

    @each_case(
        "upload_id",
        [
            "",
            'x", "owner": {"S": "somebody-else"}, "y": "',
            f'{UPLOAD_ID}"',
            f"{UPLOAD_ID}\n",
            f"../{UPLOAD_ID}",
            f"{UPLOAD_ID}/parts",
            UPLOAD_ID.upper(),
            UPLOAD_ID.replace("-", ""),
            UPLOAD_ID * 300,
            "$context.requestId",
            "#set($id = 1)",
            "\\",
            "ü",
        ],
    )
    def test_whatever_is_no_upload_id_is_asked_for_as_one_that_nobody_has(self, upload_id: str) -> None:
        assert ask(upload_id)["Key"] == {"owner": {"S": OWNER}, "upload_id": {"S": "none"}}


class TestTheAnswerIsTheUploadOfTheContract:
    @each_case(
        ("status", "stored", "shown"),
        [
            ("pending", {}, {}),
            ("uploaded", {}, {}),
            ("processing", {"job_id": {"S": "a-job"}}, {}),
            ("processing", {"progress_percent": {"N": "0"}}, {"progress_percent": 0}),
            (
                "processing",
                {"progress_percent": {"N": "40"}, "progress_note": {"S": 'Page "2"'}},
                {"progress_percent": 40, "progress_note": 'Page "2"'},
            ),
            (
                "completed",
                {"result": RESULT},
                {"result": {"bucket": "the-results", "key": f"results/{OWNER}/{UPLOAD_ID}.json"}},
            ),
            (
                "failed",
                {"failure": FAILURE},
                {"failure": {"code": "unprocessable", "detail": 'The object is no "report".\n'}},
            ),
            ("aborted", {"multipart_id": {"S": "the-id"}}, {}),
        ],
    )
    def test_in_each_state(self, status: str, stored: dict[str, Any], shown: dict[str, Any]) -> None:
        rendered = answer({**ITEM, "status": {"S": status}, **stored})
        body = json.loads(rendered.body)

        _schema("Upload").validate(body)
        assert rendered.status is None
        assert body == {
            "upload_id": UPLOAD_ID,
            "status": status,
            "version": 1,
            "file_name": "report.pdf",
            "content_type": "application/pdf",
            "size_bytes": 1_000_000,
            "created_at": "2026-01-01T00:00:00.000Z",
            "updated_at": "2026-01-01T00:00:01.000Z",
            **shown,
        }

    @each_case("name", ['a "quoted" name', "it's", "back\\slash", "ü 🎈 名前", "$util", "</script>", "#end"])
    def test_with_the_name_that_was_given_whatever_is_in_it(self, name: str) -> None:
        assert json.loads(answer({**ITEM, "file_name": {"S": name}}).body)["file_name"] == name

    def test_with_a_size_beyond_32_bits_digit_by_digit(self) -> None:
        assert json.loads(answer({**ITEM, "size_bytes": {"N": "5368709120"}}).body)["size_bytes"] == 5 * 1024**3

    def test_also_of_one_that_was_allowed_to_be_larger_than_uploads_are_today(self) -> None:
        _schema("Upload").validate(json.loads(answer({**ITEM, "size_bytes": {"N": "5368709120"}}).body))


class TestWhatIsNotFoundIsAProblem:
    def test_of_the_contract_and_with_404(self) -> None:
        rendered = answer(None)

        _schema("Problem").validate(json.loads(rendered.body))
        assert (rendered.status, rendered.headers["Content-Type"]) == (404, "application/problem+json")
        assert json.loads(rendered.body) == {
            "type": "urn:portage:problem:upload-not-found",
            "title": "No such upload",
            "status": 404,
            "detail": "You have no upload with this id.",
            "request_id": "the-request",
        }

    def test_and_what_the_table_refuses_is_one_that_says_nothing_of_the_table(self) -> None:
        rendered = answer({"message": "AccessDenied on the-table"}, response=r"[45]\d{2}")
        body = json.loads(rendered.body)

        _schema("Problem").validate(body)
        assert (rendered.status, body["status"]) == (503, 503)
        assert rendered.headers["Content-Type"] == "application/problem+json"
        assert "the-table" not in rendered.body


@each_case(("path", "origins"), product(contract()["paths"], [(), ORIGINS, ("*",)]))
def test_no_answer_is_cached_or_taken_for_another_type_but_a_preflight_may_be_cached(
    path: str, origins: tuple[str, ...]
) -> None:
    """Every answer of a mapping template; the functions' own have theirs from handlers/http/response.py."""
    document = contract(*origins)
    for verb in document["paths"][path]:
        for response in integration(document, path, verb).get("responses", {}).values():
            for item in ({}, {"Item": ITEM}):
                source = Source(body=json.dumps(item), context=CONTEXT)
                headers = render(response["responseTemplates"]["application/json"], source).headers

                assert verb == "options" or headers["Cache-Control"] == "no-store"
                assert verb == "options" or headers["X-Content-Type-Options"] == "nosniff"


ALLOWED = "Access-Control-Allow-Origin"


@pytest.mark.parametrize("answered", ["found", "not found", "refused", "preflight"])
class TestABrowserMayReadTheAnswerExactlyWhereItsOriginIsAllowed:
    def headers(self, answered: str, *origins: str, **sent: str) -> dict[str, str]:
        if answered == "preflight":
            responses = integration(contract(*origins), "/uploads/{upload_id}", "options")["responses"]
            template = responses["default"]["responseTemplates"]["application/json"]
            return dict(render(template, Source(header=sent, context=CONTEXT)).headers)
        item = ITEM if answered == "found" else None
        response = r"[45]\d{2}" if answered == "refused" else "default"
        return dict(answer(item, *origins, response=response, **sent).headers)

    @each_case(("name", "origin"), product(["Origin", "origin"], ORIGINS))
    def test_its_own_origin_is_named_however_it_spells_the_header(self, answered: str, origin: str, name: str) -> None:
        headers = self.headers(answered, *ORIGINS, **{name: origin})

        assert (headers[ALLOWED], headers["Vary"]) == (origin, "Origin")

    @each_case("origin", ["https://evil.example", "https://app.example.com.evil.example", "null", ""])
    def test_another_origin_is_not(self, answered: str, origin: str) -> None:
        assert ALLOWED not in self.headers(answered, *ORIGINS, origin=origin)

    def test_no_origin_is_named_to_whoever_sends_none(self, answered: str) -> None:
        assert ALLOWED not in self.headers(answered, *ORIGINS)

    def test_every_origin_is_where_all_are_allowed(self, answered: str) -> None:
        assert self.headers(answered, "*", origin="https://anywhere.example")[ALLOWED] == "*"


@each_case(
    ("path", "verbs"),
    [
        ("/uploads", "GET,POST,OPTIONS"),
        ("/uploads/{upload_id}", "GET,DELETE,OPTIONS"),
        ("/uploads/{upload_id}/parts", "GET,POST,OPTIONS"),
        ("/uploads/{upload_id}/complete", "POST,OPTIONS"),
        ("/uploads/{upload_id}/result", "GET,OPTIONS"),
    ],
)
def test_a_preflight_allows_what_the_path_has_and_the_client_sends(path: str, verbs: str) -> None:
    responses = integration(contract(*ORIGINS), path, "options")["responses"]

    rendered = render(
        responses["default"]["responseTemplates"]["application/json"], Source(header={"origin": ORIGINS[0]})
    )

    assert rendered.body.strip() == ""
    assert {name: value for name, value in rendered.headers.items() if name not in (ALLOWED, "Vary")} == {
        "Access-Control-Allow-Methods": verbs,
        "Access-Control-Allow-Headers": "Authorization,Content-Type,Idempotency-Key",
        "Access-Control-Max-Age": "600",
    }
