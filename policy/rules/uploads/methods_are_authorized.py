"""Every method of a REST API that is not a preflight has an authorizer."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

VERBS = frozenset(("delete", "get", "head", "patch", "post", "put", "x-amazon-apigateway-any-method"))


@rule(
    "aws:apigateway/method:Method",
    "aws:apigateway/restApi:RestApi",
    severity=Severity.CRITICAL,
    reason="A method that hands out URLs without a user's token lets anybody upload or download.",
    steps=(
        "Give the operation a security requirement, or the Method an authorization (COGNITO_USER_POOLS, CUSTOM, "
        "AWS_IAM)."
    ),
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.type == "aws:apigateway/method:Method":
        verb = resource.text("httpMethod")
        if verb != "OPTIONS" and resource.text("authorization", "NONE") == "NONE":
            yield f"{verb} has no authorization."
        return
    for document in resource.json("body"):
        everywhere = document.has("security")
        for path, methods in document.block("paths").items():
            for verb, method in methods.items():
                allowed = method.blocks("security")
                if verb in VERBS and not (allowed and all(allowed) if method.has("security") else everywhere):
                    yield f"{verb.upper()} {path} has no security."
