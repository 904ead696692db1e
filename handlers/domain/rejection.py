"""Why an object is rejected, and the result of GuardDuty's malware scan, which can be a reason.

Source: GuardDuty user guide, "Monitoring S3 object scans with Amazon EventBridge".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

MAX_SCANNED_BYTES = 100 * 1000**3
"""100 GB. Source: GuardDuty user guide, "Quotas in Malware Protection for S3"."""

MOST_THREATS = 5
"""A rejection names at most this many threats, because an archive can contain thousands."""

LONGEST_NAME = 100


@dataclass(frozen=True)
class Rejection:
    """What is wrong with an object. A retry cannot help."""

    code: str
    """For programs: size-mismatch, checksum-mismatch, type-mismatch, malware-found, and so on."""
    detail: str
    """A sentence for the uploader."""


class ScanResult(StrEnum):
    """The result in GuardDuty's terms."""

    CLEAN = "NO_THREATS_FOUND"
    THREATS = "THREATS_FOUND"
    UNSUPPORTED = "UNSUPPORTED"
    ACCESS_DENIED = "ACCESS_DENIED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Scan:
    """One scan of one version."""

    result: ScanResult
    threats: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why GuardDuty did not scan the object, such as PASSWORD_PROTECTED."""

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> Self:
        """Read the event's `scanResultDetails`; raises KeyError, or ValueError for an unknown result."""
        return cls(
            result=ScanResult(details["scanResultStatus"]),
            threats=tuple(threat["name"] for threat in details.get("threats") or ()),
            reasons=tuple(details.get("statusReasons") or ()),
        )

    @property
    def has_failed(self) -> bool:
        """Whether the scan itself failed, which the uploader cannot fix."""
        return self.result in {ScanResult.ACCESS_DENIED, ScanResult.FAILED}

    def rejection(self, size_bytes: int, *, process_unscannable: bool) -> Rejection | None:
        """Return why an object of this size must not be processed, or None."""
        if self.result is ScanResult.THREATS:
            return Rejection("malware-found", f"The malware scan found {_named(self.threats)}.")
        if self.result is not ScanResult.UNSUPPORTED or process_unscannable:
            return None
        if size_bytes > MAX_SCANNED_BYTES:
            sentence = f"The object has {size_bytes} bytes, but the malware scan takes at most {MAX_SCANNED_BYTES}."
            return Rejection("too-large-to-scan", sentence)
        why = f": {', '.join(self.reasons)}" if self.reasons else ""
        return Rejection("not-scannable", f"The malware scan cannot look into the object{why}.")


def _named(threats: tuple[str, ...]) -> str:
    if not threats:
        return "a threat"
    names = ", ".join(name[:LONGEST_NAME] for name in threats[:MOST_THREATS])
    more = len(threats) - MOST_THREATS
    return f"{names} and {more} more" if more > 0 else names
