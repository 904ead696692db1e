import base64
import hashlib
import io
import json
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from client import CreatedUpload, ResultPlace, Session, UploadsApi, UserPool
from local.demo import Change, check_changes, check_result, follow_status, send_through_gateway
from local.display import Step
from local.emulator.process import Emulator
from local.errors import LocalModeError
from local.sample_picture import Picture, write_picture
from local.startup import sign_up
from tests.support.client.fake_server import FakeServer, answer, problem

PENDING: dict[str, Any] = {
    "upload_id": "0198",
    "status": "pending",
    "version": 1,
    "file_name": "noise.png",
    "content_type": "image/png",
    "size_bytes": 6,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}
CREATED = CreatedUpload("0198", "pending", "put", datetime.now(UTC), 60, "http://127.0.0.1:9/")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def step() -> Step:
    return Step("A step")


@pytest.fixture
def file(tmp_path: Path) -> Picture:
    return write_picture(tmp_path / "noise.png", side_pixels=40)


@pytest.fixture
def session(server: FakeServer) -> Session:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 0, "exp": 3600}).encode()).decode()
    server.will(answer(200, {"AuthenticationResult": {"IdToken": f"e30.{claims}.c2ln", "RefreshToken": "r"}}))
    with UserPool("client", "us-east-1", server.url) as user_pool:
        return user_pool.sign_in("ada@example.com", "pw")


class TestThePicture:
    def test_is_a_png_whose_every_checksum_holds(self, file: Picture) -> None:
        content = file.path.read_bytes()
        chunks = list(_chunks(content))
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert [chunks[0][0], chunks[-1][0]] == [b"IHDR", b"IEND"]
        pixels = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
        assert len(pixels) == 40 * (1 + 40 * 3)

    def test_is_described_as_it_is(self, file: Picture) -> None:
        content = file.path.read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())

    def test_is_another_one_each_time(self, tmp_path: Path, file: Picture) -> None:
        assert write_picture(tmp_path / "other.png", side_pixels=40).sha256 != file.sha256


class TestSendingThroughTheGateway:
    def test_shows_the_sentence_of_the_refusal(
        self, server: FakeServer, session: Session, step: Step, file: Picture
    ) -> None:
        server.will(problem(413, "Request too large", "Bodies end at 10 MB."))
        send_through_gateway(step, server.url, session, file)
        assert "413" in step.outcome
        assert "Bodies end at 10 MB." in step.outcome
        assert server.requests[-1].body == file.path.read_bytes()

    @pytest.mark.parametrize("status", [201, 400, 401])
    def test_fails_on_any_other_answer(
        self, server: FakeServer, session: Session, step: Step, file: Picture, *, status: int
    ) -> None:
        server.will(answer(status, {}))
        with pytest.raises(LocalModeError, match=f"the gateway answered {status}"):
            send_through_gateway(step, server.url, session, file)


class TestFollowing:
    @pytest.fixture
    def api(self, server: FakeServer) -> Iterator[UploadsApi]:
        with UploadsApi(server.url, "token") as opened:
            yield opened

    def test_notes_each_status_once(self, server: FakeServer, api: UploadsApi, step: Step) -> None:
        done = PENDING | {"status": "completed", "version": 4, "result": {"bucket": "b", "key": "k"}}
        server.will(
            answer(200, PENDING),
            answer(200, PENDING),
            answer(200, PENDING | {"status": "uploaded", "version": 2}),
            answer(200, PENDING | {"status": "processing", "version": 3}),
            answer(200, done),
        )
        assert follow_status(step, api, CREATED) == ResultPlace("b", "k")
        assert [note.split()[0] for note in step.notes] == ["pending", "uploaded", "processing", "completed"]

    def test_fails_with_the_reason_of_a_failed_upload(self, server: FakeServer, api: UploadsApi, step: Step) -> None:
        failure = {"code": "processing-failed", "detail": "It ended in KeyError."}
        server.will(answer(200, PENDING | {"status": "failed", "version": 4, "failure": failure}))
        with pytest.raises(LocalModeError, match="processing-failed, It ended in KeyError"):
            follow_status(step, api, CREATED)

    def test_fails_where_an_upload_ends_without_a_result(self, server: FakeServer, api: UploadsApi, step: Step) -> None:
        server.will(answer(200, PENDING | {"status": "aborted", "version": 2}))
        with pytest.raises(LocalModeError, match="0198 ended without a result: aborted"):
            follow_status(step, api, CREATED)


class TestTheHistory:
    def test_takes_the_place_of_what_was_seen(self, step: Step) -> None:
        step.notes.append("completed    9.00 s")
        check_changes(step, _changes("pending", "uploaded", "processing", "processing", "completed"))
        assert step.notes == [
            "pending      0.00 s",
            "uploaded     0.25 s",
            "processing   0.50 s",
            "processing   0.75 s",
            "completed    1.00 s",
        ]

    @pytest.mark.parametrize(
        "statuses",
        [("pending", "processing", "completed"), ("pending", "uploaded", "processing"), ("uploaded", "pending"), ()],
    )
    def test_fails_on_any_other_way(self, step: Step, statuses: tuple[str, ...]) -> None:
        with pytest.raises(LocalModeError, match="should go through pending, uploaded, processing, completed"):
            check_changes(step, _changes(*statuses))


class TestReadingTheResult:
    def test_accepts_what_was_sent(self, step: Step, file: Picture) -> None:
        check_result(step, _Bucket(_result(file)), ResultPlace("b", "k"), file)
        assert f"{file.size_bytes:,} bytes, image/png" in step.outcome

    def test_shows_what_another_processor_returns(self, step: Step, file: Picture) -> None:
        check_result(step, _Bucket({"pages": 3, "text": "word " * 100}), ResultPlace("b", "k"), file)
        assert step.outcome.startswith('{"pages": 3, "text": "word word')
        assert step.outcome.endswith(" ...")

    @pytest.mark.parametrize(
        "wrong", [{"sha256": "0" * 64}, {"size_bytes": 1}, {"sniffed_type": "image/jpeg"}, {"sha256": None}]
    )
    def test_fails_on_anything_else(self, step: Step, file: Picture, wrong: dict[str, Any]) -> None:
        with pytest.raises(LocalModeError, match="but should be"):
            check_result(step, _Bucket(_result(file) | wrong), ResultPlace("b", "k"), file)


class TestSigningUp:
    def test_confirms_with_the_code_from_the_newest_mail_to_that_user(self, server: FakeServer) -> None:
        server.will(
            answer(200, {"UserConfirmed": False}),
            answer(200, _mailbox(("ada@example.com", "111111"), ("ada@example.com", "222222"), ("bob@x", "333333"))),
            answer(200, {}),
        )
        with UserPool("client", "us-east-1", server.url) as user_pool:
            user = sign_up(_emulator_at(server.url), user_pool)
        assert user.email == "ada@example.com"
        assert server.requests[2].json()["ConfirmationCode"] == "222222"
        assert server.requests[0].json()["Password"] == user.password

    def test_needs_no_code_where_the_pool_asks_for_none(self, server: FakeServer) -> None:
        server.will(answer(200, {"UserConfirmed": True}))
        with UserPool("client", "us-east-1", server.url) as user_pool:
            sign_up(_emulator_at(server.url), user_pool)
        assert len(server.requests) == 1

    def test_says_so_where_no_mail_came(self, server: FakeServer) -> None:
        server.will(answer(200, {"UserConfirmed": False}), answer(200, _mailbox(("bob@x", "333333"))))
        with (
            UserPool("client", "us-east-1", server.url) as user_pool,
            pytest.raises(LocalModeError, match=r"none of the 1 mails .* has a code for ada@example.com"),
        ):
            sign_up(_emulator_at(server.url), user_pool)


class _Bucket:
    """As much of S3 as the operator needs."""

    def __init__(self, result: object) -> None:
        self._content = json.dumps(result).encode()

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._content)}


def _changes(*statuses: str) -> list[Change]:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    return [
        Change(number + 1, status, start + number * timedelta(seconds=0.25)) for number, status in enumerate(statuses)
    ]


def _result(file: Picture) -> dict[str, Any]:
    return {"size_bytes": file.size_bytes, "sha256": file.sha256, "sniffed_type": "image/png", "more": 1}


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", content, at + 8 + length)[0] == zlib.crc32(kind + data)
        yield kind, data
        at += 12 + length


def _mailbox(*mails: tuple[str, str]) -> dict[str, Any]:
    messages = [{"To": [email], "BodyText": f"Your code is {code}.", "BodyHtml": None} for email, code in mails]
    return {"messages": {"000000000000": messages}}


def _emulator_at(url: str) -> Emulator:
    emulator = Emulator()
    emulator.endpoint = url
    return emulator
