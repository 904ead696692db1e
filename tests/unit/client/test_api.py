from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from client import ApiProblem, Failure, ResultPlace, TransportFault, UnexpectedAnswer, UploadsApi
from tests.unit.client.fake_server import FakeServer, answer, problem, reset

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

    @pytest.mark.parametrize("status", [500, 503])
    def test_is_not_tried_again_after_a_server_error(self, server: FakeServer, api: UploadsApi, status: int) -> None:
        server.will(answer(status, {"message": "no"}), answer(201, CREATED))
        with pytest.raises(ApiProblem):
            api.create("a.txt", "text/plain", 6)
        assert len(server.requests) == 1

    def test_is_not_tried_again_after_a_reset(self, server: FakeServer, api: UploadsApi) -> None:
        server.will(reset, answer(201, CREATED))
        with pytest.raises(TransportFault, match=r"POST .*/live/uploads failed"):
            api.create("a.txt", "text/plain", 6)
        assert len(server.requests) == 1


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
        assert all(0.1 < pause < 1 for pause in pauses)
        assert all(earlier < later for earlier, later in pairwise(pauses))

    def test_waits_as_long_as_the_server_asks_but_not_for_ever(
        self, server: FakeServer, api: UploadsApi, pauses: list[float]
    ) -> None:
        server.will(answer(503, Retry_After="2"), answer(503, Retry_After="86400"), answer(200, PENDING))
        api.get("0198")
        assert pauses == [2, 5]

    def test_gives_up_with_the_last_answer(self, server: FakeServer, api: UploadsApi, pauses: list[float]) -> None:
        server.will(*[answer(502)] * 4, problem(503, "Service Unavailable", "Come back later."))
        with pytest.raises(ApiProblem, match=r"503 Service Unavailable: Come back later\."):
            api.get("0198")
        assert len(pauses) == 3  # the first further try follows at once


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
            (answer(200, b"<html>Sign in to this Wi-Fi</html>", "text/html"), "Sign in to this Wi-Fi"),
            (answer(200, ["a", "list"]), "instead of a JSON object"),
            (answer(200, {**PENDING, "version": "1"}), "version .* is '1' instead of a whole number"),
            (answer(200, {**PENDING, "created_at": "today"}), "'today' instead of an ISO 8601 time"),
            (answer(200, {**PENDING, "result": "b/k"}), "instead of a JSON object"),
            (answer(200, {}), "upload_id .* is None instead of a string"),
            (answer(302, b"", Location="http://127.0.0.1:9/"), "302: is this the API's URL"),
        ],
    )
    def test_are_named(self, server: FakeServer, api: UploadsApi, reaction: Any, told: str) -> None:
        server.will(reaction)
        with pytest.raises(UnexpectedAnswer, match=told):
            api.get("0198")


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

    def test_where_nobody_listens_is_named(self, pauses: list[float]) -> None:
        with (
            UploadsApi("http://127.0.0.1:9", "token") as api,
            pytest.raises(TransportFault, match=r"GET http://127\.0\.0\.1:9/uploads/0198 failed: .*refused"),
        ):
            api.get("0198")
        assert len(pauses) > 1
