"""The client under load, and as a process of its own: how many connections, how much memory, what a kill leaves."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from client import Progress
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Reaction
from tests.support.client.multipart import PART, QUICK, Open, assert_arrived
from tests.support.paths import PROJECT

pytestmark = pytest.mark.variant

MIB = 1024 * 1024

UPLOAD = """
import re, sys
from pathlib import Path
from client import Portage

def peak_mib():
    return int(re.search("VmHWM: *([0-9]+)", Path("/proc/self/status").read_text().replace("\\t", ""))[1]) / 1024

url, state, method, *paths = sys.argv[1:]
with Portage(url, "token", state_folder=Path(state)) as portage:
    for path in paths:
        before = peak_mib()
        upload = portage.upload(path, method=method)
        print(upload.status, peak_mib() - before, flush=True)
"""


def start(fake: FakePortage, state: Path, *paths: Path, method: str = "multipart") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", UPLOAD, fake.url, str(state), method, *map(str, paths)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_parts_arrive_over_http_and_https(either: FakePortage, open_portage: Open, file: Path) -> None:
    either.part_size_bytes = 300_000
    open_portage(url=either.url).upload(file)
    assert_arrived(either, file)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("method", ["post", "multipart"])
def test_memory_does_not_grow_with_the_file(either: FakePortage, tmp_path: Path, method: str) -> None:
    """A first small upload loads what loads late; the second may grow by the buffers of further connections only."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(MIB))
    with large.open("wb") as file:
        file.truncate((1024 if either.url.startswith("http:") else 256) * MIB)
    either.part_size_bytes = 16 * MIB
    with start(either, tmp_path / "state", small, large, method=method) as sending:
        output, _ = sending.communicate()
    (_, _), (status, growth_mib) = (line.split() for line in output.splitlines())
    assert status == ("uploaded" if method == "multipart" else "pending")
    assert float(growth_mib) <= 10


def test_a_client_that_is_killed_goes_on_without_sending_finished_parts_again(
    fake: FakePortage, tmp_path: Path, file: Path
) -> None:
    def stall_late_parts(number: int, _tries: int) -> Reaction | None:
        if number > 6:
            time.sleep(0.5)
            return refused(503, "SlowDown")
        return None

    fake.on_part = stall_late_parts
    state = tmp_path / "state"
    with start(fake, state, file) as sending:
        # A part that S3 has, and that the client has not noted yet, is sent again.
        while sum(len(notes.read_text().splitlines()) for notes in state.rglob("*.parts")) < 6:
            time.sleep(0.01)
        sending.kill()
    while fake.at_once:
        time.sleep(0.01)
    assert sorted(fake.stored) == [1, 2, 3, 4, 5, 6]
    assert fake.only.status == "pending"

    fake.on_part = lambda _number, _tries: None
    with start(fake, tmp_path / "state", file) as sending:
        assert sending.communicate()[0].startswith("uploaded")
    assert sorted(fake.stored) == list(range(1, 11)), "each part was stored once"
    assert_arrived(fake, file)


class TestConnections:
    def test_become_more_while_that_is_faster(self, fake: FakePortage, open_portage: Open, tmp_path: Path) -> None:
        """Each part takes its time however many are on their way: the line is wide, and each connection slow."""
        path = tmp_path / "wide"
        path.write_bytes(bytes(300 * PART))
        fake.on_part = lambda _number, _tries: time.sleep(0.05)
        seen: list[Progress] = []
        open_portage(replace(QUICK, window_seconds=0.2)).upload(path, on_progress=seen.append)
        assert fake.most_at_once > 4
        assert max(each.connections for each in seen) <= 16

    def test_become_fewer_when_s3_is_busy(self, fake: FakePortage, open_portage: Open, tmp_path: Path) -> None:
        path = tmp_path / "busy"
        path.write_bytes(bytes(60 * PART))

        def slow_down(number: int, tries: int) -> Reaction | None:
            time.sleep(0.02)
            return refused(503, "SlowDown") if number % 5 == 0 and tries == 1 else None

        fake.on_part = slow_down
        seen: list[int] = []
        open_portage(replace(QUICK, window_seconds=0.3)).upload(path, on_progress=lambda p: seen.append(p.connections))
        assert seen[0] == 4
        assert min(seen[:-1]) < 4
        assert_arrived(fake, path)
