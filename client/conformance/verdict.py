"""How a case ends."""

from dataclasses import dataclass
from enum import StrEnum

from ..errors import PortageError


class Failed(PortageError):
    """The stack does something else than the case requires."""


class Skipped(PortageError):
    """The case cannot run here. The message is the reason."""


class Outcome(StrEnum):
    """How a case can end."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Verdict:
    """How one case ended."""

    group: str
    case: str
    outcome: Outcome
    seconds: float
    reason: str = ""
    """Why it failed or was skipped."""


def require(is_met: bool, otherwise: str) -> None:
    """Raise Failed with a sentence unless the condition is met."""
    if not is_met:
        raise Failed(otherwise)
