"""Local mode's Kubernetes provider, on the API of a cluster of the embedded AWS."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator.process import Emulator
from local.engine.kubernetes import KubernetesProvider, application
from local.engine.provider import Resource
from local.resources.calls import RefusedError
from local.resources.parameters import Given, InvalidInputError

APPLICATION = Resource("kubernetes:argoproj.io/v1alpha1:Application", "worker")
RELEASE = Resource("kubernetes:helm.sh/v3:Release", "argo")
CHART: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "keda", "namespace": "argocd"},
    "spec": {"source": {"chart": "keda"}},
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def provider(emulator: Emulator) -> KubernetesProvider:
    provider = KubernetesProvider()
    provider.configure(_config([{"cluster": {"server": f"{emulator.endpoint}/kubernetes/the-cluster"}}]))
    return provider


def _config(clusters: list[Any], **more: str) -> Given:
    return Given({"kubeconfig": json.dumps({"clusters": clusters}), **more}, "the provider")


def test_the_api_keeps_an_object_until_it_is_deleted(emulator: Emulator, provider: KubernetesProvider) -> None:
    made, computed = provider.create(APPLICATION, CHART)
    assert (made, computed) == ("argocd/keda", {})
    changed = {**CHART, "spec": {"source": {"chart": "another"}}}
    provider.update(APPLICATION, made, changed, {"spec"})

    assert application(emulator.endpoint, "the-cluster", "keda") == changed
    provider.delete(APPLICATION, made, changed)
    with pytest.raises(RefusedError, match="not found"):
        provider.delete(APPLICATION, made, changed)


def test_a_worker_without_a_role_is_refused(provider: KubernetesProvider) -> None:
    source: dict[str, Any] = {"path": "gitops/overlays/dev", "kustomize": {"namespace": "portage", "patches": []}}

    with pytest.raises(RefusedError, match="No role is associated with the service account worker"):
        provider.create(APPLICATION, {**CHART, "spec": {"source": source}})


def test_an_unknown_input_is_refused(provider: KubernetesProvider) -> None:
    with pytest.raises(InvalidInputError, match="colour is 'blue'"):
        provider.create(APPLICATION, {**CHART, "colour": "blue"})


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (Given({}, "the provider"), "must have a kubeconfig"),
        (_config([]), "must be a kubeconfig in JSON, with one cluster"),
        (_config([], context="other"), "context is 'other'"),
    ],
)
def test_a_provider_that_would_read_this_machines_files_is_refused(config: Given, named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        KubernetesProvider().configure(config)


def test_a_release_gets_a_name_and_keeps_it(provider: KubernetesProvider) -> None:
    inputs = provider.complete(RELEASE, {"chart": "argo-cd"}, default_tags={}, random="0a1b2c3d")
    again = provider.complete(RELEASE, {"chart": "argo-cd"}, default_tags={}, random="ffffffff", before=inputs)

    assert inputs["name"] == again["name"] == "argo-0a1b2c3"
