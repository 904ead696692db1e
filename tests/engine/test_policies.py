"""The real engine reviews our stacks with the policy pack: before, during and after a deployment."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from pulumi.automation.errors import CommandError

from local.engine.pulumi_cli import cli
from local.engine.pulumi_cli.stacks import Run
from tests.engine.conftest import MakeProject
from tests.support.deployment.engine_project import Project
from tests.support.paths import PROJECT
from tests.support.policies.stacks import COMPUTES

PACK = Path(__file__).parent / "policy_pack"

DEPLOYED: Mapping[str, tuple[str, ...]] = {"dev": ("eks", "lambda"), "staging": (), "prod": ("lambda",)}
"""By stack, the computes that it is deployed with, one after the other. Each stack is planned with every compute."""


def violations(run: Run) -> list[str]:
    return [f"{each.resource_urn} {each.policy_name}: {each.message}" for each in run.policies]


def analyze(state: Mapping[str, object], folder: Path, pack: Path = PACK) -> subprocess.CompletedProcess[str]:
    """Review an exported state, without a backend, a login or the project."""
    file = folder / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": state}))
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(cli.require()), "policy", "analyze", "--non-interactive", "--policy-pack", str(pack), "--file", str(file)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PORTAGE_PLUGIN_PYTHON": sys.executable,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", DEPLOYED)
def test_a_stack_breaks_no_rule_with_any_compute(name: str, make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project()
    stack = project.stack(name)
    project.make_buckets("the-results", "the-quarantine")
    own = project.config(name)

    def choose(compute: str) -> None:
        project.write_config(name, own)
        project.configure(name, **{"compute": compute, **COMPUTES[compute]})

    for compute in COMPUTES:
        choose(compute)

        assert violations(stack.preview(policy_packs=[PACK])) == [], compute
    for compute in DEPLOYED[name]:
        choose(compute)

        run = stack.up(policy_packs=[PACK])
        review = analyze(stack.state(), tmp_path)

        assert violations(run) == [], compute
        assert review.returncode == 0, f"{compute}: {review.stdout}{review.stderr}"
        assert "Policies:" in review.stdout
        assert "portage-policies" in review.stdout


@pytest.fixture(scope="module")
def careless(make_project: MakeProject, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("program")
    (folder / "Pulumi.yaml").write_text("name: careless\nruntime: python\n")
    (folder / "Pulumi.test.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(
        "import pulumi_aws as aws\n"
        "aws.sqs.Queue('jobs', sqs_managed_sse_enabled=False, message_retention_seconds=60)\n"
        "aws.s3.Bucket('ingest')\n"
    )
    return make_project(program_dir=folder)


def test_a_stack_that_breaks_rules_is_stopped_before_the_resource_is_created(careless: Project) -> None:
    stack = careless.stack("test")

    with pytest.raises(CommandError, match="sqs-queue-is-encrypted"):
        stack.up(policy_packs=[PACK])
    assert careless.emulator.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_stack_that_breaks_rules_is_reported_from_its_state(careless: Project, tmp_path: Path) -> None:
    stack = careless.stack("test")
    stack.up()

    review = analyze(stack.state(), tmp_path)

    assert review.returncode != 0
    for rule in ("sqs-queue-is-encrypted", "sqs-queue-has-dead-letter-queue", "s3-bucket-has-public-access-block"):
        assert rule in review.stdout


def test_values_of_the_pack_s_file_hold_under_the_engine(careless: Project, tmp_path: Path) -> None:
    stack = careless.stack("test")
    stack.up()
    pack = tmp_path / "tests" / "engine" / PACK.name
    pack.parent.mkdir(parents=True)
    shutil.copy(PACK, pack)
    shutil.copytree(PROJECT / "policy", tmp_path / "policy")
    (tmp_path / "policy" / "settings.yaml").write_text("values: {requiredTags: {team: video}}\n")

    assert "general-required-tags-are-set" not in analyze(stack.state(), tmp_path).stdout
    assert "general-required-tags-are-set" in analyze(stack.state(), tmp_path, pack).stdout
