"""A role that signs uploads reaches one prefix of one bucket."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule
from core.uploads import paths_in, role_statements


@rule(
    "aws:iam/role:Role",
    severity=Severity.HIGH,
    reason="Otherwise an error in how keys are made can hand out URLs for other objects.",
    steps="Name one prefix in the policy's resources, such as arn:aws:s3:::BUCKET/uploads/*.",
    source="https://docs.aws.amazon.com/prescriptive-guidance/latest/presigned-url-best-practices/overview.html",
    settings=("presigners",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.is_named(resource.settings.texts("presigners")):
        return
    reached = {
        (bucket.name, path)
        for bucket in resource.stack.of("aws:s3/bucket:Bucket")
        for each in role_statements(resource)
        if each.grants("s3:*Object*")
        for path in paths_in(each, bucket)
    }
    for bucket, path in sorted(reached):
        if not path.strip("/*"):
            yield f"The role reaches all of {bucket}."
    if len(reached) > 1:
        yield f"The role reaches {', '.join(f'{bucket}/{path}' for bucket, path in sorted(reached))}."
