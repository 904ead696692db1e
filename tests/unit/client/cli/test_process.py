"""The `portage` command as a process of its own, as a shell starts it."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import pytest

from tests.support.client.fake_portage import FakePortage
from tests.support.client.multipart import assert_arrived
from tests.support.paths import PROJECT

STALLED_SECONDS = 60.0


def portage(*words: str | Path, home: Path, stdout: IO[bytes] | int = subprocess.PIPE) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "client", "--config", home / "portage.json", *words],
        cwd=PROJECT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_interrupted_command_says_so_at_once_and_goes_on_later(
    signed_in: Path, fake: FakePortage, file: Path
) -> None:
    released = threading.Event()

    def stall_after_eight(number: int, _tries: int) -> None:
        if number > 8:
            released.wait(STALLED_SECONDS)

    fake.on_part = stall_after_eight
    with portage("put", file, home=signed_in) as sending:
        while len(fake.stored) < 8:
            time.sleep(0.01)
        interrupted_at = time.monotonic()
        sending.send_signal(signal.SIGINT)
        _, told = sending.communicate()
    assert time.monotonic() - interrupted_at < STALLED_SECONDS / 2, "it does not wait for what is under way"
    assert sending.returncode == 130
    assert "portage: interrupted\nportage: Upload 00000000-0000-7000-8000-000000000001 is not finished" in told
    assert "Traceback" not in told

    fake.on_part = lambda _number, _tries: None
    fake.tries.clear()
    with portage("resume", home=signed_in) as sending:
        shown, _ = sending.communicate()
    assert (sending.returncode, shown.split()[:2]) == (0, [fake.only.upload_id, "uploaded"])
    # And the last ones before them, if the interruption came before S3's answers.
    assert {9, 10} <= set(fake.tries) < set(range(1, 11))
    assert_arrived(fake, file)
    released.set()  # not before: what the first command had sent of these parts may arrive even now


def test_a_result_goes_to_standard_output_under_any_of_its_names(
    signed_in: Path, fake: FakePortage, file: Path, tmp_path: Path
) -> None:
    with portage("put", file, home=signed_in) as sending:
        sending.communicate()
    fake.result = b"no line end"
    for name in ("-", "/dev/stdout", "/dev/fd/1"):
        with (tmp_path / "out").open("wb") as out:
            words = ("get", fake.only.upload_id, "-o", name)
            with portage(*words, home=signed_in, stdout=out) as getting:
                assert getting.communicate()[1] == ""
        assert (tmp_path / "out").read_bytes() == fake.result


@pytest.mark.parametrize("words", [["--help"], ["put", "--help"]])
def test_help_needs_neither_configuration_nor_network(words: list[str], tmp_path: Path) -> None:
    with portage(*words, home=tmp_path) as helping:
        shown, _ = helping.communicate()
    assert helping.returncode == 0
    assert shown.startswith("usage: python -m client ")
    assert "`python -m client resume`" in shown
