"""What the tests of uploads in parts share."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from client import Backoff, Portage, S3Refused, Tuning
from tests.unit.client.fake_portage import FakePortage
from tests.unit.client.fake_s3 import Part, refused

KIB = 1024
PART = 64 * KIB
QUICK = Tuning(window_seconds=0.05, backoff=Backoff(tries=5, first_seconds=0.01, longest_seconds=0.05))
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


def interrupted(open_portage: Open, fake: FakePortage, path: Path, *held: int, checksum: str | None = None) -> None:
    """Begin an upload that fails at once, and let S3 have some of its parts."""
    portage = open_portage(ALONE)
    fake.on_part = lambda _number, _tries: refused(403, "SignatureDoesNotMatch")
    with pytest.raises(S3Refused, match="SignatureDoesNotMatch"):
        portage.upload(path, checksum=checksum)
    fake.on_part = lambda _number, _tries: None
    hold(fake, path, *held)
    fake.stored.clear()
    fake.tries.clear()
    fake.calls.clear()


def always(value: object) -> Callable[..., object]:
    def give(*_: object) -> object:
        return value

    return give
