"""`python -m benchmarks`: measures, prints one table and writes docs/benchmarks.md."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import fairness, functions, sending, signing, verification
from benchmarks.bench import FULL, QUICK, Bench
from benchmarks.certificate import write_certificate
from benchmarks.document import write_document
from benchmarks.nginx import NoNginx
from benchmarks.table import Row, console_for, for_terminal

BENCHMARKS: dict[str, Callable[[Bench], list[Row]]] = {
    "signing": signing.measure,
    "functions": functions.measure,
    "sending": sending.measure,
    "verification": verification.measure,
    "fairness": fairness.measure,
}


def main() -> int:
    """Measure everything. Returns 1 if something could not be measured; missed goals do not count."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only check that everything runs; ignore the figures")
    parser.add_argument("only", nargs="?", choices=BENCHMARKS, help="measure only this, and write no document")
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    chosen = {arguments.only: BENCHMARKS[arguments.only]} if arguments.only else BENCHMARKS
    console = console_for(sys.stdout)
    rows: list[Row] = []
    unmeasured = 0
    begun = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        for title, measure in chosen.items():
            with tempfile.TemporaryDirectory(prefix="portage-bench-") as name:
                task = progress.add_task(title, total=None)
                bench = Bench(
                    amounts=QUICK if quick else FULL,
                    folder=Path(name),
                    certificate=write_certificate(Path(name)),
                    expect=lambda total, task=task: progress.update(task, total=total),
                    tick=lambda task=task: progress.advance(task),
                )
                try:
                    rows += measure(bench)
                except (NoNginx, ModuleNotFoundError) as error:
                    rows.append(Row(title, f"not measured: {error}"))
                    unmeasured += 1
    console.print(for_terminal(rows))
    console.print(f"In {time.monotonic() - begun:.0f} s.")
    if not quick and not arguments.only:
        console.print(f"Written to {write_document(rows)}.")
    return 1 if unmeasured else 0


if __name__ == "__main__":
    raise SystemExit(main())
