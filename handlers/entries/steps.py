"""What the steps of the workflow share: what the state machine hands to each, and the use case."""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.entries.job_clients import environment, isolated_work, records, renewing_records, results
from handlers.processors import WORKSPACE_VARIABLE, load_processor
from handlers.processors.child_process import call_in_child, run_in_child
from handlers.storage.job_queue import Delivery, Message, NoQueue
from handlers.storage.workspace import Workspace
from handlers.use_cases.lease import Bounds, Renewals
from handlers.use_cases.record_batches import HeldLeases
from handlers.use_cases.workflow_steps import WorkflowSteps

_RUN = "execution"
"""Begins the run id of all steps; the execution's name follows."""

_HELD_LEASES = HeldLeases()


def delivery_in(payload: Mapping[str, Any]) -> Delivery:
    """Return the event that the execution is for, with the number of this try of the step."""
    return Delivery.of(Message.from_step(payload), _RUN)


def steps(context: Any, processor: str = "") -> WorkflowSteps:
    """Return the use case; only its methods `process` and `process_batch` need a processor."""
    env = environment()
    path = os.environ.get(WORKSPACE_VARIABLE)
    return WorkflowSteps(
        records=records(),
        queue=NoQueue(),
        renewals=Renewals(renewing_records(), NoQueue()),
        bucket=env.ingest_bucket,
        results=results(),
        work=isolated_work(lambda _declared: load_processor(processor)),
        max_attempts=env.max_attempts,
        requires_scan=env.malware_scan == "required",
        clock=lambda: datetime.now(UTC),
        bounds=Bounds(
            lambda: context.get_remaining_time_in_millis() / 1000, seconds=time.monotonic, within=call_in_child
        ),
        isolated=run_in_child,
        workspace=Workspace(Path(path)) if path else None,
        held_leases=_HELD_LEASES,
    )
