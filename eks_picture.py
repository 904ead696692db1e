"""Draws how a commit becomes a running worker on EKS, for docs/eks.md, from the files that decide it.

.github/workflows/worker.yml      jobs, and their order
gitops/                           objects in the cluster, what each refers to, and where parameters are copied to
components/eks/application.py     the Applications of Argo CD, and what they hand over
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from components.eks.application import (
    KEDA_SERVICE_ACCOUNT,
    Application,
    WorkerParameters,
    keda_application,
    worker_application,
)

_PROJECT = Path(__file__).resolve().parent
_BASE = _PROJECT / "gitops/base"
_REPLACEMENTS = _PROJECT / "gitops/parameters/replacements.yaml"
_WORKFLOW = _PROJECT / ".github/workflows/worker.yml"

_EXAMPLE = WorkerParameters(
    queue_url="", region="", image_repository="", environment={}, repository_url="", path="gitops/overlays/ENVIRONMENT"
)

_REFERENCES = {
    "configMapRef": "ConfigMap",
    "serviceAccountName": "ServiceAccount",
    "scaleTargetRef": "Deployment",
    "authenticationRef": "TriggerAuthentication",
}
"""The kind of object that a field names."""


def eks_picture() -> str:
    """Return the picture, as a flowchart of Mermaid."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _lines())])


def _lines() -> Iterator[str]:
    worker, keda = worker_application(_EXAMPLE), keda_application()
    yield from _workflow()
    yield f'overlay[/"{_EXAMPLE.path}"/]'
    yield 'pulumi(["pulumi up"])'
    yield 'images[("ECR repository")]'
    yield 'queue[("queue of jobs")]'
    yield 'subgraph argo ["Argo CD"]'
    for application in (keda, worker):
        yield f'  {_id(application)}["Application {application["metadata"]["name"]}"]'
    yield "end"
    yield from _cluster(worker["spec"]["destination"]["namespace"])
    yield "image -- pushes the image --> images"
    yield "deploy -- commits its digest --> overlay"
    yield f"overlay -- manifests --> {_id(worker)}"
    for application in (keda, worker):
        yield f"pulumi -- creates --> {_id(application)}"
    for target in _patched(worker):
        yield f"{_id(worker)} -- parameters --> {target}"
    yield f"{_id(keda)} -- chart --> {KEDA_SERVICE_ACCOUNT}"
    yield f"queue -- its length --> {KEDA_SERVICE_ACCOUNT}"
    yield f"{KEDA_SERVICE_ACCOUNT} --> ScaledObject"
    yield "images --> Deployment"
    yield "queue -- jobs --> Deployment"


def _workflow() -> Iterator[str]:
    jobs: Mapping[str, Any] = _read(_WORKFLOW)[0]["jobs"]
    yield f'subgraph workflow ["GitHub Actions: {_WORKFLOW.name}"]'
    for name in jobs:
        yield f"  {name}"
    for name, job in jobs.items():
        if "needs" in job:
            yield f"  {job['needs']} --> {name}"
    yield "end"


def _cluster(namespace: str) -> Iterator[str]:
    objects = [each for path in sorted(_BASE.glob("*.yaml")) for each in _read(path)]
    (kustomization,) = (each for each in objects if each["kind"] == "Kustomization")
    kinds = [each["kind"] for each in objects if each["kind"] not in ("Kustomization", "Namespace")]
    generated = [each["name"] for each in kustomization["configMapGenerator"]]
    yield f'{KEDA_SERVICE_ACCOUNT}["operator of KEDA"]'
    yield f'subgraph pods ["namespace {namespace}"]'
    for kind in (*kinds, *("ConfigMap" for _ in generated)):
        yield f"  {kind}"
    for each in objects:
        for field in sorted(_fields(each) & _REFERENCES.keys()):
            yield f"  {each['kind']} --> {_REFERENCES[field]}"
    for each in _read(_REPLACEMENTS)[0]["replacements"]:
        for target in each["targets"]:
            yield (
                f"  {each['source']['kind']} -- {each['source']['fieldPath'].removeprefix('data.')} --> "
                + (target["select"]["kind"])
            )
    yield "end"


def _patched(application: Application) -> list[str]:
    source = application["spec"]["source"]
    return [each["target"]["kind"] for each in source["kustomize"]["patches"]] if "kustomize" in source else []


def _fields(value: object) -> set[str]:
    """Return the names of all fields in a manifest."""
    if isinstance(value, dict):
        named = cast("dict[str, object]", value)
        return named.keys() | {each for item in named.values() for each in _fields(item)}
    if isinstance(value, list):
        return {each for item in cast("list[object]", value) for each in _fields(item)}
    return set()


def _id(application: Application) -> str:
    return f"application-{application['metadata']['name']}"


def _read(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
