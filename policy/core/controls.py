"""The controls of AWS Security Hub that rules refer to, with their ids in compliance frameworks."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).parent / "controls.yaml"


@dataclass(frozen=True)
class Control:
    """A control of Security Hub."""

    id: str
    fsbp: bool
    """Whether it is part of AWS Foundational Security Best Practices 1.0.0."""
    cis: tuple[str, ...] = ()
    """Its ids in CIS AWS Foundations Benchmarks, as `5.0.0/2.1.1`."""
    nist: tuple[str, ...] = ()
    """Its ids in NIST SP 800-53 Revision 5."""


@cache
def _all() -> dict[str, Control]:
    read = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        key: Control(key, bool(value["fsbp"]), tuple(value.get("cis", ())), tuple(value.get("nist", ())))
        for key, value in read.items()
    }


def control(key: str) -> Control:
    """Return a control by its id; KeyError if controls.yaml does not have it."""
    return _all()[key]
