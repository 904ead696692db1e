"""A switch of the compute and back, by the real engine: what holds data stays what it is."""

from collections.abc import Mapping

import pytest

from local.engine.pulumi_cli.stacks import EngineStack
from tests.support.components.examples import IMAGE
from tests.support.deployment.engine_project import Project, kept, lost_data
from tests.support.deployment.system import eventually

FARGATE: Mapping[str, object] = {"compute": "fargate", "workerImage": IMAGE}


@pytest.fixture(scope="module")
def stack(project: Project) -> EngineStack:
    return project.stack("dev")


def test_a_switch_to_fargate_and_back_replaces_nothing_and_loses_no_message(
    project: Project, stack: EngineStack
) -> None:
    stack.up()
    before = kept(stack)
    config, outputs = project.config("dev"), {name: each.value for name, each in stack.outputs().items()}

    project.configure("dev", **FARGATE)
    there = stack.up()
    assert lost_data(there) == set()
    assert kept(stack) == before
    made = {each["urn"].rpartition("::")[2] for each in stack.state()["resources"]}
    assert "processing-workers" in made
    assert "processing-queue-triggers-process-object" not in made
    sqs = project.emulator.client("sqs")
    sqs.send_message(QueueUrl=outputs["queueUrl"], MessageBody="no event")  # no task runs: the image does not exist

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
    assert message["Body"] == "no event", "the function took it, and could not read it"
