"""Stopping local mode from another terminal."""

from pathlib import Path

from local import run_file
from local.errors import LocalModeError

_STOP_SECONDS = 30.0


def down(path: Path = run_file.PATH) -> str:
    """Stop the `up` of this checkout, if one runs, wait until it has ended, and return a sentence about it."""
    runner = run_file.find_runner(path)
    if runner is None:
        return "Local mode does not run in this checkout: `make local`, or `python -m local up`, starts it."
    if not runner.is_alive:
        run_file.forget_dead_runner(path)
        return f"Local mode does not run in this checkout: {runner} ended without tidying up, and is forgotten now."
    if not run_file.stop_within(path, runner, _STOP_SECONDS):
        raise LocalModeError(
            f"{runner} still runs {_STOP_SECONDS:.0f} s after it was asked to stop. Kill it: kill -9 {runner.pid}."
        )
    return f"Local mode has stopped: {runner}."
