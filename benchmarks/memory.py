"""The peak memory of this process since a given moment."""

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
        """Measure, and reset the peak. Source: proc(5), /proc/pid/clear_refs."""
        Path("/proc/self/clear_refs").write_text("5")
        return cls(_status_bytes("VmRSS"))

    def growth_bytes(self) -> int:
        """Return the peak since then minus the resident memory then."""
        return _status_bytes("VmHWM") - self.resident_bytes


def _status_bytes(name: str) -> int:
    # Not ru_maxrss, because a child process inherits its parent's.
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"/proc/self/status has no {name}.")
    return int(found[1]) * 1024
