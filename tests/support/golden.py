"""The golden dumps: every resource of each stack, in files that a review reads as a diff.

`make golden` runs this module and writes tests/unit/golden/*.yaml from the stacks' files.

A dump contains the config that it was made from. Tests use that config, so that they still pass when a user changes
the values of a stack. The OpenAPI document is dumped once, in api.yaml, because stacks differ only in its arguments.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import yaml

from local.engine.built_in.program import ProgramRun, Registration, run_program
from local.resources.parameters import plain
from tests.support.components import reference
from tests.support.components.recording import FakeAws, token
from tests.support.paths import PROJECT

FOLDER = PROJECT / "tests/unit/golden"
STACKS = ("dev", "local", "prod", "staging")
API_OF = "local"
"""The stack that api.yaml shows the document of. It allows origins, so its document has preflights."""

_REST_API = token(aws.apigateway.RestApi)

_HASH = re.compile(r"\b[0-9a-f]{32,}\b")


class _Dumper(yaml.SafeDumper):
    """Indents the items of lists, keeps lines as lines, and repeats equal values instead of referring to them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(str, _Dumper.represent_str)


def path_of(name: str) -> Path:
    """Return the file of a stack's dump, or of the document's, `api`."""
    return FOLDER / f"{name}.yaml"


def read_config(path: Path) -> dict[str, Any]:
    """Return the config in a stack's file or in a dump."""
    return yaml.safe_load(path.read_text())["config"]


def dump(stack: str, config: Mapping[str, Any]) -> str:
    """Run the program with this config under the stack's name; returns config, resources and outputs as YAML."""
    run = record_stack(stack, config)
    names = {each.urn: f"{each.name} {each.type}" for each in run.registrations}
    resources = {names[each.urn]: _described(each, names) for each in run.registrations}
    if len(resources) < len(run.registrations):
        raise ValueError(f"Two resources of the stack {stack} have the same type and name.")
    return _yaml({"config": dict(config), "outputs": dict(run.outputs), "resources": resources})


def dump_api(config: Mapping[str, Any]) -> str:
    """Return the OpenAPI document that the program deploys with this config, as YAML."""
    (api,) = [each for each in record_stack(API_OF, config).registrations if each.type == _REST_API]
    return _yaml(_normalized(plain(api.inputs["body"])))


def record_stack(stack: str, config: Mapping[str, Any]) -> ProgramRun:
    """Run the program with this config under the stack's name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump({**declared, "main": str(PROJECT)}))
        (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": dict(config)}))
        return run_program(folder, stack=stack, cloud=FakeAws())


def _yaml(document: object) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=True, width=116, allow_unicode=True)


def _described(registration: Registration, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what the engine compares with the state."""
    options, inputs = registration.options, _normalized(plain(registration.inputs))
    if registration.type == _REST_API:
        inputs["body"] = "<the document in api.yaml>"
    described = {
        "parent": names.get(registration.parent),
        "protect": options.protect,
        "retainOnDelete": options.retain_on_delete,
        "deleteBeforeReplace": options.delete_before_replace,
        "deletedWith": names.get(options.deleted_with),
        # Those of types come from the provider.
        "aliases": [alias for alias in options.aliases if ":" not in alias or alias.startswith("urn:")],
        "ignoreChanges": list(options.ignore_changes),
        "replaceOnChanges": list(options.replace_on_changes),
        "inputs": inputs,
    }
    return {key: value for key, value in described.items() if value}


def _normalized(value: Any) -> Any:
    """Write JSON text as values, hashes and code without their content."""
    match value:
        case dict():
            return {key: _normalized(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [_normalized(item) for item in cast("list[Any]", value)]
        case str():
            parsed = _parsed(value)
            return _HASH.sub("<hash>", value) if parsed is None else _normalized(parsed)
        case pulumi.AssetArchive():
            names = {name.partition("/")[0] for name in value.assets if ".dist-info" not in name}
            return f"<code: {', '.join(sorted(names))}>"
        case _:
            return value


def _parsed(text: str) -> Any:
    """Return the object or list that the text is in JSON, if it is one."""
    with suppress(json.JSONDecodeError):
        return json.loads(text) if text.startswith(("{", "[")) else None
    return None


def write() -> None:
    """Write the dump of each stack, and the page with what each component has."""
    FOLDER.mkdir(exist_ok=True)
    for stack in STACKS:
        path_of(stack).write_text(dump(stack, read_config(PROJECT / f"Pulumi.{stack}.yaml")))
    path_of("api").write_text(dump_api(read_config(path_of(API_OF))))
    reference.write()


if __name__ == "__main__":
    write()
