"""`make demo` as somebody runs it: it ends by itself, and nothing is left of it, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The demo's own temporary folder, by which its processes are known; it must be empty afterwards."""
    yield tmp_path
    assert [*tmp_path.iterdir()] == []
    assert processes_in(tmp_path) == []


def start(temporary: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local", "demo"],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_in(folder: Path) -> list[str]:
    """Command lines of the live processes whose environment or arguments name a folder."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            is_zombie = ") Z " in (process / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended, or is somebody else's
        if str(folder).encode() in text and not is_zombie:
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_the_demo_shows_the_whole_way_and_exits_with_0(temporary: Path) -> None:
    demo = start(temporary)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, output
    assert "413" in output
    order = [output.index(status) for status in ("pending", "uploaded", "processing", "completed")]
    assert order == sorted(order)
    assert "same SHA-256" in output


@pytest.mark.parametrize("mark", ["Start an embedded AWS", "Deploy the program", "Sign up, sign in"])
def test_ctrl_c_leaves_nothing_behind(temporary: Path, mark: str) -> None:
    demo = start(temporary)
    assert demo.stdout is not None
    for line in demo.stdout:
        if mark in line:
            break
    else:
        pytest.fail(f"the demo ended before {mark!r}")
    time.sleep(0.2)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=20)
    assert demo.returncode == 130
