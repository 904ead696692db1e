"""Keeps auto scaling and deployments of ECS from stopping a task while it has jobs.

Source: ECS developer guide, "Amazon ECS task scale-in protection endpoint".
"""

import json
import logging
import os
import time
from http.client import HTTPConnection, HTTPException
from typing import Self
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

PROTECTED_MINUTES = 2
"""A worker's jobs do not know of each other. So each one extends the protection, and none ends it: it expires."""

EXTENDED_AFTER_SECONDS = 50.0

_ANSWER_SECONDS = 2.0
_OK = 200


class TaskProtection:
    """Extends the protection of the task that this process runs in."""

    def __init__(self, agent_uri: str) -> None:
        """`agent_uri` is ECS's agent, or empty where none runs."""
        self._agent = urlsplit(agent_uri)
        self._due_at = time.monotonic()

    @classmethod
    def here(cls) -> Self:
        """Return the protection by the agent that ECS names in each container."""
        return cls(os.environ.get("ECS_AGENT_URI", ""))

    def extend(self) -> None:
        """Protect the task for PROTECTED_MINUTES, unless that was done a moment ago. An error is logged."""
        if not self._agent.netloc or time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + EXTENDED_AFTER_SECONDS
        try:
            error = self._error()
        except (OSError, HTTPException) as caught:
            error = repr(caught)
        if error:
            log.warning("ECS may stop this task in a job, because it did not protect it: %s", error)

    def _error(self) -> str:
        connection = HTTPConnection(self._agent.netloc, timeout=_ANSWER_SECONDS)
        try:
            connection.request(
                "PUT",
                f"{self._agent.path}/task-protection/v1/state",
                json.dumps({"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTED_MINUTES}),
                {"Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
        is_protected = answer.status == _OK and '"failure"' not in text  # a failure of ECS has the status 200, too
        return "" if is_protected else f"{answer.status} {text}"
