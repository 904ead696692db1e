"""The record that a function writes of each request or job: one line of JSON, which CloudWatch reads as metrics too.

It is in CloudWatch's embedded metric format, so that no call sends a metric, and is written without a library:
Powertools' Logger and Metrics take 48 ms of a cold start, this takes none.
It never holds a token, a URL or a file name.
Source: CloudWatch guide, "Specification: Embedded metric format".
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from itertools import count

NAMESPACE = "Portage"

STUCK_UPLOADS = "stuck_uploads"
"""The metric of uploads that did not reach their end without reconcile_uploads; it has an alarm."""

_METRICS: list[dict[str, object]] = [{
    "Namespace": NAMESPACE,
    "Dimensions": [["operation"]],
    "Metrics": [
        {"Name": "latency_ms", "Unit": "Milliseconds"},
        {"Name": "client_errors", "Unit": "Count"},
        {"Name": "server_errors", "Unit": "Count"},
    ],
}]  # fmt: skip
"""The number of requests is the sample count of each."""

_SIZE_CLASSES = (
    (10**6, "under-1MB"),
    (10**7, "1MB-10MB"),
    (10**8, "10MB-100MB"),
    (10**9, "100MB-1GB"),
    (10**10, "1GB-10GB"),
    (10**11, "10GB-100GB"),
)
_LARGEST_CLASS = "from-100GB"

_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_written = count()


def write_record(
    operation: str, counts: Mapping[str, int] | None = None, /, *, status: int, began_at: float, **fields: str | int
) -> None:
    """Write the record of one request or job that began at a reading of time.perf_counter and ends now.

    `status` is HTTP's, or for a job an equivalent: 200 done, 202 handed back, 4xx an object's error, 5xx our error.
    `counts` are additional metrics, with the dimension `function`: alarms are on the function of one deployment.
    """
    now = time.time()
    metrics: list[dict[str, object]] = [*_METRICS]
    if counts:
        names = [{"Name": name, "Unit": "Count"} for name in counts]
        metrics.append({"Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": names})
        fields = {"function": os.environ["AWS_LAMBDA_FUNCTION_NAME"], **counts, **fields}
    record: dict[str, object] = {
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": metrics},
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        # Lambda drops lines below the function's log level, and takes a line without a level for INFO.
        "level": os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        "operation": operation,
        "status": status,
        "latency_ms": round((time.perf_counter() - began_at) * 1000, 3),
        "client_errors": int(_CLIENT_ERROR <= status < _SERVER_ERROR),
        "server_errors": int(status >= _SERVER_ERROR),
        "is_cold_start": next(_written) == 0,
        **fields,
    }
    # Past logging, which would wrap the line; in one write, so that no other line comes between.
    sys.stdout.write(f"{json.dumps(record, separators=(',', ':'))}\n")


def size_class(size_bytes: int | None) -> str:
    """Return the name of a size's order of magnitude."""
    if size_bytes is None:
        return "unknown"
    return next((name for limit, name in _SIZE_CLASSES if size_bytes < limit), _LARGEST_CLASS)
