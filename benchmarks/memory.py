"""How much memory a process has taken at most since a given moment."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Memory:
    """This process's resident memory at one moment."""

    resident_bytes: int

    @classmethod
    def now(cls) -> Self:
        """Look, and let the peak be counted anew. Source: proc(5), /proc/pid/clear_refs."""
        Path("/proc/self/clear_refs").write_text("5")
        return cls(_status_bytes("VmRSS"))

    def growth_bytes(self) -> int:
        """Return by how much the peak since then exceeds what was resident then."""
        return _status_bytes("VmHWM") - self.resident_bytes


def _status_bytes(name: str) -> int:
    # Not ru_maxrss: a child begins with its parent's.
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"/proc/self/status has no {name}.")
    return int(found[1]) * 1024
