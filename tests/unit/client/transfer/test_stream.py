"""Standard input and other streams, which are sent while they are read."""

import base64
import hashlib
import io
import os
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from client import (
    ApiProblem,
    EmptyFile,
    Progress,
    S3Refused,
    StreamTooLong,
    TransportFault,
    UnexpectedAnswer,
    WrongDeclaration,
)
from client.api.uploads import UploadsApi
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Handler, reset, reset_after
from tests.support.client.multipart import KIB, PART, QUICK, Open, StoppedError

LONG = replace(QUICK, known_size_bytes=PART, stream_memory_bytes=4 * PART)
CONTENT = bytes(range(256)) * (9 * PART // 256) + b"end"


class Source(io.RawIOBase):
    """A stream that notes how far it was read, and can end otherwise."""

    def __init__(self, content: bytes = CONTENT, at: Callable[[int], object] = lambda _: None) -> None:
        self._content = io.BytesIO(content)
        self._at = at

    @property
    def read_bytes(self) -> int:
        return self._content.tell()

    def read(self, size: int = -1) -> bytes:
        self._at(self.read_bytes)
        return self._content.read(min(size, 10 * KIB))


def assert_arrived(fake: FakePortage, content: bytes = CONTENT, sizes: tuple[int, ...] = (PART,)) -> None:
    offset, number = 0, 1
    while offset < len(content):
        piece = content[offset : offset + sizes[min(number, len(sizes)) - 1]]
        assert fake.only.parts[number].crc32 == zlib.crc32(piece), number
        offset, number = offset + len(piece), number + 1
    assert len(fake.only.parts) == number - 1
    assert fake.only.status == "uploaded"
    assert fake.only.declared["size_bytes"] == len(content)


class TestShort:
    """It ends before it must be declared, so its size is known."""

    def test_it_is_sent_as_a_file_is(self, fake: FakePortage, open_portage: Open) -> None:
        fake.threshold_bytes = PART
        upload = open_portage(LONG).upload_stream(Source(b"%PDF-1.7 text"), "report")
        assert fake.only.declared == {"file_name": "report", "content_type": "application/pdf", "size_bytes": 13}
        assert (fake.calls, upload.status) == (["POST", "GET"], "pending")
        assert fake.only.parts[0].crc32 == zlib.crc32(b"%PDF-1.7 text")

    @pytest.mark.parametrize("checksum", [None, "crc32"])
    def test_in_parts_too(self, fake: FakePortage, open_portage: Open, checksum: str | None) -> None:
        content = CONTENT[: 3 * PART + 1]
        open_portage(replace(LONG, known_size_bytes=4 * PART)).upload_stream(Source(content), "a", checksum=checksum)
        assert_arrived(fake, content)
        assert fake.lengths == {}

    @pytest.mark.parametrize("method", ["put", "post"])
    def test_by_the_method_that_is_asked_for(self, fake: FakePortage, open_portage: Open, method: str) -> None:
        open_portage(LONG).upload_stream(Source(b"12345"), "a", "a/b", checksum="sha256", method=method)
        assert (fake.only.method, fake.only.parts[0].size_bytes) == (method, 5)

    def test_none_at_all_is_declared_if_it_is_empty(self, fake: FakePortage, open_portage: Open) -> None:
        with pytest.raises(EmptyFile):
            open_portage(LONG).upload_stream(Source(b""), "a")
        assert fake.calls == []

    def test_what_s3_refuses_is_aborted(self, fake: FakePortage, open_portage: Open) -> None:
        fake.threshold_bytes = PART
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        with pytest.raises(S3Refused) as caught:
            open_portage(LONG).upload_stream(Source(b"12345"), "a")
        assert caught.value.__notes__ == ["Upload u1 is aborted."]
        assert fake.only.status == "aborted"

    def test_what_s3_has_stored_is_not_aborted_if_its_state_cannot_be_read(
        self, fake: FakePortage, open_portage: Open
    ) -> None:
        fake.threshold_bytes = PART
        serve = fake.serve

        def lose_states(handler: Handler) -> None:
            (reset if handler.command == "GET" else serve)(handler)

        fake.serve = lose_states
        with pytest.raises(TransportFault) as caught:
            open_portage(LONG).upload_stream(Source(b"12345"), "a")
        (note,) = caught.value.__notes__
        assert "portage status u1" in note
        assert (fake.only.status, fake.only.parts[0].size_bytes) == ("pending", 5)


class TestLong:
    @pytest.mark.parametrize("length", [PART, 2 * PART, 2 * PART + 1, len(CONTENT)])
    def test_every_part_arrives_and_the_size_is_declared_at_the_end(
        self, fake: FakePortage, open_portage: Open, length: int
    ) -> None:
        content = CONTENT[:length]
        upload = open_portage(LONG).upload_stream(Source(content), "dump.sql")
        assert_arrived(fake, content)
        assert upload.size_bytes == length
        assert (fake.calls[0], fake.calls[-1]) == ("POST", "POST /complete")
        assert fake.exchanges[0][1] == {
            "file_name": "dump.sql",
            "content_type": upload.content_type,
            "method": "multipart",
        }
        assert fake.lengths == ({length // PART + 1: length % PART} if length % PART else {})

    def test_its_parts_have_the_sizes_that_the_api_names(self, fake: FakePortage, open_portage: Open) -> None:
        fake.part_sizes = [(1, PART), (3, 2 * PART)]
        open_portage(LONG).upload_stream(Source(), "a")
        assert_arrived(fake, sizes=(PART, PART, 2 * PART))

    @pytest.mark.parametrize("algorithm", ["sha256", "crc32"])
    def test_its_checksum_is_declared_at_the_end(self, fake: FakePortage, open_portage: Open, algorithm: str) -> None:
        open_portage(LONG).upload_stream(Source(), "a", checksum=algorithm)
        digest = hashlib.sha256(CONTENT).digest() if algorithm == "sha256" else zlib.crc32(CONTENT).to_bytes(4)
        assert fake.only.late_checksum == {"algorithm": algorithm, "value": base64.b64encode(digest).decode()}
        assert "checksum" not in fake.exchanges[0][1]

    def test_signatures_come_in_ranges_that_grow(self, fake: FakePortage, open_portage: Open) -> None:
        open_portage(LONG).upload_stream(Source(CONTENT[: 9 * PART]), "a")
        assert [last - first + 1 for first, last in fake.signed][:2] == [4, 8]

    def test_progress_has_no_total_before_the_end(self, open_portage: Open) -> None:
        told: list[Progress] = []
        open_portage(LONG).upload_stream(Source(), "a", on_progress=told.append)
        assert told[0].total_bytes is None
        assert told[-1] == Progress("u1", len(CONTENT), len(CONTENT), 10, 10, 0)

    def test_no_more_than_its_memory_is_read_ahead(self, fake: FakePortage, open_portage: Open) -> None:
        ahead = list[int]()
        fake.on_part = lambda number, _tries: time.sleep(0.3) if number == 1 else None  # far longer than reading all

        open_portage(LONG).upload_stream(Source(at=lambda at: ahead.append(at - len(fake.stored) * PART)), "a")
        assert_arrived(fake)
        assert max(ahead) <= 4 * PART

    @pytest.mark.parametrize("fault", [refused(503, "SlowDown"), reset_after(10 * KIB)])
    def test_a_part_that_fails_is_sent_again_from_memory(
        self, fake: FakePortage, open_portage: Open, fault: Any
    ) -> None:
        fake.on_part = lambda number, tries: fault if number in {2, 9} and tries <= 2 else None
        open_portage(LONG).upload_stream(Source(), "a")
        assert_arrived(fake)

    def test_expired_signatures_and_sessions_are_renewed(self, fake: FakePortage, open_portage: Open) -> None:
        fake.on_part = lambda number, tries: (
            refused(403, "AccessDenied", "Request has expired") if number in {3, 10} and tries == 1 else None
        )
        ends = [fake.sessions.clear]  # once: each further end would use up a try
        open_portage(LONG).upload_stream(Source(at=lambda at: ends.pop()() if ends and at > 7 * PART else None), "a")
        assert_arrived(fake)
        assert "GET /parts" in fake.calls


class TestThatDoesNotSucceed:
    def assert_aborted(self, fake: FakePortage, error: BaseException) -> None:
        assert error.__notes__ == ["Upload u1 is aborted."]
        assert fake.only.status == "aborted"

    def test_because_reading_fails(self, fake: FakePortage, open_portage: Open) -> None:
        def fail(at: int) -> None:
            if at > 3 * PART:
                raise OSError(5, "Input/output error")

        with pytest.raises(OSError, match="Input/output error") as caught:
            open_portage(LONG).upload_stream(Source(at=fail), "a")
        self.assert_aborted(fake, caught.value)

    def test_because_it_is_longer_than_the_quota(self, fake: FakePortage, open_portage: Open) -> None:
        fake.max_upload_bytes = 4 * PART + 5
        with pytest.raises(StreamTooLong, match=str(4 * PART + 5)) as caught:
            open_portage(LONG).upload_stream(Source(CONTENT[: 4 * PART + 6]), "a")
        self.assert_aborted(fake, caught.value)
        assert max(fake.only.parts, default=0) <= 5

    def test_but_the_quota_itself_fits(self, fake: FakePortage, open_portage: Open) -> None:
        fake.max_upload_bytes = 4 * PART + 5
        open_portage(LONG).upload_stream(Source(CONTENT[: 4 * PART + 5]), "a")
        assert_arrived(fake, CONTENT[: 4 * PART + 5])

    @pytest.mark.parametrize(
        ("fault", "error"), [(refused(403, "AccessDenied"), S3Refused), (refused(503, "SlowDown"), S3Refused)]
    )
    def test_because_s3_refuses_a_part(
        self, fake: FakePortage, open_portage: Open, fault: Any, error: type[Exception]
    ) -> None:
        fake.on_part = lambda number, _tries: fault if number == 3 else None
        with pytest.raises(error) as caught:
            open_portage(LONG).upload_stream(Source(), "a")
        self.assert_aborted(fake, caught.value)

    def test_because_it_is_stopped(self, fake: FakePortage, open_portage: Open) -> None:
        def stop(progress: Progress) -> None:
            if progress.sent_parts:
                raise StoppedError

        with pytest.raises(StoppedError) as caught:
            open_portage(LONG).upload_stream(Source(), "a", on_progress=stop)
        self.assert_aborted(fake, caught.value)

    def test_while_it_waits_for_bytes_that_never_come(self, fake: FakePortage, open_portage: Open) -> None:
        readable, writable = os.pipe()
        with open(readable, "rb", buffering=0) as stream, open(writable, "wb") as pipe:  # noqa: PTH123 - descriptors
            threading.Thread(target=lambda: (pipe.write(CONTENT[: 2 * PART + 1]), pipe.flush())).start()

            def stop(progress: Progress) -> None:
                if progress.sent_parts == 2:
                    raise StoppedError

            with pytest.raises(StoppedError) as caught:
                open_portage(LONG).upload_stream(stream, "a", on_progress=stop)
            self.assert_aborted(fake, caught.value)
            pipe.close()

    def test_if_the_abort_fails_too_the_error_names_the_upload(
        self, fake: FakePortage, open_portage: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: object, upload_id: str) -> None:
            raise TransportFault(f"no network for {upload_id}")

        monkeypatch.setattr(UploadsApi, "abort", fail)
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        with pytest.raises(S3Refused) as caught:
            open_portage(LONG).upload_stream(Source(), "a")
        (note,) = caught.value.__notes__
        assert "portage abort u1" in note

    @pytest.mark.parametrize("error", [TransportFault("no answer"), UnexpectedAnswer("no JSON")])
    def test_but_it_stays_if_its_completion_was_not_answered_because_s3_may_have_stored_it(
        self, fake: FakePortage, open_portage: Open, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def lose_the_answer(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(UploadsApi, "complete", lose_the_answer)
        with pytest.raises(type(error)) as caught:
            open_portage(LONG).upload_stream(Source(), "a")
        assert fake.only.status == "pending", "S3's event may come at any moment"
        (note,) = caught.value.__notes__
        assert "portage status u1" in note

    def test_if_the_abort_is_interrupted_the_interruption_names_the_upload(
        self, fake: FakePortage, open_portage: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(UploadsApi, "abort", interrupt)
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        with pytest.raises(KeyboardInterrupt) as caught:
            open_portage(LONG).upload_stream(Source(), "a")
        (note,) = caught.value.__notes__
        assert "portage abort u1" in note

    def test_a_method_for_a_known_size_is_refused_before_any_call(self, fake: FakePortage, open_portage: Open) -> None:
        with pytest.raises(WrongDeclaration, match="put"):
            open_portage(LONG).upload_stream(Source(), "a", method="put")
        assert fake.calls == []

    def test_a_size_that_s3_does_not_have_completes_nothing(self, fake: FakePortage, open_portage: Open) -> None:
        fake.on_part = lambda number, _tries: (fake.only.parts.pop(number - 1, None), None)[1]
        with pytest.raises((ApiProblem, TransportFault)) as caught:
            open_portage(LONG).upload_stream(Source(), "a")
        self.assert_aborted(fake, caught.value)
