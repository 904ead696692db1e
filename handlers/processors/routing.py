"""Routing: which processor an upload gets, by rules on its declared content type and file name.

The first rule that matches decides. A rule matches an upload that has one of its content types, if it lists any, and
one of its file names, if it lists any. Letter case does not count, nor do the parameters of a content type.

Patterns are text/csv or image/* for a content type, and *.csv for a file name.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from handlers.domain.allowed_types import media_type

_ANY = ("*",)


class Rule(NamedTuple):
    """One processor, and the uploads that it gets unless an earlier rule matches them."""

    processor: str
    content_types: Sequence[str] = ()
    """Patterns; any type if there are none."""
    file_names: Sequence[str] = ()
    """Patterns; any name if there are none."""

    def covers(self, content_type: str, file_name: str) -> bool:
        """Return whether the rule matches a content type and a file name, or all that match a pattern of each."""
        return any(_covers_type(each.lower(), content_type) for each in self.content_types or _ANY) and any(
            file_name.endswith(each.lower().removeprefix("*")) for each in self.file_names or _ANY
        )


def _covers_type(pattern: str, narrower: str) -> bool:
    return narrower.startswith(pattern[:-1]) if pattern.endswith("*") else narrower == pattern


def processor_for(file_name: str, content_type: str, rules: Sequence[Rule], default: str) -> str:
    """Return the processor of the first rule that matches, or the default."""
    declared = media_type(content_type), file_name.lower()
    return next((rule.processor for rule in rules if rule.covers(*declared)), default)


def shadowed(rules: Sequence[Rule]) -> Iterator[tuple[int, list[int]]]:
    """Yield each rule that can never match, by its index, and the earlier rules that match all its uploads first."""
    for index, rule in enumerate(rules):
        patterns = product(rule.content_types or _ANY, rule.file_names or _ANY)
        first = [
            next((earlier for earlier in range(index) if rules[earlier].covers(kind.lower(), name.lower())), None)
            for kind, name in patterns
        ]
        if None not in first:
            yield index, sorted({earlier for earlier in first if earlier is not None})


def write_rules(rules: Sequence[Rule]) -> str:
    """Write rules for the environment of a job."""
    return json.dumps([rule._asdict() for rule in rules], separators=(",", ":"))


def read_rules(text: str) -> list[Rule]:
    """Read what write_rules has written."""
    return [Rule(**each) for each in json.loads(text)]
