"""A key is rotated."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:kms/key:Key",
    severity=Severity.MEDIUM,
    reason="All data of all years is otherwise encrypted with one key.",
    steps="Set enableKeyRotation to true.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",
    controls=("KMS.4",),
)
def check(resource: Resource) -> Iterator[str]:
    kind = resource.text("customerMasterKeySpec", "SYMMETRIC_DEFAULT")
    if kind == "SYMMETRIC_DEFAULT" and not resource.flag("enableKeyRotation"):
        yield "enableKeyRotation is false."
