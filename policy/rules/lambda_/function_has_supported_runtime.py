"""A function has a runtime that AWS supports."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

DEPRECATED = frozenset(
    (
        *("dotnet6", "dotnet7", "dotnet5.0", "dotnetcore3.1", "dotnetcore2.1", "go1.x", "java8", "provided"),
        *("nodejs18.x", "nodejs16.x", "nodejs14.x", "nodejs12.x", "nodejs10.x"),
        *("python3.9", "python3.8", "python3.7", "python3.6", "python2.7", "ruby3.2", "ruby2.7", "ruby2.5"),
    )
)
"""Runtimes that were deprecated by March 2026. Source: Lambda guide, "Deprecated runtimes"."""


@rule(
    "aws:lambda/function:Function",
    severity=Severity.MEDIUM,
    reason="For other runtimes, AWS sends no security updates, and later blocks changes of the function.",
    steps="Choose a runtime from the list of supported ones.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
    controls=("Lambda.2",),
)
def check(resource: Resource) -> Iterator[str]:
    if (runtime := resource.text("runtime")) in DEPRECATED:
        yield f"AWS no longer updates {runtime}."
