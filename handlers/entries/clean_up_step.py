"""The last step of a workflow with a shared workspace, after success and failure: deletes what the execution has there.

It also deletes what executions have left that were stopped before this step.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from handlers.aws.environment import read_environment
from handlers.storage.workspace import Workspace

log = logging.getLogger(__name__)

_ENDING_SECONDS = 10.0
"""Left at the end of the function's time. One folder of a few files is deleted in less."""


class CleanUpEnvironment(NamedTuple):
    """The environment variables that StepFunctionsCompute sets."""

    workspace_path: str


def handle(payload: Mapping[str, Any], context: Any) -> None:
    """Delete the execution's folder, and the folders that are left over."""
    workspace = Workspace(Path(read_environment(CleanUpEnvironment).workspace_path))
    workspace.folder(payload["execution"]).delete()
    count = workspace.delete_leftovers(
        time.time(), lambda: context.get_remaining_time_in_millis() > _ENDING_SECONDS * 1000
    )
    if count:
        log.warning("Deleted what %d stopped executions had left.", count)
