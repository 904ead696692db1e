import base64
import json
from typing import Any

import pytest

from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import (
    CompletionConflict,
    InvalidRequest,
    NotOpen,
    PartsMissing,
    SizeMismatch,
    UnknownUpload,
)
from handlers.domain.plan import Method
from handlers.domain.session import InvalidSession
from handlers.domain.upload import Status, Upload
from handlers.http.api import REFUSALS, ApiRequest, api_operation
from tests.support.aws.moto_cloud import CREATED, OWNER, REF
from tests.support.each_case import each_case
from tests.support.handlers.proxy_events import REQUEST_ID, proxy_event

SHOP = "https://shop.example"
FIXED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
DESK = "https://desk.example:8443"
DECLARED = UploadRequest("a.txt", "text/plain", 5)
UPLOAD = Upload(REF, Status.PROCESSING, 3, DECLARED, Method.PUT, CREATED, CREATED, CREATED)


def request(body: str | None = "{}", *, allowed: tuple[str, ...] = (), **parts: Any) -> ApiRequest:
    return ApiRequest.from_event(proxy_event(body, **parts), allowed)


class TestWhatTheGatewaySends:
    def test_the_owner_is_the_signed_in_user(self) -> None:
        assert request().owner == OWNER

    def test_the_request_id_is_the_gateways(self) -> None:
        assert request().request_id == REQUEST_ID

    @each_case(("sent", "body"), [(None, ""), ("", ""), ('{"a": 1}', '{"a": 1}'), ("é", "é")])
    def test_a_body_is_taken_as_text(self, sent: str | None, body: str) -> None:
        assert request(sent).body == body

    def test_a_body_in_base64_is_decoded(self) -> None:
        text = '{"file_name": "Überweisung.pdf"}'
        assert request(base64.b64encode(text.encode()).decode(), is_base64=True).json_body() == json.loads(text)

    def test_bytes_that_are_no_text_are_replaced_and_then_refused_as_a_value(self) -> None:
        sent = base64.b64encode(b'{"file_name": "\xff"}').decode()
        assert request(sent, is_base64=True).json_body() == {"file_name": "\ufffd"}

    def test_a_request_without_headers_is_taken(self) -> None:
        event = proxy_event("{}")
        event["headers"] = None
        assert ApiRequest.from_event(event, (SHOP,)).headers == FIXED


class TestTheUploadThatThePathNames:
    def test_it_is_the_signed_in_users(self) -> None:
        assert request(upload_id=REF.upload_id).ref == REF

    @each_case(
        "upload_id",
        [
            None,
            "",
            "none",
            REF.upload_id.upper(),
            f"{REF.upload_id}\n",
            f" {REF.upload_id}",
            f"{REF.upload_id}/parts",
            f"../{REF.upload_id}",
            REF.upload_id.replace("-", ""),
            REF.upload_id.replace("0", "\uff10"),
        ],
    )
    def test_what_is_no_id_of_ours_is_unknown(self, upload_id: str | None) -> None:
        with pytest.raises(UnknownUpload):
            _ = request(upload_id=upload_id).ref


class TestJsonBody:
    @each_case(
        ("text", "value"),
        [("{}", {}), ("[]", []), ("null", None), ("5", 5), (' {"a": [1, 2.5, "é"]} ', {"a": [1, 2.5, "é"]})],
    )
    def test_json_is_decoded_whatever_its_type(self, text: str, value: object) -> None:
        assert request(text).json_body() == value

    @each_case(
        "text",
        [
            None,
            "",
            " ",
            "hello",
            "{",
            "{'a': 1}",
            '{"a": 1,}',
            '{"a": 1} x',
            "\ufeff{}",
            '{"a": "line\nbreak"}',
            "file_name=a.txt&size_bytes=5",
            "1" * 5000,
            "[" * 100_000,
        ],
    )
    def test_anything_else_is_an_invalid_request_that_says_why(self, text: str | None) -> None:
        with pytest.raises(InvalidRequest, match=r"^The body is not JSON: .+\.$") as caught:
            request(text).json_body()
        assert len(str(caught.value)) < 300


class TestAnswer:
    def test_it_is_json_that_nobody_caches(self) -> None:
        answer = request().answer(201, {"name": "é"}, Location="/x")
        assert answer["statusCode"] == 201
        assert json.loads(answer["body"]) == {"name": "é"}
        assert answer["headers"] == {
            "Content-Type": "application/json",
            **FIXED,
            "Location": "/x",
        }

    def test_a_problem_has_the_members_of_rfc_9457_and_the_request_id(self) -> None:
        answer = request().problem(400, "invalid-request", "Invalid request", 'size_bytes is "x".')
        assert answer["statusCode"] == 400
        assert answer["headers"] == {"Content-Type": "application/problem+json", **FIXED}
        assert json.loads(answer["body"]) == {
            "type": "urn:portage:problem:invalid-request",
            "title": "Invalid request",
            "status": 400,
            "detail": 'size_bytes is "x".',
            "request_id": REQUEST_ID,
        }

    def test_the_body_of_a_problem_is_ascii_so_that_half_a_surrogate_pair_can_travel(self) -> None:
        assert request().problem(400, "k", "t", "\ud800 é")["body"].isascii()


class TestRefusal:
    @each_case(
        ("error", "status", "kind", "detail"),
        [
            (InvalidRequest(["a.", "b."]), 400, "invalid-request", "a. b."),
            (InvalidSession("Expired."), 403, "invalid-session", "Expired."),
            (UnknownUpload("its owner"), 404, "upload-not-found", "You have no upload with this id."),
            (NotOpen("It is over.", UPLOAD), 409, "not-open", "It is over."),
            (PartsMissing([(1, 2)]), 409, "parts-missing", str(PartsMissing([(1, 2)]))),
            (SizeMismatch("Other bytes."), 409, "size-mismatch", "Other bytes."),
            (CompletionConflict("Again."), 503, "completion-conflict", "Again."),
        ],
    )
    def test_each_fault_of_the_client_has_its_problem(
        self, error: Exception, status: int, kind: str, detail: str
    ) -> None:
        assert type(error) in REFUSALS
        problem = json.loads(request().refusal(error)["body"])
        assert (problem["status"], problem["type"]) == (status, f"urn:portage:problem:{kind}")
        assert problem["detail"] == detail

    def test_what_is_over_is_told_with_the_uploads_state(self) -> None:
        """`status` is the problem's own member: the HTTP status (RFC 9457, 3.1.2)."""
        problem = json.loads(request().refusal(NotOpen("It is over.", UPLOAD))["body"])
        assert (problem["upload_id"], problem["upload_status"]) == (REF.upload_id, "processing")

    def test_an_answer_without_a_body_is_not_cached_either(self) -> None:
        assert request().empty_answer() == {"statusCode": 204, "headers": FIXED, "body": ""}

    def test_what_will_pass_says_when_to_ask_again(self) -> None:
        assert request().refusal(CompletionConflict("Again."))["headers"]["Retry-After"] == "2"
        assert "Retry-After" not in request().refusal(NotOpen("It is over.", UPLOAD))["headers"]


class TestCors:
    @each_case(
        ("allowed", "origin", "answered"),
        [
            ((), None, None),
            ((), SHOP, None),
            ((SHOP,), None, None),
            ((SHOP,), SHOP, SHOP),
            ((SHOP,), DESK, None),
            ((SHOP,), "null", None),
            ((SHOP,), f"{SHOP}.evil.example", None),
            ((SHOP,), "https://SHOP.example", None),
            ((SHOP, DESK), SHOP, SHOP),
            ((SHOP, DESK), DESK, DESK),
            ((SHOP, DESK), "https://evil.example", None),
            (("*",), None, "*"),
            (("*",), "https://anybody.example", "*"),
            (("*",), "null", "*"),
            ((SHOP, "*"), SHOP, "*"),
        ],
    )
    @each_case("header", ["origin", "Origin"])
    def test_an_origin_is_named_exactly_where_it_is_allowed(
        self, allowed: tuple[str, ...], origin: str | None, answered: str | None, header: str
    ) -> None:
        headers = {} if origin is None else {header: origin}
        found = request(allowed=allowed, headers=headers)
        for answer in (found.answer(201, {}), found.problem(400, "k", "t", "d")):
            assert answer["headers"].get("Access-Control-Allow-Origin") == answered

    def test_a_page_may_read_where_its_upload_is(self) -> None:
        found = request(allowed=(SHOP,), headers={"origin": SHOP})
        assert found.headers["Access-Control-Expose-Headers"] == "Location,Retry-After"

    def test_an_answer_that_names_an_origin_varies_with_it(self) -> None:
        assert request(allowed=(SHOP,), headers={"origin": SHOP}).headers["Vary"] == "Origin"

    def test_an_answer_to_an_origin_that_is_not_allowed_has_no_cors_header_at_all(self) -> None:
        answer = request(allowed=(SHOP,), headers={"origin": DESK}).answer(201, {})
        assert not [name for name in answer["headers"] if name.startswith("Access-Control-")]

    def test_origins_are_read_once_and_from_the_first_request_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        entry = api_operation("test")(ApiRequest.empty_answer)
        event = proxy_event("{}", headers={"origin": SHOP})
        for variable in (SHOP, DESK):
            monkeypatch.setenv("ALLOWED_ORIGINS", variable)
            assert entry(event, None)["headers"]["Access-Control-Allow-Origin"] == SHOP
