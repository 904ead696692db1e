"""Programs in other languages use the components as a package, under the real engine."""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation.errors import CommandError

from benchmarks.certificate import write_certificate
from local.emulator.process import Emulator
from local.engine.pulumi_cli.stacks import EngineStack
from tests.support.deployment.engine_project import checkout
from tests.support.deployment.git_server import git_server, publish
from tests.support.deployment.package_consumer import HOSTS, Consumer, described
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


def test_the_cli_adds_the_package_to_a_program_in_yaml_which_then_deploys_it(clone: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.mkdir()
    (program / "Pulumi.yaml").write_text(
        "name: new\nruntime: yaml\nresources:\n  status:\n    type: portage:StatusTracker\n"
        "    properties: {recoveryDays: 7}\noutputs: {table: '${status.tableName}'}\n"
    )
    with Emulator("eu-central-1") as emulator:
        consumer = Consumer(program, tmp_path / "home", emulator)
        consumer.run("package", "add", clone / "components")
        consumer.run("stack", "init", "dev")
        consumer.run("config", "set", "aws:region", "eu-central-1")
        consumer.run("up", "--yes")
        output = json.loads(consumer.run("stack", "output", "--json"))["table"]
        tables = emulator.client("dynamodb").list_tables()["TableNames"]
        (table,) = [each for each in consumer.state()["resources"] if each["type"] == "aws:dynamodb/table:Table"]

        consumer.edit("recoveryDays: 7", "recoverDays: 7")
        refused = consumer.run_to_an_error("up", "--yes")

    added = yaml.safe_load((program / "Pulumi.yaml").read_text())["packages"]
    assert (program / added["portage"]).resolve() == (clone / "components").resolve()
    assert tables == [output]
    assert table["inputs"]["pointInTimeRecovery"]["recoveryPeriodInDays"] == 7
    assert "recoverDays" in refused


def test_the_cli_adds_the_package_of_a_git_address_to_a_program_which_then_deploys_it(tmp_path: Path) -> None:
    (tmp_path / "served" / "team").mkdir(parents=True)
    publish(checkout(tmp_path / "published"), tmp_path / "served" / "team" / "portage.git", "v0.1.0")
    certificate = write_certificate(tmp_path)
    program = tmp_path / "program"
    program.mkdir()
    (program / "Pulumi.yaml").write_text(
        "name: new\nruntime: yaml\nresources:\n  status: {type: 'portage:StatusTracker'}\n"
        "outputs: {table: '${status.tableName}'}\n"
    )
    with ExitStack() as held:
        try:
            server = held.enter_context(git_server(tmp_path / "served", certificate))
        except OSError as error:
            pytest.skip(f"The port of https cannot be had: {error}.")
        emulator = held.enter_context(Emulator("eu-central-1"))
        consumer = Consumer(program, tmp_path / "home", emulator, SSL_CERT_FILE=str(certificate.bundle))
        consumer.run("package", "add", f"{server}/team/portage.git/components@0.1.0")
        consumer.run("stack", "init", "dev")
        consumer.run("config", "set", "aws:region", "eu-central-1")
        consumer.run("up", "--yes")
        output = json.loads(consumer.run("stack", "output", "--json"))["table"]
        tables = emulator.client("dynamodb").list_tables()["TableNames"]

    added = yaml.safe_load((program / "Pulumi.yaml").read_text())["packages"]["portage"]
    assert added == "localhost/team/portage.git/components@0.1.0"
    assert tables == [output]


PROGRAM_WITH_A_TRANSFORM = """
import pulumi


class StatusTracker(pulumi.ComponentResource):
    def __init__(self, name, props, opts=None):
        super().__init__("portage:index:StatusTracker", name, props, opts, remote=True)


def only_new(each):
    if each.name != "status-uploads" or each.type_ != "aws:dynamodb/table:Table":
        return None
    return pulumi.ResourceTransformResult({**each.props, "streamViewType": "NEW_IMAGE"}, each.opts)


days = pulumi.Config().get_int("days") or 7
StatusTracker("status", {"recoveryDays": days}, pulumi.ResourceOptions(transforms=[only_new]))
"""


def test_a_transform_of_the_program_changes_a_child_of_the_package(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((str(HOSTS), os.environ["PATH"])))
    program = tmp_path / "program"
    program.mkdir()
    plugin = {"name": "portage", "path": str(clone / "components")}
    project = {"name": "changed", "runtime": "python", "plugins": {"providers": [plugin]}}
    (program / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (program / "Pulumi.dev.yaml").write_text("config: {aws:region: eu-central-1}\n")
    (program / "__main__.py").write_text(PROGRAM_WITH_A_TRANSFORM)
    with Emulator("eu-central-1") as emulator:
        stack = EngineStack(
            project_dir=program, name="dev", program_dir=program, home=tmp_path / "home", emulator=emulator
        )
        stack.up()
        (table,) = [each for each in stack.state()["resources"] if each["type"] == "aws:dynamodb/table:Table"]
        (name,) = emulator.client("dynamodb").list_tables()["TableNames"]
        made = emulator.client("dynamodb").describe_table(TableName=name)["Table"]

        stack.set_config("days", "36")
        with pytest.raises(CommandError) as raised:
            stack.up()

    assert table["parent"].endswith("portage:index:StatusTracker::status")
    assert table["inputs"]["streamViewType"] == made["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert "property recoveryDays with value" in str(raised.value)
    assert "components/package.py" not in str(raised.value), "no traceback of the package"


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
