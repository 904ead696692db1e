"""Projects that differ from this one: made by `pulumi new`, renamed, with secrets, wrong config, or provider keys."""

import http.client
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pulumi.automation import OutputValue
from pulumi.automation.errors import CommandError

from local.emulator.process import Emulator
from local.engine.pulumi_cli import cli
from local.engine.pulumi_cli.stacks import Run
from local.engine.stack_config import read_stack_config
from local.startup import check_config
from tests.engine.conftest import MakeProject
from tests.support.deployment.engine_project import STACKS, Project, checkout, lost

SECRETS = {
    "kmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/0f5e2f0c-5f0b-4a3e-9d1c-2b7c1a9e8d47",
    "allowedOrigins[0]": "https://secret.example",
    "allowedSourceVpcIds[0]": "vpc-0a1b2c3d4e5f60718",
    "allowedContentTypes[0]": "application/x-secret",
}
ORIGIN = "https://new.example.com"
FUNCTION = "aws:lambda/function:Function"


@dataclass(frozen=True)
class Generated:
    """A project that `pulumi new` has made."""

    template: Path
    """A fresh clone of this repository."""
    folder: Path


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """Has `pulumi new` make the project, without network, in an empty folder."""
    parent = tmp_path_factory.mktemp("template")
    template, folder = checkout(parent / "portage"), parent / "media-uploads"
    folder.mkdir()
    made = subprocess.run(
        [cli.require(), "new", template, "--name", folder.name, "--generate-only", "--yes", "--non-interactive"],
        cwd=folder,
        env={
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{parent}",
            "PULUMI_CONFIG_PASSPHRASE": "local",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(parent / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # A CLI that was built here has no Python language host, which `new` asks for after it has written all files.
    assert made.returncode == 0 or "no language plugin 'pulumi-language-python'" in made.stderr, made.stderr
    return Generated(template, folder)


class TestGeneratedProject:
    def test_has_all_files_of_the_template_unchanged_but_its_description(self, generated: Generated) -> None:
        files = {each: (generated.template / each).read_bytes() for each in files_in(generated.template)}

        assert files_in(generated.folder) == files.keys()
        changed = {name for name, content in files.items() if (generated.folder / name).read_bytes() != content}
        assert changed == {Path("Pulumi.yaml")}

    @pytest.mark.parametrize("stack", STACKS)
    def test_its_stacks_have_the_settings_of_their_files(
        self, stack: str, generated: Generated, make_project: MakeProject
    ) -> None:
        config = read_stack_config(generated.template, stack)
        project = make_project(config.values["aws:region"], program_dir=generated.folder)

        run = project.stack(stack).preview()

        assert set(run.operations().values()) == {"create"}
        provider = provider_of(run)
        assert provider["region"] == config.values["aws:region"]
        assert json.loads(provider["defaultTags"])["tags"]["project"] == "media-uploads"
        (table,) = [step.inputs for step in run.steps if step.type == "aws:dynamodb/table:Table"]
        assert json.dumps(table["deletionProtectionEnabled"]) == config.own("deletionProtection")
        (throttle,) = [step.inputs for step in run.steps if step.type == "aws:apigateway/methodSettings:MethodSettings"]
        assert f"{throttle['settings']['throttlingRateLimit']:g}" == config.own("throttleRate")

    def test_it_can_be_deployed_by_local_mode(self, generated: Generated) -> None:
        check_config(generated.folder)
        assert read_stack_config(generated.folder, "local").project == "media-uploads"


def files_in(folder: Path) -> set[Path]:
    """The files of a project, without what Python writes."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in files if "__pycache__" not in path.parts}


@dataclass(frozen=True)
class Renamed:
    """A project of another name with secret settings, deployed and then changed in place."""

    emulator: Emulator
    preview: Run
    up: Run
    stored: str
    """The state as the CLI stores it."""
    shown: str
    """The state with its secrets decrypted."""
    change: Run
    again: Run
    outputs: Mapping[str, OutputValue]


@pytest.fixture(scope="module")
def renamed(make_project: MakeProject) -> Renamed:
    project: Project = make_project(name="my-files")
    stack = project.stack("dev")
    for key, value in SECRETS.items():
        stack.set_config(key, value, secret=True, path=True)
    preview, up = stack.preview(), stack.up()
    stored, shown = project.stored_state("dev"), json.dumps(stack.state())
    project.configure(
        "dev",
        allowedOrigins=[ORIGIN],
        logLevel="WARN",
        processingTimeoutSeconds=100,
        recordRetentionDays=100,
        throttleRate=77,
        noncurrentVersionDays=3,
        logRetentionDays=14,
        allowSignUp=False,
    )
    change = stack.up()
    return Renamed(project.emulator, preview, up, stored, shown, change, stack.preview(), stack.outputs())


class TestRenamedProject:
    def test_its_stack_has_the_settings_of_its_file(self, renamed: Renamed) -> None:
        tables = [step for step in renamed.up.steps if step.type == "aws:dynamodb/table:Table"]

        assert renamed.outputs["region"].value == "eu-central-1"
        assert [step.inputs["deletionProtectionEnabled"] for step in tables] == [False]
        assert {step.inputs["tagsAll"]["project"] for step in tables} == {"my-files"}

    def test_changed_settings_are_changed_in_place(self, renamed: Renamed) -> None:
        replaced = {step.type for step in renamed.change.steps if "replace" in step.operation}

        assert replaced == {"aws:apigateway/deployment:Deployment"}
        assert lost(renamed.change) == set()
        assert renamed.change.changes["update"] > 10
        assert renamed.again.operations() == {}

    def test_the_changed_api_answers(self, renamed: Renamed) -> None:
        address = urlsplit(str(renamed.outputs["apiUrl"].value))
        connection = http.client.HTTPConnection(address.netloc, timeout=10)
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        connection.request("OPTIONS", f"{address.path}/uploads", headers=headers)
        response = connection.getresponse()
        connection.close()

        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN

    def test_the_changed_functions_have_a_new_version(self, renamed: Renamed) -> None:
        client = renamed.emulator.client("lambda")
        names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
        versions = {
            alias["FunctionVersion"] for name in names for alias in client.list_aliases(FunctionName=name)["Aliases"]
        }

        assert versions == {"2"}

    def test_what_is_set_as_a_secret_is_stored_encrypted_alone(self, renamed: Renamed) -> None:
        assert renamed.up.operations() == renamed.preview.operations()
        assert [value for value in SECRETS.values() if value in renamed.stored] == []
        assert [value for value in SECRETS.values() if value not in renamed.shown] == []
        assert [value for value in SECRETS.values() if value in renamed.up.text] == []


def provider_of(run: Run) -> Mapping[str, Any]:
    (inputs,) = [
        step.inputs for step in run.steps if step.type == "pulumi:providers:aws" and "defaultTags" in step.inputs
    ]
    return inputs


def refusal(project: Project, stack: str) -> str:
    with pytest.raises(CommandError) as raised:
        project.stack(stack).preview()
    return str(raised.value)


def test_wrong_config_prints_its_message_alone(project: Project) -> None:
    project.write_config("wrong", {"aws:region": "eu-central-1", "aws:assumeRole": [], "maxOpenUploads": 0})

    printed = refusal(project, "wrong")

    assert "portage:maxOpenUploads is 0" in printed
    assert "aws:assumeRole is not a key" in printed
    assert "Traceback" not in printed
    assert "runtime error" not in printed


def test_what_aws_would_refuse_is_refused_in_a_preview(project: Project) -> None:
    project.write_config("refused", {"aws:region": "eu-central-1", "aws:defaultTags": {"tags": {"key": "v" * 257}}})

    printed = refusal(project, "refused")

    assert "must have at most 256 characters, not 257" in printed
    assert "Traceback" not in printed


def test_a_stack_may_have_a_name_of_100_characters(project: Project) -> None:
    name = "s" * 100
    project.write_config(name, project.config("dev"))

    run = project.stack(name).preview()

    assert set(run.operations().values()) == {"create"}
    assert len({step.inputs["tagsAll"]["stack"] for step in run.steps if step.type == FUNCTION}) == 1


class TestKeysOfTheProvider:
    def test_they_reach_it(self, project: Project) -> None:
        keys = {
            "aws:region": "eu-central-1",
            "aws:allowedAccountIds": [project.emulator.account_id],
            "aws:defaultTags": {"tags": {"cost-center": "7"}},
        }
        project.write_config("keys", keys)

        run = project.stack("keys").preview()

        assert json.loads(provider_of(run)["allowedAccountIds"]) == [project.emulator.account_id]
        tags = [step.inputs["tagsAll"] for step in run.steps if step.type == FUNCTION]
        assert {(each["cost-center"], each["project"]) for each in tags} == {("7", "portage")}

    def test_another_account_than_the_allowed_ones_is_refused(self, project: Project) -> None:
        project.write_config("account", {"aws:region": "eu-central-1", "aws:allowedAccountIds": ["123456789012"]})

        assert "allowedAccountIds" in refusal(project, "account")

    def test_what_has_no_meaning_locally_is_refused(self, project: Project) -> None:
        project.write_config("profile", {"aws:region": "eu-central-1", "aws:profile": "prod"})

        assert "profile is 'prod'; it cannot be set locally" in refusal(project, "profile")
