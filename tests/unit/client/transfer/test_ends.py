import os
from pathlib import Path

import pytest

from client import (
    ApiProblem,
    FileChanged,
    Progress,
    S3Refused,
    UploadEnded,
)
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import answer
from tests.support.client.multipart import ALONE, Open, interrupted


class TestAborting:
    def test_ends_an_upload_that_is_being_sent(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        other = open_portage(device="there")

        def abort(number: int, _tries: int) -> None:
            if number == 5:
                other.abort("u1")

        fake.on_part = abort
        portage = open_portage()
        with pytest.raises(UploadEnded, match="upload u1 is aborted and accepts no more bytes"):
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

    @pytest.mark.parametrize("status", ["completed", None])
    def test_forgets_an_upload_that_is_over(
        self, fake: FakePortage, open_portage: Open, file: Path, status: str | None
    ) -> None:
        interrupted(open_portage, fake, file)
        fake.only.status = status or "pending"
        if status is None:
            fake.uploads.clear()
        portage = open_portage()
        with pytest.raises(ApiProblem, match="The upload is completed" if status else "404"):
            portage.abort("u1")
        assert list(portage.unfinished()) == []

    def test_that_fails_forgets_nothing(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file)
        portage = open_portage()
        fake.will(answer(400))
        with pytest.raises(ApiProblem):
            portage.abort("u1")
        assert [each.upload_id for each in portage.unfinished()] == ["u1"]


def test_a_refusal_of_s3_that_is_not_the_uploads_end_stays_the_error(
    fake: FakePortage, open_portage: Open, file: Path
) -> None:
    fake.on_part = lambda _number, _tries: refused(404, "NoSuchBucket")
    with pytest.raises(S3Refused, match="NoSuchBucket"):
        open_portage(ALONE).upload(file)
    assert "POST /complete" not in fake.calls


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

        with pytest.raises(FileChanged, match="was changed or replaced"):
            open_portage().upload(file, on_progress=write_at_the_end)
        assert fake.only.status == "aborted"
