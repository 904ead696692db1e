import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from urllib3.util import Timeout

from client import (
    ApiProblem,
    Checksum,
    Failure,
    PartPlan,
    ResultPlace,
    RetryPolicy,
    TransportFault,
    UnexpectedAnswer,
    UploadsApi,
    transport,
)
from client.api.models import HeldPart
from tests.support.client.fake_server import FakeServer, Handler, answer, problem, reset

CREATED: dict[str, Any] = {
    "upload_id": "0198",
    "status": "pending",
    "method": "put",
    "url": "https://bucket.example/uploads/o/0198?X-Amz-Signature=1",
    "headers": {"Content-Type": "text/plain", "Content-Length": "6"},
    "expires_at": "2026-01-02T03:04:05Z",
    "expires_in_seconds": 900,
}
PENDING: dict[str, Any] = {
    "upload_id": "0198",
    "status": "pending",
    "version": 1,
    "file_name": "a.txt",
    "content_type": "text/plain",
    "size_bytes": 6,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}
PLAN: dict[str, Any] = {
    "part_size_bytes": 5,
    "part_count": 2,
    "session": "s1",
    "session_expires_at": "2026-01-02T03:04:05Z",
}
SIGNED: dict[str, Any] = {
    "url_prefix": "https://b.example/k?n=",
    "url_suffix": "&s=",
    "signatures": ["aa", "bb"],
    "headers": {},
    "first_part": 7,
    "expires_at": "2026-01-02T03:04:05Z",
}


@pytest.fixture
def api(server: FakeServer) -> Iterator[UploadsApi]:
    with UploadsApi(f"{server.url}/live/", "token-1") as opened:
        yield opened


class TestCreate:
    def test_declares_the_file_as_the_bearer_of_the_token(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(201, CREATED))
        created = api.create("a.txt", "text/plain", 6)
        request = server.requests[0]
        assert (request.method, request.path) == ("POST", "/live/uploads")
        assert request.header("Authorization") == "Bearer token-1"
        assert request.header("Content-Type") == "application/json"
        assert request.json() == {"file_name": "a.txt", "content_type": "text/plain", "size_bytes": 6}
        assert created.headers == {"Content-Type": "text/plain", "Content-Length": "6"}
        assert created.expires_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def test_tells_a_checksum_and_a_method_where_they_are_given(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(201, CREATED))
        api.create("a.txt", "text/plain", 6, checksum=Checksum("crc32", "AAAAAA=="), method="put")
        body = server.requests[0].json()
        assert (body["checksum"], body["method"]) == ({"algorithm": "crc32", "value": "AAAAAA=="}, "put")

    def test_is_tried_again_with_the_same_key_so_that_it_makes_one_upload(
        self, server: FakeServer, api: UploadsApi, pauses: list[float]
    ) -> None:
        server.will(answer(503), reset, answer(201, CREATED))
        assert api.create("a.txt", "text/plain", 6).upload_id == "0198"
        assert len({request.header("Idempotency-Key") for request in server.requests}) == 1
        assert len(server.requests) == 3
        assert len(pauses) == 2

    def test_of_two_uploads_have_two_keys(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(201, CREATED), answer(201, CREATED))
        api.create("a.txt", "text/plain", 6)
        api.create("a.txt", "text/plain", 6)
        assert len({request.header("Idempotency-Key") for request in server.requests}) == 2

    def test_reads_a_plan_in_parts(self, server: FakeServer, api: UploadsApi) -> None:
        plan = {k: v for k, v in CREATED.items() if k not in {"url", "headers"}} | PLAN
        server.will(answer(201, plan | {"method": "multipart"}))
        created = api.create("a.txt", "text/plain", 6)
        assert created.parts == PartPlan(5, 2, "s1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    def test_reads_a_form(self, server: FakeServer, api: UploadsApi) -> None:
        form = {k: v for k, v in CREATED.items() if k != "headers"} | {"method": "post", "fields": {"key": "k"}}
        server.will(answer(201, form))
        created = api.create("a.txt", "text/plain", 6)
        assert (created.url, created.fields, created.headers) == (CREATED["url"], {"key": "k"}, {})


class TestParts:
    def test_are_signed_in_ranges(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, SIGNED))
        signed = api.sign_parts("0198", "s1", 7, 8)
        assert (server.requests[0].method, server.requests[0].path) == ("POST", "/live/uploads/0198/parts")
        assert server.requests[0].json() == {"session": "s1", "first_part": 7, "last_part": 8}
        assert (signed.url(7), signed.url(8)) == ("https://b.example/k?n=7&s=aa", "https://b.example/k?n=8&s=bb")

    def test_are_signed_with_their_checksums(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, SIGNED))
        api.sign_parts("0198", "s1", 7, 8, ["x", "y"])
        assert server.requests[0].json()["checksums"] == ["x", "y"]

    def test_are_good_for_as_long_as_the_servers_clock_says(self, server: FakeServer, api: UploadsApi) -> None:
        server.clock_ahead_seconds = 7200
        expires_at = (datetime.now(UTC) + timedelta(seconds=7200 + 600)).isoformat()
        server.will(answer(200, SIGNED | {"expires_at": expires_at}))
        assert api.sign_parts("0198", "s1", 7, 8).lifetime_seconds == pytest.approx(600, abs=2)

    def test_in_another_number_than_asked_for_are_named(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, SIGNED))
        with pytest.raises(UnexpectedAnswer, match="2 signatures from part 7 on, instead of those of parts 7 to 9"):
            api.sign_parts("0198", "s1", 7, 9)

    def test_that_are_held_are_listed_with_a_session(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, PLAN | {"parts": [{"part_number": 2, "size_bytes": 1, "etag": '"e"'}]}))
        held = api.held_parts("0198")
        assert held.plan.session == "s1"
        assert held.parts == {2: HeldPart(1, '"e"')}

    def test_are_told_with_their_checksums_where_they_have_some(self, server: FakeServer, api: UploadsApi) -> None:
        part = {"part_number": 2, "size_bytes": 1, "etag": '"e"', "checksum": "AAAAAA=="}
        server.will(answer(200, PLAN | {"checksum_algorithm": "crc32", "parts": [part]}))
        held = api.held_parts("0198")
        assert held.plan.checksum_algorithm == "crc32"
        assert held.parts == {2: HeldPart(1, '"e"', "AAAAAA==")}


class TestPages:
    def test_are_asked_for_by_limit_and_place(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, {"uploads": [PENDING], "next": "0198"}), answer(200, {"uploads": []}))
        first = api.page(limit=1)
        last = api.page(limit=1, after=first.next)
        assert [request.path for request in server.requests] == [
            "/live/uploads?limit=1",
            "/live/uploads?limit=1&after=0198",
        ]
        assert ([upload.upload_id for upload in first.uploads], last.uploads, last.next) == (["0198"], (), None)


class TestGet:
    def test_reads_an_upload_without_result_or_failure(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, PENDING))
        upload = api.get("0198")
        assert (upload.status, upload.version, upload.result, upload.failure) == ("pending", 1, None, None)
        assert not upload.is_finished

    def test_reads_the_result_of_a_completed_upload(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, PENDING | {"status": "completed", "result": {"bucket": "b", "key": "k"}}))
        upload = api.get("0198")
        assert upload.result == ResultPlace("b", "k")
        assert upload.is_finished

    def test_reads_why_an_upload_failed(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, PENDING | {"status": "failed", "failure": {"code": "c", "detail": "d"}}))
        assert api.get("0198").failure == Failure("c", "d")

    def test_reads_why_an_upload_was_rejected(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, PENDING | {"status": "rejected", "rejection": {"code": "c", "detail": "d"}}))
        upload = api.get("0198")
        assert upload.rejection == Failure("c", "d")
        assert upload.is_finished

    def test_an_id_cannot_leave_its_place_in_the_path(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(200, PENDING))
        api.get("../users?x=1")
        assert server.requests[0].path == "/live/uploads/..%2Fusers%3Fx%3D1"

    def test_is_tried_again_after_server_errors_throttling_and_resets(
        self, server: FakeServer, api: UploadsApi, pauses: list[float]
    ) -> None:
        server.will(answer(502), answer(429), reset, answer(200, PENDING))
        assert api.get("0198").status == "pending"
        assert len(server.requests) == 4
        assert len(pauses) == 3
        assert all(pause <= RetryPolicy().first_seconds * 2**number for number, pause in enumerate(pauses))

    def test_waits_as_long_as_the_server_asks_but_not_for_ever(
        self, server: FakeServer, api: UploadsApi, pauses: list[float]
    ) -> None:
        server.will(answer(503, Retry_After="2"), answer(503, Retry_After="86400"), answer(200, PENDING))
        api.get("0198")
        longest = RetryPolicy().longest_asked_seconds
        assert [int(pause) for pause in pauses] == [2, longest]

    def test_does_not_wait_for_ever_for_an_answer(self, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        assert transport.TIMEOUT.connect_timeout == 5
        assert transport.TIMEOUT.read_timeout == 35, "more than API Gateway's 29 seconds"
        monkeypatch.setattr(transport, "TIMEOUT", Timeout(connect=1, read=0.2))
        released = threading.Event()

        def fall_silent(handler: Handler) -> None:
            handler.receive()
            released.wait(20)
            handler.close_connection = True

        server.will(fall_silent)
        with (
            UploadsApi(server.url, "token", retry=RetryPolicy(tries=1)) as api,
            pytest.raises(TransportFault, match="timed out"),
        ):
            api.get("0198")
        released.set()

    def test_gives_up_with_the_last_answer(self, server: FakeServer, api: UploadsApi, pauses: list[float]) -> None:
        server.will(*[answer(502)] * 9, problem(503, "Service Unavailable", "Come back later."))
        with pytest.raises(ApiProblem, match=r"503 Service Unavailable: Come back later\."):
            api.get("0198")
        assert len(pauses) == 9


class TestRefusals:
    def test_a_problem_document_becomes_an_exception_with_its_members(
        self, server: FakeServer, api: UploadsApi
    ) -> None:
        server.will(problem(422, "Unprocessable Content", "size_bytes must be positive."))
        with pytest.raises(ApiProblem) as caught:
            api.create("a.txt", "text/plain", 0)
        refused = caught.value
        assert (refused.type, refused.title, refused.status) == ("https://x/p", "Unprocessable Content", 422)
        assert (refused.detail, refused.request_id) == ("size_bytes must be positive.", "req-1")

    def test_a_refusal_in_other_words_keeps_its_status_and_text(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(answer(403, b"<h1>Blocked</h1>", "text/html", x_amzn_requestid="edge-9"))
        with pytest.raises(ApiProblem) as caught:
            api.get("0198")
        refused = caught.value
        assert (refused.type, refused.title, refused.status) == ("about:blank", "Forbidden", 403)
        assert (refused.detail, refused.request_id) == ("<h1>Blocked</h1>", "edge-9")


class TestAnswersThatBreakTheContract:
    @pytest.mark.parametrize(
        ("reaction", "told"),
        [
            (answer(200, ["a", "list"]), r"Expected `object`"),
            (answer(200, {**PENDING, "version": "1"}), r"Expected `int`, got `str` - at `\$\.version`"),
            (answer(200, {**PENDING, "created_at": "today"}), r"at `\$\.created_at`"),
            (answer(200, {**PENDING, "result": "b/k"}), r"at `\$\.result`"),
            (answer(200, {}), "missing required field `upload_id`"),
        ],
    )
    def test_are_named(self, server: FakeServer, api: UploadsApi, reaction: Any, told: str) -> None:
        server.will(reaction)
        with pytest.raises(UnexpectedAnswer, match=told):
            api.get("0198")
        assert len(server.requests) == 1


class TestToken:
    def test_is_asked_for_before_every_call(self, server: FakeServer) -> None:
        server.will(answer(200, PENDING), answer(200, PENDING))
        tokens = iter(["first", "second"])
        with UploadsApi(server.url, lambda: next(tokens)) as api:
            api.get("0198")
            api.get("0198")
        sent = [request.header("Authorization") for request in server.requests]
        assert sent == ["Bearer first", "Bearer second"]


class TestAddress:
    @pytest.mark.parametrize("url", ["", "example.com/live", "ftp://example.com", "https://"])
    def test_must_be_a_whole_url(self, url: str) -> None:
        with pytest.raises(ValueError, match="give the whole URL"):
            UploadsApi(url, "token")

    @pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "127.0.0.1.example.com", "[2001:db8::1]:80"])
    def test_of_another_machine_must_be_encrypted_because_a_token_is_sent(self, host: str) -> None:
        with pytest.raises(ValueError, match="without encryption: give an https URL"):
            UploadsApi(f"http://{host}", "token")

    @pytest.mark.parametrize("host", ["localhost:4566", "127.0.0.2", "[::1]:4566", "api.localhost"])
    def test_of_this_machine_need_not_be(self, host: str) -> None:
        with UploadsApi(f"http://{host}/", "token") as api:
            assert api.url == f"http://{host}"

    def test_where_nobody_listens_is_named(self, pauses: list[float]) -> None:
        with (
            UploadsApi("http://127.0.0.1:9", "token") as api,
            pytest.raises(TransportFault, match=r"GET http://127\.0\.0\.1:9/uploads/0198 failed: .*refused"),
        ):
            api.get("0198")
        assert len(pauses) > 1
