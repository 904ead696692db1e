import base64
import hashlib
import time
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from client import PartsDiffer, UnexpectedAnswer
from client.transfer.part_queue import Job
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import Part, StoredUpload
from tests.support.client.fake_server import answer
from tests.support.client.multipart import PART, QUICK, Open, assert_arrived, interrupted

ALGORITHMS = ("crc32", "sha256")


def checksum(path: Path, algorithm: str) -> str:
    content = path.read_bytes()
    digest = hashlib.sha256(content).digest() if algorithm == "sha256" else zlib.crc32(content).to_bytes(4, "big")
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
class TestDeclaredChecksums:
    @pytest.mark.parametrize("method", ["put", "post", "multipart"])
    def test_are_the_whole_files_whatever_the_way(
        self, fake: FakePortage, open_portage: Open, file: Path, algorithm: str, method: str
    ) -> None:
        open_portage().upload(file, checksum=algorithm, method=method)
        assert fake.only.declared["checksum"] == {"algorithm": algorithm, "value": checksum(file, algorithm)}
        assert len(fake.only.parts) == (10 if method == "multipart" else 1)

    def test_have_each_part_signed_with_its_own(
        self, fake: FakePortage, open_portage: Open, file: Path, algorithm: str
    ) -> None:
        open_portage(replace(QUICK, bytes_hashed_at_once=3 * PART)).upload(file, checksum=algorithm)
        assert_arrived(fake, file)
        assert fake.signed == [(1, 3), (4, 6), (7, 9), (10, 10)]

    def test_are_kept_to_by_a_resumed_upload(
        self, fake: FakePortage, open_portage: Open, file: Path, algorithm: str
    ) -> None:
        interrupted(open_portage, fake, file, 1, 2, checksum=algorithm)
        open_portage().resume(file)
        assert sorted(fake.stored) == list(range(3, 11))
        assert_arrived(fake, file)

    def test_are_kept_to_by_another_device_that_asks_for_nothing(
        self, fake: FakePortage, open_portage: Open, file: Path, algorithm: str
    ) -> None:
        interrupted(open_portage, fake, file, 1, 2, checksum=algorithm)
        open_portage(device="there").resume(file, "u1")
        assert sorted(fake.stored) == list(range(3, 11))
        assert_arrived(fake, file)

    def test_find_a_part_that_is_not_the_files_own(
        self, fake: FakePortage, open_portage: Open, file: Path, algorithm: str
    ) -> None:
        interrupted(open_portage, fake, file, *range(1, 10), checksum=algorithm)
        fake.only.parts[4] = Part.of(bytes(PART), algorithm)
        open_portage().resume(file)
        assert fake.stored == [10, 4]
        assert_arrived(fake, file)


class TestAPartThatS3Has:
    def test_is_read_once_and_only_when_nothing_is_lacking_any_more(
        self, fake: FakePortage, open_portage: Open, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        interrupted(open_portage, fake, file, 1, 2, 3, checksum="crc32")
        fake.only.parts[2] = Part.of(bytes(PART), "crc32")
        read: list[tuple[int, list[int]]] = []
        original = Job.checksums

        def note(job: Job, numbers: Iterable[int]) -> list[str] | None:
            read.extend((number, sorted(fake.stored)) for number in numbers)
            return original(job, numbers)

        monkeypatch.setattr(Job, "checksums", note)
        open_portage(device="there").resume(file, "u1")
        held = [(number, stored) for number, stored in read if number <= 3]
        sent = list(range(4, 11))
        assert held == [(1, sent), (2, sent), (3, sent), (2, sent)], "the fourth time for its signature"

    def test_is_known_by_its_etag_if_this_machine_has_sent_it(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        """So without a checksum as well, and without another reading of the file."""
        interrupted(open_portage, fake, file, *range(1, 10))
        fake.only.parts[4] = Part.of(bytes(PART))
        open_portage().resume(file)
        assert fake.stored == [10, 4]
        assert_arrived(fake, file)

    def test_may_have_come_again_from_elsewhere_with_another_etag(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        """Under a KMS key the ETag of the same bytes is another each time."""

        def sent_elsewhere_too(number: int, _tries: int) -> None:
            if number == 10:
                while 3 not in fake.only.parts:
                    time.sleep(0.01)
                fake.only.parts[3].etag = '"another"'

        fake.on_part = sent_elsewhere_too
        open_portage().upload(file, checksum="crc32")
        assert fake.tries[3] == 1
        assert_arrived(fake, file)

    def test_that_never_becomes_the_files_own_ends_it(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        original = fake.keep

        def spoil(upload: StoredUpload, number: int, part: Part) -> None:
            original(upload, number, part)
            upload.parts[7] = Part.of(bytes(PART), "sha256")

        fake.keep = spoil
        with pytest.raises(PartsDiffer, match="part 7 of upload u1 at S3 differs"):
            open_portage().upload(file, checksum="sha256")


class TestAlgorithmsThatAreNotKnown:
    def test_are_refused_here(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        with pytest.raises(ValueError, match="checksum is 'md5': give one of crc32, sha256"):
            open_portage().upload(file, checksum="md5")
        assert fake.uploads == {}

    def test_are_told_where_the_api_wants_one(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file)
        plan = {"part_size_bytes": PART, "part_count": 10, "checksum_algorithm": "crc64nvme"}
        session = {"session": "s", "session_expires_at": "2026-01-01T00:00:00Z"}
        fake.will(answer(200, {**plan, **session, "parts": ()}))
        with pytest.raises(UnexpectedAnswer, match="checked by 'crc64nvme', but this client knows only crc32, sha256"):
            open_portage().resume(file)


def test_a_file_that_is_put_again_with_another_checksum_is_another_upload(
    fake: FakePortage, open_portage: Open, file: Path
) -> None:
    interrupted(open_portage, fake, file, 1, checksum="crc32")
    assert open_portage().upload(file, checksum="sha256").upload_id == "u2"
