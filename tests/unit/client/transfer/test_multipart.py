import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from client import (
    Progress,
    S3Refused,
    UnexpectedAnswer,
)
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Handler, Reaction, answer, reset, reset_after
from tests.support.client.multipart import ALONE, KIB, PART, QUICK, Open, StoppedError, assert_arrived, interrupted


def test_every_part_arrives_and_they_become_one_object(fake: FakePortage, open_portage: Open, file: Path) -> None:
    upload = open_portage().upload(file)
    assert_arrived(fake, file)
    assert upload.status == "uploaded"
    assert fake.only.declared == {"file_name": "film.mp4", "content_type": "video/mp4", "size_bytes": 9 * PART + 3}
    assert fake.signed == [(1, 10)]
    assert fake.calls == ["POST", "POST /parts", "GET /parts", "POST /complete"]


def test_progress_ends_with_everything(open_portage: Open, file: Path) -> None:
    told: list[Progress] = []
    open_portage().upload(file, on_progress=told.append)
    assert told[-1] == Progress("u1", 9 * PART + 3, 9 * PART + 3, 10, 10, 0)
    assert {each.total_bytes for each in told} == {9 * PART + 3}


def test_signatures_come_in_ranges(fake: FakePortage, open_portage: Open, file: Path) -> None:
    open_portage(replace(QUICK, parts_signed_at_once=4)).upload(file)
    assert fake.signed == [(1, 4), (5, 8), (9, 10)]
    assert_arrived(fake, file)


class TestWhatPasses:
    @pytest.mark.parametrize(
        "fault",
        [
            refused(503, "SlowDown"),
            refused(500, "InternalError"),
            refused(400, "RequestTimeout"),
            reset_after(10 * KIB),
            reset,
        ],
    )
    def test_is_tried_again_part_by_part(
        self, fake: FakePortage, open_portage: Open, file: Path, fault: Reaction
    ) -> None:
        fake.on_part = lambda number, tries: fault if number in {2, 9} and tries <= 2 else None
        open_portage().upload(file)
        assert_arrived(fake, file)
        assert sorted(fake.stored) == list(range(1, 11))
        assert max(fake.tries.values()) <= 4

    def test_is_waited_for_as_long_as_the_server_asks(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        came: list[float] = []

        def slow_down_once(number: int, tries: int) -> Reaction | None:
            if number == 3:
                came.append(time.monotonic())
            return refused(503, "SlowDown", Retry_After="1") if number == 3 and tries == 1 else None

        fake.on_part = slow_down_once
        open_portage().upload(file)
        assert came[1] - came[0] >= 1

    def test_is_told_when_it_does_not_pass(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda number, _tries: refused(503, "SlowDown") if number == 4 else None
        with pytest.raises(S3Refused, match="503 SlowDown"):
            open_portage().upload(file)
        assert fake.tries[4] == QUICK.retry.tries
        assert fake.only.status == "pending"

    def test_of_an_answer_that_is_not_s3s_goes_over_another_connection(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        """A proxy keeps the connection open that does not lead to S3."""
        senders: list[object] = []
        serve = fake.serve_s3

        def note(handler: Handler) -> None:
            senders.append(handler.client_address)
            serve(handler)

        fake.serve_s3 = note
        page = answer(502, b"<html>", "text/html")
        fake.on_part = lambda number, tries: page if number == 5 and tries == 1 else None
        open_portage(ALONE).upload(file)
        assert_arrived(fake, file)
        assert senders[3] == senders[4] != senders[5]

    def test_includes_silence(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        sent_again = threading.Event()

        def fall_silent(handler: Handler) -> None:
            handler.rfile.read(10 * KIB)
            sent_again.wait(60)
            handler.close_connection = True

        def once(number: int, tries: int) -> Reaction | None:
            if number == 5 and tries == 2:
                sent_again.set()
            return fall_silent if number == 5 and tries == 1 else None

        fake.on_part = once
        open_portage(replace(QUICK, silence_seconds=1)).upload(file)
        assert_arrived(fake, file)

    def test_includes_an_api_that_is_away_for_a_moment(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        portage = open_portage()
        interrupted(open_portage, fake, file)
        fake.will(answer(503), answer(502))
        portage.upload(file)
        assert_arrived(fake, file)

    def test_includes_a_completion_beside_another_request(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        fake.completion_conflicts = 2
        open_portage().upload(file)
        assert_arrived(fake, file)
        assert fake.calls.count("POST /complete") == 3


class TestWhatDoesNotPass:
    def test_ends_the_upload_at_once(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda number, _tries: refused(403, "AccessDenied") if number == 1 else None
        with pytest.raises(S3Refused, match="AccessDenied"):
            open_portage().upload(file)
        assert fake.tries[1] == 1

    def test_leaves_no_thread_behind(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda number, _tries: refused(403, "AccessDenied") if number == 1 else None
        with pytest.raises(S3Refused):
            open_portage().upload(file)
        assert not [thread for thread in threading.enumerate() if thread.name == "portage-part"]

    def test_may_come_from_whoever_looks_on(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        class EnoughError(Exception):
            pass

        def stop(_: Progress) -> None:
            raise EnoughError

        with pytest.raises(EnoughError):
            open_portage().upload(file, on_progress=stop)
        assert fake.only.status == "pending"

    def test_reports_no_retry_of_the_requests_that_it_ends(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        arrived, ended = threading.Event(), threading.Event()

        def wait(handler: Handler) -> None:
            arrived.set()
            ended.wait(60)
            handler.close_connection = True

        def stop(_: Progress) -> None:
            if arrived.is_set():
                raise StoppedError

        fake.on_part = lambda _number, _tries: wait
        errors: list[Exception] = []
        with pytest.raises(StoppedError):
            open_portage(ALONE, on_error=errors.append).upload(file, on_progress=stop)
        ended.set()
        assert errors == []

    def test_includes_a_server_that_is_not_there(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        portage = open_portage()
        interrupted(open_portage, fake, file)
        fake.will(
            answer(
                200,
                {
                    "part_size_bytes": PART,
                    "part_count": 3,
                    "session": "s",
                    "session_expires_at": "2026-01-01T00:00:00Z",
                    "parts": [],
                },
            )
        )
        with pytest.raises(UnexpectedAnswer, match="planned as 3 parts of 65536 bytes, but"):
            portage.upload(file)
