import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import run_file
from local.__main__ import main
from local.errors import LocalModeError
from tests.support.paths import PROJECT

HOLD = """
import sys, time
from pathlib import Path
from local import run_file
from local.interruption import Stopped, stoppable
path, tidying_seconds = Path(sys.argv[1]), float(sys.argv[2])
with stoppable():
    try:
        with run_file.held(path):
            print("holding", flush=True)
            time.sleep(30)
    except Stopped as stopped:
        path.with_name("tidying").write_text(str(stopped))
        time.sleep(tidying_seconds)
        path.with_name("tidied").touch()
"""

Holder = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".local" / "up.json"


@pytest.fixture
def holder(path: Path) -> Iterator[Holder]:
    """Start processes that do what `up` does with the run file; they tidy up for so many seconds."""
    started: list[subprocess.Popen[str]] = []

    def start(tidying_seconds: float = 0.0) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLD, str(path), str(tidying_seconds)]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


class TestArguments:
    @pytest.mark.parametrize("arguments", [[], ["demoo"], ["demo", "--fast"], ["up", "down"]])
    def test_that_are_wrong_are_refused_with_the_usage(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "usage: python -m local" in capsys.readouterr().err

    def test_help_names_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["--help"])
        assert caught.value.code == 0
        told = capsys.readouterr().out
        assert all(f"\n    {command}  " in told for command in ("up", "demo", "down"))

    def test_help_of_a_command_keeps_names_as_they_are_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["up", "--help"])
        told = " ".join(capsys.readouterr().out.split())
        assert "Start an embedded AWS, deploy the stack `local`, and stay until Ctrl-C or `down`." in told


class TestDown:
    def test_needs_the_standard_library_alone(self) -> None:
        imports = "import local.__main__, local.run_file"
        assert subprocess.run([sys.executable, "-S", "-c", imports], cwd=PROJECT, check=False).returncode == 0

    def test_says_so_where_nothing_runs(self, path: Path) -> None:
        assert "`make local`, or `python -m local up`, starts it" in run_file.down(path)
        assert not path.exists()

    def test_stops_the_process_that_runs(self, path: Path, holder: Holder) -> None:
        process = holder()
        assert run_file.down(path).startswith(f"Local mode has stopped: process {process.pid}, started at 20")
        assert process.wait(timeout=60) == 0
        assert path.with_name("tidying").read_text() == "Stopped by SIGTERM"

    def test_leaves_no_file_of_the_process_behind(self, path: Path, holder: Holder) -> None:
        holder()
        for file in run_file.client_files(path):
            file.touch()
        run_file.down(path)
        assert {file.name for file in path.parent.iterdir()} == {"tidying", "tidied"}

    def test_returns_only_when_the_process_has_ended(self, path: Path, holder: Holder) -> None:
        holder(tidying_seconds=0.5)
        run_file.down(path)
        assert path.with_name("tidied").exists()

    def test_recognises_what_a_killed_process_left(self, path: Path, holder: Holder) -> None:
        process = holder()
        process.kill()
        process.wait()
        for file in run_file.client_files(path):
            file.touch()
        assert re.search(f"process {process.pid}, .* ended without cleaning up", run_file.down(path))
        assert [*path.parent.iterdir()] == []
        assert "`python -m local up`, starts it" in run_file.down(path)

    def test_spares_a_stranger_that_has_the_number_now(self, path: Path) -> None:
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"]) as stranger:
            path.parent.mkdir()
            path.write_text(json.dumps({"pid": stranger.pid, "started_at": "yesterday"}))
            assert "ended without cleaning up" in run_file.down(path)
            assert stranger.poll() is None
            stranger.kill()

    def test_says_so_if_the_process_does_not_end(
        self, path: Path, holder: Holder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_file, "_STOP_SECONDS", 0.1)
        process = holder(tidying_seconds=20)
        with pytest.raises(LocalModeError, match=f"process {process.pid}, .* still runs"):
            run_file.down(path)


class TestRunFile:
    @pytest.mark.parametrize("content", ["garbage", "[]", '{"pid": 1}'])
    def test_of_somebody_else_is_named(self, path: Path, content: str) -> None:
        path.parent.mkdir()
        path.write_text(content)
        with pytest.raises(LocalModeError, match=re.escape(str(path))):
            run_file.down(path)

    def test_cannot_be_in_what_is_no_folder(self, path: Path) -> None:
        path.parent.touch()
        assert "`make local`" in run_file.down(path)
        with pytest.raises(LocalModeError, match=re.escape(str(path.parent))), run_file.held(path):
            pass

    def test_lets_one_process_run_at_a_time(self, path: Path, holder: Holder) -> None:
        process = holder()
        with pytest.raises(LocalModeError, match=rf"process {process.pid}, .*`make down`"), run_file.held(path):
            pytest.fail("two processes hold the file")

    def test_names_nobody_once_the_process_has_ended_in_order(self, path: Path, holder: Holder) -> None:
        process = holder()
        assert run_file.find_runner(path) is not None
        process.send_signal(signal.SIGINT)
        process.wait()
        assert run_file.find_runner(path) is None

    def test_may_be_held_again_after_a_killed_process(self, path: Path, holder: Holder) -> None:
        process = holder()
        process.kill()
        process.wait()
        with run_file.held(path):
            runner = run_file.find_runner(path)
        assert runner is not None
        assert runner.is_alive
        assert runner.pid != process.pid

    def test_may_be_held_by_the_next_while_the_last_still_ends(self, path: Path, holder: Holder) -> None:
        first = holder(tidying_seconds=20)
        first.send_signal(signal.SIGTERM)
        _wait_for(path.with_name("tidying"))
        second = holder()
        runner = run_file.find_runner(path)
        assert runner is not None
        assert (runner.pid, runner.is_alive) == (second.pid, True)


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_that_come_again_do_not_cut_the_tidying_short(
        self, path: Path, holder: Holder, number: signal.Signals
    ) -> None:
        process = holder(tidying_seconds=0.3)
        process.send_signal(number)
        _wait_for(path.with_name("tidying"))
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert path.with_name("tidying").read_text() == f"Stopped by {number.name}"
        assert path.with_name("tidied").exists()

    @pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_give_a_command_the_exit_code_that_shells_know(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        number: signal.Signals,
        exit_code: int,
    ) -> None:
        before = signal.getsignal(number)

        def stop(_compute: str | None) -> None:
            signal.raise_signal(number)

        monkeypatch.setattr("local.demo.run_demo", stop)
        assert main(["demo"]) == exit_code
        assert f"Stopped by {number.name}" in capsys.readouterr().err
        assert signal.getsignal(number) == before

    def test_are_how_up_is_meant_to_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def up(_deploy_program: object, _compute: object) -> None:
            signal.raise_signal(signal.SIGTERM)

        monkeypatch.setattr("local.up.up", up)
        assert main(["up"]) == 0


class TestFailures:
    def test_that_are_explained_end_in_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fail(_compute: str | None) -> None:
            raise LocalModeError("the gateway took it")

        monkeypatch.setattr("local.demo.run_demo", fail)
        assert main(["demo"]) == 1
        assert capsys.readouterr().err.strip() == "the gateway took it"

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EMFILE])
    def test_of_the_machine_name_the_place_and_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int
    ) -> None:
        def fail(_compute: str | None) -> None:
            raise OSError(code, os.strerror(code), "/the/place")

        monkeypatch.setattr("local.demo.run_demo", fail)
        assert main(["demo"]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith(f"{os.strerror(code)} (/the/place). ")

    @pytest.mark.parametrize("error", [KeyError("missing"), ConnectionRefusedError(111, "refused")])
    def test_that_are_not_foreseen_are_not_hidden(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def fail(_compute: str | None) -> None:
            raise error

        monkeypatch.setattr("local.demo.run_demo", fail)
        with pytest.raises(type(error)):
            main(["demo"])


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("words", "compute"), [(["demo"], None), (["demo", "--compute", "fargate"], "fargate")])
def test_the_compute_can_be_chosen(words: list[str], compute: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str | None] = []
    monkeypatch.setattr("local.demo.run_demo", chosen.append)
    assert main(words) == 0
    assert chosen == [compute]
