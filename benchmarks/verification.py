"""Verifying the SHA-256 of a large object: the cost of our code, compared with boto3 as documented."""

import base64
import hashlib
import statistics
from collections.abc import Callable
from typing import Any

from benchmarks.bench import MEBIBYTE, Bench
from benchmarks.child import measured, write_file
from benchmarks.measuring import interleaved, measurements
from benchmarks.nginx import Nginx
from benchmarks.table import Row, at_most
from benchmarks.verifier import KEY

_GIBIBYTE = 1024**3


def measure(bench: Bench) -> list[Row]:
    """Compare GiB per second over https, and memory."""
    size = bench.amounts.transfer_bytes
    with Nginx(bench.folder / "nginx", bench.certificate) as nginx:
        file = nginx.files / KEY
        write_file(file, size)
        with file.open("rb") as content:
            sha256 = base64.b64encode(hashlib.file_digest(content, "sha256").digest()).decode()

        def reading(name: str) -> Callable[[], dict[str, Any]]:
            return lambda: measured(
                "verifier", name, nginx.address("https"), str(size), sha256, trusting=bench.certificate
            )

        measures = {name: reading(name) for name in ("ours", "boto3")}
        bench.expect(measurements(measures, rounds=bench.amounts.transfer_rounds))
        taken = interleaved(measures, rounds=bench.amounts.transfer_rounds, tick=bench.tick)
    speed = {name: [size / _GIBIBYTE / each["seconds"] for each in every] for name, every in taken.items()}
    grown = {name: statistics.median(each["grown_bytes"] for each in every) / MEBIBYTE for name, every in taken.items()}
    return [
        Row.compared("verification, SHA-256 by https", speed["ours"], speed["boto3"], peer_name=_PEER, show=_speed),
        Row(
            "verification, memory above idle",
            f"{grown['ours']:.1f} MiB",
            f"{_PEER}: {grown['boto3']:.1f} MiB",
            goal=at_most(16, " MiB"),
            amount=grown["ours"],
        ),
    ]


_PEER = "boto3 iter_chunks"


def _speed(gibibytes: float) -> str:
    return f"{gibibytes:.2f} GiB/s"
