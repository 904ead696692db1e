"""Jobs on Step Functions, from an upload to its end: one deployment with a processor of a team's own."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from components.compute.workflow import Workflow
from handlers.domain.upload_ref import STEP_RESULT_PREFIX
from tests.integration.conftest import DeployWith
from tests.support.deployment.reconciler import change_newest_version, reconcile
from tests.support.deployment.system import System, User, eventually
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant

STEPS = ["handlers.processors.inspect.process", "team_processor.read_earlier"]
AT_ONCE = 3
ENDED = ("completed", "failed", "rejected")


@pytest.fixture(scope="module")
def workflow(deploy_with: DeployWith) -> System:
    return deploy_with(
        "workflow",
        compute="step-functions",
        processor="team_processor.process",
        processors=[{"processor": "handlers.processors.csv_summary.process", "file_names": ["*.csv"]}],
        processorCode=str(TEAM_CODE),
        processingMaxAttempts=2,
        processingTimeoutSeconds=10,
        processingMaxConcurrency=AT_ONCE,
    )


@pytest.fixture(scope="module")
def sender(workflow: System) -> User:
    return workflow.new_user()


@pytest.fixture(scope="module", autouse=True)
def stopped(workflow: System, sender: User) -> str:
    """An upload with an execution that is stopped: sent first, so that its lease ends while the other tests run."""
    functions = workflow.emulator.client("lambda")
    process = workflow.resource_id("Function", "processing-process")
    before = functions.get_function_configuration(FunctionName=process, Qualifier="live")
    variables = {**before["Environment"]["Variables"], "SLOW": "yes"}
    functions.update_function_configuration(FunctionName=process, Environment={"Variables": variables})
    slow = functions.publish_version(FunctionName=process)["Version"]
    functions.update_alias(FunctionName=process, Name="live", FunctionVersion=slow)
    upload_id = workflow.send(sender, file_name="waits.bin")
    workflow.await_status(sender, upload_id, "processing")
    (execution,) = executions_of(workflow, upload_id)
    workflow.emulator.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    functions.update_alias(FunctionName=process, Name="live", FunctionVersion=before["Version"])
    return upload_id


@pytest.fixture(scope="module", autouse=True)
def sent(workflow: System, sender: User, stopped: str) -> dict[str, str]:  # noqa: ARG001 - first
    """Uploads by what their processor does. All are sent first, because each retry takes 5 seconds."""
    names = ("ok.bin", "raises.bin", "recovers.bin", "kills.bin", "unprocessable.bin")
    ids = {name: workflow.send(sender, file_name=name) for name in names}
    ids["rows.csv"] = workflow.send(sender, b"id,day\n1,2026-11-25\n", "rows.csv", "text/csv")
    ids["wrong.png"] = workflow.send(sender, b"no picture", "wrong.png", "image/png")
    return ids


def ended(system: System, user: User, upload_id: str) -> Any:
    return system.await_status(user, upload_id, *ENDED, seconds=60)


def result_of(system: System, upload: Any) -> Any:
    stored = system.emulator.client("s3").get_object(Bucket=upload["result"]["bucket"], Key=upload["result"]["key"])
    return json.loads(stored["Body"].read())


def executions(system: System) -> list[Any]:
    states = system.emulator.client("stepfunctions")
    arn = system.resource_id("StateMachine", "processing-workflow")
    return states.list_executions(stateMachineArn=arn)["executions"]


def outcome_of(system: System, upload_id: str) -> str:
    """Wait for the end of an upload's only execution, and return it."""
    (status,) = eventually(lambda: outcomes_of(system, upload_id), lambda found: found != ["RUNNING"])
    return status


def outcomes_of(system: System, upload_id: str) -> list[str]:
    """Return the states of an upload's executions, sorted."""
    return sorted(each["status"] for each in executions_of(system, upload_id))


def executions_of(system: System, upload_id: str) -> list[Any]:
    """Return an upload's executions."""
    return [each for each in executions(system) if upload_id in event_of(system, each["executionArn"])]


def test_an_upload_is_verified_processed_and_recorded(workflow: System, sender: User, sent: dict[str, str]) -> None:
    upload = ended(workflow, sender, sent["ok.bin"])
    assert (upload["status"], upload["version"]) == ("completed", 4)
    assert result_of(workflow, upload) == {"processed_by": "the team", "size_bytes": 5}


def test_no_more_workflows_have_an_upload_at_once_than_the_setting_says(
    workflow: System, sender: User, sent: dict[str, str]
) -> None:
    ends = {each: datetime.fromisoformat(ended(workflow, sender, each)["updated_at"]) for each in sent.values()}
    spans = [(each["startDate"], end) for upload_id, end in ends.items() for each in executions_of(workflow, upload_id)]
    assert len(spans) == len(sent) > AT_ONCE
    at_once = [sum(start <= moment < end for start, end in spans) for moment, _ in spans]
    assert 1 < max(at_once) <= AT_ONCE


def test_the_rules_choose_the_processor(workflow: System, sender: User, sent: dict[str, str]) -> None:
    assert result_of(workflow, ended(workflow, sender, sent["rows.csv"]))["rows"] == 1


def test_an_object_that_is_not_as_declared_ends_at_its_verification(
    workflow: System, sender: User, sent: dict[str, str]
) -> None:
    upload = ended(workflow, sender, sent["wrong.png"])
    assert (upload["status"], upload["rejection"]["code"]) == ("rejected", "type-mismatch")
    assert outcome_of(workflow, sent["wrong.png"]) == "SUCCEEDED"
    assert not workflow.is_dead(sent["wrong.png"])


def test_what_cannot_be_processed_fails_at_once(workflow: System, sender: User, sent: dict[str, str]) -> None:
    upload = ended(workflow, sender, sent["unprocessable.bin"])
    assert upload["failure"] == {"code": "unprocessable", "detail": "The file has no pages."}
    assert outcome_of(workflow, sent["unprocessable.bin"]) == "SUCCEEDED"
    assert upload["version"] == 4


def test_a_step_that_fails_once_is_tried_again(workflow: System, sender: User, sent: dict[str, str]) -> None:
    assert ended(workflow, sender, sent["recovers.bin"])["status"] == "completed"


def test_a_step_that_is_killed_is_tried_again(workflow: System, sender: User, sent: dict[str, str]) -> None:
    assert ended(workflow, sender, sent["kills.bin"])["status"] == "completed"


def test_the_last_failure_is_recorded_its_event_kept_and_a_redrive_begins_again(
    workflow: System, sender: User, sent: dict[str, str]
) -> None:
    upload_id = sent["raises.bin"]
    upload = ended(workflow, sender, upload_id)
    assert upload["failure"]["code"] == "processing-failed"
    assert "RuntimeError at the last of 2 tries" in upload["failure"]["detail"]
    eventually(lambda: workflow.is_dead(upload_id), bool)

    workflow.redrive(upload_id)

    again = eventually(lambda: workflow.status(sender, upload_id), lambda seen: seen["version"] > upload["version"])
    assert again["status"] == "processing"
    assert ended(workflow, sender, upload_id)["status"] == "failed"


def test_a_duplicate_event_changes_nothing(workflow: System, sender: User, sent: dict[str, str]) -> None:
    before = ended(workflow, sender, sent["ok.bin"])
    eventually(lambda: [each for each in executions(workflow) if each["status"] == "RUNNING"], lambda left: not left)
    count = len(executions(workflow))
    (event,) = [
        found for each in executions(workflow) if sent["ok.bin"] in (found := event_of(workflow, each["executionArn"]))
    ]
    workflow.emulator.client("sqs").send_message(QueueUrl=workflow.outputs["queueUrl"], MessageBody=event)

    def done() -> bool:
        all_ = executions(workflow)
        return len(all_) == count + 1 and all(each["status"] != "RUNNING" for each in all_)

    eventually(done, bool)
    assert workflow.status(sender, sent["ok.bin"]) == before
    assert not workflow.is_dead(sent["ok.bin"])


def event_of(system: System, arn: str) -> str:
    execution = system.emulator.client("stepfunctions").describe_execution(executionArn=arn)
    return json.dumps(json.loads(execution["input"])["event"])


UseProcessors = Callable[..., None]


@pytest.fixture
def use_processors(workflow: System) -> Iterator[UseProcessors]:
    """Change the workflow as the settings stepFunctionsProcessors and stepFunctionsParallel do, and change it back."""
    states, arn = workflow.emulator.client("stepfunctions"), workflow.resource_id("StateMachine", "processing-workflow")
    deployed = states.describe_state_machine(stateMachineArn=arn)["definition"]
    functions = {name: json.loads(deployed)["States"][name]["Arguments"] for name in ("Verify", "Process", "Record")}

    def use(*processors: str, is_parallel: bool) -> None:
        definition = Workflow(
            partition="aws",
            verify_arn=functions["Verify"]["FunctionName"],
            process_arn=functions["Process"]["FunctionName"],
            record_arn=functions["Record"]["FunctionName"],
            dead_letter_queue_url=workflow.outputs["deadLetterQueueUrl"],
            processors=processors,
            is_parallel=is_parallel,
            max_attempts=2,
            step_seconds=60,
        ).definition()
        states.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))

    yield use
    states.update_state_machine(stateMachineArn=arn, definition=deployed)


@pytest.fixture
def may_read_step_results(workflow: System) -> Iterator[None]:
    """Let processors read results of others, as the program does where they run one after the other."""
    iam, role = workflow.emulator.client("iam"), workflow.outputs["processorRole"]
    results = f"arn:aws:s3:::{workflow.outputs['resultsBucket']}/{STEP_RESULT_PREFIX}*"
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": results}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="step-results", PolicyDocument=document)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName="step-results")


@pytest.mark.usefixtures("may_read_step_results")
def test_a_later_processor_reads_what_an_earlier_one_returned(
    workflow: System, sender: User, use_processors: UseProcessors
) -> None:
    use_processors(*STEPS, is_parallel=False)
    result = result_of(workflow, ended(workflow, sender, workflow.send(sender)))
    assert list(result) == STEPS
    assert result[STEPS[1]] == {"earlier": {STEPS[0]: result[STEPS[0]]["size_bytes"]}}


def test_processors_run_at_the_same_time(workflow: System, sender: User, use_processors: UseProcessors) -> None:
    use_processors(*STEPS, is_parallel=True)
    result = result_of(workflow, ended(workflow, sender, workflow.send(sender)))
    assert list(result) == STEPS
    assert result[STEPS[1]] == {"earlier": {}}


def test_a_refusal_of_one_of_several_processors_fails_the_upload(
    workflow: System, sender: User, use_processors: UseProcessors
) -> None:
    use_processors(STEPS[0], "team_processor.process", is_parallel=True)
    upload = ended(workflow, sender, workflow.send(sender, file_name="unprocessable.bin"))
    assert upload["failure"]["code"] == "unprocessable"


def test_the_upload_of_an_execution_that_was_stopped_is_completed_by_another(
    workflow: System, sender: User, stopped: str
) -> None:
    assert outcomes_of(workflow, stopped) == ["ABORTED"]
    change_newest_version(workflow, GRACE_SECONDS="0")

    def started_again() -> bool:
        reconcile(workflow)  # until the lease is over, nothing changes
        return len(executions_of(workflow, stopped)) > 1

    eventually(started_again, bool, seconds=150)
    assert ended(workflow, sender, stopped)["status"] == "completed"
    eventually(lambda: outcomes_of(workflow, stopped), lambda found: found == ["ABORTED", "SUCCEEDED"])
