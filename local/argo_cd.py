"""Renders the manifests of gitops/ as Argo CD does for an Application: what a cluster would have.

`rendered(application)` returns the manifests, and `variables(manifests)` the environment of the worker in them.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from local import PROJECT_DIR
from local.errors import LocalModeError

GITOPS = "gitops"
_KUBECTL = Path(sys.executable).with_name("kubectl")

Manifest = dict[str, Any]


def rendered(application: Mapping[str, Any]) -> list[Manifest]:
    """Return what Argo CD would create for an Application, or LocalModeError.

    Its repository is taken to be this one. Argo CD sets the namespace in kustomization.yaml, appends the Application's
    patches to those that are there, and builds the folder. Source: argo-cd, util/kustomize/kustomize.go, Build.
    """
    source: Mapping[str, Any] = application["spec"]["source"]
    if not (PROJECT_DIR / source["path"] / "kustomization.yaml").is_file():
        raise LocalModeError(f"The Application's path is {source['path']}, but there is no kustomization.yaml in it.")
    with tempfile.TemporaryDirectory(prefix="portage-") as checkout:
        shutil.copytree(PROJECT_DIR / GITOPS, Path(checkout) / GITOPS)
        folder = Path(checkout) / source["path"]
        kustomization = folder / "kustomization.yaml"
        edited = cast("dict[str, Any]", yaml.safe_load(kustomization.read_text(encoding="utf-8")))
        edited["namespace"] = source["kustomize"]["namespace"]
        edited["patches"] = [*edited.get("patches", []), *source["kustomize"]["patches"]]
        kustomization.write_text(yaml.safe_dump(edited), encoding="utf-8")
        return built(folder)


def built(folder: Path) -> list[Manifest]:
    """Return what kustomize makes of a folder, or LocalModeError. The kustomize of kubectl is Argo CD's, or newer."""
    done = subprocess.run([_KUBECTL, "kustomize", folder], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise LocalModeError(f"kustomize cannot build {folder.name}: {done.stderr.strip()}")
    return list(yaml.safe_load_all(done.stdout))


def only(manifests: list[Manifest], kind: str) -> Manifest:
    """Return the manifest of a kind that there is only one of."""
    (found,) = [each for each in manifests if each["kind"] == kind]
    return found


def variables(manifests: list[Manifest]) -> dict[str, str]:
    """Return the environment of the container of the Deployment, as the kubelet computes it."""
    (container,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    found: dict[str, str] = {}
    for each in container.get("envFrom", []):
        name = each["configMapRef"]["name"]
        (config,) = [other for other in manifests if other["kind"] == "ConfigMap" and other["metadata"]["name"] == name]
        found |= config["data"]
    return found | {each["name"]: _value(each, container["resources"]) for each in container.get("env", [])}


_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def _value(variable: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    if "value" in variable:
        return variable["value"]
    field = variable["valueFrom"]["resourceFieldRef"]
    which, _, resource = field["resource"].partition(".")
    return str(_bytes(resources[which][resource]) // _bytes(field["divisor"]))


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * _BYTES[quantity[-2:]]
