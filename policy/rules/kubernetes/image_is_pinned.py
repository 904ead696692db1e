"""A workload names its images by digest or version."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import WORKLOADS, containers_of, pod_of
from core.resources import Resource
from core.rule import rule


@rule(
    *WORKLOADS,
    severity=Severity.MEDIUM,
    reason="Otherwise pods that start later can run another image than the one that was reviewed.",
    steps="Name the image as NAME@sha256:DIGEST, or with the tag of a version.",
    source="https://kubernetes.io/docs/concepts/containers/images/",
)
def check(resource: Resource) -> Iterator[str]:
    for container in containers_of(pod_of(resource)):
        image = container.text("image")
        if "@sha256:" not in image and image.rpartition("/")[2].rpartition(":")[0] == "":
            yield f"The image {image} has neither digest nor tag."
        elif image.endswith(":latest"):
            yield f"The image {image} can change."
