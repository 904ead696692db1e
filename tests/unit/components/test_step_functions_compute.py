"""The compute step-functions: what each function may do, what starts a workflow, and what stays as it is."""

import json
from typing import Any

import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from handlers.processors import MAX_RESULT_BYTES
from tests.support.components.examples import (
    BUCKET,
    KMS_KEY_ARN,
    MAP,
    NAME,
    PROCESSING_PIPELINE,
    STEPS,
    TABLE,
    TEAM_CODE,
)
from tests.support.components.recording import Recording, arn_of, physical, record, url_of

pytestmark = pytest.mark.variant

EFS = {"workspace": "efs"}
WORKFLOW = f"{NAME}-workflow"
OBJECTS = f"{BUCKET['bucket_arn']}/uploads/*"
STEP_RESULTS = f"{arn_of(aws.s3.Bucket, f'{NAME}-results')}/steps/*"
RESULTS = f"{arn_of(aws.s3.Bucket, f'{NAME}-results')}/results/*"
QUARANTINE = f"{arn_of(aws.s3.Bucket, f'{NAME}-quarantine')}/uploads/*"
QUEUE, DEAD_LETTERS = (arn_of(aws.sqs.Queue, f"{NAME}-{name}") for name in ("objects", "dead-letters"))
UPDATE, READ = ("dynamodb:UpdateItem", TABLE["table_arn"]), ("dynamodb:GetItem", TABLE["table_arn"])

MAY: dict[str, set[tuple[str, str]]] = {
    "verify": {
        ("s3:GetObjectVersion", OBJECTS),
        ("s3:DeleteObjectVersion", OBJECTS),
        ("s3:ListBucketVersions", BUCKET["bucket_arn"]),
        ("s3:PutObject", QUARANTINE),
        ("s3:AbortMultipartUpload", QUARANTINE),
        UPDATE,
        READ,
    },
    "process": {
        ("s3:GetObjectVersion", OBJECTS),
        ("s3:PutObject", STEP_RESULTS),
        UPDATE,
    },
    "record": {("s3:GetObject", STEP_RESULTS), ("s3:PutObject", RESULTS), UPDATE, READ},
    "start": {
        ("states:StartExecution", arn_of(aws.sfn.StateMachine, WORKFLOW)),
        *(
            (f"sqs:{verb}", QUEUE)
            for verb in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
        ),
        READ,
    },
}
"""Beside its own log and traces, by function."""

STATEFUL = (aws.s3.Bucket, aws.sqs.Queue, aws.cloudwatch.EventRule, aws.cloudwatch.EventTarget)


def recorded(**args: Any) -> Recording:
    return record(
        lambda: {"role": PROCESSING_PIPELINE.make(**{"compute": "step-functions", **args}).processor_role_name}
    )


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


def permissions(recording: Recording, role: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for policy in recording.all(aws.iam.RolePolicy)
        if policy.inputs["role"] == physical(role)
        for statement in json.loads(policy.inputs["policy"])["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def machine(recording: Recording) -> Any:
    return recording.json_input(aws.sfn.StateMachine, WORKFLOW, "definition")


@pytest.mark.parametrize("function", MAY)
def test_each_function_may_do_what_its_step_does_and_nothing_else(by_default: Recording, function: str) -> None:
    streams = f"{arn_of(aws.cloudwatch.LogGroup, f'{NAME}-{function}-log')}:*"
    own = {
        ("logs:CreateLogStream", streams),
        ("logs:PutLogEvents", streams),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }
    verbs = ("Decrypt",) if function == "start" else ("Decrypt", "GenerateDataKey")
    key = {(f"kms:{verb}", KMS_KEY_ARN) for verb in verbs}
    role = f"{NAME}-{function}-role"

    assert permissions(by_default, role) == MAY[function] | own
    assert permissions(recorded(kms_key_arn=KMS_KEY_ARN), role) == MAY[function] | own | key


def test_the_workflow_may_call_its_functions_and_keep_an_event(by_default: Recording) -> None:
    logs = ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries")
    logs += ("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")
    traces = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")

    assert permissions(by_default, f"{WORKFLOW}-role") == {
        *(
            ("lambda:InvokeFunction", arn_of(aws.lambda_.Alias, f"{NAME}-{each}-live"))
            for each in ("verify", "process", "record")
        ),
        ("sqs:SendMessage", DEAD_LETTERS),
        *((f"logs:{verb}", "*") for verb in logs),
        *((f"xray:{verb}", "*") for verb in traces),
    }
    trust = by_default.json_input(aws.iam.Role, f"{WORKFLOW}-role", "assumeRolePolicy")
    assert trust["Statement"][0]["Principal"] == {"Service": "states.amazonaws.com"}


@pytest.mark.parametrize(("parallel", "actions"), [(False, {"s3:PutObject", "s3:GetObject"}), (True, {"s3:PutObject"})])
def test_a_processor_reads_the_results_of_those_before_it(actions: set[str], *, parallel: bool) -> None:
    recording = recorded(step_functions_processors=STEPS, step_functions_parallel=parallel)
    granted = permissions(recording, f"{NAME}-process-role")

    assert {action for action, resource in granted if resource == STEP_RESULTS} == actions


def test_with_a_map_of_records_each_role_may_do_what_the_map_needs() -> None:
    recording = recorded(**MAP, kms_key_arn=KMS_KEY_ARN)
    arn = arn_of(aws.sfn.StateMachine, WORKFLOW)
    plain = permissions(recorded(kms_key_arn=KMS_KEY_ARN), f"{WORKFLOW}-role")

    assert permissions(recording, f"{WORKFLOW}-role") - plain == {
        ("states:StartExecution", arn),
        *(
            (f"states:{verb}Execution", f"{arn.replace('stateMachine', 'execution')}{end}")
            for verb in ("Describe", "Stop")
            for end in (":*", "/*")
        ),
        ("states:DescribeMapRun", f"{arn.replace('stateMachine', 'mapRun')}/*"),
        ("s3:GetObject", OBJECTS),
        ("s3:GetObjectVersion", OBJECTS),
        *(
            (f"s3:{verb}", RESULTS)
            for verb in ("PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload")
        ),
        ("kms:Decrypt", KMS_KEY_ARN),
        ("kms:GenerateDataKey", KMS_KEY_ARN),
    }
    assert not {each for each in permissions(recording, f"{NAME}-process-role") if each[1] == STEP_RESULTS}
    assert {each for each in permissions(recording, f"{NAME}-record-role") if each[0].startswith("s3:")} == {
        ("s3:GetObject", RESULTS),
        ("s3:PutObject", RESULTS),
    }


def test_records_are_processed_as_the_arguments_say() -> None:
    more = {"batch_records": 10, "concurrency": 7, "csv_delimiter": "tab", "tolerated_failure_percentage": 5}
    args = {f"step_functions_map_{name}": value for name, value in more.items()}
    state = machine(recorded(**MAP, **args))["States"]["MapCsv"]
    assert state["ItemBatcher"]["MaxItemsPerBatch"] == 10
    assert state["ItemReader"]["ReaderConfig"]["CSVDelimiter"] == "TAB"
    assert (state["MaxConcurrency"], state["ToleratedFailurePercentage"]) == (7, 5)
    assert state["ResultWriter"]["Arguments"]["Bucket"] == physical(f"{NAME}-results")


def test_it_calls_its_own_functions_and_the_pipelines_dead_letter_queue(by_default: Recording) -> None:
    states = machine(by_default)["States"]
    called = {name: states[name]["Arguments"]["FunctionName"] for name in ("Verify", "Process", "Record")}
    assert called == {name: arn_of(aws.lambda_.Alias, f"{NAME}-{name.lower()}-live") for name in called}
    assert states["SendToDeadLetters"]["Arguments"]["QueueUrl"] == url_of(f"{NAME}-dead-letters")


@pytest.mark.parametrize("args", [{"timeout_seconds": 10}, {"timeout_seconds": 900}, {**EFS, "timeout_seconds": 10}])
def test_a_step_is_awaited_until_its_function_has_ended(args: dict[str, Any]) -> None:
    recording = recorded(**args)
    timeouts = {
        arn_of(aws.lambda_.Alias, f"{each.name}-live"): each.inputs["timeout"]
        for each in recording.all(aws.lambda_.Function)
    }
    states = [each for each in machine(recording)["States"].values() if "FunctionName" in each.get("Arguments", {})]
    assert len(states) == (8 if "workspace" in args else 5)
    for each in states:
        assert each["TimeoutSeconds"] >= timeouts[each["Arguments"]["FunctionName"]] + 60


def test_its_steps_have_the_time_and_memory_for_results_and_folders_of_any_size() -> None:
    recording = recorded(**EFS, timeout_seconds=10)
    clean_up, record_step = (
        recording.inputs(aws.lambda_.Function, f"{NAME}-{name}") for name in ("clean-up", "record")
    )
    assert clean_up["timeout"] == 300
    assert record_step["timeout"] == 60
    assert record_step["memorySize"] * 1024**2 >= 10 * MAX_RESULT_BYTES


def test_all_its_logs_are_kept_as_long_as_asked_for() -> None:
    logs = recorded(log_retention_days=7).all(aws.cloudwatch.LogGroup)
    assert {each.name for each in logs} >= {f"{NAME}-{each}-log" for each in ("workflow", *MAY)}
    assert {each.inputs["retentionInDays"] for each in logs} == {7}


def test_nothing_starts_before_its_permissions_exist() -> None:
    recording = recorded(**MAP)
    policy, of_maps = (recording.only(aws.iam.RolePolicy, f"{WORKFLOW}-{name}") for name in ("policy", "maps-policy"))
    assert policy.urn in recording.only(aws.sfn.StateMachine).options.depends_on
    mapping = recording.only(aws.lambda_.EventSourceMapping, f"{NAME}-queue-starts-workflows")
    assert of_maps.urn in mapping.options.depends_on


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", "ALL"), ("INFO", "ALL"), ("WARN", "ERROR")])
def test_it_is_traced_and_logged_without_what_it_processes(level: str, expected: str) -> None:
    inputs = recorded(log_level=level).inputs(aws.sfn.StateMachine)
    assert inputs["loggingConfiguration"] == {
        "level": expected,
        "includeExecutionData": False,
        "logDestination": f"{arn_of(aws.cloudwatch.LogGroup, f'{WORKFLOW}-log')}:*",
    }
    assert inputs["tracingConfiguration"] == {"enabled": True}
    assert inputs.get("type", "STANDARD") == "STANDARD"


def test_the_queue_starts_workflows(by_default: Recording) -> None:
    mapping = by_default.inputs(aws.lambda_.EventSourceMapping, f"{NAME}-queue-starts-workflows")
    assert mapping["eventSourceArn"] == QUEUE
    assert mapping["functionName"] == arn_of(aws.lambda_.Alias, f"{NAME}-start-live")
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]
    starter = by_default.inputs(aws.lambda_.Function, f"{NAME}-start")
    assert starter["environment"]["variables"] == {
        "QUEUE_URL": url_of(f"{NAME}-objects"),
        "UPLOADS_TABLE": TABLE["table_name"],
        "MAX_ATTEMPTS": "5",
        "STATE_MACHINE_ARN": arn_of(aws.sfn.StateMachine, WORKFLOW),
    }
    hidden = by_default.inputs(aws.sqs.Queue, f"{NAME}-objects")["visibilityTimeoutSeconds"]
    assert hidden == starter["timeout"] == 900


@pytest.mark.parametrize(("args", "limit"), [({}, 50), ({"max_concurrency": 7}, 7), ({"reserved_concurrency": 9}, 9)])
def test_as_many_workflows_run_at_once_as_functions_wait_for_one_each(args: dict[str, int], limit: int) -> None:
    mapping = recorded(**args).inputs(aws.lambda_.EventSourceMapping, f"{NAME}-queue-starts-workflows")
    assert mapping["batchSize"] == 1
    assert mapping["scalingConfig"] == {"maximumConcurrency": limit}


def test_only_the_processors_function_has_the_teams_code_variables_and_permissions() -> None:
    team: dict[str, Any] = {
        "processor": "team.process",
        "processor_code": TEAM_CODE,
        "processor_environment": {"MODEL": "a-model"},
        "processor_statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::models/*"]}],
        "timeout_seconds": 120,
        "memory_mb": 2048,
        "reserved_concurrency": 9,
    }
    recording = recorded(**team)
    functions = {
        each: recording.inputs(aws.lambda_.Function, f"{NAME}-{each}")
        for each in ("verify", "process", "record", "start")
    }

    assert [each for each in MAY if "MODEL" in functions[each]["environment"]["variables"]] == ["process"]
    may_read = [each for each in MAY if any("models" in on for _, on in permissions(recording, f"{NAME}-{each}-role"))]
    assert may_read == ["process"]
    assert (functions["process"]["memorySize"], functions["process"]["reservedConcurrentExecutions"]) == (2048, 9)
    assert [functions[each]["timeout"] for each in MAY] == [120, 120, 60, 900]
    assert recording.outputs["role"] == physical(f"{NAME}-process-role")


def test_what_processors_return_expires_in_the_results_bucket(by_default: Recording) -> None:
    rules = by_default.inputs(aws.s3.BucketLifecycleConfiguration, f"{NAME}-results-lifecycle")["rules"]
    (rule,) = [each for each in rules if each["filter"] == {"prefix": "steps/"}]
    assert rule["expiration"] == {"days": 14}


def test_another_compute_leaves_what_holds_data_as_it_is(by_default: Recording) -> None:
    other = record(lambda: PROCESSING_PIPELINE.make() and None)

    def kept(recording: Recording) -> set[tuple[str, str]]:
        return {(each.name, each.urn) for kind in STATEFUL for each in recording.all(kind)}

    assert kept(by_default) == kept(other)
    assert not other.all(aws.sfn.StateMachine)


def test_several_processors_are_states_of_their_own() -> None:
    states = machine(recorded(step_functions_processors=STEPS))["States"]
    assert [states[name]["Arguments"]["Payload"]["processor"] for name in STEPS] == STEPS


@pytest.mark.parametrize(
    ("args", "beginning"),
    [
        ({"step_functions_parallel": True}, "step_functions_parallel is true, but step_functions_processors is empty"),
        ({"step_functions_processors": [STEPS[0], STEPS[0]]}, f"step_functions_processors has {STEPS[0]} twice"),
        (
            {"step_functions_processors": STEPS, "processor": STEPS[1]},
            "step_functions_processors names the processors of every upload",
        ),
        (
            {
                "processor_code_bucket": "the-builds",
                "processor_code_key": "build.zip",
                "step_functions_processors": [f"{'t' * 73}.process"],
            },
            "step_functions_processors[0] has 81 characters, but must",
        ),
        ({"step_functions_processors": ["team.process"]}, "step_functions_processors[0] is 'team.process', but its"),
        (
            {"step_functions_map_processor": STEPS[0], "processor": STEPS[1]},
            "step_functions_map_processor names the processors of every upload",
        ),
        (
            {"step_functions_map_processor": STEPS[0], "step_functions_processors": STEPS},
            "step_functions_map_processor processes every upload, so step_functions_processors has no effect",
        ),
        ({"step_functions_map_concurrency": 2}, "step_functions_map_concurrency is given, but step_functions_map_proc"),
        ({"step_functions_map_processor": "team.process"}, "step_functions_map_processor is 'team.process', but its"),
    ],
)
def test_arguments_that_contradict_each_other_are_an_error(args: dict[str, Any], beginning: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        PROCESSING_PIPELINE.shape(**{**PROCESSING_PIPELINE.required, "compute": "step-functions", **args})
    assert str(caught.value).startswith(f"ProcessingPipeline: {beginning}")
