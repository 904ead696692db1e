"""The file that is sent, when it changes or cannot be read meanwhile."""

import errno
import http.client
import io
import os
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from client import FileChanged, Progress, SizeDiffers
from client.__main__ import main
from client.api.models import METHODS
from client.transfer.source import SourceFile
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_server import Handler
from tests.support.client.multipart import ALONE, KIB, PART, Open

MIB = 1024 * KIB
TICK_SECONDS = 0.01
"""Between two of the slowest clock's, by which Linux stamps files."""

Spoil = Callable[[Path], None]
WhenSent = Callable[[int, Callable[[], None]], None]


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"B" * path.stat().st_size)


def rewrite_and_set_the_time_back(path: Path) -> None:
    before = path.stat()
    rewrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_another(path: Path) -> None:
    before = path.stat()
    other = path.with_suffix(".other")
    other.write_bytes(b"B" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


CHANGES = (rewrite, rewrite_and_set_the_time_back, replace_by_another)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(b"A" * 4 * MIB)
    return path


@pytest.fixture
def when_sent(monkeypatch: pytest.MonkeyPatch) -> WhenSent:
    """Let something happen when so many bytes of the file have left."""

    def arrange(count: int, act: Callable[[], None]) -> None:
        left = count
        send = http.client.HTTPConnection.send

        def send_and_act(connection: http.client.HTTPConnection, data: Any) -> None:
            nonlocal left
            send(connection, data)
            if isinstance(data, memoryview) and left > 0:
                left -= len(cast("memoryview[int]", data))
                if left <= 0:
                    act()

        monkeypatch.setattr(http.client.HTTPConnection, "send", send_and_act)

    return arrange


class TestAFileThatChangesWhileItIsSent:
    @pytest.mark.parametrize(
        ("method", "count"), [*((method, KIB) for method in METHODS), ("put", 4 * MIB - 100 * KIB)]
    )
    def test_ends_its_upload_over_http_and_https(
        self,
        either: FakePortage,
        open_portage: Open,
        large: Path,
        *,
        when_sent: WhenSent,
        method: str,
        count: int,
    ) -> None:
        either.part_size_bytes = 4 * MIB
        when_sent(count, lambda: rewrite(large))
        with pytest.raises(FileChanged):
            open_portage(url=either.url).upload(large, method=method)
        assert either.stored == []
        assert either.only.status == "aborted"

    @pytest.mark.parametrize(
        ("method", "change"), [*(("put", change) for change in CHANGES), ("post", rewrite), ("multipart", rewrite)]
    )
    def test_ends_it_however_it_changes(
        self,
        fake: FakePortage,
        open_portage: Open,
        large: Path,
        *,
        when_sent: WhenSent,
        method: str,
        change: Spoil,
    ) -> None:
        fake.part_size_bytes = 4 * MIB
        when_sent(KIB, lambda: change(large))
        portage = open_portage()
        with pytest.raises(FileChanged):
            portage.upload(large, method=method)
        assert fake.stored == []
        assert fake.only.status == "aborted"
        assert list(portage.unfinished()) == []

    @pytest.mark.parametrize("change", CHANGES)
    def test_between_two_parts_ends_it_too(
        self, fake: FakePortage, open_portage: Open, file: Path, change: Spoil
    ) -> None:
        fake.on_part = lambda number, _tries: change(file) if number == 4 else None
        with pytest.raises(FileChanged):
            open_portage(ALONE).upload(file)
        assert fake.only.status == "aborted"

    @pytest.mark.parametrize("method", ["put", "post"])
    def test_before_it_is_sent_again_ends_it_too(
        self, fake: FakePortage, open_portage: Open, file: Path, method: str
    ) -> None:
        def change_and_break_off(handler: Handler) -> None:
            rewrite(file)
            handler.close_connection = True

        fake.on_part = lambda _number, tries: change_and_break_off if tries == 1 else None
        with pytest.raises(FileChanged):
            open_portage().upload(file, method=method)
        assert fake.stored == []
        assert fake.only.status == "aborted"

    def test_arrives_as_it_was_if_all_of_it_had_left_before(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        """What lies between this machine and S3 must not change with the file."""
        before = zlib.crc32(file.read_bytes())
        left = threading.Event()

        def note_the_end(progress: Progress) -> None:
            if progress.sent_bytes == progress.total_bytes:
                left.set()

        def change_before_it_is_read(_number: int, _tries: int) -> None:
            assert left.wait(10)
            rewrite(file)

        fake.on_part = change_before_it_is_read
        open_portage().upload(file, on_progress=note_the_end, method="put")
        assert fake.only.parts[0].crc32 == before

    def test_leaves_a_note_where_its_upload_is_stored_already(
        self, fake: FakePortage, open_portage: Open, file: Path, when_sent: WhenSent
    ) -> None:
        def change() -> None:
            fake.only.status = "uploaded"
            rewrite(file)

        when_sent(KIB, change)
        with pytest.raises(FileChanged) as caught:
            open_portage().upload(file, method="put")
        (note,) = caught.value.__notes__
        assert note == "Upload u1 has ended or is stored: `portage status u1` shows it."


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_was_looked_at_is_another_one_after_any_change(file: Path, change: Spoil) -> None:
    source = SourceFile.at(file)
    source.check()
    change(file)
    with pytest.raises(FileChanged):
        source.check()


def test_a_file_is_not_looked_at_in_the_tick_in_which_it_was_written(file: Path) -> None:
    """Another write in that tick would leave the times as they are."""
    file.write_bytes(b"just now")
    SourceFile.at(file)
    assert time.time_ns() - file.stat().st_ctime_ns > TICK_SECONDS * 1e9


class Faulty(io.FileIO):
    """A file that cannot be read beyond an offset, although its size is larger."""

    readable_bytes = 3 * PART
    error: int | None = None

    def readinto(self, buffer: Any) -> int | None:
        if self.tell() + len(buffer) <= self.readable_bytes:
            return super().readinto(buffer)
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        return 0


SENDINGS = pytest.mark.parametrize(
    ("faulty", "method", "checksum"),
    [*(("http", method, None) for method in METHODS), ("https", "put", None), ("https", "multipart", "crc32")],
    indirect=["faulty"],
)


@pytest.fixture
def faulty(request: pytest.FixtureRequest, tls: ssl.SSLContext, file: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server for a file that cannot be read to its end."""
    original = Path.open

    def opened(path: Path, mode: str = "r", *words: Any, **named: Any) -> Any:
        return Faulty(path) if (path, mode) == (file, "rb") else original(path, mode, *words, **named)

    monkeypatch.setattr(Path, "open", opened)
    with FakePortage(tls if request.param == "https" else None) as running:
        yield running


class TestAFileThatCannotBeReadToItsEnd:
    @SENDINGS
    def test_because_it_gives_fewer_bytes_ends_its_upload_at_once(
        self, faulty: FakePortage, open_portage: Open, file: Path, method: str, checksum: str | None
    ) -> None:
        with pytest.raises(SizeDiffers, match="has fewer bytes than its size of 589827"):
            open_portage(url=faulty.url).upload(file, method=method, checksum=checksum)
        assert all(upload.status == "aborted" for upload in faulty.uploads.values())
        assert max(faulty.tries.values(), default=1) == 1

    @SENDINGS
    def test_because_its_disk_fails_ends_with_that_error_at_once(
        self,
        faulty: FakePortage,
        open_portage: Open,
        file: Path,
        *,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
        checksum: str | None,
    ) -> None:
        monkeypatch.setattr(Faulty, "error", errno.EIO)
        with pytest.raises(OSError, match="Input/output error") as caught:
            open_portage(url=faulty.url).upload(file, method=method, checksum=checksum)
        assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(file))
        assert max(faulty.tries.values(), default=1) == 1
        ends = {"multipart": "pending"}
        assert all(upload.status == ends.get(method, "aborted") for upload in faulty.uploads.values())

    @pytest.mark.usefixtures("signed_in")
    @pytest.mark.skipif(not Path("/sys/class/net/lo/mtu").exists(), reason="needs Linux's sysfs")
    @pytest.mark.parametrize("method", METHODS)
    def test_is_a_fault_of_the_file(self, fake: FakePortage, method: str) -> None:
        """Files of sysfs are said to have a page, and give a line."""
        assert main(["put", "/sys/class/net/lo/mtu", "--method", method]) == 6
        assert fake.stored == []


def test_a_file_that_vanishes_while_it_is_sent_is_the_callers_own_error(
    fake: FakePortage, open_portage: Open, file: Path
) -> None:
    """Its parts stay, since the file may come back."""
    fake.on_part = lambda number, _tries: file.unlink() if number == 4 else None
    with pytest.raises(FileNotFoundError):
        open_portage(ALONE).upload(file)
    assert fake.only.status == "pending"
