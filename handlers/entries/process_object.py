"""The Lambda behind the queue of created or scanned objects; it answers with the messages to deliver again."""

from typing import Any

from handlers.entries.jobs import run_job
from handlers.processors.child_process import run_in_child
from handlers.storage.job_queue import Message


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process each record on its own: one that fails is delivered again, alone."""
    failed = [
        message
        for message in map(Message.from_lambda, event["Records"])
        if not run_job(
            message,
            invocation_id=context.aws_request_id,
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
            isolated=run_in_child,
        )
    ]
    return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in failed]}
