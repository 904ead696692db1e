"""A function's URL requires IAM."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:lambda/functionUrl:FunctionUrl",
    severity=Severity.CRITICAL,
    reason="Otherwise anybody on the internet can invoke the function.",
    steps="Set authorizationType to AWS_IAM, or use an API with an authorizer.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    controls=("Lambda.1",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.text("authorizationType") != "AWS_IAM":
        yield "authorizationType is not AWS_IAM."
