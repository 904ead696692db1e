"""A workflow with a shared workspace, from an upload to its end: what processors find there, and that nothing stays."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from local.emulator.patches.efs import FOLDER
from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System, User, eventually
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant

STEPS = ["team_processor.write_note", "team_processor.read_note"]
NAMES = ("ok.bin", "raises.bin", "recovers.bin", "kills.bin", "unprocessable.bin")
TWO_DAYS = 2 * 24 * 3600


@pytest.fixture(scope="module")
def workspace(deploy_with: DeployWith) -> System:
    return deploy_with(
        "workspace",
        compute="step-functions",
        workspace="efs",
        stepFunctionsProcessors=STEPS,
        processorCode=str(TEAM_CODE),
        processingMaxAttempts=2,
        processingTimeoutSeconds=60,
    )


@pytest.fixture(scope="module")
def root(workspace: System) -> Path:
    file_system = workspace.resource_id("FileSystem", "processing-workspace")
    return workspace.emulator.data_dir / FOLDER / file_system / "executions"


@pytest.fixture(scope="module")
def ended(workspace: System, root: Path) -> dict[str, Any]:
    """Uploads by what their processor does, all sent at once, beside what a stopped execution left two days ago."""
    left_over = root / "left-over"
    (left_over / "files").mkdir(parents=True)
    then = time.time() - TWO_DAYS
    os.utime(left_over, (then, then))
    sender = workspace.new_user()
    ids = {name: workspace.send(sender, name.encode(), file_name=name) for name in NAMES}
    return {name: end(workspace, sender, upload_id) for name, upload_id in ids.items()}


def end(system: System, user: User, upload_id: str) -> Any:
    return system.await_status(user, upload_id, "completed", "failed", "rejected", seconds=150)


def result_of(system: System, upload: Any) -> Any:
    stored = system.emulator.client("s3").get_object(Bucket=upload["result"]["bucket"], Key=upload["result"]["key"])
    return json.loads(stored["Body"].read())


@pytest.mark.parametrize("name", ["ok.bin", "recovers.bin", "kills.bin"])
def test_processors_read_the_object_there_and_pass_files_to_each_other(
    workspace: System, ended: dict[str, Any], name: str
) -> None:
    assert ended[name]["status"] == "completed", str(ended[name])
    assert result_of(workspace, ended[name]) == {
        STEPS[0]: {"read": "object"},
        STEPS[1]: {"processed_by": "the team", "size_bytes": len(name), "note": name},
    }


def test_failures_are_recorded_as_without_it(workspace: System, ended: dict[str, Any]) -> None:
    assert ended["raises.bin"]["failure"]["code"] == "processing-failed"
    assert ended["unprocessable.bin"]["failure"]["code"] == "unprocessable"
    eventually(lambda: workspace.is_dead(ended["raises.bin"]["upload_id"]), bool, seconds=150)


@pytest.mark.usefixtures("ended")
def test_nothing_is_left_after_success_failure_or_of_a_stopped_execution(workspace: System, root: Path) -> None:
    states = workspace.emulator.client("stepfunctions")
    arn = workspace.resource_id("StateMachine", "processing-workflow")

    def running() -> list[Any]:
        return states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]

    eventually(running, lambda left: not left, seconds=150)
    assert list(root.iterdir()) == []
