"""Switches of the compute, by the real engine: what holds data stays what it is."""

from collections.abc import Mapping

import pytest

from local.engine.pulumi_cli.stacks import EngineStack
from tests.support.components.examples import IMAGE
from tests.support.deployment.engine_project import Project, kept, lost_data
from tests.support.deployment.system import eventually

FARGATE: Mapping[str, object] = {"compute": "fargate", "workerImage": IMAGE}
STEP_FUNCTIONS: Mapping[str, object] = {"compute": "step-functions", "workspace": "efs"}


@pytest.fixture(scope="module")
def stack(project: Project) -> EngineStack:
    return project.stack("dev")


def names(stack: EngineStack) -> set[str]:
    return {each["urn"].rpartition("::")[2] for each in stack.state()["resources"]}


def test_a_switch_from_one_compute_to_another_and_back_replaces_nothing_and_loses_no_message(
    project: Project, stack: EngineStack
) -> None:
    stack.up()
    before = kept(stack)
    config, outputs = project.config("dev"), {name: each.value for name, each in stack.outputs().items()}

    project.configure("dev", **FARGATE)
    there = stack.up()
    assert lost_data(there) == set()
    assert kept(stack) == before
    assert "processing-workers" in names(stack)
    assert "processing-queue-triggers-process-object" not in names(stack)
    sqs = project.emulator.client("sqs")
    sqs.send_message(QueueUrl=outputs["queueUrl"], MessageBody="no event")  # no task runs: the image does not exist

    project.write_config("dev", config)
    project.configure("dev", **STEP_FUNCTIONS)
    elsewhere = stack.up()
    assert lost_data(elsewhere) == set()
    assert kept(stack) == before
    assert {"processing-workflow", "processing-workspace"} <= names(stack)
    assert "processing-workers" not in names(stack)

    project.write_config("dev", config)
    back = stack.up()

    assert lost_data(back) == set()
    assert kept(stack) == before
    assert {name: each.value for name, each in stack.outputs().items()} == {
        **outputs,
        "processorRole": stack.outputs()["processorRole"].value,
    }
    dead = {"QueueUrl": outputs["deadLetterQueueUrl"], "VisibilityTimeout": 0}
    (message,) = eventually(lambda: sqs.receive_message(**dead).get("Messages", []), bool)
    assert message["Body"] == "no event", "a function took it, and could not read it"
