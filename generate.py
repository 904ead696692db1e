"""Writes the generated files. `make generate` runs it.

Pulumi.yaml                     its config block, from components/arguments/
docs/openapi.json               the API's contract, from components/api/operations.py and schemas.py
docs/policies.md                what each rule of the policy pack asks for, from policy/
docs/eks.md                     its picture, from the workflow, gitops/ and components/eks/application.py
docs/client.svg                 a terminal with the client, from client/cli/; its exit codes in docs/client.md
docs/schema.json                the Pulumi package of the components, from components/arguments/ and the components
handlers/aws/amazon_roots.pem   Amazon's root certificates, from certifi

python -m generate           writes the files
python -m generate --check   exits with 1 if a file is not what would be written
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import certifi
import yaml

from client_docs import exit_codes_table, terminal_svg
from components.api.openapi import contract
from components.arguments import Argument, Arguments
from components.arguments.declaration import description
from components.compute.amazon_roots import AMAZON_ROOTS_PEM, amazon_roots
from components.package import package
from eks_picture import eks_picture
from settings import config_type, item_type, keys, keys_of, value_for_none

_PROJECT = Path(__file__).resolve().parent
PULUMI_YAML = _PROJECT / "Pulumi.yaml"
OPENAPI_JSON = _PROJECT / "docs/openapi.json"
CLIENT_MD = _PROJECT / "docs/client.md"
CLIENT_SVG = _PROJECT / "docs/client.svg"
EKS_MD = _PROJECT / "docs/eks.md"
POLICIES_MD = _PROJECT / "docs/policies.md"
SCHEMA_JSON = _PROJECT / "docs/schema.json"


def config_block() -> str:
    """Return the config block of Pulumi.yaml: type, default and description of each setting."""
    block = {
        key: {**_type(each := shape.declared[name]), "description": f"{_described(shape, name)}{_omission(each)}"}
        for key, (shape, name) in keys().items()
    }
    return yaml.safe_dump({"config": block}, sort_keys=False, width=116, allow_unicode=True)


def _described(shape: type[Arguments], name: str) -> str:
    """Return an argument's description, in which other arguments have the names of their settings."""
    settings = keys_of(shape)
    # Several components share a key: the class that they inherit it from describes it for all.
    shape = next(each for each in reversed(shape.__mro__) if issubclass(each, Arguments) and name in each.declared)
    return re.sub("`([a-z_]+)`", lambda found: f"`{settings.get(found[1], found[1])}`", description(shape, name))


def _type(declared: Argument) -> dict[str, Any]:
    kind = config_type(declared.constraint)
    default = value_for_none(declared.constraint) if declared.default is None else declared.default
    items = {"items": {"type": item_type(declared.constraint)}} if kind == "array" else {}
    return {"type": kind, **items, "default": default}


def _omission(declared: Argument) -> str:
    if declared.default is not None:
        return ""
    none = value_for_none(declared.constraint)
    return f" {'An empty value' if none == '' else none} is the same as omitting it."


def pulumi_yaml() -> str:
    """Return Pulumi.yaml with the generated config block."""
    text = PULUMI_YAML.read_text(encoding="utf-8")
    return text[: text.index("\nconfig:\n") + 1] + config_block()


def openapi_json() -> str:
    """Return the API's contract: without what only API Gateway reads, such as ARNs."""
    return json.dumps(contract(), indent=2, ensure_ascii=False) + "\n"


def eks_md() -> str:
    """Return docs/eks.md with the generated picture, which is its only block of Mermaid."""
    text = EKS_MD.read_text(encoding="utf-8")
    return re.sub(
        r"(?<=^```mermaid\n).*?(?=^```$)", lambda _: f"{eks_picture()}\n", text, flags=re.DOTALL | re.MULTILINE
    )


def client_md() -> str:
    """Return docs/client.md with the generated exit codes, which are the table under their heading."""
    text = CLIENT_MD.read_text(encoding="utf-8")
    return re.sub(
        r"(?<=^## Exit codes\n\n).*?(?=^\n)",
        lambda _: exit_codes_table(),
        text,
        count=1,
        flags=re.DOTALL | re.MULTILINE,
    )


def policies_md() -> str:
    """Return the description of the policy pack, which is a program of its own."""
    command = [sys.executable, str(_PROJECT / "policy" / "describe.py")]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def schema_json() -> str:
    """Return the schema of the Pulumi package, from which SDKs in other languages are made."""
    return json.dumps(json.loads(package().schema or ""), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the files, or check them; returns the exit code."""
    generated = {
        PULUMI_YAML: pulumi_yaml(),
        OPENAPI_JSON: openapi_json(),
        CLIENT_MD: client_md(),
        CLIENT_SVG: terminal_svg(),
        EKS_MD: eks_md(),
        POLICIES_MD: policies_md(),
        SCHEMA_JSON: schema_json(),
        AMAZON_ROOTS_PEM: amazon_roots(Path(certifi.where()), time.time()),
    }
    stale = [path for path, text in generated.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(_PROJECT)} is not what `make generate` writes. Run it.", file=sys.stderr)  # noqa: T201
        return int(bool(stale))
    for path in stale:
        path.write_text(generated[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
