"""What local mode shows of a cluster: manifests as Argo CD renders them, and variables as the kubelet computes them."""

from pathlib import Path

import pytest

from local.argo_cd import Manifest, built, rendered, variables
from local.errors import LocalModeError
from tests.support.paths import GITOPS


def test_a_path_without_manifests_is_an_error() -> None:
    with pytest.raises(LocalModeError, match="gitops/overlays/nowhere"):
        rendered({"spec": {"source": {"path": "gitops/overlays/nowhere"}}})


def test_what_kustomize_rejects_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n", encoding="utf-8")
    with pytest.raises(LocalModeError, match=r"missing\.yaml"):
        built(tmp_path)


def test_a_checkout_stays_as_it_was() -> None:
    before = {path: path.read_bytes() for path in GITOPS.rglob("*.yaml")}
    kustomize: dict[str, object] = {"namespace": "other", "patches": []}
    manifests = rendered({"spec": {"source": {"path": "gitops/overlays/dev", "kustomize": kustomize}}})
    assert {each["metadata"].get("namespace", "other") for each in manifests} == {"other"}
    assert {path: path.read_bytes() for path in GITOPS.rglob("*.yaml")} == before


@pytest.mark.parametrize(("limit", "expected"), [("512Mi", "512"), ("4Gi", "4096"), ("1536Mi", "1536")])
def test_a_variable_takes_the_container_s_limit(limit: str, expected: str) -> None:
    field = {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}
    container = {"env": [{"name": "MEMORY", "valueFrom": field}], "resources": {"limits": {"memory": limit}}}
    deployment: Manifest = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [container]}}}}
    assert variables([deployment]) == {"MEMORY": expected}
