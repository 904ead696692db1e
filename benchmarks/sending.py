"""Sending a large file in parts to nginx: the cost with our client, curl and boto3's TransferManager."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import MEBIBYTE, Bench
from benchmarks.child import authorities, measured, write_file
from benchmarks.measuring import interleaved, measurements
from benchmarks.nginx import Nginx
from benchmarks.s3_answers import write_answers
from benchmarks.sender import CONNECTIONS, PART_BYTES
from benchmarks.table import Goal, Row, at_most

_GIBIBYTE = 1024**3


@dataclass(frozen=True)
class Cost:
    """The cost of sending the file."""

    cpu_seconds: float
    """User and system time of the process."""
    seconds: float
    grown_bytes: int = 0


def measure(bench: Bench) -> list[Row]:
    """Compare CPU seconds per GiB, over https and http."""
    size = bench.amounts.transfer_bytes
    file, parts = bench.folder / "file", bench.folder / "parts"
    write_file(file, size)
    parts.mkdir()
    for number in range(size // PART_BYTES):
        write_file(parts / f"{number}", PART_BYTES)
    goals = {"https": at_most(0.85), "http": at_most(1.0)}
    bench.expect(len(goals) * measurements(_CLIENTS, rounds=bench.amounts.transfer_rounds))
    rows: list[Row] = []
    try:
        with Nginx(bench.folder / "nginx", bench.certificate) as nginx:
            for scheme, goal in goals.items():
                server = nginx.address(scheme)
                write_answers(nginx.answers, server, size_bytes=size, part_size_bytes=PART_BYTES)
                rows += _compared(bench, scheme, goal, _measures(bench, server, file, parts))
    finally:
        file.unlink()
        shutil.rmtree(parts)
    return rows


_CLIENTS = ("portage", "curl", "boto3")


def _measures(bench: Bench, server: str, file: Path, parts: Path) -> dict[str, Callable[[], Cost]]:
    def by_python(name: str) -> Callable[[], Cost]:
        return lambda: Cost(**measured("sender", name, server, str(file), trusting=bench.certificate))

    return {
        "portage": by_python("portage"),
        "curl": lambda: _by_curl(server, sorted(parts.iterdir()), authorities(bench.certificate)),
        "boto3": by_python("boto3"),
    }


def _by_curl(server: str, parts: Sequence[Path], environment: dict[str, str]) -> Cost:
    """Send the parts with one process of curl, which shares resources between its connections."""
    command = ["curl", "--silent", "--show-error", "--fail", "--no-progress-meter"]
    command += ["--parallel", "--parallel-immediate", "--parallel-max", str(CONNECTIONS)]
    for part in parts:
        command += ["--output", os.devnull, "--upload-file", str(part), f"{server}/bucket/key?partNumber={part.name}"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)
    output = process.stderr.read() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"curl failed with {process.returncode}: {output}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - begun)


def _compared(bench: Bench, scheme: str, goal: Goal, measures: dict[str, Callable[[], Cost]]) -> list[Row]:
    taken = interleaved(measures, rounds=bench.amounts.transfer_rounds, tick=bench.tick)
    per_gibibyte = _GIBIBYTE / bench.amounts.transfer_bytes
    cpu = {name: [cost.cpu_seconds * per_gibibyte for cost in costs] for name, costs in taken.items()}
    speed = {name: bench.amounts.transfer_bytes / MEBIBYTE / _median(taken[name], "seconds") for name in taken}
    grown = _median(taken["portage"], "grown_bytes") / MEBIBYTE
    boto3_grown = _median(taken["boto3"], "grown_bytes") / MEBIBYTE
    what = f"sending by {scheme}"
    return [
        Row.compared(f"{what}, CPU a GiB", cpu["portage"], cpu["curl"], peer_name="curl -T", show=_cpu, goal=goal),
        Row.compared(f"{what}, CPU a GiB", cpu["portage"], cpu["boto3"], peer_name="boto3 TransferManager", show=_cpu),
        Row(
            f"{what}, memory growth",
            f"{grown:.1f} MiB",
            f"boto3 TransferManager: {boto3_grown:.1f} MiB",
            goal=at_most(10, " MiB"),
            amount=grown,
        ),
        Row(f"{what}, speed", f"{speed['portage']:.0f} MiB/s", f"curl -T: {speed['curl']:.0f} MiB/s"),
    ]


def _median(costs: Sequence[Cost], name: str) -> float:
    return statistics.median(getattr(cost, name) for cost in costs)


def _cpu(seconds: float) -> str:
    return f"{seconds:.2f} s"
