"""A YAML program uses the components as a package, under the real engine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.emulator.process import Emulator
from local.engine.pulumi_cli.stacks import EngineStack
from tests.support.deployment.engine_project import checkout
from tests.support.deployment.package_consumer import Consumer, described
from tests.support.deployment.typescript_consumer import TypeScriptConsumer
from tests.support.paths import PROJECT


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout(tmp_path_factory.mktemp("consumer") / "portage")


def test_the_cli_installs_the_folder_and_gets_its_schema(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: new\nruntime: yaml\n")
    with Emulator("eu-central-1") as emulator:
        schema = Consumer(tmp_path, tmp_path / "home", emulator).run("package", "get-schema", clone / "components")

    assert inputs(json.loads(schema)) == inputs(json.loads((clone / "docs" / "schema.json").read_text()))


def inputs(schema: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The description of each input; the CLI leaves out what is not valid for its version."""
    return {
        token: {name: each["description"] for name, each in resource["inputProperties"].items()}
        for token, resource in schema["resources"].items()
    }


def test_a_program_in_yaml_makes_what_the_same_program_in_python_makes(clone: Path, tmp_path: Path) -> None:
    with Emulator("eu-central-1") as emulator:
        consumer = Consumer(clone / "examples" / "yaml", tmp_path, emulator)
        consumer.run("stack", "init", "dev")
        consumer.run("up", "--yes")
        consumer.run("preview", "--expect-no-changes")
        python = clone / "examples" / "python"
        stack = EngineStack(
            project_dir=python, name="dev", program_dir=python, home=tmp_path / "python", emulator=emulator
        )
        stack.up()

        # Code is of the clone in the plugin, and of this folder in the program, which runs in this process.
        places = {clone / "examples": "..", clone: "REPOSITORY", PROJECT: "REPOSITORY"}
        by_yaml, by_python = described(consumer.state(), places), described(stack.state(), places)
    assert len(by_yaml) > 100
    assert by_yaml.keys() == by_python.keys()
    different = {urn: (text, by_python[urn]) for urn, text in by_yaml.items() if text != by_python[urn]}
    assert different == {}, json.dumps(different, indent=1)


def test_a_program_in_typescript_compiles_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    consumer = TypeScriptConsumer(tmp_path / "typescript")
    assert consumer.errors() == ""

    consumer.edit("...table,\n    allowedContentTypes", "allowedContentTypes")

    assert "tableArn" in consumer.errors()
