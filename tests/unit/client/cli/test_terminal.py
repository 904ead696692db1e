"""The command under any terminal, pipe, disk and file name."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client.__main__ import main
from client.cli.output import printable
from tests.support.client.fake_portage import FakePortage
from tests.support.client.multipart import assert_arrived
from tests.support.paths import PROJECT

Capture = pytest.CaptureFixture[str]
SECONDS = 60.0


def shell(line: str, home: Path, *words: str | Path | bytes, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command by a line of sh, in which it is "$@"."""
    return subprocess.run(
        ["/bin/sh", "-c", line, "sh", sys.executable, "-m", "client", "--config", home / "portage.json", *words],
        cwd=PROJECT,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )


def sending(line: str, home: Path, *words: str | Path) -> "subprocess.Popen[bytes]":
    """Start the command as `shell` does."""
    return subprocess.Popen(
        ["/bin/sh", "-c", line, "sh", sys.executable, "-m", "client", "--config", home / "portage.json", *words],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def stalled(fake: FakePortage) -> tuple[threading.Event, threading.Event]:
    """Let S3 not answer. Returns what is set when the first part comes, and what lets S3 answer."""
    begun, released = threading.Event(), threading.Event()

    def stall(_number: int, _tries: int) -> None:
        begun.set()
        released.wait(SECONDS)

    fake.on_part = stall
    return begun, released


@pytest.fixture
def small(tmp_path: Path, fake: FakePortage) -> Path:
    fake.threshold_bytes = 10**6
    path = tmp_path / "small.txt"
    path.write_bytes(b"small")
    return path


class TestStandardStreams:
    def test_standard_input_that_is_closed_is_wrong_usage(self, signed_in: Path, fake: FakePortage) -> None:
        ended = shell('"$@" <&-', signed_in, "put", "-")
        assert ended.returncode == 2
        assert ended.stderr.startswith(b"portage: -: standard input is closed")
        assert fake.uploads == {}

    @pytest.mark.parametrize(
        ("line", "code"),
        [('"$@" >&-', 6), ('"$@" 2>&-', 0), ('"$@" >/dev/full', 6), ('"$@" 2>/dev/full', 0), ('"$@" >/dev/null', 0)],
    )
    def test_files_are_sent_without_a_place_for_the_output(
        self, signed_in: Path, fake: FakePortage, small: Path, line: str, code: int
    ) -> None:
        ended = shell(line, signed_in, "put", small, small)
        assert ended.returncode == code
        assert b"Traceback" not in ended.stderr
        assert len(fake.stored) == 2
        if code:
            assert b"the output could not be written" in ended.stderr

    @pytest.mark.parametrize(
        ("line", "arguments", "code"),
        [
            ('"$@" >/dev/full', ["--help"], 0),
            ('"$@" >&-', ["--version"], 0),
            ('"$@" 2>/dev/full', ["no-command"], 2),
            ('"$@" >/dev/full', ["completion", "bash"], 6),
            ('"$@" >&-', ["completion", "bash"], 6),
            ('{ "$@"; echo $? >&2; } | true', ["completion", "zsh"], 0),
        ],
    )
    def test_what_needs_no_stack_may_lack_one(self, home: Path, line: str, arguments: list[str], code: int) -> None:
        ended = shell(line, home, *arguments)
        assert ended.returncode == code
        assert b"Traceback" not in ended.stderr
        assert b"Exception ignored" not in ended.stderr

    def test_a_reader_that_has_read_enough_is_no_error(self, signed_in: Path, fake: FakePortage, small: Path) -> None:
        assert main(["put", *[str(small)] * 3]) == 0
        reader, writer = os.pipe()
        os.close(reader)
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "client", "--config", signed_in / "portage.json", "list"],
                cwd=PROJECT,
                stdout=writer,
                stderr=subprocess.PIPE,
                check=False,
                timeout=SECONDS,
            )
        finally:
            os.close(writer)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert len(fake.uploads) == 3

    @pytest.mark.parametrize("options", [[], ["--json"]])
    def test_an_encoding_may_lack_characters(
        self, signed_in: Path, tmp_path: Path, fake: FakePortage, options: list[str]
    ) -> None:
        fake.threshold_bytes = 10**6
        (path := tmp_path / "filmé ⏎.txt").write_bytes(b"small")
        ended = shell('"$@"', signed_in, *options, "put", path, PYTHONIOENCODING="ascii")
        assert (ended.returncode, ended.stderr.count(b"Traceback")) == (0, 0)
        assert b"\\xe9 \\u23ce" in ended.stdout or json.loads(ended.stdout)["file_name"] == path.name
        assert fake.only.declared["file_name"] == path.name

    def test_a_pipe_with_a_path_is_pointed_to_the_hyphen(self, signed_in: Path, fake: FakePortage) -> None:
        ended = shell('true | "$@"', signed_in, "put", "/dev/stdin")
        assert ended.returncode == 6
        assert b"or - to read standard input" in ended.stderr
        assert fake.uploads == {}

    @pytest.fixture
    def _not_under_nohup(self) -> Iterator[None]:
        """Processes inherit which signals are ignored."""
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        yield
        signal.signal(signal.SIGHUP, before)

    @pytest.mark.usefixtures("_not_under_nohup")
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_a_request_to_end_says_what_stays_open(
        self, signed_in: Path, fake: FakePortage, file: Path, number: signal.Signals, code: int
    ) -> None:
        begun, released = stalled(fake)
        with sending('exec "$@"', signed_in, "put", file) as process:
            assert begun.wait(SECONDS)
            process.send_signal(number)
            _, told = process.communicate(timeout=SECONDS)
        released.set()
        assert process.returncode == code
        assert f"Upload {fake.only.upload_id} is not finished" in told.decode()

    def test_a_terminal_that_closes_does_not_end_a_command_that_ignores_it(
        self, signed_in: Path, fake: FakePortage, file: Path
    ) -> None:
        """As nohup starts it."""
        begun, released = stalled(fake)
        with sending("trap '' HUP; exec \"$@\"", signed_in, "put", file) as process:
            assert begun.wait(SECONDS)
            process.send_signal(signal.SIGHUP)
            released.set()
            process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert_arrived(fake, file)

    def test_an_interrupt_ends_it_while_it_waits_for_standard_input(self, signed_in: Path, fake: FakePortage) -> None:
        fake.part_size_bytes = 8 * 1024**2
        begun, released = stalled(fake)
        released.set()
        with sending('exec "$@"', signed_in, "put", "-") as process:
            assert process.stdin is not None
            process.stdin.write(bytes(17 * 1024**2))
            process.stdin.flush()
            assert begun.wait(SECONDS)
            process.send_signal(signal.SIGINT)
            process.wait(SECONDS)
            _, told = process.communicate()
        assert process.returncode == 130
        assert b"Fatal Python error" not in told
        assert fake.only.status == "aborted"


class TestFileNames:
    def test_that_are_not_utf_8_are_named_and_later_files_are_sent(
        self, signed_in: Path, tmp_path: Path, fake: FakePortage, small: Path
    ) -> None:
        (strange := tmp_path / os.fsdecode(b"\xff\n.txt")).write_bytes(b"small")
        ended = shell('"$@"', signed_in, "--json", "put", strange, small)
        assert ended.returncode == 2
        error, sent, _ = [json.loads(line) for line in ended.stdout.decode("ascii").splitlines()]
        assert error["error"]["kind"] == "WrongDeclaration"
        assert sent["file_name"] == "small.txt"
        assert len(fake.stored) == 1
        assert main(["put", str(strange), "--name", "strange.txt"]) == 0

    def test_of_links_in_a_circle_are_named_and_later_files_are_sent(
        self, signed_in: Path, tmp_path: Path, fake: FakePortage, small: Path, capsys: Capture
    ) -> None:
        assert signed_in
        (loop := tmp_path / "loop").symlink_to("loop")
        assert main(["put", str(loop), str(small)]) == 6
        assert str(loop) in capsys.readouterr().err
        assert fake.stored == [0]

    def test_that_no_file_can_have_are_named_and_later_files_are_sent(
        self, signed_in: Path, fake: FakePortage, small: Path, capsys: Capture
    ) -> None:
        assert signed_in
        assert main(["put", "a" * 1000, str(small)]) == 6
        assert "File name too long" in capsys.readouterr().err
        assert fake.stored == [0]
        assert main(["put", "a" * 1000, "--name", "a.txt"]) == 6

    def test_do_not_control_the_terminal(
        self, signed_in: Path, tmp_path: Path, fake: FakePortage, small: Path, capsys: Capture
    ) -> None:
        assert signed_in
        (red := tmp_path / "\x1b[31mred\u202egnp.txt").write_bytes(b"small")
        assert main(["put", str(red), str(small)]) == 2
        fake.only.declared["file_name"] = red.name
        assert main(["list"]) == 0
        fake.exchanges.clear()  # the contract does not allow this name
        shown = "".join(capsys.readouterr())
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\\x1b[31mred" in shown

    def test_in_what_was_typed_wrong_do_not_either(self, capsys: Capture) -> None:
        with pytest.raises(SystemExit):
            main(["list", "\x1b[31m"])
        assert "\x1b" not in capsys.readouterr().err

    def test_are_shown_as_they_are_otherwise(self) -> None:
        assert printable("filmé 東京 👍.mp4") == "filmé 東京 👍.mp4"


def test_times_have_a_zone(signed_in: Path, small: Path, capsys: Capture) -> None:
    assert signed_in
    assert main(["put", str(small)]) == 0
    assert "  2026-01-02 03:04:05Z  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "declared"),
    [
        ('text/csv; charset="utf-8"', "text/csv; charset=utf-8"),
        ("text/csv ;charset=utf-8 ; header=present", "text/csv; charset=utf-8; header=present"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
    ],
)
def test_parameters_of_a_type_may_be_quoted(
    signed_in: Path, fake: FakePortage, small: Path, given: str, declared: str
) -> None:
    assert signed_in
    assert main(["put", str(small), "--type", given]) == 0
    assert fake.only.declared["content_type"] == declared


def test_a_parameter_that_needs_its_quotes_is_refused(signed_in: Path, fake: FakePortage, small: Path) -> None:
    assert signed_in
    assert main(["put", str(small), "--type", 'text/csv; title="two words"']) == 2
    assert fake.uploads == {}


class TestFolders:
    @pytest.mark.parametrize("as_json", [False, True])
    def test_what_a_folder_has_is_said_before_it_is_sent(
        self, fake: FakePortage, signed_in: Path, tmp_path: Path, capsys: Capture, *, as_json: bool
    ) -> None:
        assert signed_in
        (tmp_path / "film" / ".git").mkdir(parents=True)
        for name in ("1.mp4", ".git/HEAD"):
            (tmp_path / "film" / name).write_bytes(b"12345")
        assert main([*(["--json"] if as_json else []), "put", str(tmp_path / "film")]) == 0
        first = capsys.readouterr().err.splitlines()[:1]
        assert first == ([] if as_json else [f"portage: {tmp_path / 'film'}: 2 files, 10 bytes"])
        assert len(fake.uploads) == 2

    def test_are_sent_with_one_summary(
        self, signed_in: Path, tmp_path: Path, fake: FakePortage, capsys: Capture
    ) -> None:
        assert signed_in
        fake.threshold_bytes = 10**6
        (tmp_path / "film" / "takes").mkdir(parents=True)
        for name in ("b.txt", "a.txt", "takes/c.txt"):
            (tmp_path / "film" / name).write_bytes(b"small")
        (tmp_path / "film" / "empty.txt").touch()
        assert main(["--json", "put", str(tmp_path / "film")]) == 6
        *each, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [one.get("file_name", "error") for one in each] == ["a.txt", "b.txt", "error", "c.txt"]
        summary = last["summary"]
        assert (summary["files"], summary["uploaded"], summary["failed"], summary["size_bytes"]) == (4, 3, 1, 15)

    def test_that_are_empty_are_named(self, signed_in: Path, tmp_path: Path, capsys: Capture) -> None:
        assert signed_in
        (empty := tmp_path / "empty").mkdir()
        assert main(["put", str(empty)]) == 6
        assert str(empty) in capsys.readouterr().err

    @pytest.mark.usefixtures("signed_in")
    def test_that_cannot_be_read_are_named_and_the_others_are_sent(
        self,
        tmp_path: Path,
        small: Path,
        fake: FakePortage,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Capture,
    ) -> None:
        (folder := tmp_path / "film" / "private").mkdir(parents=True)
        small.rename(folder.parent / "small.txt")
        scan = os.scandir

        def refuse(path: str) -> Any:
            if Path(path) == folder:
                raise PermissionError(13, os.strerror(13), path)
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert main(["put", str(folder.parent)]) == 6
        assert str(folder) in capsys.readouterr().err
        assert fake.stored == [0]

    def test_have_no_one_name(self, signed_in: Path, tmp_path: Path) -> None:
        assert signed_in
        with pytest.raises(SystemExit) as ended:
            main(["put", str(tmp_path), "--name", "x"])
        assert ended.value.code == 2


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "tcsh"])
def test_a_shell_completes_commands(shell_name: str, capsys: Capture) -> None:
    assert main(["completion", shell_name]) == 0
    assert "resume" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["put", "fi"], ["film.mp4"]),
        (["put", "a.txt", "fi"], ["film.mp4"]),
        (["resume", "fi"], ["film.mp4"]),
        (["get", "-o", "fi"], ["film.mp4"]),
        (["put", "--config", "fi"], ["film.mp4"]),
        (["put", "--checksum", "s"], ["sha256"]),
    ],
)
def test_bash_completes_file_names(tmp_path: Path, capsys: Capture, words: list[str], completed: list[str]) -> None:
    assert main(["completion", "bash"]) == 0
    (tmp_path / "film.mp4").touch()
    script = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_portage; printf "%s\\n" "${COMPREPLY[@]}"'
    ended = subprocess.run(
        ["/bin/bash", "-c", f"{capsys.readouterr().out}\n{script}", "bash", "portage", *words],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    assert ended.stdout.split() == completed


def test_help_waits_neither_for_http_nor_for_the_display() -> None:
    code = "import sys; from client.__main__ import parser; parser(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, check=True, text=True)
    assert {"urllib3", "rich", "tenacity", "ssl", "boto3"}.isdisjoint(loaded.stdout.split())


def test_nothing_is_lost_of_a_file_that_is_sent_again_by_the_same_command(
    signed_in: Path, fake: FakePortage, file: Path
) -> None:
    assert main(["put", str(file)]) == 0
    assert_arrived(fake, file)
    assert not list((signed_in.parent / "XDG_CACHE_HOME" / "portage" / "uploads").glob("*"))
