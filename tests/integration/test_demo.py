"""`make demo` as somebody runs it: it ends by itself, and nothing is left of it, however it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.paths import PROJECT


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The demo's own temporary folder, by which its processes are known; it must be empty afterwards."""
    yield tmp_path
    assert [*tmp_path.iterdir()] == []
    assert processes_in(tmp_path) == []


@pytest.fixture
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as `pulumi new` copies it under another name, its stack's file as the CLI rewrites it."""
    copy = tmp_path_factory.mktemp("renamed") / "media-uploads"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    description = yaml.safe_load((copy / "Pulumi.yaml").read_text())
    stack = yaml.safe_load((copy / "Pulumi.local.yaml").read_text())
    own_keys = {key.removeprefix(f"{description['name']}:"): value for key, value in stack["config"].items()}
    written = {
        key if ":" in key else f"media-uploads:{key}": json.dumps(value) if isinstance(value, bool | int) else value
        for key, value in own_keys.items()
    }
    (copy / "Pulumi.yaml").write_text(yaml.safe_dump(description | {"name": "media-uploads"}))
    (copy / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": written, "encryptionsalt": "v1:FpppDZxUWz4="}))
    return copy


def start(temporary: Path, project: Path = PROJECT) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local", "demo"],
        cwd=project,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_in(folder: Path) -> list[str]:
    """Command lines of the live processes with a folder in their environment or arguments."""
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


def test_the_demo_shows_the_whole_way_and_exits_with_0_under_any_name(temporary: Path, renamed: Path) -> None:
    demo = start(temporary, renamed)
    output, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0, output
    assert "413" in output
    order = [output.index(status) for status in ("pending", "uploaded", "processing", "completed")]
    assert order == sorted(order)
    assert "same SHA-256" in output


@pytest.mark.variant
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
    demo.communicate(timeout=120)
    assert demo.returncode == 130
