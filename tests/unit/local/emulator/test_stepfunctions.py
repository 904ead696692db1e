"""The embedded Step Functions runs Distributed Maps in JSONata as AWS documents them, and refuses wrong definitions."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.patches.stepfunctions import matching
from local.emulator.patches.stepfunctions.definitions import definition_errors
from local.emulator.patches.stepfunctions.map_data import Child, batches, formatted, parsed, payload_bytes
from local.emulator.process import Emulator
from tests.support.deployment.system import eventually

PASS: Mapping[str, Any] = {"Type": "Pass", "Output": "{% $states.input %}", "End": True}
MAP: Mapping[str, Any] = {
    "Type": "Map",
    "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        "Arguments": {"Bucket": "files", "Key": "a.csv", "VersionId": "{% $states.input.version %}"},
    },
    "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"name": "{% $states.input.name %}"}},
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Child",
        "States": {"Child": PASS},
    },
    "ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments": {"Bucket": "files", "Prefix": "out"},
        "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
    },
    "End": True,
}
ALLOWED = ("states:StartExecution", "s3:GetObjectVersion", "s3:PutObject")
FAILS_AT_3: Mapping[str, Any] = {
    "Choose": {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.Items[0].n = '3' %}", "Next": "Bad"}],
        "Default": "Good",
    },
    "Bad": {"Type": "Fail", "Error": "TooMuch"},
    "Good": PASS,
}


def machine(**changed: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": "Map", "States": {"Map": {**copy.deepcopy(MAP), **changed}}}


def children(states: Mapping[str, Any], start_at: str = "Child") -> dict[str, Any]:
    return {**MAP["ItemProcessor"], "StartAt": start_at, "States": states}


class TestDefinitions:
    def test_a_right_one_is_taken(self) -> None:
        assert definition_errors(machine()) == []

    @pytest.mark.parametrize(
        ("changed", "fault"),
        [
            ({"InputPath": "$"}, "InputPath"),
            ({"MaxConcurrency": -1}, "MaxConcurrency"),
            ({"ToleratedFailurePercentage": 101}, "ToleratedFailurePercentage"),
            ({"Label": "a b"}, "Label"),
            ({"Label": "a" * 41}, "Label"),
            ({"ItemBatcher": {"BatchInput": {}}}, "ItemBatcher"),
            ({"ItemBatcher": {"MaxInputBytesPerBatch": 262_145}}, "MaxInputBytesPerBatch"),
            ({"ItemReader": {**MAP["ItemReader"], "ReaderConfig": {"InputType": "CSV"}}}, "CSVHeaderLocation"),
            ({"ItemReader": {**MAP["ItemReader"], "ReaderConfig": {"InputType": "TSV"}}}, "InputType"),
            ({"ResultWriter": {**MAP["ResultWriter"], "WriterConfig": {"OutputType": "CSV"}}}, "OutputType"),
            ({"ItemProcessor": {**MAP["ItemProcessor"], "ProcessorConfig": {"Mode": "DISTRIBUTED"}}}, "ExecutionType"),
            ({"Next": "Nowhere", "End": False}, "Nowhere"),
        ],
    )
    def test_a_wrong_one_is_refused(self, changed: dict[str, Any], fault: str) -> None:
        errors = definition_errors(machine(**changed))
        assert any(fault in each for each in errors), errors


class TestItems:
    def test_a_row_of_csv_is_an_object_of_texts(self) -> None:
        config = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
        assert parsed(b'a,b\n1,"x, y"\n2\n', config) == [{"a": "1", "b": "x, y"}, {"a": "2", "b": ""}]
        assert parsed(b"a;b\n1;2\n", {**config, "CSVDelimiter": "SEMICOLON"}) == [{"a": "1", "b": "2"}]

    def test_a_line_of_json_is_its_value(self) -> None:
        assert parsed('{"a":1}\n\n"\u2028"\n'.encode(), {"InputType": "JSONL"}) == [{"a": 1}, "\u2028"]

    @pytest.mark.parametrize(
        ("body", "kind"), [(b"{", "JSONL"), (b"\xff", "CSV"), (b"a" * 10_241 + b"\n1", "CSV"), (b"1", "JSON")]
    )
    def test_another_file_fails(self, body: bytes, kind: str) -> None:
        with pytest.raises(Exception, match="ItemReaderFailed"):
            parsed(body, {"InputType": kind, "CSVHeaderLocation": "FIRST_ROW"})

    def test_a_batch_keeps_both_limits_and_the_order(self) -> None:
        assert list(batches([1, 2, 3, 4, 5], 2, 1_000)) == [[1, 2], [3, 4], [5]]
        found = list(batches(["a" * 40] * 5, 100, 110))
        assert [len(each) for each in found] == [2, 2, 1]
        assert all(payload_bytes({"Items": each}) <= 110 for each in found)

    def test_an_item_that_fits_into_no_batch_fails(self) -> None:
        with pytest.raises(Exception, match="DataLimitExceeded"):
            list(batches(["a" * 200], 2, 100))

    def test_results_are_transformed(self) -> None:
        found = [
            Child({"n": 1}, 1, {"name": "c", "status": "SUCCEEDED", "output": "[1, 2]"}, [1, 2]),
            Child({"n": 2}, 1, {"name": "d", "status": "SUCCEEDED", "output": "3"}, 3),
        ]
        assert formatted(found, "COMPACT") == [[1, 2], 3]
        assert formatted(found, "FLATTEN") == [1, 2, 3]
        assert formatted(found, "NONE")[0] == {"Name": "c", "Status": "SUCCEEDED", "Output": "[1, 2]"}


class Aws:
    """An embedded AWS with a bucket of two versions of a file, and a role."""

    def __init__(self, emulator: Emulator) -> None:
        self.s3, self._iam = emulator.client("s3"), emulator.client("iam")
        self.states = emulator.client("stepfunctions")
        self.s3.create_bucket(Bucket="files")
        self.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
        self.version = self.put(range(1, 6))
        self.put([9])
        service = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [service]})
        self._role = self._iam.create_role(RoleName="maps", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self._machines = 0

    def put(self, numbers: Sequence[int]) -> str:
        body = "\n".join(["n", *map(str, numbers)]).encode()
        return self.s3.put_object(Bucket="files", Key="a.csv", Body=body)["VersionId"]

    def run(self, definition: Mapping[str, Any], allowed: Sequence[str] = ALLOWED) -> Any:
        """Return a finished execution of a new state machine, with its output read."""
        statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.put_role_policy(RoleName="maps", PolicyName="maps", PolicyDocument=document)
        self._machines += 1
        created = self.states.create_state_machine(
            name=f"machine-{self._machines}", definition=json.dumps(definition), roleArn=self._role
        )
        given = json.dumps({"version": self.version, "name": "the parent's"})
        arn = self.states.start_execution(stateMachineArn=created["stateMachineArn"], input=given)["executionArn"]
        ended = eventually(
            lambda: self.states.describe_execution(executionArn=arn), lambda found: found["status"] != "RUNNING"
        )
        return {**ended, "output": json.loads(ended.get("output", "null"))}

    def read(self, key: str) -> str:
        return self.s3.get_object(Bucket="files", Key=key)["Body"].read().decode()

    def counts(self, execution: Any) -> tuple[Any, Any]:
        (listed,) = self.states.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
        run = self.states.describe_map_run(mapRunArn=listed["mapRunArn"])
        return run["itemCounts"], run["executionCounts"]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with Emulator() as running:
        yield Aws(running)


def test_a_map_reads_the_version_in_batches_and_writes_what_children_return(aws: Aws) -> None:
    execution = aws.run(machine())

    assert execution["status"] == "SUCCEEDED", execution
    details = execution["output"]["ResultWriterDetails"]
    manifest = json.loads(aws.read(details["Key"]))
    assert (manifest["MapRunArn"], manifest["DestinationBucket"]) == (execution["output"]["MapRunArn"], "files")
    assert (manifest["ResultFiles"]["FAILED"], manifest["ResultFiles"]["PENDING"]) == ([], [])
    (file,) = manifest["ResultFiles"]["SUCCEEDED"]
    assert file["Key"].startswith("out/")
    inputs = sorted(map(json.loads, aws.read(file["Key"]).splitlines()), key=lambda each: each["Items"][0]["n"])
    assert [[item["n"] for item in each["Items"]] for each in inputs] == [["1", "2"], ["3", "4"], ["5"]]
    assert {each["BatchInput"]["name"] for each in inputs} == {"the parent's"}
    items, executions = aws.counts(execution)
    assert (items["total"], items["succeeded"]) == (5, 5)
    assert (executions["total"], executions["succeeded"]) == (3, 3)


@pytest.mark.parametrize(("percentage", "status"), [(40, "SUCCEEDED"), (39, "FAILED")])
def test_the_tolerated_percentage_is_of_items(aws: Aws, percentage: int, status: str) -> None:
    fails = children(FAILS_AT_3, "Choose")
    execution = aws.run(machine(ItemProcessor=fails, ToleratedFailurePercentage=percentage, MaxConcurrency=1))

    assert execution["status"] == status
    if status == "FAILED":
        assert execution["error"] == "States.ExceedToleratedFailureThreshold"
        items, _ = aws.counts(execution)
        assert (items["failed"], items["pending"]) == (2, 1)
        return
    manifest = json.loads(aws.read(execution["output"]["ResultWriterDetails"]["Key"]))
    (file,) = manifest["ResultFiles"]["FAILED"]
    failed = json.loads(aws.read(file["Key"]))
    assert (failed["Status"], failed["Error"]) == ("FAILED", "TooMuch")
    assert [item["n"] for item in json.loads(failed["Input"])["Items"]] == ["3", "4"]


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("states:StartExecution", "States.Permissions"),
        ("s3:GetObjectVersion", "States.ItemReaderFailed"),
        ("s3:PutObject", "States.ResultWriterFailed"),
    ],
)
def test_the_role_must_allow_what_a_map_does(aws: Aws, missing: str, error: str) -> None:
    execution = aws.run(machine(), [each for each in ALLOWED if each != missing])
    assert (execution["status"], execution["error"]) == ("FAILED", error)


def test_a_child_is_an_execution_of_its_own_without_its_parents_variables(aws: Aws) -> None:
    own = {"Type": "Pass", "Output": {"name": "{% $states.context.Execution.Input.BatchInput.name %}"}, "End": True}
    execution = aws.run(machine(ItemProcessor=children({"Child": own})))
    assert execution["status"] == "SUCCEEDED"

    first = {"Type": "Pass", "Assign": {"secret": 1}, "Output": "{% $states.input %}", "Next": "Map"}
    reads = {"Type": "Pass", "Output": "{% $secret %}", "End": True}
    with_variable = machine(ItemProcessor=children({"Child": reads}))
    with_variable |= {"StartAt": "First", "States": {"First": first, **with_variable["States"]}}
    execution = aws.run(with_variable)
    assert execution["error"] == "States.ExceedToleratedFailureThreshold"


def test_the_result_of_a_map_is_assigned_and_made_its_output(aws: Aws) -> None:
    execution = aws.run(machine(Assign={"run": "{% $states.result.MapRunArn %}"}, Output={"done": True}))
    assert execution["output"] == {"done": True}


def test_a_definition_that_is_wrong_makes_no_state_machine(aws: Aws) -> None:
    with pytest.raises(ClientError, match="InvalidDefinition"):
        aws.run(machine(ItemBatcher={"BatchInput": {}}))


@pytest.mark.parametrize(
    ("error", "names", "expected"),
    [
        ("States.Timeout", ["States.ALL"], True),
        ("States.DataLimitExceeded", ["States.ALL"], False),
        ("States.DataLimitExceeded", ["States.DataLimitExceeded"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.Runtime"], False),
    ],
)
def test_the_wildcard_of_errors_leaves_out_what_aws_leaves_out(error: str, names: list[str], *, expected: bool) -> None:
    assert matching(lambda names, error: "States.ALL" in names or error in names)(names, error) is expected
