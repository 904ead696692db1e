"""A file far larger than any buffer goes up in parts, in the memory of a small one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployment.system import System, User

pytestmark = pytest.mark.variant

MEBIBYTE = 1024**2
SIZE = 512 * MEBIBYTE
"""32 parts, 50 times the memory that sending may take."""
SMALL = 17 * MEBIBYTE
"""Two parts: all that sending in parts needs is in memory then."""

MEMORY_BYTES = 10 * MEBIBYTE
"""The memory for sending a file of any size: a buffer for each connection, and threads."""

SEND = """
import re, sys
from pathlib import Path
from client import Portage
with Portage(sys.argv[1], sys.argv[2]) as portage:
    upload = portage.upload(sys.argv[3], method="multipart")
print(upload.upload_id, re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""
"""The kernel's high-water mark of this process alone: getrusage's begins with that of the process which forked it."""


def send(system: System, user: User, path: Path) -> tuple[str, int]:
    """Send a file by a process of its own; returns the upload's id, and the most memory that it had, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", SEND, system.outputs["apiUrl"], user.token, path],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "XDG_CACHE_HOME": str(path.parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    upload_id, memory = done.stdout.split()
    return upload_id, int(memory) * 1024


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """512 MiB that take no room on the disk."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(SIZE)
        file.seek(SIZE - 3)
        file.write(b"end")
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has a peak value for each process")
def test_512_mebibytes_arrive_in_the_memory_of_a_small_file(
    system: System, user: User, sparse: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.bin"
    small.write_bytes(bytes(SMALL))
    _, before = send(system, user, small)
    upload_id, memory = send(system, user, sparse)
    assert memory - before < MEMORY_BYTES
    upload = system.await_status(user, upload_id, "completed", "failed", "rejected", seconds=120)
    assert upload["status"] == "completed", upload
    place = upload["result"]
    result = system.emulator.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    assert json.loads(result)["size_bytes"] == SIZE
