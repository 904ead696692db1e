"""Every method of a REST API, or of an HTTP API's document, that is not a preflight has an authorizer."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.reading import Block
from core.resources import Resource
from core.rule import rule

VERBS = frozenset(("delete", "get", "head", "patch", "post", "put", "x-amazon-apigateway-any-method"))


@rule(
    "aws:apigateway/method:Method",
    "aws:apigateway/restApi:RestApi",
    "aws:apigatewayv2/api:Api",
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
        for path, methods in document.block("paths").items():
            for verb, method in methods.items():
                if verb in VERBS and not _needs_credentials(method if method.has("security") else document, method):
                    yield f"{verb.upper()} {path} has no security."


def _needs_credentials(place: Block, method: Block) -> bool:
    """Return whether each alternative of the security in its place names a scheme, or the method requires IAM."""
    allowed = place.blocks("security")
    is_signed = method.block("x-amazon-apigateway-auth").text("type").upper() == "AWS_IAM"
    return is_signed or (bool(allowed) and all(allowed))
