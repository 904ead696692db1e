"""Which definitions of state machines Step Functions refuses."""

import copy
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.emulator.patches.stepfunctions.map_data import PAYLOAD_BYTES, TRANSFORMATIONS

Json = Any

_LABEL_CHARACTERS = 40
_NOT_IN_LABELS = set(' ?*<>{}[]:;,\\|^~$#%&`"')

_DELIMITERS = ("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")

_READER_FIELDS = {
    "CSV": {"CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "MaxItems"},
    "JSON": {"ItemsPointer", "MaxItems"},
    "JSONL": {"MaxItems"},
}
"""By the InputType. Local mode has no other one."""


def refusing(original: Callable[[Json], str | None]) -> Callable[[Json], str | None]:
    """Return a validation that also refuses what definition_errors finds."""

    def validate(definition: Json) -> str | None:
        if fault := original(definition):
            return fault
        errors = definition_errors(json.loads(definition)) if isinstance(definition, str) else []
        return f"SCHEMA_VALIDATION_FAILED: {'; '.join(errors)}" if errors else None

    return validate


def definition_errors(definition: Mapping[str, Json]) -> list[str]:
    """Return how a definition differs from Amazon States Language, and from what Step Functions adds to it."""
    linter = importlib.import_module("statelint.linter").Linter  # it has no types
    in_the_language = copy.deepcopy(dict(definition))
    own = [f"{name}.{fault}" for name, state in _maps_in(in_the_language) for fault in _take_own_fields(state)]
    return linter.validate(in_the_language) + own


def _maps_in(machine: Mapping[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    for name, state in machine.get("States", {}).items():
        inner: dict[str, Json] = state.get("ItemProcessor") or {}
        if inner.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            yield name, state
        for each in (inner, *state.get("Branches", [])):
            yield from _maps_in(each)


def _take_own_fields(state: dict[str, Json]) -> Iterator[str]:
    """Remove the fields of a Distributed Map that the language leaves open, and yield what is wrong with them."""
    if state["ItemProcessor"]["ProcessorConfig"].get("ExecutionType") not in {"STANDARD", "EXPRESS"}:
        yield "ProcessorConfig.ExecutionType must be STANDARD or EXPRESS"
    label = state.pop("Label", "")
    if len(label) > _LABEL_CHARACTERS or set(label) & _NOT_IN_LABELS:
        yield f"Label must have at most {_LABEL_CHARACTERS} characters, without spaces and special characters"
    if (batcher := state.get("ItemBatcher")) is not None:
        yield from _batcher_errors(batcher)
    if (reader := state.get("ItemReader")) is not None:
        yield from _reader_errors(reader.pop("ReaderConfig", {}))
    if (writer := state.get("ResultWriter")) is not None:
        config = writer.pop("WriterConfig", None)
        yield from _writer_errors(config or {})
        if config and not writer:  # a preview, without S3
            del state["ResultWriter"]


def _batcher_errors(batcher: Mapping[str, Json]) -> Iterator[str]:
    if not {"MaxItemsPerBatch", "MaxInputBytesPerBatch"} & batcher.keys():
        yield "ItemBatcher must have MaxItemsPerBatch or MaxInputBytesPerBatch"
    most = batcher.get("MaxInputBytesPerBatch", PAYLOAD_BYTES)
    if isinstance(most, int) and most > PAYLOAD_BYTES:
        yield f"ItemBatcher.MaxInputBytesPerBatch must be at most {PAYLOAD_BYTES}"


def _reader_errors(config: Mapping[str, Json]) -> Iterator[str]:
    kind = config.get("InputType")
    if kind not in _READER_FIELDS:
        yield f"ReaderConfig.InputType must be one of {', '.join(_READER_FIELDS)}"
    elif unknown := config.keys() - _READER_FIELDS[kind] - {"InputType"}:
        yield f"ReaderConfig must not have {', '.join(sorted(unknown))}"
    if kind == "CSV" and config.get("CSVHeaderLocation") not in {"FIRST_ROW", "GIVEN"}:
        yield "ReaderConfig.CSVHeaderLocation must be FIRST_ROW or GIVEN"
    if config.get("CSVDelimiter", _DELIMITERS[0]) not in _DELIMITERS:
        yield f"ReaderConfig.CSVDelimiter must be one of {', '.join(_DELIMITERS)}"


def _writer_errors(config: Mapping[str, Json]) -> Iterator[str]:
    allowed = {"Transformation": TRANSFORMATIONS, "OutputType": ("JSON", "JSONL")}
    for name, value in config.items():
        if value not in allowed.get(name, ()):
            yield f"WriterConfig.{name} must not be {value}"
