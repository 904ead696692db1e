"""A cluster encrypts Kubernetes' Secrets with a key of the account."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:eks/cluster:Cluster",
    severity=Severity.MEDIUM,
    reason="With EKS's own key, the account cannot control or see its use.",
    steps="Set encryptionConfig with a KMS key and the resource secrets.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/envelope-encryption.html",
    controls=("EKS.3",),
)
def check(resource: Resource) -> Iterator[str]:
    if "secrets" not in [each for config in resource.blocks("encryptionConfig") for each in config.texts("resources")]:
        yield "encryptionConfig does not have the resource secrets."
