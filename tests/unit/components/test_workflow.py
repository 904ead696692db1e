"""The state machine of a job: which states it has, what each is given, and where its errors lead."""

import importlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from components.compute.records_map import RecordsMap
from components.compute.workflow import Workflow, WorkspaceSteps
from handlers.domain.delays import retry_delay_seconds
from local.emulator.patches.stepfunctions.definitions import definition_errors
from tests.support.components.examples import STEPS

ATTEMPTS = 5
FIRST, SECOND = STEPS


RECORDS = RecordsMap(
    processor="a.process_records",
    batch_records=100,
    concurrency=40,
    csv_delimiter="semicolon",
    tolerated_failure_percentage=5,
    results_bucket="the-results",
)
SHARED = WorkspaceSteps(fetch_arn="fetch-arn", clean_up_arn="clean-up-arn")


def definition(
    processors: Sequence[str] = (),
    *,
    is_parallel: bool = False,
    records_map: RecordsMap | None = None,
    workspace: WorkspaceSteps | None = None,
    attempts: int = ATTEMPTS,
) -> Any:
    workflow = Workflow(
        partition="aws-us-gov",
        verify_arn="verify-arn",
        process_arn="process-arn",
        record_arn="record-arn",
        dead_letter_queue_url="https://dead-letters",
        processors=processors,
        is_parallel=is_parallel,
        records_map=records_map,
        max_attempts=attempts,
        step_seconds=300,
        workspace=workspace,
    )
    return json.loads(json.dumps(workflow.definition()))


ALL = [
    definition(),
    definition(STEPS),
    definition(STEPS, is_parallel=True),
    definition(records_map=RECORDS),
    definition(workspace=SHARED),
    definition(STEPS, is_parallel=True, workspace=SHARED),
]


def states_of(machine: Mapping[str, Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Yield each state with its name and the states beside it, in branches and maps too."""
    for name, state in machine["States"].items():
        yield name, state, machine["States"]
        for inner in inner_machines(state):
            yield from states_of(inner)


def inner_machines(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def expressions_in(machine: Mapping[str, Any]) -> list[str]:
    texts: list[str] = re.findall(r'"(?:[^"\\]|\\.)*"', json.dumps(machine))
    return [text for text in map(json.loads, texts) if "{%" in text]


def order(machine: Mapping[str, Any]) -> list[str]:
    """Return the states of the way without errors."""
    names, name = list[str](), machine["StartAt"]
    while name:
        names.append(name)
        state = machine["States"][name]
        name = state["Choices"][0]["Next"] if state["Type"] == "Choice" else state.get("Next")
    return names


NOT_OF_ALL = ("States.DataLimitExceeded", "States.Runtime")
"""Errors that States.ALL does not catch. Source: Step Functions guide, "Handling errors"."""


def next_after(state: Mapping[str, Any], error: str) -> str:
    for catcher in state["Catch"]:
        catches_all = catcher["ErrorEquals"] == ["States.ALL"] and error not in NOT_OF_ALL
        if error in catcher["ErrorEquals"] or catches_all:
            return catcher["Next"]
    pytest.fail(f"Nothing catches {error}.")


def delays_after(state: Mapping[str, Any], error: str) -> list[float]:
    """Return the delays of the retries, as the Amazon States Language computes them."""
    retrier = next(
        each for each in state["Retry"] if error in each["ErrorEquals"] or each["ErrorEquals"] == ["States.ALL"]
    )
    return [
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n, retrier["MaxDelaySeconds"])
        for n in range(retrier["MaxAttempts"])
    ]


@pytest.mark.parametrize("machine", ALL)
def test_too_much_data_is_recorded_as_a_failure(machine: Mapping[str, Any]) -> None:
    processing = [each for each in machine["States"].values() if "RecordFailure" in json.dumps(each.get("Catch", []))]

    assert processing
    assert {next_after(each, "States.DataLimitExceeded") for each in processing} == {"RecordFailure"}


@pytest.mark.parametrize("machine", ALL)
class TestTheLanguage:
    def test_step_functions_takes_it(self, machine: Mapping[str, Any]) -> None:
        assert definition_errors(machine) == []

    def test_each_state_leads_to_one_beside_it_or_ends(self, machine: Mapping[str, Any]) -> None:
        assert machine["StartAt"] in machine["States"]
        for name, state, beside in states_of(machine):
            following = {state.get("Next"), state.get("Default"), *(each["Next"] for each in state.get("Choices", []))}
            following |= {each["Next"] for each in state.get("Catch", [])}
            assert following - {None} <= beside.keys(), name
            assert state["Type"] in {"Succeed", "Fail", "Choice"} or ("Next" in state) != ("End" in state), name

    def test_each_state_is_reached(self, machine: Mapping[str, Any]) -> None:
        reached = {inner["StartAt"] for _, state, _ in states_of(machine) for inner in inner_machines(state)}
        reached.add(machine["StartAt"])
        for _, state, _ in states_of(machine):
            reached |= {state.get("Next"), state.get("Default")}
            reached |= {each["Next"] for each in [*state.get("Choices", []), *state.get("Catch", [])]}
        assert {name for name, _, _ in states_of(machine)} <= reached

    def test_names_are_unique_and_no_longer_than_step_functions_takes(self, machine: Mapping[str, Any]) -> None:
        names = [name for name, _, _ in states_of(machine)]
        assert len(names) == len(set(names))
        assert max(map(len, names)) <= 80

    def test_no_field_is_of_jsonpath(self, machine: Mapping[str, Any]) -> None:
        of_jsonpath = {"Parameters", "InputPath", "OutputPath", "ResultPath", "ResultSelector", "Result", "Iterator"}
        for name, state, _ in states_of(machine):
            assert not of_jsonpath & state.keys(), name

    def test_each_expression_is_jsonata(self, machine: Mapping[str, Any]) -> None:
        jsonata = importlib.import_module("jsonata")  # as MiniStack uses it; it has no types
        expressions = expressions_in(machine)
        assert expressions
        for text in expressions:
            assert text.startswith("{% ")
            assert text.endswith(" %}")
            jsonata.Jsonata.jsonata(text[3:-3])

    def test_a_matcher_of_all_errors_is_alone_and_the_last(self, machine: Mapping[str, Any]) -> None:
        for name, state, _ in states_of(machine):
            for field in ("Retry", "Catch"):
                everything = [n for n, each in enumerate(state.get(field, [])) if "States.ALL" in each["ErrorEquals"]]
                assert everything in ([], [len(state.get(field, [])) - 1]), name
                assert all(state[field][n]["ErrorEquals"] == ["States.ALL"] for n in everything)


class TestTheWay:
    def test_one_processor_is_chosen_by_the_verification(self) -> None:
        machine = definition()
        assert order(machine) == ["Verify", "Verified", "Process", "Record", "Done"]
        payload = machine["States"]["Process"]["Arguments"]["Payload"]
        assert (payload["processor"], payload["earlier"]) == ("{% $job.processor %}", [])
        assert machine["States"]["Record"]["Arguments"]["Payload"]["by_name"] is False

    def test_processors_in_order_read_what_earlier_ones_returned(self) -> None:
        machine = definition(STEPS)
        assert order(machine) == ["Verify", "Verified", FIRST, SECOND, "Record", "Done"]
        assert [machine["States"][name]["Arguments"]["Payload"]["earlier"] for name in STEPS] == [[], [FIRST]]
        payload = machine["States"]["Record"]["Arguments"]["Payload"]
        assert (payload["processors"], payload["by_name"]) == (STEPS, True)

    def test_processors_in_parallel_are_branches_of_one_state(self) -> None:
        machine = definition(STEPS, is_parallel=True)
        assert order(machine) == ["Verify", "Verified", "ProcessInParallel", "Record", "Done"]
        assert [each["StartAt"] for each in machine["States"]["ProcessInParallel"]["Branches"]] == STEPS

    def test_an_upload_that_ended_at_its_verification_ends_the_workflow(self) -> None:
        assert definition()["States"]["Verified"]["Default"] == "Done"

    def test_it_works_in_each_partition(self) -> None:
        resources = {state.get("Resource") for _, state, _ in states_of(definition())} - {None}
        assert resources == {"arn:aws-us-gov:states:::lambda:invoke", "arn:aws-us-gov:states:::sqs:sendMessage"}


class TestRecords:
    def test_a_file_is_mapped_by_its_format_and_then_counted(self) -> None:
        machine = definition(records_map=RECORDS)
        assert order(machine) == ["Verify", "Verified", "MapCsv", "CountRecords", "Record", "Done"]
        states = machine["States"]
        assert states["Verify"]["Arguments"]["Payload"]["is_of_records"] is True
        assert [each["Next"] for each in states["Verified"]["Choices"]] == ["MapCsv", "MapJsonLines"]
        assert "'CSV'" in states["Verified"]["Choices"][0]["Condition"]
        assert "'JSONL'" in states["Verified"]["Choices"][1]["Condition"]
        assert states["MapJsonLines"]["Next"] == "CountRecords"

    @pytest.mark.parametrize(
        ("job", "goes_on", "following"),
        [
            ({"format": "CSV"}, True, "MapCsv"),
            ({"format": "JSONL"}, True, "MapJsonLines"),
            (None, False, "Done"),  # rejected, or another run has it
        ],
    )
    def test_a_verified_file_goes_to_the_map_of_its_format(self, job: Any, goes_on: bool, following: str) -> None:
        verified = definition(records_map=RECORDS)["States"]["Verified"]
        jsonata = importlib.import_module("jsonata")  # as MiniStack uses it; it has no types
        bindings = {"goesOn": goes_on, "job": job or jsonata.utils.Utils.NULL_VALUE}
        found = [
            (jsonata.Jsonata.jsonata(each["Condition"][3:-3]).evaluate(None, bindings), each["Next"])
            for each in verified["Choices"]
        ]
        assert {is_met for is_met, _ in found} <= {True, False}
        assert next((name for is_met, name in found if is_met), verified["Default"]) == following

    def test_a_map_reads_the_verified_version_alone(self) -> None:
        states = definition(records_map=RECORDS)["States"]
        readers = {name: states[name]["ItemReader"] for name in ("MapCsv", "MapJsonLines")}
        assert [each["ReaderConfig"] for each in readers.values()] == [
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "SEMICOLON"},
            {"InputType": "JSONL"},
        ]
        for each in readers.values():
            assert each["Resource"] == "arn:aws-us-gov:states:::s3:getObject"
            assert each["Arguments"] == {
                "Bucket": "{% $job.object.bucket %}",
                "Key": "{% $job.object.key %}",
                "VersionId": "{% $job.object.version_id %}",
            }

    def test_a_map_is_bounded(self) -> None:
        state = definition(records_map=RECORDS)["States"]["MapCsv"]
        assert (state["MaxConcurrency"], state["ToleratedFailurePercentage"]) == (40, 5)
        assert state["ItemBatcher"]["MaxItemsPerBatch"] == 100
        assert state["ItemBatcher"]["MaxInputBytesPerBatch"] == 196_608
        assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}

    def test_a_child_reads_its_batch_and_nothing_of_the_workflow(self) -> None:
        machine = definition(records_map=RECORDS)
        states = [machine["States"][name] for name in ("MapCsv", "MapJsonLines")]
        for (child,) in (state["ItemProcessor"]["States"].values() for state in states):
            assert not {"$job", "$goesOn"} & set(re.findall(r"\$\w+", json.dumps(child)))
            payload = child["Arguments"]["Payload"]
            assert payload["processor"] == "a.process_records"
            assert payload["records"] == "{% $states.input.Items %}"
            assert payload["execution"] == "{% $states.input.BatchInput.execution %}"
            assert child["Output"] == "{% $states.result.Payload %}"
            assert delays_after(child, "StepFailed") == [retry_delay_seconds(n, ATTEMPTS) for n in range(1, ATTEMPTS)]

    def test_results_are_written_below_the_uploads_prefix_and_gathered(self) -> None:
        states = definition(records_map=RECORDS)["States"]
        assert states["MapCsv"]["ResultWriter"] == {
            "Resource": "arn:aws-us-gov:states:::s3:putObject",
            "Arguments": {"Bucket": "the-results", "Prefix": "{% $job.results_prefix %}"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
        }
        payload = states["Record"]["Arguments"]["Payload"]
        assert (payload["manifest"], payload["counts"]) == ("{% $manifest %}", "{% $counts %}")

    @pytest.mark.parametrize("name", ["MapCsv", "MapJsonLines", "CountRecords"])
    def test_a_map_that_fails_is_recorded(self, name: str) -> None:
        state = definition(records_map=RECORDS)["States"][name]
        assert next_after(state, "States.ExceedToleratedFailureThreshold") == "RecordFailure"


class TestErrors:
    @pytest.mark.parametrize("attempts", [1, 2, ATTEMPTS, 9])
    def test_a_step_is_tried_as_often_and_as_late_as_a_message_is_delivered(self, attempts: int) -> None:
        expected = [retry_delay_seconds(n, attempts) for n in range(1, attempts)]
        for name in ("Verify", "Process", "Record"):
            state = definition(attempts=attempts)["States"][name]
            assert delays_after(state, "StepFailed") == expected
            assert delays_after(state, "Sandbox.Timedout") == expected

    def test_an_invocation_that_lambda_throttles_uses_up_no_attempt(self) -> None:
        delays = delays_after(definition(attempts=1)["States"]["Process"], "Lambda.TooManyRequestsException")
        assert len(delays) == 100
        assert sum(delays) > 3_600, "a throttle that lasts for an hour fails no upload"

    @pytest.mark.parametrize("machine", ALL)
    def test_a_step_that_lambda_does_not_end_ends_after_its_functions_timeout(self, machine: Mapping[str, Any]) -> None:
        calls = [state for _, state, _ in states_of(machine) if state.get("Resource", "").endswith("lambda:invoke")]
        assert {each["TimeoutSeconds"] for each in calls} == {360}

    @pytest.mark.parametrize("error", ["UnknownUpload", "ScanMissing", "ScanFailed", "Unprocessable", "LeaseLost"])
    def test_what_no_try_can_change_is_not_tried_again(self, error: str) -> None:
        assert definition()["States"]["Process"]["Retry"][0]["MaxAttempts"] == 0
        assert error in definition()["States"]["Process"]["Retry"][0]["ErrorEquals"]

    @pytest.mark.parametrize("name", ["Verify", "Process", "Record"])
    @pytest.mark.parametrize(
        ("error", "following"),
        [
            ("LeaseLost", "Done"),
            ("Unprocessable", "RecordRefusal"),
            ("UnknownUpload", "SendToDeadLetters"),
            ("ScanMissing", "SendToDeadLetters"),
            ("ScanFailed", "SendToDeadLetters"),
            ("StepFailed", "RecordFailure"),
            ("States.Timeout", "RecordFailure"),
        ],
    )
    def test_an_error_leads_to_its_end(self, name: str, error: str, following: str) -> None:
        assert next_after(definition()["States"][name], error) == following

    def test_a_failure_is_recorded_and_its_event_kept_even_if_it_cannot_be_recorded(self) -> None:
        states = definition()["States"]
        assert states["RecordFailure"]["Next"] == "SendToDeadLetters"
        assert next_after(states["RecordFailure"], "UnknownUpload") == "SendToDeadLetters"
        assert states["SendToDeadLetters"]["Arguments"] == {
            "QueueUrl": "https://dead-letters",
            "MessageBody": "{% $string($states.context.Execution.Input.event) %}",
        }
        assert (states["SendToDeadLetters"]["Next"], states["Failed"]["Type"]) == ("Failed", "Fail")

    def test_a_refusal_is_recorded_and_is_no_failure_of_the_workflow(self) -> None:
        assert definition()["States"]["RecordRefusal"]["Next"] == "Done"


class TestTheWorkspace:
    def test_the_object_is_fetched_before_the_processors_and_deleted_after_the_result_is_recorded(self) -> None:
        machine = definition(STEPS, workspace=SHARED)
        assert order(machine) == ["Verify", "Verified", "Fetch", FIRST, SECOND, "Record", "CleanUp", "Done"]
        fetch = machine["States"]["Fetch"]["Arguments"]
        assert (fetch["FunctionName"], fetch["Payload"]["declared"]) == ("fetch-arn", "{% $job.declared %}")
        assert machine["States"]["CleanUp"]["Arguments"] == {
            "FunctionName": "clean-up-arn",
            "Payload": {
                "input": "{% $states.context.Execution.Input %}",
                "execution": "{% $states.context.Execution.Name %}",
                "attempt": "{% $states.context.State.RetryCount + 1 %}",
            },
        }

    def test_an_upload_that_ends_at_its_verification_has_nothing_there(self) -> None:
        assert definition(workspace=SHARED)["States"]["Verified"]["Default"] == "Done"

    @pytest.mark.parametrize("name", ["Fetch", "Process", "Record"])
    @pytest.mark.parametrize(
        ("error", "way"),
        [
            ("StepFailed", ["RecordFailure", "SendToDeadLetters", "CleanUpAfterFailure", "Failed"]),
            ("ScanMissing", ["SendToDeadLetters", "CleanUpAfterFailure", "Failed"]),
            ("Unprocessable", ["RecordRefusal", "CleanUp", "Done"]),
            ("LeaseLost", ["CleanUp", "Done"]),
        ],
    )
    def test_each_failure_is_recorded_and_then_cleaned_up(self, name: str, error: str, way: list[str]) -> None:
        states = definition(workspace=SHARED)["States"]
        found = [next_after(states[name], error)]
        while following := states[found[-1]].get("Next"):
            found.append(following)
        assert found == way

    @pytest.mark.parametrize(("name", "following"), [("CleanUp", "Done"), ("CleanUpAfterFailure", "Failed")])
    def test_a_clean_up_that_fails_is_tried_again_and_changes_no_end(self, name: str, following: str) -> None:
        state = definition(workspace=SHARED)["States"][name]
        assert len(delays_after(state, "OSError")) == ATTEMPTS - 1
        assert (next_after(state, "OSError"), state["Next"]) == (following, following)
