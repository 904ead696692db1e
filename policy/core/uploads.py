"""What the rules for uploads know of a stack: its buckets, and what its roles may do there."""

from collections.abc import Iterator

from core.iam import Statement, matches, statements, statements_of_aws
from core.resources import Resource

_BUCKET = "aws:s3/bucket:Bucket"


def ingest_buckets(resource: Resource) -> list[Resource]:
    """Return the buckets of the stack that clients upload to; the rule declares the setting `ingestBuckets`."""
    patterns = resource.settings.texts("ingestBuckets")
    return [each for each in resource.stack.of(_BUCKET) if each.is_named(patterns)]


def role_statements(role: Resource) -> Iterator[Statement]:
    """Yield the statements of all policies of a role."""
    for each in role.stack.attached(role, "aws:iam/rolePolicy:RolePolicy", "role"):
        if each.is_known("policy"):
            yield from statements(each)
    for attachment in role.stack.attached(role, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "role"):
        if attachment.is_known("policyArn"):
            yield from statements_of_aws(attachment.texts("policyArn"))
        for each in role.stack.behind(attachment, "policyArn", "aws:iam/policy:Policy"):
            if each.is_known("policy"):
                yield from statements(each)
    yield from statements_of_aws(role.texts("managedPolicyArns"))
    for inline in role.blocks("inlinePolicies"):
        yield from statements(inline)


def paths_in(statement: Statement, bucket: Resource) -> list[str]:
    """Return the patterns of keys (`uploads/*`) that a statement reaches in a bucket; `*` is all of it."""
    arns = [each for each in bucket.identities() if each.startswith("arn:")]
    arns += [f"arn:aws:s3:::{each}" for each in bucket.identities() if not each.startswith(("arn:", "http"))]
    found: set[str] = set()
    for pattern in statement.resources:
        for arn in arns:
            if pattern.startswith(f"{arn}/"):
                found.add(pattern.removeprefix(f"{arn}/"))
            elif matches(pattern, f"{arn}/any-key"):
                found.add("*")
    return sorted(found)
