import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from client import (
    FileChanged,
    NothingToResume,
    PartsDiffer,
    Progress,
    SizeDiffers,
    UploadEnded,
)
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import Part, StoredUpload, refused
from tests.support.client.fake_server import Reaction, answer, stored
from tests.support.client.multipart import ALONE, PART, QUICK, Open, assert_arrived, hold, interrupted


def write_to(path: Path) -> None:
    os.utime(path, ns=(0, 0))


class TestResuming:
    def test_sends_only_what_s3_lacks(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file, 1, 2, 5, 10)
        told: list[Progress] = []
        open_portage().resume(file, on_progress=told.append)
        assert sorted(fake.stored) == [3, 4, 6, 7, 8, 9]
        assert_arrived(fake, file)
        assert told[0].sent_bytes >= 3 * PART + 3

    def test_happens_by_itself_when_the_file_is_uploaded_again(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file, *range(1, 10))
        open_portage().upload(file)
        assert fake.stored == [10]
        assert "POST" not in fake.calls

    def test_sends_a_part_again_that_is_too_short(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file, *range(1, 11))
        fake.only.parts[4] = replace(fake.only.parts[4], size_bytes=PART - 1)
        open_portage().resume(file)
        assert fake.stored == [4]

    def test_of_a_file_that_changed_begins_anew(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file, 1)
        os.utime(file, ns=(0, 0))
        with pytest.raises(FileChanged, match="was changed or replaced"):
            open_portage().resume(file)
        assert open_portage().upload(file).upload_id == "u2"

    @pytest.mark.parametrize("change", [write_to, Path.unlink])
    def test_of_a_file_that_is_not_as_it_was_names_the_upload_and_leaves_it(
        self, fake: FakePortage, open_portage: Open, file: Path, change: Callable[[Path], None]
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        change(file)
        with pytest.raises((FileChanged, FileNotFoundError)) as caught:
            open_portage().resume(file)
        assert caught.value.__notes__ == [
            "Upload u1 was started with this file: restore the file and resume the upload, or abort the upload."
        ]
        assert fake.only.status == "pending"
        assert [each.upload_id for each in open_portage().unfinished()] == ["u1"]

    @pytest.mark.parametrize("status", ["aborted", "expired", None])
    def test_of_an_upload_that_is_over_forgets_it_whatever_became_of_the_file(
        self, fake: FakePortage, open_portage: Open, file: Path, status: str | None
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        fake.only.status = status or "pending"
        if status is None:
            fake.uploads.clear()
        file.unlink()
        with pytest.raises(UploadEnded, match="accepts no more bytes") as caught:
            open_portage().resume(file)
        assert caught.value.__notes__ == ["Its state on this machine is deleted."]
        assert list(open_portage().unfinished()) == []

    def test_of_an_upload_that_is_complete_needs_no_file(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file)
        fake.only.status = "completed"
        file.unlink()
        assert open_portage().resume(file).status == "completed"
        assert list(open_portage().unfinished()) == []

    def test_of_a_file_that_was_never_there_says_so(self, open_portage: Open, file: Path) -> None:
        with pytest.raises(FileNotFoundError):
            open_portage().resume(file.with_name("none"))

    def test_is_over_once_it_is_complete(self, open_portage: Open, file: Path) -> None:
        open_portage().upload(file)
        assert list(open_portage().unfinished()) == []
        with pytest.raises(NothingToResume):
            open_portage().resume(file)

    def test_knows_which_uploads_are_unfinished(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file)
        (unfinished,) = open_portage().unfinished()
        assert (unfinished.upload_id, unfinished.source.path) == ("u1", file)

    def test_of_an_upload_that_was_aborted_meanwhile_begins_anew(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        fake.only.status = "aborted"
        with pytest.raises(UploadEnded, match="upload u1 is aborted"):
            open_portage().resume(file)
        assert open_portage().upload(file).upload_id == "u2"

    def test_of_an_upload_that_is_unknown_meanwhile_begins_anew(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        fake.uploads["u7"] = fake.uploads.pop("u1")
        assert open_portage().upload(file).upload_id == "u2"

    def test_of_an_upload_that_was_completed_elsewhere_has_nothing_to_do(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file)
        fake.only.status = "uploaded"
        assert open_portage().resume(file).status == "uploaded"
        assert fake.stored == []

    def test_of_an_upload_whose_parts_are_gone_asks_whether_they_are_an_object(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        """Another device has completed it, and the event of that is under way."""
        interrupted(open_portage, fake, file, *range(1, 11))
        gone = {"type": "urn:portage:problem:not-open", "title": "Not open", "detail": "gone", "request_id": "r"}
        fake.will(answer(409, gone, "application/problem+json"))
        assert open_portage().resume(file).status == "uploaded"
        assert fake.stored == []

    def test_of_an_upload_that_s3_gave_up_for_its_age_is_over(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        fake.only.is_given_up = True
        with pytest.raises(UploadEnded, match="upload u1 is expired and accepts no more bytes") as caught:
            open_portage().resume(file)
        assert caught.value.__notes__ == ["S3 no longer has its parts.", "Its state on this machine is deleted."]
        assert list(open_portage().unfinished()) == []

    def test_of_an_upload_that_s3_gave_up_for_its_age_begins_anew_when_the_file_is_uploaded_again(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        fake.only.is_given_up = True
        assert open_portage().upload(file).upload_id == "u2"


class TestTwoDevices:
    @pytest.mark.parametrize("checksum", ["crc32", None])
    def test_bring_one_upload_to_its_end_together(
        self, fake: FakePortage, open_portage: Open, file: Path, checksum: str | None
    ) -> None:
        """Their parts are compared by checksum, or by MD5 where S3's ETags are such."""
        fake.etags_are_md5s = checksum is None
        fake.on_part = lambda _number, _tries: time.sleep(0.05)
        tuning = replace(QUICK, parts_signed_at_once=1, listing_seconds=0, first_connections=1, most_connections=1)
        ended: list[str] = []
        other = threading.Thread(
            target=lambda: ended.append(open_portage(tuning, "there").resume(file, upload_id="u1").status)
        )

        def join_in(progress: Progress) -> None:
            if progress.sent_parts and not other.ident:
                other.start()

        ended.append(open_portage(tuning).upload(file, on_progress=join_in, checksum=checksum).status)
        other.join()
        assert ended == ["uploaded", "uploaded"]
        assert_arrived(fake, file)
        assert fake.tries.total() <= 12, "they met in the middle"

    def test_of_a_stream_cannot_be_continued(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file)
        del fake.only.declared["size_bytes"]
        with pytest.raises(NothingToResume, match="portage abort u1"):
            open_portage(device="there").resume(file, upload_id="u1")
        assert fake.calls == ["GET"]

    def test_may_not_send_different_files(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        interrupted(open_portage, fake, file)
        file.with_suffix(".other").write_bytes(b"other")
        with pytest.raises(SizeDiffers, match=r"5 bytes, but upload u1 is of 'film\.mp4' with 589827"):
            open_portage(device="there").resume(file.with_suffix(".other"), upload_id="u1")

    @pytest.mark.parametrize("are_md5s", [True, False])
    def test_leave_no_mixture_of_files_of_one_size(
        self, fake: FakePortage, open_portage: Open, file: Path, are_md5s: bool
    ) -> None:
        fake.etags_are_md5s = are_md5s
        interrupted(open_portage, fake, file, 1, 2, 5, 10)
        other = file.with_suffix(".other")
        content = file.read_bytes()
        other.write_bytes(content[:PART] + bytes(len(content) - PART))
        open_portage(device="there").resume(other, upload_id="u1")
        assert_arrived(fake, other)
        assert (1 in fake.stored) is not are_md5s, "parts with an equal MD5 are kept"

    def test_leave_none_either_if_one_file_is_set_back_to_its_time(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file, 1, 2, 5, 10)
        before = file.stat()
        file.write_bytes(bytes(before.st_size))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        open_portage().resume(file)
        assert_arrived(fake, file)

    def test_of_one_machine_know_what_the_other_has_sent(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        fake.on_part = lambda _number, _tries: time.sleep(0.05)
        tuning = replace(ALONE, parts_signed_at_once=1, listing_seconds=0)
        ended: list[str] = []
        other = threading.Thread(target=lambda: ended.append(open_portage(tuning).resume(file).status))

        def join_in(progress: Progress) -> None:
            if progress.sent_parts and not other.ident:
                other.start()

        ended.append(open_portage(tuning).upload(file, on_progress=join_in).status)
        other.join()
        assert ended == ["uploaded", "uploaded"]
        assert_arrived(fake, file)
        assert fake.tries.total() <= 12, "they met in the middle"

    def test_of_one_machine_wait_for_a_part_that_is_at_s3_and_not_noted_yet(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        """S3 shows a part before its sender has the answer. Without waiting, both would send it in turns."""
        interrupted(open_portage, fake, file, *range(1, 10))
        is_stored = threading.Event()

        def answer_late(number: int, _tries: int) -> Reaction:
            hold(fake, file, number)
            is_stored.set()
            while fake.calls.count("GET /parts") < 3:  # one of the sender, then two of the other process
                time.sleep(0.01)
            return stored(etag=fake.only.parts[number].etag)

        fake.on_part = answer_late
        ended: list[str] = []
        sender = threading.Thread(target=lambda: ended.append(open_portage(ALONE).resume(file).status))
        sender.start()
        is_stored.wait()
        ended.append(open_portage(ALONE).resume(file).status)
        sender.join()
        assert ended == ["uploaded", "uploaded"]
        assert fake.tries[10] == 1
        assert_arrived(fake, file)

    def test_notice_that_their_files_differ(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        """ETags are compared: another device stored its own part 3 after ours."""

        def other_stores_its_own(number: int, _tries: int) -> None:
            if number == 10:
                while 3 not in fake.only.parts:
                    time.sleep(0.01)
                fake.only.parts[3] = Part(PART, 7, '"foreign"')

        fake.on_part = other_stores_its_own
        open_portage().upload(file)
        assert fake.tries[3] == 2
        assert_arrived(fake, file)

    def test_do_not_go_on_for_ever_if_they_differ(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        original = fake.keep

        def spoil(upload: StoredUpload, number: int, part: Part) -> None:
            original(upload, number, replace(part, etag='"foreign"'))

        fake.keep = spoil
        fake.on_part = lambda _number, _tries: None
        with pytest.raises(PartsDiffer, match="part 1 of upload u1 at S3 differs"):
            open_portage().upload(file)

    def test_both_succeed_if_the_other_completes_first(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        def completed_elsewhere(_number: int, _tries: int) -> None:
            fake.only.status = "uploaded"

        fake.on_part = completed_elsewhere
        assert open_portage().upload(file).status == "uploaded"
        assert list(open_portage().unfinished()) == []

    def test_or_has_completed_and_the_status_does_not_show_it_yet(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        interrupted(open_portage, fake, file, *range(1, 11))
        del fake.only.parts[5]

        def completed_elsewhere(_number: int, _tries: int) -> Reaction:
            hold(fake, file, 5)
            return refused(404, "NoSuchUpload")

        fake.on_part = completed_elsewhere
        assert open_portage().resume(file).status == "uploaded"
