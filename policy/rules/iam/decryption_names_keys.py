"""A policy that allows decryption names the keys."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import POLICY_TYPES, permissions
from core.resources import Resource
from core.rule import rule


@rule(
    *POLICY_TYPES,
    severity=Severity.MEDIUM,
    reason="Otherwise the role can decrypt the data of other programs in the account.",
    steps="Name the keys, or add a condition on kms:ViaService.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/iam-policies-best-practices.html",
    controls=("KMS.1", "KMS.2"),
)
def check(resource: Resource) -> Iterator[str]:
    for statement in permissions(resource):
        open_ = [each for each in statement.resources if each == "*" or each.endswith((":key/*", ":kms:*"))]
        limited = any(key in ("kms:viaservice", "kms:resourcealiases") for _, key in statement.conditions)
        if statement.grants("kms:Decrypt", "kms:ReEncryptFrom") and open_ and not limited:
            yield f"kms:Decrypt is allowed for {', '.join(open_)}."
