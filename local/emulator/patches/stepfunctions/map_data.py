"""What a Distributed Map reads and writes: items of a file, batches of items, results of children."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from local.emulator import patching

PAYLOAD_BYTES = 256 * 1024
"""Of a state's input and output. Source: Step Functions guide, "Quotas"."""

HEADER_BYTES = 10 * 1024
"""Of a CSV file. Source: Step Functions guide, "ItemReader"."""

TRANSFORMATIONS = ("NONE", "COMPACT", "FLATTEN")
PENDING = "PENDING"

Json = Any


@dataclass
class Child:
    """One child execution."""

    input: Json
    item_count: int
    record: dict[str, Json] = field(default_factory=dict[str, Json])
    output: Json = None

    @property
    def status(self) -> str:
        """PENDING, if it has not started."""
        return self.record.get("status", PENDING)


def parsed(body: bytes, config: Mapping[str, Json]) -> list[Json]:
    """Return the items in a file, as an ItemReader reads it."""
    kind = config.get("InputType")
    try:
        text = body.decode()
        if kind == "JSONL":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        if kind == "CSV" and len(text.partition("\n")[0].encode()) > HEADER_BYTES:
            raise state_error("States.ItemReaderFailed", f"The first row has over {HEADER_BYTES} bytes.")
        items: Json = sfn("_parse_reader_items")(text, config)
    except ValueError as error:
        raise state_error("States.ItemReaderFailed", f"The file is not in the format {kind}: {error}") from None
    if not isinstance(items, list):
        raise state_error("States.ItemReaderFailed", "The file does not hold an array.")
    return cast("list[Json]", items)


def batches(items: Sequence[Json], most_items: int, most_bytes: int) -> Iterator[list[Json]]:
    """Group items in their order, within both limits; raises an error for an item that fits into no batch."""
    batch: list[Json] = []
    size = empty = payload_bytes({"Items": []})
    for item in items:
        item_size = payload_bytes(item) + 1
        if empty + item_size > most_bytes:
            cause = f"An item has {item_size} bytes, but a batch has at most {most_bytes}."
            raise state_error("States.DataLimitExceeded", cause)
        if batch and (len(batch) >= most_items or size + item_size > most_bytes):
            yield batch
            batch, size = [], empty
        batch.append(item)
        size += item_size
    if batch:
        yield batch


def formatted(children: Sequence[Child], transformation: str) -> list[Json]:
    """Return the results of children as a ResultWriter formats them."""
    if transformation == "NONE":
        return [_described(each) for each in children]
    outputs = [each.output for each in children]
    if transformation == "COMPACT":
        return outputs
    flat: list[Json] = []
    for output in outputs:
        flat += output if isinstance(output, list) else [output]
    return flat


def _described(child: Child) -> Json:
    if not child.record:
        return {"Input": json.dumps(child.input), "Status": PENDING}
    names = ("executionArn", "input", "inputDetails", "name", "output", "outputDetails", "error", "cause")
    names += ("startDate", "stopDate", "stateMachineArn", "status")
    return {name[0].upper() + name[1:]: child.record[name] for name in names if child.record.get(name) is not None}


def require_payload(value: Json) -> Json:
    """Return a value that fits into a state; raises States.DataLimitExceeded for a larger one."""
    if (size := payload_bytes(value)) > PAYLOAD_BYTES:
        raise state_error("States.DataLimitExceeded", f"The data has {size} bytes, but at most {PAYLOAD_BYTES} fit.")
    return value


def payload_bytes(value: Json) -> int:
    """Return the size of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def state_error(name: str, cause: str) -> Exception:
    """Return an error of a state, which its Retry and Catch know by this name."""
    return sfn("_ExecutionError")(name, cause)


def sfn(name: str) -> Any:
    """Return an attribute of MiniStack's Step Functions."""
    return patching.attribute("ministack.services.stepfunctions", name)
