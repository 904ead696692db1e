import threading
import zlib
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from client import (
    S3Refused,
    TransportFault,
)
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Handler, Reaction, reset
from tests.support.client.multipart import KIB, QUICK, Open


class TestOnePut:
    @pytest.fixture(autouse=True)
    def small(self, fake: FakePortage) -> None:
        fake.threshold_bytes = 10 * 1024 * KIB

    def test_is_tried_again(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda _number, tries: refused(503, "SlowDown") if tries <= 2 else None
        assert open_portage().upload(file).upload_id == "u1"
        assert fake.only.parts[0].crc32 == zlib.crc32(file.read_bytes())

    def test_gets_a_fresh_url_for_the_same_upload(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda _number, tries: (
            refused(403, "AccessDenied", "Request has expired") if tries == 1 else None
        )
        open_portage().upload(file)
        assert fake.calls == ["POST", "POST", "GET"]
        assert fake.only.parts[0].crc32 == zlib.crc32(file.read_bytes())

    def test_that_was_stored_though_its_answer_was_lost_is_not_refused(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        fake.on_part = lambda _number, tries: reset if tries == 1 else refused(412, "PreconditionFailed")
        assert open_portage().upload(file).upload_id == "u1"

    def test_that_was_stored_is_not_refused_though_its_url_expired_before_that_was_known(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        reactions = (reset, refused(403, "AccessDenied", "Request has expired"), refused(412, "PreconditionFailed"))
        fake.on_part = lambda _number, tries: reactions[tries - 1]
        assert open_portage().upload(file).upload_id == "u1"
        assert fake.calls == ["POST", "POST", "GET"]

    def test_that_was_stored_by_nobody_knows_whom_is_refused(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        fake.on_part = lambda _number, _tries: refused(412, "PreconditionFailed")
        with pytest.raises(S3Refused, match="412"):
            open_portage().upload(file)

    @pytest.mark.parametrize("method", ["put", "post"])
    def test_is_tried_again_after_silence(self, fake: FakePortage, open_portage: Open, file: Path, method: str) -> None:
        sent_again, was_sent_again = threading.Event(), SimpleQueue[bool]()

        def fall_silent(handler: Handler) -> None:
            was_sent_again.put(sent_again.wait(20))
            handler.close_connection = True

        def once(_number: int, tries: int) -> Reaction | None:
            if tries > 1:
                sent_again.set()
            return fall_silent if tries == 1 else None

        fake.on_part = once
        open_portage(replace(QUICK, silence_seconds=1)).upload(file, method=method)
        assert fake.only.parts[0].crc32 == zlib.crc32(file.read_bytes())
        assert was_sent_again.get(timeout=30)

    def test_gives_up_at_last(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda _number, _tries: reset
        with pytest.raises(TransportFault):
            open_portage().upload(file)
        assert fake.tries[0] == QUICK.retry.tries


def test_uploads_are_listed_over_all_pages(fake: FakePortage, open_portage: Open, tmp_path: Path) -> None:
    fake.threshold_bytes = KIB
    portage = open_portage()
    path = tmp_path / "a.txt"
    path.write_bytes(b"1")
    for _ in range(103):
        portage.upload(path)
    listed = [upload.upload_id for upload in portage.list()]
    assert listed == [f"u{number}" for number in range(103, 0, -1)]
    assert fake.calls.count("GET") == 103 + 2


def test_a_result_is_told_by_its_link(fake: FakePortage, open_portage: Open, file: Path) -> None:
    fake.result = b"{}"
    upload = open_portage().upload(file)
    assert open_portage().result(upload.upload_id).url == f"{fake.url}/bucket/u1.json"
