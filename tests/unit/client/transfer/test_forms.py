import zlib
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import cast

import pytest

from client import Progress, S3Refused, SizeDiffers, TransportFault
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import reset, reset_after, stored
from tests.support.client.multipart import KIB, QUICK, Open

MIB = 1024 * KIB


@pytest.mark.parametrize("size_bytes", [1, 256 * KIB, 256 * KIB + 1, 9 * MIB + 5])
def test_a_file_arrives_whole_over_http_and_https(
    either: FakePortage, open_portage: Open, tmp_path: Path, size_bytes: int
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(range(256)) * (size_bytes // 256) + bytes(size_bytes % 256))
    told: list[Progress] = []
    open_portage(url=either.url).upload(path, on_progress=told.append, method="post")
    assert (either.only.method, either.only.declared["method"]) == ("post", "post")
    assert either.only.parts[0].crc32 == zlib.crc32(path.read_bytes())
    assert told[-1] == Progress("u1", size_bytes, size_bytes, 1, 1, 1)


def test_a_form_has_the_fields_as_they_were_told_and_the_file_last(
    fake: FakePortage, open_portage: Open, file: Path
) -> None:
    fake.on_part = lambda _number, _tries: stored(204)
    open_portage().upload(file, method="post")
    (form,) = (request for request in fake.requests if request.path == "/bucket/")
    assert sorted(name for name, _ in form.headers) == ["Content-Length", "Content-Type", "Host"]
    content_type = form.header("Content-Type")
    parsed = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + form.body)
    parts = cast("list[Message]", parsed.get_payload())
    _, _, _, created = fake.exchanges[0]
    fields = [
        (str(part.get_param("name", header="Content-Disposition")), part.get_payload(decode=True)) for part in parts
    ]
    assert fields[:-1] == [(name, value.encode()) for name, value in created["fields"].items()]
    assert fields[-1] == ("file", file.read_bytes())
    assert form.body.endswith(b"end\r\n--" + content_type.partition("boundary=")[2].encode() + b"--\r\n")


class TestWhatPasses:
    def test_is_tried_again(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        faults = {1: refused(503, "SlowDown"), 2: reset_after(10 * KIB), 3: reset}
        fake.on_part = lambda _number, tries: faults.get(tries)
        open_portage().upload(file, method="post")
        assert fake.only.parts[0].crc32 == zlib.crc32(file.read_bytes())
        assert fake.tries[0] == 4

    def test_is_told_at_last(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda _number, _tries: reset
        with pytest.raises(TransportFault, match="POST to 127"):
            open_portage().upload(file, method="post")
        assert fake.tries[0] == QUICK.retry.tries

    def test_includes_a_policy_that_has_expired(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda _number, tries: (
            refused(403, "AccessDenied", "Invalid according to Policy: Policy expired.") if tries == 1 else None
        )
        open_portage().upload(file, method="post")
        assert fake.calls == ["POST", "POST", "GET"]
        assert list(fake.uploads) == ["u1"]


class TestWhatDoesNotPass:
    def test_is_told_as_s3_does(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied", "Policy Condition failed")
        with pytest.raises(S3Refused, match="403 AccessDenied: Policy Condition failed"):
            open_portage().upload(file, method="post")
        assert fake.tries[0] == 1

    def test_includes_a_file_that_changes_under_way(
        self, fake: FakePortage, open_portage: Open, tmp_path: Path
    ) -> None:
        path = tmp_path / "film.mp4"
        path.write_bytes(bytes(9 * MIB))

        def grow(progress: Progress) -> None:
            if progress.sent_bytes == 4 * MIB:
                with path.open("ab") as file:
                    file.write(b"more")

        with pytest.raises(SizeDiffers):
            open_portage().upload(path, on_progress=grow, method="post")
        assert fake.stored == []
