"""A function's environment contains no secret."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule
from core.secrets import is_secret


@rule(
    "aws:lambda/function:Function",
    severity=Severity.HIGH,
    reason="Otherwise everybody who may read the function's configuration can read the secret, and it stays in "
    "Pulumi's state.",
    steps="Pass the ARN of a secret, and read it when the function starts.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
)
def check(resource: Resource) -> Iterator[str]:
    variables = resource.block("environment").block("variables")
    for name in variables.names():
        if variables.is_known(name) and is_secret(name, variables.text(name)):
            yield f"{name} seems to be a secret."
