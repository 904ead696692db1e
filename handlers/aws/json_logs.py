"""Log lines as Lambda's JSON format has them, for code that runs elsewhere."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes of every record. The others are what the caller gave as `extra`."""


def use_json_logs(level: str) -> None:
    """Write this process's log to standard error as JSON, one line an entry, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class JsonFormatter(logging.Formatter):
    """Writes the fields that Lambda's runtime writes (Lambda guide, "Log and monitor Python Lambda functions")."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry as one line of JSON."""
        entry: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        entry |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and (error := record.exc_info[1]):
            entry |= {
                "errorType": type(error).__name__,
                "errorMessage": str(error),
                "stackTrace": traceback.format_exception(error),
            }
        return json.dumps(entry, default=str, ensure_ascii=False)
