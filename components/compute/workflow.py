"""The workflow of a job, in Amazon States Language with JSONata: verify, process, record.

Verify --> Process (one state a processor, in order or in parallel; or a map of records, records_map.py) --> Record
With a shared workspace, Fetch copies the object into it before Process, and CleanUp follows each end.
Each of them is tried again after an error, as often and as late as the queue does for the other computes. At last
RecordFailure records the error, and SendToDeadLetters keeps the event for a redrive. Results pass through S3, not
through the states, which hold at most 256 KiB.
Source: https://states-language.net/spec.html and the Step Functions developer guide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from components.compute.records_map import RecordsMap, State
from handlers.domain.delays import BACKOFF_RATE, FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS

FINAL = ("LeaseLost", "ScanFailed", "ScanMissing", "UnknownUpload", "Unprocessable")
"""Names of the FINAL_ERRORS in handlers/use_cases/workflow_steps.py. Importing that needs boto3."""

_REFUSED, _SUPERSEDED = "Unprocessable", "LeaseLost"
_UNRECORDED = [name for name in FINAL if name not in {_REFUSED, _SUPERSEDED}]
"""The upload does not change, or has no record, but the event must be kept."""

_LAMBDAS_OWN = [f"Lambda.{name}Exception" for name in ("TooManyRequests", "Service", "AWSLambda", "SdkClient")]
"""Lambda did not run the function. Source: Step Functions guide, "Handle transient Lambda service exceptions"."""

_ERROR = {"error": "{% $states.errorOutput %}"}
_TO_DEAD_LETTERS: State = {"ErrorEquals": ["States.ALL"], "Next": "SendToDeadLetters"}


@dataclass(frozen=True, kw_only=True)
class WorkspaceSteps:
    """The functions of the shared workspace."""

    fetch_arn: str
    clean_up_arn: str


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """What the definition is made from."""

    partition: str
    """`aws`, or that of another group of regions."""
    verify_arn: str
    """Of a function's alias, as are the others."""
    process_arn: str
    record_arn: str
    dead_letter_queue_url: str
    processors: Sequence[str]
    """Empty if each upload has one, which its verification chooses."""
    is_parallel: bool
    records_map: RecordsMap | None = None
    """How records are processed, if each upload is a file of records; `processors` is empty then."""
    max_attempts: int
    """Of each step."""
    step_seconds: int
    """A function's timeout."""
    workspace: WorkspaceSteps | None = None
    """None if processors read the object from S3."""

    def definition(self) -> State:
        """Return the state machine."""
        return {
            "Comment": "Takes one uploaded object to completed, rejected or failed",
            "QueryLanguage": "JSONata",
            "StartAt": "Verify",
            "States": {
                "Verify": self._step(
                    self.verify_arn,
                    {"is_of_records": True} if self.records_map else {},
                    Assign={
                        "job": "{% $states.result.Payload.job %}",
                        "goesOn": "{% $states.result.Payload.goes_on %}",
                    },
                    Catch=self._catch(),
                    Next="Verified",
                ),
                "Verified": {
                    "Type": "Choice",
                    "Choices": self._first_choices,
                    "Default": "Done",
                },
                **self._sharing(),
                **self._processing(),
                "Record": self._step(self.record_arn, self._found, Catch=self._catch(), Next=self._end),
                "RecordRefusal": self._record_error(self._end),
                "RecordFailure": self._record_error("SendToDeadLetters"),
                "SendToDeadLetters": {
                    "Type": "Task",
                    "Resource": self._integration("sqs:sendMessage"),
                    "Arguments": {
                        "QueueUrl": self.dead_letter_queue_url,
                        "MessageBody": "{% $string($states.context.Execution.Input.event) %}",
                    },
                    "Retry": [{"ErrorEquals": ["States.ALL"], **_delays(5)}],
                    "Next": "CleanUpAfterFailure" if self.workspace else "Failed",
                },
                "Failed": {
                    "Type": "Fail",
                    "Error": "NotProcessed",
                    "Cause": "The event is in the dead-letter queue. The upload's record has the reason.",
                },
                "Done": {"Type": "Succeed"},
            },
        }

    @property
    def _first_choices(self) -> list[State]:
        if self.records_map:
            return self.records_map.first_choices()
        return [{"Condition": "{% $goesOn %}", "Next": "Fetch" if self.workspace else self._first}]

    @property
    def _first(self) -> str:
        if self.is_parallel:
            return "ProcessInParallel"
        return self.processors[0] if self.processors else "Process"

    @property
    def _found(self) -> Mapping[str, object]:
        """What the last step reads of the processing."""
        if self.records_map:
            return {"manifest": "{% $manifest %}", "counts": "{% $counts %}"}
        return {"processors": list(self.processors) or ["{% $job.processor %}"], "by_name": bool(self.processors)}

    @property
    def _end(self) -> str:
        return "CleanUp" if self.workspace else "Done"

    def _sharing(self) -> dict[str, State]:
        if self.workspace is None:
            return {}
        fetch, clean_up = self.workspace.fetch_arn, self.workspace.clean_up_arn

        def end(following: str) -> State:
            # How the upload ended is recorded. A later execution deletes what is left over.
            return self._step(clean_up, Catch=[{"ErrorEquals": ["States.ALL"], "Next": following}], Next=following)

        declared = {"declared": "{% $job.declared %}"}
        return {
            "Fetch": self._step(fetch, declared, Catch=self._catch(), Next=self._first),
            "CleanUp": end("Done"),
            "CleanUpAfterFailure": end("Failed"),
        }

    def _processing(self) -> dict[str, State]:
        if self.records_map:
            process = partial(self._step, self.process_arn)
            return self.records_map.states(self._integration, process, self._catch, "Record")
        if not self.processors:
            return {"Process": self._process("{% $job.processor %}", [], Catch=self._catch(), Next="Record")}
        if not self.is_parallel:
            following = [*self.processors[1:], "Record"]
            return {
                name: self._process(name, self.processors[:index], Catch=self._catch(), Next=following[index])
                for index, name in enumerate(self.processors)
            }
        branches = [{"StartAt": name, "States": {name: self._process(name, [], End=True)}} for name in self.processors]
        return {
            "ProcessInParallel": {
                "Type": "Parallel",
                "Branches": branches,
                "Output": {},
                "Catch": self._catch(),
                "Next": "Record",
            }
        }

    def _process(self, processor: str, earlier: Sequence[str], **more: object) -> State:
        payload = {"declared": "{% $job.declared %}", "processor": processor, "earlier": list(earlier)}
        return self._step(self.process_arn, payload, **more)

    def _record_error(self, following: str) -> State:
        error = {"error": "{% $states.input.error %}"}
        return self._step(self.record_arn, error, Catch=[_TO_DEAD_LETTERS], Next=following)

    def _step(self, function_arn: str, payload: Mapping[str, object] | None = None, **more: object) -> State:
        """Return a state that calls a function, with what every step reads; see Message.from_step."""
        return {
            "Type": "Task",
            "Resource": self._integration("lambda:invoke"),
            "Arguments": {
                "FunctionName": function_arn,
                "Payload": {
                    "input": "{% $states.context.Execution.Input %}",
                    "execution": "{% $states.context.Execution.Name %}",
                    "attempt": "{% $states.context.State.RetryCount + 1 %}",
                    **(payload or {}),
                },
            },
            "Output": {},
            # For a function that Lambda does not end in time.
            "TimeoutSeconds": self.step_seconds + 60,
            "Retry": [
                {"ErrorEquals": FINAL, "MaxAttempts": 0},
                {
                    "ErrorEquals": _LAMBDAS_OWN,
                    "IntervalSeconds": 1,
                    "BackoffRate": 2.0,
                    "MaxDelaySeconds": 60,
                    "MaxAttempts": 100,
                    "JitterStrategy": "FULL",
                },
                {"ErrorEquals": ["States.ALL"], **_delays(self.max_attempts)},
            ],
            **more,
        }

    def _catch(self) -> list[State]:
        return [
            {"ErrorEquals": [_SUPERSEDED], "Next": self._end},
            {"ErrorEquals": [_REFUSED], "Output": _ERROR, "Next": "RecordRefusal"},
            {"ErrorEquals": _UNRECORDED, "Next": "SendToDeadLetters"},
            # States.ALL does not catch it (Step Functions guide, "Handling errors").
            {"ErrorEquals": ["States.DataLimitExceeded"], "Output": _ERROR, "Next": "RecordFailure"},
            {"ErrorEquals": ["States.ALL"], "Output": _ERROR, "Next": "RecordFailure"},
        ]

    def _integration(self, action: str) -> str:
        return f"arn:{self.partition}:states:::{action}"


def _delays(attempts: int) -> dict[str, float]:
    """Return the delays of handlers/domain/delays.py as those of a retrier."""
    return {
        "IntervalSeconds": FIRST_DELAY_SECONDS,
        "BackoffRate": float(BACKOFF_RATE),
        "MaxDelaySeconds": LONGEST_DELAY_SECONDS,
        "MaxAttempts": attempts - 1,
    }
