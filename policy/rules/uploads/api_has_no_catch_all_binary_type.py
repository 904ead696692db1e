"""A REST API does not treat all media types as binary."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:apigateway/restApi:RestApi",
    severity=Severity.MEDIUM,
    reason="Otherwise API Gateway cannot answer preflights with a mock, and passes JSON bodies on in Base64.",
    steps="List the types that are binary.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html",
)
def check(resource: Resource) -> Iterator[str]:
    kinds = [*resource.texts("binaryMediaTypes")]
    for document in resource.json("body"):
        kinds += document.texts("x-amazon-apigateway-binary-media-types")
    if "*/*" in kinds:
        yield "*/* is a binary media type."
