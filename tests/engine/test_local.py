"""`make local ENGINE=pulumi`: the real engine deploys to the embedded AWS, a file goes through, Ctrl-C ends all."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from client import Portage, UserPool
from local.engine.pulumi_cli import cli
from tests.support.deployment.engine_project import checkout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout, since one runs local mode once at a time."""
    return checkout(tmp_path / "check out")


@pytest.fixture
def running(copy: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    path = os.pathsep.join((str(cli.require().parent), os.environ["PATH"]))
    with subprocess.Popen(
        [sys.executable, "-m", "local", "up", "--engine", "pulumi"],
        cwd=copy,
        env={**os.environ, "PATH": path, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
    assert [*temporary.iterdir()] == []


def test_a_file_goes_through_what_the_engine_has_deployed(running: "subprocess.Popen[str]", copy: Path) -> None:
    assert running.stdout is not None
    lines: list[str] = []
    for line in running.stdout:
        lines.append(line)
        if "It stays until Ctrl-C" in line:
            break
    printed = "".join(lines)
    assert "by the Pulumi engine" in printed
    assert "Table pointInTimeRecovery" in printed
    outputs = json.loads((copy / ".local" / "portage.json").read_text())
    email, password = re.findall(r"^  (?:email|password)\s+(\S+)$", printed, re.MULTILINE)

    with UserPool(outputs["userPoolClientId"], outputs["region"], outputs["cognitoEndpoint"]) as pool:
        session = pool.sign_in(email, password)
    with Portage(outputs["apiUrl"], session.id_token) as portage:
        upload = portage.wait(portage.upload(copy / "README.md").upload_id, timeout_seconds=120)
    assert upload.status == "completed"

    running.send_signal(signal.SIGINT)
    assert running.wait(120) == 0


def test_ctrl_c_ends_the_engine_too(running: "subprocess.Popen[str]", copy: Path) -> None:
    assert running.stdout is not None
    state = copy / ".local" / "engine" / "state"
    while not any("aws:s3/bucket:Bucket" in path.read_text() for path in state.glob(".pulumi/stacks/*/local.json")):
        assert running.poll() is None
        time.sleep(0.1)

    running.send_signal(signal.SIGINT)
    rest = running.stdout.read()

    assert running.wait(120) == 0, rest
    deadline = time.monotonic() + 60  # the plugin looks once a second whether its engine is gone
    while left := [process for process in cmdlines() if str(copy) in process]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def cmdlines() -> list[str]:
    """Return the environments and arguments of all processes."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            content = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended, or is somebody else's
        found.append(content.decode(errors="replace"))
    return found
