"""The part of a workflow that processes a file's records: a Distributed Map, with a batch of records for each child.

MapCsv or MapJsonLines (children: the processor, with a batch) --> CountRecords --> Record

Children are executions of their own: they read no variable of the workflow, so each batch carries what its step needs.
Source: Step Functions developer guide, "Using Map state in Distributed mode", and its pages on the fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.domain.record_formats import RecordFormat

State = Mapping[str, Any]

MAX_INPUT_BYTES = 192 * 1024
"""Of a batch. A state holds 256 KiB, and the call of the function has what every step reads in addition."""

_NAMES = {RecordFormat.CSV: "Csv", RecordFormat.JSON_LINES: "JsonLines"}

_READ_OR_WRITE_FAILED = ["States.ItemReaderFailed", "States.ResultWriterFailed"]


@dataclass(frozen=True, kw_only=True)
class RecordsMap:
    """How a file's records are processed."""

    processor: str
    batch_records: int
    """At most in a batch."""
    concurrency: int
    """Batches at once, at most."""
    csv_delimiter: str
    """By its name, such as comma."""
    tolerated_failure_percentage: int
    results_bucket: str

    def first_choices(self) -> list[State]:
        """Return where a verified upload goes, by the format of its records."""
        return [
            {"Condition": f"{{% $goesOn and $job.format = '{each}' %}}", "Next": f"Map{name}"}
            for each, name in _NAMES.items()
        ]

    def states(
        self,
        integration: Callable[[str], str],
        process: Callable[..., State],
        catch: Callable[[], list[State]],
        following: str,
    ) -> dict[str, State]:
        """Return the states. `process` makes the state that calls the processor's function with a payload."""
        maps = {f"Map{name}": self._map(each, integration, process, catch()) for each, name in _NAMES.items()}
        count: State = {
            "Type": "Task",
            "Resource": integration("aws-sdk:sfn:describeMapRun"),
            "Arguments": {"MapRunArn": "{% $mapRun %}"},
            "Assign": {
                "counts": {
                    "records": "{% $states.result.ItemCounts.Total %}",
                    "failed_records": "{% $states.result.ItemCounts.Total - $states.result.ItemCounts.Succeeded %}",
                    "batches": "{% $states.result.ExecutionCounts.Total %}",
                    "failed_batches": (
                        "{% $states.result.ExecutionCounts.Total - $states.result.ExecutionCounts.Succeeded %}"
                    ),
                }
            },
            "Output": {},
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 5}],
            "Catch": catch(),
            "Next": following,
        }
        return {**maps, "CountRecords": count}

    def _map(
        self,
        record_format: RecordFormat,
        integration: Callable[[str], str],
        process: Callable[..., State],
        catch: list[State],
    ) -> State:
        name = _NAMES[record_format]
        process_batch = process(
            {
                "input": "{% $states.input.BatchInput.input %}",
                "execution": "{% $states.input.BatchInput.execution %}",
                "declared": "{% $states.input.BatchInput.declared %}",
                "processor": self.processor,
                "records": "{% $states.input.Items %}",
            },
            Output="{% $states.result.Payload %}",
            End=True,
        )
        return {
            "Type": "Map",
            "Label": f"{name}Records",
            "ItemReader": {
                "Resource": integration("s3:getObject"),
                "ReaderConfig": {"InputType": record_format, **self._csv_config(record_format)},
                "Arguments": {
                    "Bucket": "{% $job.object.bucket %}",
                    "Key": "{% $job.object.key %}",
                    "VersionId": "{% $job.object.version_id %}",
                },
            },
            "ItemBatcher": {
                "MaxItemsPerBatch": self.batch_records,
                "MaxInputBytesPerBatch": MAX_INPUT_BYTES,
                "BatchInput": {
                    "input": "{% $states.context.Execution.Input %}",
                    "execution": "{% $states.context.Execution.Name %}",
                    "declared": "{% $job.declared %}",
                },
            },
            "MaxConcurrency": self.concurrency,
            "ToleratedFailurePercentage": self.tolerated_failure_percentage,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": f"Process{name}",
                "States": {f"Process{name}": process_batch},
            },
            "ResultWriter": {
                "Resource": integration("s3:putObject"),
                "Arguments": {"Bucket": self.results_bucket, "Prefix": "{% $job.results_prefix %}"},
                "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
            },
            "Assign": {
                "mapRun": "{% $states.result.MapRunArn %}",
                "manifest": "{% $states.result.ResultWriterDetails.Key %}",
            },
            "Output": {},
            # A file that is not in its format fails here too, so there is one try more, soon.
            "Retry": [{"ErrorEquals": _READ_OR_WRITE_FAILED, "IntervalSeconds": 5, "MaxAttempts": 1}],
            "Catch": catch,
            "Next": "CountRecords",
        }

    def _csv_config(self, record_format: RecordFormat) -> Mapping[str, str]:
        if record_format is not RecordFormat.CSV:
            return {}
        return {"CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": self.csv_delimiter.upper()}
