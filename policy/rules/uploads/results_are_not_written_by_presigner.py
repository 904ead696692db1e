"""A role that signs uploads may not write results."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule
from core.uploads import paths_in, role_statements


@rule(
    "aws:iam/role:Role",
    severity=Severity.HIGH,
    reason="Otherwise a client can get a URL that replaces the result of a verified upload.",
    steps="Remove the bucket of results from the role's policy.",
    source="https://docs.aws.amazon.com/prescriptive-guidance/latest/presigned-url-best-practices/overview.html",
    settings=(
        "presigners",
        "resultBuckets",
    ),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.is_named(resource.settings.texts("presigners")):
        return
    patterns = resource.settings.texts("resultBuckets")
    buckets = [each for each in resource.stack.of("aws:s3/bucket:Bucket") if each.is_named(patterns)]
    for bucket in buckets:
        for each in role_statements(resource):
            actions = each.grants("s3:PutObject*", "s3:DeleteObject*")
            if actions and paths_in(each, bucket):
                yield f"The role may {', '.join(actions)} in {bucket.name}."
