import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import (
    CompletionConflict,
    InvalidRequest,
    PartsMissing,
    SizeMismatch,
    UnknownUpload,
)
from handlers.domain.plan import Method
from handlers.domain.session import InvalidSession
from handlers.domain.upload import Status, Upload
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import PROBLEMS, ProxyResponse, Response, json_fields, problem_response
from tests.support.aws.moto_cloud import CREATED, OWNER, REF
from tests.support.each_case import each_case
from tests.support.handlers.proxy_events import REQUEST_ID, proxy_event

SHOP = "https://shop.example"
FIXED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
DESK = "https://desk.example:8443"
DECLARED = UploadRequest("a.txt", "text/plain", 5)
UPLOAD = Upload(REF, Status.PROCESSING, 3, DECLARED, Method.PUT, CREATED, CREATED, CREATED)


def request(body: str | None = "{}", **parts: Any) -> ApiRequest:
    return ApiRequest.from_event(proxy_event(body, **parts))


def problem_of(error: Exception) -> ProxyResponse:
    return problem_response(error, REQUEST_ID).to_proxy(None, ())


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
        assert ApiRequest.from_event(event).origin is None


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


class TestResponse:
    def test_it_is_json_that_nobody_caches(self) -> None:
        answer = Response(201, {"name": "é"}, {"Location": "/x"}).to_proxy(None, (SHOP,))
        assert answer["statusCode"] == 201
        assert json.loads(answer["body"]) == {"name": "é"}
        assert answer["headers"] == {"Content-Type": "application/json", **FIXED, "Location": "/x"}

    def test_without_a_body_it_is_not_cached_either(self) -> None:
        assert Response(204).to_proxy(None, ()) == {"statusCode": 204, "headers": FIXED, "body": ""}


class Inner(NamedTuple):
    size: int
    absent: str | None


class Outer(NamedTuple):
    name: str
    inner: Inner
    at: datetime
    parts: list[Inner]
    texts: list[str]
    headers: dict[str, str]


def test_a_value_becomes_an_object_in_the_order_of_its_fields() -> None:
    value = Outer("n", Inner(1, None), datetime(2026, 3, 1, tzinfo=UTC), [Inner(2, "a")], ["t"], {"h": "v"})
    assert list(json_fields(value).items()) == [
        ("name", "n"),
        ("size", 1),
        ("at", "2026-03-01T00:00:00.000Z"),
        ("parts", [{"size": 2, "absent": "a"}]),
        ("texts", ["t"]),
        ("headers", {"h": "v"}),
    ]


class TestProblem:
    def test_it_has_the_members_of_rfc_9457_and_the_request_id(self) -> None:
        answer = problem_of(InvalidRequest(['size_bytes is "x".']))
        assert answer["statusCode"] == 400
        assert answer["headers"] == {"Content-Type": "application/problem+json", **FIXED}
        assert json.loads(answer["body"]) == {
            "type": "urn:portage:problem:invalid-request",
            "title": "Invalid request",
            "status": 400,
            "detail": 'size_bytes is "x".',
            "request_id": REQUEST_ID,
        }

    def test_its_body_is_ascii_so_that_half_a_surrogate_pair_can_travel(self) -> None:
        assert problem_of(InvalidRequest(["\ud800 é"]))["body"].isascii()

    @each_case(
        ("error", "status", "kind", "detail"),
        [
            (InvalidRequest(["a.", "b."]), 400, "invalid-request", "a. b."),
            (InvalidSession("Expired."), 403, "invalid-session", "Expired."),
            (UnknownUpload("its owner"), 404, "upload-not-found", "You have no upload with this id."),
            (UPLOAD.not_open("It is over."), 409, "not-open", "It is over."),
            (PartsMissing([(1, 2)]), 409, "parts-missing", str(PartsMissing([(1, 2)]))),
            (SizeMismatch("Other bytes."), 409, "size-mismatch", "Other bytes."),
            (CompletionConflict("Again."), 503, "completion-conflict", "Again."),
        ],
    )
    def test_each_fault_of_the_client_has_its_problem(
        self, error: Exception, status: int, kind: str, detail: str
    ) -> None:
        assert type(error) in PROBLEMS
        problem = json.loads(problem_of(error)["body"])
        assert (problem["status"], problem["type"]) == (status, f"urn:portage:problem:{kind}")
        assert problem["detail"] == detail

    def test_what_is_over_is_told_with_the_uploads_state(self) -> None:
        """`status` is the problem's own member: the HTTP status (RFC 9457, 3.1.2)."""
        problem = json.loads(problem_of(UPLOAD.not_open("It is over."))["body"])
        assert (problem["upload_id"], problem["upload_status"]) == (REF.upload_id, "processing")

    def test_what_will_pass_says_when_to_ask_again(self) -> None:
        assert problem_of(CompletionConflict("Again."))["headers"]["Retry-After"] == "2"
        assert "Retry-After" not in problem_of(UPLOAD.not_open("It is over."))["headers"]


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
        sender = request(headers=headers).origin
        for response in (Response(201, {}), Response(204), problem_response(InvalidRequest([]), REQUEST_ID)):
            assert response.to_proxy(sender, allowed)["headers"].get("Access-Control-Allow-Origin") == answered

    def test_a_page_may_read_where_its_upload_is_and_the_answer_varies_with_its_origin(self) -> None:
        headers = Response(201, {}).to_proxy(SHOP, (SHOP,))["headers"]
        assert headers["Access-Control-Expose-Headers"] == "Location,Retry-After"
        assert headers["Vary"] == "Origin"

    def test_an_answer_to_an_origin_that_is_not_allowed_has_no_cors_header_at_all(self) -> None:
        headers = Response(201, {}).to_proxy(DESK, (SHOP,))["headers"]
        assert not [name for name in headers if name.startswith("Access-Control-")]

    def test_origins_are_read_once_and_from_the_first_request_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        entry = api_operation("test")(lambda _request: Response(204))
        event = proxy_event("{}", headers={"origin": SHOP})
        for variable in (SHOP, DESK):
            monkeypatch.setenv("ALLOWED_ORIGINS", variable)
            assert entry(event, None)["headers"]["Access-Control-Allow-Origin"] == SHOP
