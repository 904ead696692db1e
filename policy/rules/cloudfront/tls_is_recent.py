"""A distribution with a certificate of its own accepts TLS 1.2 or newer only."""

from collections.abc import Iterator
from typing import Any

from pulumi_policy import Severity

from core.reading import changeable
from core.resources import Resource
from core.rule import rule

RECENT = ("TLSv1.2", "TLSv1.3")


def require_tls12(resource: Resource, properties: Any) -> bool:
    """Set the version."""
    certificate = resource.block("viewerCertificate")
    if certificate.flag("cloudfrontDefaultCertificate") or not certificate:
        return False
    if certificate.text("minimumProtocolVersion", "TLSv1").startswith(RECENT):
        return False
    changeable(properties, "viewerCertificate")["minimumProtocolVersion"] = "TLSv1.2_2021"
    return True


@rule(
    "aws:cloudfront/distribution:Distribution",
    severity=Severity.MEDIUM,
    reason="Older versions of TLS can be broken.",
    steps="Set viewerCertificate.minimumProtocolVersion to TLSv1.2_2021 or newer; the remediation does.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html",
    controls=("CloudFront.15",),
    remedy=require_tls12,
)
def check(resource: Resource) -> Iterator[str]:
    certificate = resource.block("viewerCertificate")
    version = certificate.text("minimumProtocolVersion", "TLSv1")
    if not certificate.flag("cloudfrontDefaultCertificate") and not version.startswith(RECENT):
        yield f"minimumProtocolVersion is {version}."
