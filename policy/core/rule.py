"""The declaration of a rule.

A module below `rules/` has one rule: a function with a decorator. The rule's name comes from the module's path
(rules/s3/bucket_is_versioned.py: `s3-bucket-is-versioned`), its title from the module's docstring: the condition that
must hold. The function yields a message for each violation.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pulumi_policy import EnforcementLevel, Severity

from core.controls import Control, control
from core.resources import Resource

Check = Callable[[Resource], Iterator[str]]
Remedy = Callable[[Resource, Any], bool]
"""Changes the properties in its second argument, in place, and returns whether it has. Nested blocks are changed in
place too: a new block would lose which of its values are secret."""


@dataclass(frozen=True)
class Rule:
    """A condition that resources must meet."""

    name: str
    title: str
    """The condition, in one sentence."""
    group: str
    """The folder of its module: a service, `uploads`, ..."""
    types: tuple[str, ...]
    """Tokens of the types that it is about."""
    check: Check
    severity: Severity
    reason: str
    """What can happen otherwise."""
    steps: str
    """What to do."""
    source: str
    """The page that recommends it."""
    controls: tuple[Control, ...] = ()
    settings: tuple[str, ...] = ()
    needs_stack: bool = False
    """Whether it compares resources with each other. It then runs at the end of a preview or an update."""
    remedy: Remedy | None = None

    @property
    def level(self) -> EnforcementLevel:
        """Return its level unless the user sets another: what is of low severity only warns."""
        return EnforcementLevel.ADVISORY if self.severity is Severity.LOW else EnforcementLevel.MANDATORY


def rule(
    *types: str,
    severity: Severity,
    reason: str,
    steps: str,
    source: str,
    controls: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    needs_stack: bool = False,
    remedy: Remedy | None = None,
) -> Callable[[Check], Rule]:
    """Make a rule of a function that yields the violations of one resource."""

    def declare(check: Check) -> Rule:
        _, *path = check.__module__.split(".")
        title = (sys.modules[check.__module__].__doc__ or "").strip().partition("\n")[0]
        return Rule(
            name="-".join(part.strip("_") for part in path).replace("_", "-"),
            title=title,
            group=path[0].strip("_"),
            types=types,
            check=check,
            severity=severity,
            reason=reason,
            steps=steps,
            source=source,
            controls=tuple(control(each) for each in controls),
            settings=settings,
            needs_stack=needs_stack,
            remedy=remedy,
        )

    return declare
