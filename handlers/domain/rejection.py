"""Why an object is not handed to a processor."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejection:
    """What is wrong with an object; trying again cannot help."""

    code: str
    """For programs: size-mismatch, checksum-mismatch, type-mismatch, malware-found, and so on."""
    detail: str
    """A sentence for the uploader."""
