"""Which files are made of records: CSV or JSON Lines, by their declared type, or else by their name."""

from enum import StrEnum

from handlers.domain.allowed_types import media_type


class RecordFormat(StrEnum):
    """How a file holds its records. The values are those of Step Functions' InputType."""

    CSV = "CSV"
    JSON_LINES = "JSONL"


_BY_TYPE = {
    **dict.fromkeys(("text/csv", "application/csv", "application/x-csv"), RecordFormat.CSV),
    **dict.fromkeys(
        ("application/jsonl", "application/x-jsonlines", "application/ndjson", "application/x-ndjson"),
        RecordFormat.JSON_LINES,
    ),
}

_BY_SUFFIX = {"csv": RecordFormat.CSV, "jsonl": RecordFormat.JSON_LINES, "ndjson": RecordFormat.JSON_LINES}
"""For files of another declared type: browsers on Windows declare CSV files as Excel's."""


def record_format(content_type: str, file_name: str) -> RecordFormat | None:
    """Return the format of a file's records, or None if it is not made of records."""
    _, dot, suffix = file_name.lower().rpartition(".")
    return _BY_TYPE.get(media_type(content_type)) or (_BY_SUFFIX.get(suffix) if dot else None)
