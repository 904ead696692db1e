"""What the tests of uploads in parts share."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from client import Portage, Progress, RetryPolicy, TransferConfig
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import Part
from tests.support.client.fake_server import stored

KIB = 1024
PART = 64 * KIB
QUICK = TransferConfig(window_seconds=0.05, retry=RetryPolicy(tries=5, first_seconds=0.01, longest_seconds=0.05))
ALONE = replace(QUICK, first_connections=1, most_connections=1)

Open = Callable[..., Portage]


def assert_arrived(fake: FakePortage, path: Path) -> None:
    content = path.read_bytes()
    step = fake.part_size_bytes
    pieces = [content[begin : begin + step] for begin in range(0, len(content), step)]
    assert {number: part.crc32 for number, part in fake.only.parts.items()} == {
        number: zlib.crc32(piece) for number, piece in enumerate(pieces, 1)
    }
    assert fake.only.status == "uploaded"


def hold(fake: FakePortage, path: Path, *numbers: int) -> None:
    """Let S3 have these parts of the file already."""
    content = path.read_bytes()
    for number in numbers:
        piece = content[(number - 1) * PART : number * PART]
        fake.only.parts[number] = Part.of(piece, fake.only.algorithm)


class StoppedError(Exception):
    """Raised by a test while a file is sent."""


def interrupted(open_portage: Open, fake: FakePortage, path: Path, *held: int, checksum: str | None = None) -> None:
    """Begin an upload, and stop it when some of its parts are at S3: to the others it was only said so."""

    def stop_at_the_end(progress: Progress) -> None:
        if progress.sent_parts == progress.part_count:
            raise StoppedError

    fake.on_part = lambda number, _tries: None if number in held else stored()
    with pytest.raises(StoppedError):
        open_portage(ALONE).upload(path, on_progress=stop_at_the_end, checksum=checksum)
    fake.on_part = lambda _number, _tries: None
    fake.stored.clear()
    fake.tries.clear()
    fake.calls.clear()


def always(value: object) -> Callable[..., object]:
    def give(*_: object) -> object:
        return value

    return give
