"""A permission to invoke a function names who and from where."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:lambda/permission:Permission",
    severity=Severity.CRITICAL,
    reason="Otherwise a resource of another account can invoke the function through the service.",
    steps="Set sourceArn to the resource that invokes the function.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html",
    controls=("Lambda.1",),
)
def check(resource: Resource) -> Iterator[str]:
    principal = resource.text("principal")
    if principal == "*":
        yield "The principal is *."
    named = any(resource.has(key) for key in ("sourceArn", "sourceAccount", "principalOrgId"))
    if principal.endswith(".amazonaws.com") and not named:
        yield f"{principal} may invoke the function for any account."
