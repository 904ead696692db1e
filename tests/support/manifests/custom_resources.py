"""The schemas of Argo CD's and KEDA's custom resources, which no package for Python has.

The folder `schemas` has those of the definitions (CRDs) in the projects' Go modules, both Apache-2.0:
github.com/argoproj/argo-cd/v3 (manifests/crds) and github.com/kedacore/keda/v2 (config/crd/bases). They lack the
descriptions, and admit no unknown fields, as the API server does with strict validation.

python -m tests.support.manifests.custom_resources   writes them again, for the versions below; needs Go
"""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import jsonschema
import yaml

from components.eks.application import KEDA_VERSION

SCHEMAS = Path(__file__).parent / "schemas"
ARGO_CD = "github.com/argoproj/argo-cd/v3@v3.2.0"
KEDA = f"github.com/kedacore/keda/v2@v{KEDA_VERSION}"
_DEFINITIONS = {
    "Application": (ARGO_CD, "manifests/crds/application-crd.yaml"),
    "ScaledObject": (KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml"),
    "TriggerAuthentication": (KEDA, "config/crd/bases/keda.sh_triggerauthentications.yaml"),
}


def validate(manifest: Mapping[str, Any]) -> None:
    """Raise jsonschema.ValidationError if the API server would reject a custom resource."""
    stored = json.loads(_path(manifest["kind"]).read_text(encoding="utf-8"))
    assert manifest["apiVersion"] in stored["apiVersions"], manifest["apiVersion"]
    jsonschema.Draft7Validator(stored["apiVersions"][manifest["apiVersion"]]).validate(dict(manifest))


def source_of(kind: str) -> str:
    """The Go module, with its version, that the stored schema is from."""
    return json.loads(_path(kind).read_text(encoding="utf-8"))["source"]


def expected_source_of(kind: str) -> str:
    module, path = _DEFINITIONS[kind]
    return f"{module}/{path}"


KINDS = tuple(_DEFINITIONS)


def _path(kind: str) -> Path:
    return SCHEMAS / f"{kind.lower()}.json"


def _strict(schema: Any) -> Any:
    """Return a schema without descriptions, in which an object has only the properties that it names."""
    if isinstance(schema, list):
        return [_strict(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: {name: _strict(each) for name, each in value.items()} if key == "properties" else _strict(value)
        for key, value in cast("dict[str, Any]", schema).items()
        if key != "description"
    }
    if "properties" in found and not found.get("x-kubernetes-preserve-unknown-fields"):
        found["additionalProperties"] = False
    return found


def _write() -> None:
    go = shutil.which("go") or sys.exit("There is no Go.")
    for kind, (module, path) in _DEFINITIONS.items():
        # Go checks it against the public checksums (sum.golang.org), and does so for modules of a newer Go, too.
        downloaded = subprocess.run([go, "mod", "download", "-json", module], check=False, capture_output=True)
        with zipfile.ZipFile(json.loads(downloaded.stdout)["Zip"]) as archive:
            definition = yaml.safe_load(archive.read(f"{module}/{path}"))["spec"]
        stored = {
            "source": f"{module}/{path}",
            "licence": "Apache-2.0",
            "apiVersions": {
                f"{definition['group']}/{each['name']}": _strict(each["schema"]["openAPIV3Schema"])
                for each in definition["versions"]
            },
        }
        _path(kind).write_text(json.dumps(stored, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
