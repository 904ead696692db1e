"""The `portage` command, in this process: what it says, and with what code it ends."""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.__main__ import main
from client.api.models import METHODS
from tests.support.client.fake_portage import REASON, FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Reaction, answer
from tests.support.client.multipart import PART, assert_arrived

FIRST, SECOND, UNKNOWN = (f"00000000-0000-7000-8000-{number:012}" for number in (1, 2, 9))

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was written to standard output since, as JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("signed_in")
class TestPut:
    def test_sends_files_and_tells_of_each(self, fake: FakePortage, file: Path, lines: Lines) -> None:
        assert main(["put", str(file), "--json"]) == 0
        assert_arrived(fake, file)
        (told,) = lines()
        assert (told["upload_id"], told["status"], told["path"]) == (FIRST, "uploaded", str(file))

    def test_writes_lines_where_there_is_no_terminal(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["put", str(file)]) == 0
        shown = capsys.readouterr()
        assert shown.out.startswith(f"{FIRST}  uploaded")
        assert "film.mp4: 100 % of 589.8 kB, 10/10 parts" in shown.err

    def test_goes_on_with_the_next_file_after_a_fault(self, file: Path, lines: Lines) -> None:
        assert main(["--json", "put", "not-there", str(file)]) == 6
        fault, told, _ = lines()
        assert (fault["path"], fault["error"]["kind"]) == ("not-there", "FileNotFoundError")
        assert told["status"] == "uploaded"

    def test_names_the_file_once_in_each_error(
        self, file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        (empty := tmp_path / "empty").touch()
        given = ["not-there", str(empty), "/dev/null"]
        assert main(["put", *given, str(file)]) == 6
        *told, _ = [line for line in capsys.readouterr().err.splitlines() if line.startswith("portage:")]
        named = [Path("not-there").absolute(), empty, "/dev/null"]
        assert [line.count(str(name)) for line, name in zip(told, named, strict=True)] == [1, 1, 1]
        assert "Errno" not in "".join(told)
        assert told[0] == f"portage: No such file or directory: {named[0]}"
        assert told[2].startswith("portage: Not a regular file: /dev/null.")

    def test_names_the_file_once_in_json(self, lines: Lines, tmp_path: Path) -> None:
        missing = tmp_path / "not-there"
        assert main(["--json", "put", str(missing)]) == 6
        (fault,) = lines()
        assert fault["error"]["message"] == f"No such file or directory: {missing}"

    def test_of_no_media_type_is_refused_before_any_call(
        self, fake: FakePortage, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["put", str(file), "--type", "video"]) == 2
        assert "content type is 'video': give a media type" in capsys.readouterr().err
        assert fake.calls == []

    def test_that_takes_too_long_names_the_way_to_wait_longer(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["put", str(file), "--wait", "--timeout", "0.01"]) == 5
        assert f"`portage status {FIRST} --wait --timeout SECONDS`" in capsys.readouterr().err

    def test_declares_the_size_of_short_standard_input(
        self, fake: FakePortage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * (2 * PART + 1))))
        assert main(["put", "-", "--name", "film.mp4"]) == 0
        assert fake.only.declared == {"file_name": "film.mp4", "content_type": "video/mp4", "size_bytes": 2 * PART + 1}

    def test_waits_for_the_end(self, fake: FakePortage, file: Path, lines: Lines) -> None:
        def end(_number: int, _tries: int) -> None:
            fake.on_end = "failed"

        fake.on_part = end
        assert main(["put", str(file), "--wait", "--json"]) == 1
        assert lines()[0]["status"] == "failed"

    def test_ends_with_a_code_of_its_own_if_it_is_rejected(self, fake: FakePortage, file: Path, lines: Lines) -> None:
        fake.on_end = "rejected"
        assert main(["put", str(file), "--wait", "--json"]) == 7
        assert lines()[0]["rejection"] == REASON

    @pytest.mark.parametrize(("algorithm", "method"), [("crc32", "put"), ("sha256", "post"), ("sha256", "multipart")])
    def test_declares_what_its_options_say(self, fake: FakePortage, file: Path, algorithm: str, method: str) -> None:
        assert main(["put", str(file), "--checksum", algorithm, "--method", method]) == 0
        assert fake.only.declared["checksum"]["algorithm"] == algorithm
        assert fake.only.declared["method"] == method

    @pytest.mark.parametrize("words", [["--checksum", "md5"], ["--method", "ftp"]])
    def test_takes_no_other_word(self, file: Path, words: list[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["put", str(file), *words])
        assert ended.value.code == 2

    def test_over_the_quota_is_refused(self, fake: FakePortage, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        fake.max_upload_bytes = 1000
        assert main(["put", str(file)]) == 4
        assert "Each upload may have 1000 bytes." in capsys.readouterr().err

    def test_that_s3_refuses_ends_with_its_code(self, fake: FakePortage, file: Path) -> None:
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        assert main(["put", str(file)]) == 4

    def test_that_servers_fail_can_be_repeated(self, fake: FakePortage, file: Path) -> None:
        fake.on_part = lambda _number, _tries: refused(503, "SlowDown")
        assert main(["put", str(file)]) == 5
        fake.on_part = lambda _number, _tries: None
        assert main(["put", str(file)]) == 0
        assert_arrived(fake, file)

    @pytest.mark.parametrize("method", METHODS)
    def test_that_something_else_than_s3_answers_is_tried_again(
        self, fake: FakePortage, file: Path, capsys: pytest.CaptureFixture[str], method: str
    ) -> None:
        """Such as a network that wants somebody to sign in first."""
        portal = answer(200, b"<html>Welcome to our Wi-Fi</html>", "text/html", ETag='"1"')
        fake.on_part = lambda _number, _tries: portal
        assert main(["put", str(file), "--method", method]) == 5
        assert "Welcome to our Wi-Fi" in capsys.readouterr().err
        assert max(fake.tries.values()) > 1
        assert fake.stored == []
        fake.on_part = lambda _number, tries: portal if tries == 1 else None
        fake.tries.clear()
        assert main(["put", str(file), "--method", method]) == 0
        assert sum(part.size_bytes for part in list(fake.uploads.values())[-1].parts.values()) == 9 * PART + 3

    def test_of_many_files_cannot_have_one_name(self) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["put", "a", "b", "--name", "c"])
        assert ended.value.code == 2


@pytest.mark.usefixtures("signed_in")
class TestResume:
    def test_goes_on_with_all_that_was_begun(self, fake: FakePortage, file: Path) -> None:
        def refuse_the_last(number: int, _tries: int) -> Reaction | None:
            while number == 10 and len(fake.stored) < 9:
                time.sleep(0.01)
            return refused(403, "AccessDenied") if number == 10 else None

        fake.on_part = refuse_the_last
        assert main(["put", str(file)]) == 4
        fake.on_part = lambda _number, _tries: None
        fake.stored.clear()
        assert main(["resume", "--json"]) == 0
        assert fake.stored == [10]
        assert_arrived(fake, file)

    def test_of_standard_input_is_impossible_so_it_is_aborted(
        self, fake: FakePortage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 3 * PART)))
        assert main(["put", "-"]) == 4
        assert fake.only.status == "aborted"
        assert f"Upload {FIRST} is aborted." in capsys.readouterr().err
        assert main(["resume"]) == 0
        assert fake.calls.count("POST /parts") == 1

    def test_of_what_is_over_or_changed_tells_of_each_upload(
        self, fake: FakePortage, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        for content in (b"first", b"second"):
            file.write_bytes(content)
            assert main(["put", str(file)]) == 4
        file.unlink()
        first, second = fake.uploads
        fake.uploads[first].status = "aborted"
        capsys.readouterr()
        assert main(["resume"]) in {1, 6}, "the code of either error, in any order"
        told = capsys.readouterr().err
        assert f"upload {first} is aborted" in told
        assert "Its state on this machine is deleted." in told
        assert f"Upload {second} was started with this file" in told
        assert main(["resume"]) == 6

    def test_on_another_device_needs_the_file(self) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["resume", "--id", FIRST])
        assert ended.value.code == 2

    def test_of_nothing_is_no_fault(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["resume"]) == 0
        assert "there are no unfinished uploads" in capsys.readouterr().err

    def test_of_a_file_that_was_not_begun_is_one(self, file: Path) -> None:
        assert main(["resume", str(file)]) == 6


class TestTheRest:
    @pytest.fixture(autouse=True)
    def uploaded(self, signed_in: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["put", str(file), "--config", str(signed_in / "portage.json")]) == 0
        capsys.readouterr()

    def test_status_tells_one(self, lines: Lines) -> None:
        assert main(["status", FIRST, "--json"]) == 0
        assert lines()[0]["status"] == "uploaded"

    def test_status_of_an_unknown_upload_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["status", UNKNOWN]) == 4
        assert "404" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("end", "code"), [("failed", 1), ("aborted", 1), ("expired", 1), ("rejected", 7), ("completed", 0)]
    )
    def test_status_ends_with_a_code_of_the_end(self, fake: FakePortage, end: str, code: int) -> None:
        fake.only.status = end
        assert main(["status", FIRST]) == code

    @pytest.mark.parametrize(("words", "code"), [(["status", FIRST], 7), (["list"], 0)])
    def test_status_and_list_tell_why_an_upload_was_rejected(
        self, fake: FakePortage, capsys: pytest.CaptureFixture[str], words: list[str], code: int
    ) -> None:
        fake.only.status = "rejected"
        assert main(words) == code
        told = capsys.readouterr().out
        assert "rejected" in told
        assert told.endswith(f"film.mp4: {REASON['code']}, {REASON['detail']}\n")
        assert main([*words, "--json"]) == code
        assert json.loads(capsys.readouterr().out)["rejection"] == REASON

    def test_status_shows_how_far_processing_is(self, fake: FakePortage, capsys: pytest.CaptureFixture[str]) -> None:
        fake.only.status = "processing"
        main(["status", FIRST])
        assert capsys.readouterr().out.endswith("film.mp4: 40 %, 1,000 rows read\n")

    def test_list_tells_of_the_newest(self, file: Path, lines: Lines) -> None:
        assert main(["put", str(file), "--json"]) == 0
        lines()
        assert main(["list", "--json", "--limit", "1"]) == 0
        assert [told["upload_id"] for told in lines()] == [SECOND]

    def test_get_writes_the_result_by_its_name(self, fake: FakePortage, signed_in: Path) -> None:
        fake.result = b'{"ok": true}'
        assert main(["get", FIRST]) == 0
        assert (signed_in / "filmé.json").read_bytes() == fake.result
        assert main(["get", FIRST]) == 6, "it does not overwrite what is there"

    def test_get_writes_the_result_where_it_is_told(self, fake: FakePortage, signed_in: Path) -> None:
        fake.result = b"1"
        assert main(["get", FIRST, "-o", "out.json"]) == 0
        fake.result = b"2"
        assert main(["get", FIRST, "-o", "out.json"]) == 0
        assert (signed_in / "out.json").read_bytes() == b"2"

    def test_get_writes_the_result_to_standard_output(
        self, fake: FakePortage, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fake.result = b"no line end"
        assert main(["get", FIRST, "-o", "-"]) == 0
        assert capsys.readouterr().out == "no line end"

    def test_get_of_nothing_yet_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["get", FIRST]) == 1
        assert "409 no-result" in capsys.readouterr().err

    def test_abort_gives_up_what_was_begun(self, fake: FakePortage, file: Path) -> None:
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
        file.write_bytes(b"other")
        assert main(["put", str(file)]) == 4
        assert main(["abort", SECOND]) == 0
        assert fake.uploads[SECOND].status == "aborted"
        assert main(["abort", FIRST]) == 4, "what is complete is not open"
