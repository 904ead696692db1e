import os
from dataclasses import replace
from pathlib import Path

import pytest

from client import (
    FileChanged,
    Progress,
    S3Refused,
    UploadEnded,
)
from tests.unit.client.fake_portage import FakePortage
from tests.unit.client.fake_s3 import refused
from tests.unit.client.in_parts import ALONE, PART, QUICK, Open, assert_arrived, interrupted


class TestAborting:
    def test_ends_an_upload_that_is_being_sent(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        other = open_portage(device="there")

        def abort(number: int, _tries: int) -> None:
            if number == 5:
                other.abort("u1")

        fake.on_part = abort
        portage = open_portage()
        with pytest.raises(UploadEnded, match="upload u1 is aborted and takes no more bytes"):
            portage.upload(file)
        assert fake.only.status == "aborted"
        assert list(portage.unfinished()) == []

    def test_forgets_the_upload(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        portage = open_portage()
        interrupted(open_portage, fake, file)
        portage.abort("u1")
        portage.abort("u1")
        assert fake.only.status == "aborted"
        assert list(portage.unfinished()) == []


class TestAFileThatChanges:
    @pytest.mark.parametrize("change", ["grow", "rewrite", "replace"])
    def test_is_refused_and_its_upload_aborted(
        self, fake: FakePortage, open_portage: Open, file: Path, change: str
    ) -> None:
        def write(number: int, _tries: int) -> None:
            if number != 1:
                return
            if change == "grow":
                with file.open("ab") as opened:
                    opened.write(b"more")
            elif change == "rewrite":
                with file.open("r+b") as opened:
                    opened.write(b"other")
            else:
                other = file.with_suffix(".new")
                other.write_bytes(bytes(file.stat().st_size))
                other.replace(file)

        fake.on_part = write
        portage = open_portage(ALONE)
        with pytest.raises(FileChanged):
            portage.upload(file)
        assert fake.only.status == "aborted"
        assert list(portage.unfinished()) == []

    def test_after_the_last_part_is_refused_too(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        def write_at_the_end(progress: Progress) -> None:
            if progress.sent_parts == 10:
                os.utime(file, ns=(0, 0))

        with pytest.raises(FileChanged, match="was written to since"):
            open_portage().upload(file, on_progress=write_at_the_end)
        assert fake.only.status == "aborted"


class TestChecksums:
    def test_are_declared_for_the_file_and_signed_into_each_part(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        open_portage(replace(QUICK, bytes_hashed_at_once=3 * PART)).upload(file, checksum="crc32")
        assert_arrived(fake, file)
        assert fake.only.declared["checksum"]["algorithm"] == "crc32"
        assert fake.signed == [(1, 3), (4, 6), (7, 9), (10, 10)]

    def test_are_kept_to_by_a_resumed_upload(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        with pytest.raises(S3Refused):
            open_portage().upload(file, checksum="crc32")
        fake.on_part = lambda _number, _tries: None
        open_portage().resume(file)
        assert_arrived(fake, file)

    def test_of_another_kind_are_refused(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        with pytest.raises(ValueError, match="checksum is 'md5': give one of crc32, sha256"):
            open_portage().upload(file, checksum="md5")
        assert fake.uploads == {}
