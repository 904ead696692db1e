"""One run of a Distributed Map in JSONata."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from http import HTTPStatus
from typing import Any

from local.emulator import patching
from local.emulator.patches.stepfunctions.map_data import (
    PAYLOAD_BYTES,
    PENDING,
    Child,
    batches,
    formatted,
    parsed,
    payload_bytes,
    require_payload,
    sfn,
    state_error,
)
from local.emulator.role_policies import ALLOW, decision_of_role, request_of_role

_S3 = "ministack.services.s3"

_CONCURRENT_CHILDREN = 16
"""This machine has few cores. AWS runs up to 10,000."""

Json = Any
RunMap = Callable[..., tuple[Json, str | None]]


def in_jsonata(original: RunMap) -> RunMap:
    """Return a function that runs a Distributed Map in JSONata here, and one in JSONPath as MiniStack does."""

    def run(state: Json, raw_input: Json, *more: Json) -> tuple[Json, str | None]:
        _effective_input, iterator, execution, context = more
        if sfn("_state_query_language")(state, context) != "JSONata":
            return original(state, raw_input, *more)
        return _Map(state, raw_input, iterator, execution, context).run()

    return run


class _Map:
    """One run of a Distributed Map."""

    def __init__(self, state: Json, raw_input: Json, iterator: Json, execution: Json, context: Json) -> None:
        self._state, self._input, self._iterator = state, raw_input, iterator
        self._execution, self._context = execution, context
        self._machine = sfn("_state_machines")[execution["stateMachineArn"]]
        self._lock = threading.Lock()
        *_, region, account, _, self._name = execution["stateMachineArn"].split(":")
        self._arn, self._label = f"{region}:{account}", state.get("Label") or _new_id()
        self._id = _new_id()
        self._run: dict[str, Json] = {}
        self._failed_items = 0

    def run(self) -> tuple[Json, str | None]:
        self._require("states:StartExecution", self._execution["stateMachineArn"], "States.Permissions")
        items = self._items()
        children = [Child(each, count) for each, count in self._inputs(items)]
        self._start(len(items), children)
        with ThreadPoolExecutor(min(self._most_at_once(), _CONCURRENT_CHILDREN)) as pool:
            # Each thread needs the account and the region of this one.
            calls = [pool.submit(copy_context().run, self._run_child, each, len(items)) for each in children]
        for call in calls:
            call.result()
        status = "FAILED"
        try:
            result = self._written(children)
            if self._is_exceeded(len(items)):
                raise state_error("States.ExceedToleratedFailureThreshold", "More items failed than are tolerated.")
            status = "SUCCEEDED"
        finally:
            self._run |= {"status": status, "stopDate": _now()}
        output = sfn("_apply_jsonata_output")(self._state, self._input, self._context, result=result, default=result)
        sfn("_apply_state_assign")(self._state, self._input, self._context, result=result)
        return output, sfn("_next_or_end")(self._state)

    def _value(self, template: Json, context: Json = None) -> Json:
        return sfn("_apply_jsonata_template")(template, self._input, context or self._context)

    def _items(self) -> list[Json]:
        reader = self._state.get("ItemReader")
        if not reader:
            return sfn("_jsonata_state_field")(self._state, "Items", "array", self._input, self._context)
        if not reader["Resource"].endswith(":s3:getObject"):
            raise state_error("States.Runtime", f"Local mode does not emulate the ItemReader {reader['Resource']}.")
        arguments, config = self._value(reader["Arguments"]), self._value(reader.get("ReaderConfig", {}))
        version = arguments.get("VersionId")
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        arn = f"arn:aws:s3:::{arguments['Bucket']}/{arguments['Key']}"
        self._require(action, arn, "States.ItemReaderFailed")
        query = {"versionId": version} if version else {}
        status, _, body = patching.attribute(_S3, "_get_object")(arguments["Bucket"], arguments["Key"], {}, query)
        if status != HTTPStatus.OK:
            raise state_error("States.ItemReaderFailed", f"S3 answered {status} for {arn}.")
        items = parsed(bytes(body), config)
        return items[: config["MaxItems"]] if "MaxItems" in config else items

    def _inputs(self, items: Sequence[Json]) -> Iterator[tuple[Json, int]]:
        """Yield the input of each child, and how many items are in it."""
        selector, batcher = self._state.get("ItemSelector"), self._state.get("ItemBatcher")
        if selector:
            items = [
                self._value(selector, {**self._context, "Map": {"Item": {"Index": index, "Value": item}}})
                for index, item in enumerate(items)
            ]
        if not batcher:
            yield from ((item, 1) for item in items)
            return
        limits = self._value(batcher)
        shared = {"BatchInput": limits["BatchInput"]} if "BatchInput" in limits else {}
        most_bytes = limits.get("MaxInputBytesPerBatch") or PAYLOAD_BYTES
        for batch in batches(items, limits.get("MaxItemsPerBatch") or len(items), most_bytes - payload_bytes(shared)):
            yield {**shared, "Items": batch}, len(batch)

    def _most_at_once(self) -> int:
        return int(self._value(self._state.get("MaxConcurrency", 0))) or _CONCURRENT_CHILDREN

    def _start(self, item_count: int, children: Sequence[Child]) -> None:
        kinds = ("running", "succeeded", "failed", "timedOut", "aborted", "resultsWritten")
        zero = {**dict.fromkeys(kinds, 0), "failuresNotRedrivable": 0, "pendingRedrive": 0}
        arn = f"arn:aws:states:{self._arn}:mapRun:{self._name}/{self._label}:{self._id}"
        self._run |= {
            "mapRunArn": arn,
            "executionArn": self._execution["executionArn"],
            "status": "RUNNING",
            "startDate": _now(),
            "maxConcurrency": int(self._value(self._state.get("MaxConcurrency", 0))),
            "toleratedFailurePercentage": self._value(self._state.get("ToleratedFailurePercentage", 0)),
            "toleratedFailureCount": self._value(self._state.get("ToleratedFailureCount", 0)),
            "itemCounts": {**zero, "total": item_count, "pending": item_count},
            "executionCounts": {**zero, "total": len(children), "pending": len(children)},
            "redriveCount": 0,
            "_stateMachineArn": f"arn:aws:states:{self._arn}:stateMachine:{self._name}/{self._label}",
        }
        sfn("_map_runs")[arn] = self._run

    def _run_child(self, child: Child, item_count: int) -> None:
        if self._execution["status"] != "RUNNING" or self._is_exceeded(item_count):
            return
        name = _new_id()
        child.record |= {
            "executionArn": f"arn:aws:states:{self._arn}:execution:{self._name}/{self._label}:{name}",
            "stateMachineArn": self._run["_stateMachineArn"],
            "mapRunArn": self._run["mapRunArn"],
            "name": name,
            "status": "RUNNING",
            "startDate": _now(),
            "stopDate": None,
            "input": json.dumps(child.input),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "events": [],
            "testCase": "",
            "mockAttempts": {},
        }
        sfn("_executions")[child.record["executionArn"]] = child.record
        self._count(child, "pending", "running")
        context = {
            "QueryLanguage": self._context["QueryLanguage"],
            "Execution": {
                "Id": child.record["executionArn"],
                "Input": child.input,
                "Name": name,
                "StartTime": child.record["startDate"],
            },
            "StateMachine": {"Id": self._run["_stateMachineArn"], "Name": f"{self._name}/{self._label}"},
            "variables": {},
        }
        try:
            require_payload(child.input)
            states, start_at = self._iterator["States"], self._iterator["StartAt"]
            child.output = sfn("_run_sub_machine")(states, start_at, child.input, child.record, context)
            require_payload(child.output)
            child.record |= {"status": "SUCCEEDED", "output": json.dumps(child.output)}
        except Exception as error:  # noqa: BLE001 - the child fails with it
            is_named = isinstance(error, sfn("_ExecutionError"))
            failed: Json = error if is_named else state_error("States.Runtime", str(error))
            child.record |= {"status": "FAILED", "error": failed.error, "cause": failed.cause}
        child.record["stopDate"] = _now()
        self._count(child, "running", child.status.lower())

    def _count(self, child: Child, before: str, after: str) -> None:
        with self._lock:
            for counts, number in ((self._run["itemCounts"], child.item_count), (self._run["executionCounts"], 1)):
                counts[before] -= number
                counts[after] += number
            self._failed_items += child.item_count if after == "failed" else 0

    def _is_exceeded(self, item_count: int) -> bool:
        limits = [
            self._failed_items > self._run["toleratedFailureCount"],
            self._failed_items * 100 > self._run["toleratedFailurePercentage"] * item_count,
        ]
        names = ("ToleratedFailureCount", "ToleratedFailurePercentage")
        stated = [limit for limit, name in zip(limits, names, strict=True) if name in self._state]
        return self._failed_items > 0 and (any(stated) if stated else True)

    def _written(self, children: Sequence[Child]) -> Json:
        """Return the state's result, after it was written to S3 if there is a ResultWriter."""
        writer = self._state.get("ResultWriter", {})
        config = {"Transformation": "NONE" if "Resource" in writer else "COMPACT", "OutputType": "JSON"}
        config |= writer.get("WriterConfig", {})
        if "Resource" not in writer:
            results = formatted([each for each in children if each.status == "SUCCEEDED"], config["Transformation"])
            return require_payload(results)
        arguments = self._value(writer["Arguments"])
        prefix = "/".join(part for part in (arguments.get("Prefix", "").strip("/"), self._id) if part)
        files: dict[str, list[Json]] = {}
        for status in ("SUCCEEDED", "FAILED", PENDING):
            found = [each for each in children if each.status == status]
            key = f"{prefix}/{status}_0.{config['OutputType'].lower()}"
            results = formatted(found, config["Transformation"] if status == "SUCCEEDED" else "NONE")
            lines = [json.dumps(each) for each in results]
            body = "\n".join(lines) if config["OutputType"] == "JSONL" else f"[{','.join(lines)}]"
            files[status] = [{"Key": key, "Size": self._put(arguments["Bucket"], key, body)}] if found else []
            self._run["executionCounts"]["resultsWritten"] += len(found)
            self._run["itemCounts"]["resultsWritten"] += sum(each.item_count for each in found)
        manifest = {
            "DestinationBucket": arguments["Bucket"],
            "MapRunArn": self._run["mapRunArn"],
            "ResultFiles": files,
        }
        self._put(arguments["Bucket"], key := f"{prefix}/manifest.json", json.dumps(manifest))
        details = {"Bucket": arguments["Bucket"], "Key": key}
        return {"MapRunArn": self._run["mapRunArn"], "ResultWriterDetails": details}

    def _put(self, bucket: str, key: str, text: str) -> int:
        self._require("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", "States.ResultWriterFailed")
        body = text.encode()
        status, *_ = patching.attribute(_S3, "_put_object")(bucket, key, body, {"content-type": "application/json"})
        if status != HTTPStatus.OK:
            raise state_error("States.ResultWriterFailed", f"S3 answered {status} for {bucket}/{key}.")
        return len(body)

    def _require(self, action: str, resource: str, error: str) -> None:
        """Raise an error if the state machine's role may not do this."""
        role_arn: str = self._machine["roleArn"]
        request = request_of_role(role_arn, self._execution["name"], action, resource, self._arn.partition(":")[0])
        if decision_of_role(role_arn, request) != ALLOW:
            raise state_error(error, f"{role_arn} is not authorized to perform {action} on {resource}")


def _new_id() -> str:
    return sfn("new_uuid")()


def _now() -> str:
    return sfn("now_iso")()
