"""Writes what is derived from declarations: the config block of Pulumi.yaml. `make generate` runs it.

python -m generate           writes the files
python -m generate --check   exits with 1 if a file is not what would be written
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from components.arguments import Argument
from components.arguments.declaration import description
from settings import config_type, keys, none_of

PULUMI_YAML = Path(__file__).parent / "Pulumi.yaml"


def config_block() -> str:
    """Return the config block of Pulumi.yaml: type, default and description of each setting."""
    block = {
        key: {**_type(each := shape.declared[name]), "description": f"{description(shape, name)}{_omission(each)}"}
        for key, (shape, name) in keys().items()
    }
    return yaml.safe_dump({"config": block}, sort_keys=False, width=116, allow_unicode=True)


def _type(declared: Argument) -> dict[str, Any]:
    kind = config_type(declared.constraint)
    default = none_of(declared.constraint) if declared.default is None else declared.default
    return {"type": kind, **({"items": {"type": "string"}} if kind == "array" else {}), "default": default}


def _omission(declared: Argument) -> str:
    if declared.default is not None:
        return ""
    none = none_of(declared.constraint)
    return f" {'An empty value' if none == '' else none} is the same as omitting it."


def main() -> int:
    """Write Pulumi.yaml, or check it; returns the exit code."""
    text = PULUMI_YAML.read_text(encoding="utf-8")
    generated = text[: text.index("\nconfig:\n") + 1] + config_block()
    if "--check" in sys.argv[1:]:
        if text != generated:
            print("Pulumi.yaml differs from the components' arguments. Run `make generate`.", file=sys.stderr)  # noqa: T201
        return int(text != generated)
    PULUMI_YAML.write_text(generated, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
