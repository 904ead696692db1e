"""A stage of a REST API has settings for all of its methods."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

SETTINGS = "aws:apigateway/methodSettings:MethodSettings"


@rule(
    "aws:apigateway/stage:Stage",
    severity=Severity.MEDIUM,
    reason="Only they limit rate and burst: one client can otherwise use up the account's quota of requests.",
    steps="Add a MethodSettings with the stage's name, the methodPath */*, and limits.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html",
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    known = resource.stack.perhaps_attached(resource, SETTINGS, "stageName") or [
        each
        for each in resource.stack.of(SETTINGS)
        if all(each.text(key) == resource.text(key) for key in ("stageName", "restApi"))
    ]
    if not any(each.text("methodPath") == "*/*" for each in known):
        yield "No MethodSettings for */* names this stage."
