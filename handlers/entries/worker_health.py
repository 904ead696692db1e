"""The container's health check: `python -m handlers.entries.worker_health` exits with 0 if all slots make progress.

It imports no boto3, because it runs every 30 seconds and that import takes a quarter of a second of CPU.
"""

import sys
import tempfile
import time
from pathlib import Path

STALE_AFTER_SECONDS = 120
"""A slot shows a sign of life at each poll of the queue, and several times a second during a job."""

_PREFIX = "portage-slot-"


def sign_of_life(slot: int) -> Path:
    """Return the file that a slot of this container touches while it makes progress."""
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{slot}"


def is_healthy() -> bool:
    """Return whether there are slots, and each one has made progress lately."""
    signs = list(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))
    return bool(signs) and all(time.time() - sign.stat().st_mtime < STALE_AFTER_SECONDS for sign in signs)


if __name__ == "__main__":
    sys.exit(0 if is_healthy() else 1)
