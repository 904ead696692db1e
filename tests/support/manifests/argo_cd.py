"""Renders an overlay as Argo CD does for an Application."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import yaml

from components.eks.application import Application
from tests.support.paths import PROJECT

KUBECTL = Path(sys.executable).with_name("kubectl")
GITOPS = PROJECT / "gitops"
OVERLAYS = ("dev", "staging", "prod")

Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """What kustomize makes of a folder. Its version in kubectl is Argo CD's own, or newer by patches alone."""
    text = subprocess.run([KUBECTL, "kustomize", folder], check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(text))


def rendered_for(application: Application, checkout: Path) -> list[Manifest]:
    """What Argo CD creates for an Application, in a checkout of the repository that is made in the folder.

    Argo CD runs `kustomize edit set namespace` in the folder of the Application, adds its patches to the list in
    kustomization.yaml and builds that folder. Source: argo-cd, util/kustomize/kustomize.go, Build.
    """
    source = application["spec"]["source"]
    assert "path" in source
    assert "kustomize" in source
    shutil.copytree(GITOPS, checkout / "gitops")
    folder = checkout / source["path"]
    kustomization = folder / "kustomization.yaml"
    edited = cast("dict[str, Any]", yaml.safe_load(kustomization.read_text(encoding="utf-8")))
    edited["namespace"] = source["kustomize"]["namespace"]
    edited["patches"] = [*edited.get("patches", []), *source["kustomize"]["patches"]]
    kustomization.write_text(yaml.safe_dump(edited), encoding="utf-8")
    return render(folder)


def only(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = [each for each in manifests if each["kind"] == kind]
    return found
