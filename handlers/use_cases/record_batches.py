"""The steps of a workflow that processes a file's records in batches: a batch, and the result of all of them.

Batches run at the same time, in executions of their own (components/compute/records_map.py). Each one only ever extends
the upload's lease, for the time that it may take; shortening it would end the lease of another batch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict

from handlers.domain.declaration import UploadRequest
from handlers.domain.upload_ref import UploadRef
from handlers.processors import MAX_BATCH_RESULT_BYTES, result_json
from handlers.storage.job_queue import Delivery
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import IsolatedWork, write_outcome

SPARE = timedelta(minutes=5)
"""Added to an extended lease, so that a process extends it once for all batches that it begins in this time.

Otherwise each batch would write to one record. DynamoDB takes at most 1,000 writes a second of one item.
"""


class Counts(TypedDict):
    """What Step Functions counts of a map (CountRecords in components/compute/records_map.py)."""

    records: int
    failed_records: int
    batches: int
    failed_batches: int


@dataclass
class HeldLeases:
    """Until when this process has extended the lease of the run that it works for."""

    _until: dict[str, datetime] = field(default_factory=dict[str, datetime])

    def hold(self, records: UploadStore, delivery: Delivery, until: datetime) -> bool:
        """Let the upload's lease last until then at least; False if another run has the upload."""
        run_id = delivery.run.run_id
        if (held := self._until.get(run_id)) and held >= until:
            return True
        is_held = records.extend_lease(UploadRef.from_object_key(delivery.key), until + SPARE, run_id=run_id)
        self._until = {run_id: until + SPARE} if is_held else {}
        return is_held


def batch_outcome(work: IsolatedWork, delivery: Delivery, declared: UploadRequest, records: Sequence[Any]) -> str:
    """Process a batch of records, and write the outcome; raises the processor's errors. Runs in a child process."""
    ref = UploadRef.from_object_key(delivery.key)
    return write_outcome(
        work.process(ref, delivery, declared, _unreported, records=records, limit=MAX_BATCH_RESULT_BYTES)
    )


def gathered(results: ObjectStore, manifest_key: str, counts: Counts) -> str:
    """Return the upload's result: counts, and the keys of what the batches returned and of those that failed.

    Source: Step Functions guide, "ResultWriter", on the manifest.
    """
    files: Mapping[str, Sequence[Mapping[str, Any]]] = json.loads(results.read_result(manifest_key))["ResultFiles"]
    return result_json(
        {
            **counts,
            "bucket": results.result_bucket,
            "result_keys": [each["Key"] for each in files.get("SUCCEEDED", [])],
            "failure_keys": [each["Key"] for kind in ("FAILED", "PENDING") for each in files.get(kind, [])],
        }
    )


def _unreported(fraction: float, note: str = "") -> None:
    """Report no progress: that of one batch would not be the upload's."""
