"""A role that may write uploads may not read or delete them."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule
from core.uploads import ingest_buckets, paths_in, role_statements


@rule(
    "aws:iam/role:Role",
    severity=Severity.HIGH,
    reason="A URL has the permissions of its signer: otherwise an attacker who takes over the signer can read and "
    "delete all uploads.",
    steps="Give reading and deleting to another role, of the function that processes objects.",
    source="https://docs.aws.amazon.com/prescriptive-guidance/latest/presigned-url-best-practices/overview.html",
    settings=("ingestBuckets",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    granted = list(role_statements(resource))
    for bucket in ingest_buckets(resource):
        written = [path for each in granted if each.grants("s3:PutObject") for path in paths_in(each, bucket)]
        if not any("*" in path for path in written):
            continue  # one fixed key is no upload, such as the object with which GuardDuty tests its access
        for each in granted:
            actions = each.grants("s3:GetObject*", "s3:DeleteObject*")
            if actions and paths_in(each, bucket):
                yield f"The role writes objects of {bucket.name}, and may also {', '.join(actions)}."
