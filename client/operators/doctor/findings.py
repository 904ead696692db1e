"""What the doctor finds."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is. Only ERROR changes the exit code."""

    ERROR = "error"
    """It does not fit, or is not as declared."""
    WARNING = "warning"
    OK = "ok"
    NOT_CHECKED = "not checked"
    """It could not be read, or needs an input that was not given."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    section: str
    severity: Severity
    what: str
    value: str = ""
    limit: str = ""
    fix: str = ""
    source: str = ""
    """Where the limit or the rule is documented."""

    @property
    def fields(self) -> dict[str, str]:
        """Return the fields that have a value."""
        return {name: str(each) for name, each in asdict(self).items() if each}

    @property
    def text(self) -> str:
        """Return the finding as a line of text."""
        words = [f"  {self.severity.upper():<12}{self.what}"]
        words += [f": {self.value}"] if self.value else []
        words += [f" (limit: {self.limit})"] if self.limit else []
        words += [f". {self.fix}"] if self.fix else []
        return "".join(words)
