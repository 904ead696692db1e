"""Stopping local mode from another terminal."""

import os
import signal
from pathlib import Path

from local import run_file
from local.faults import LocalModeError

_STOP_SECONDS = 30.0


def down(path: Path = run_file.PATH) -> str:
    """Stop the `up` of this checkout, wait until it has ended, and return a sentence about it."""
    runner = run_file.find_runner(path)
    if runner is None:
        raise LocalModeError("local mode does not run in this checkout: `python -m local up` starts it")
    if not runner.is_alive:
        run_file.forget_dead_runner(path)
        raise LocalModeError(
            f"local mode does not run in this checkout: {runner} ended without tidying up, and is forgotten now"
        )
    os.kill(runner.pid, signal.SIGTERM)
    if not run_file.is_gone_within(path, _STOP_SECONDS):
        raise LocalModeError(f"{runner} was told to stop {_STOP_SECONDS:.0f} s ago, but still runs")
    return f"Local mode has stopped: {runner}."
