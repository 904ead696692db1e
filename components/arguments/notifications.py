"""Conflicts between S3's own notifications of one bucket. S3 rejects all of them if two overlap.

Source: S3 user guide, "Configuring event notifications using object key name filtering".
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from components.arguments.constraints import NotificationArgs
from handlers.domain.upload_ref import OBJECT_PREFIX

S3_NOTIFICATIONS = "s3-notifications"
"""The value of `trigger` for S3 --> SNS --> SQS."""


class _Filter(NamedTuple):
    name: str
    prefix: str
    suffix: str

    def overlaps(self, other: "_Filter") -> bool:
        """Return whether a key can match both: of prefixes, and of suffixes, one contains the other."""
        prefixes = self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        return prefixes and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))


def notification_conflicts(
    notifications: Sequence[NotificationArgs], trigger: str, spelled: Callable[[str], str]
) -> list[str]:
    """Return which two notifications overlap, the trigger's own included, with `spelled` names."""
    name = spelled("bucket_notifications")
    filters = [
        _Filter(f"{name}[{index}]", each.get("prefix", ""), each.get("suffix", ""))
        for index, each in enumerate(notifications)
    ]
    if trigger == S3_NOTIFICATIONS:
        filters.append(_Filter(f"{spelled('trigger')} {S3_NOTIFICATIONS}", OBJECT_PREFIX, ""))
    return [
        f"{one.name} (prefix {one.prefix!r}, suffix {one.suffix!r}) overlaps with {other.name} (prefix "
        f"{other.prefix!r}, suffix {other.suffix!r}), so S3 would reject both. Give them prefixes or suffixes that no "
        "key can have together, or send to one topic, to which both subscribe."
        for one, other in combinations(filters, 2)
        if one.overlaps(other)
    ]
