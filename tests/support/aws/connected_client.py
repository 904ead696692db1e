"""A JSON client that is connected to a scripted server, with a controlled clock and recorded waits."""

from datetime import UTC, datetime
from typing import Any, Self

import pytest

from handlers.aws.json_client import DYNAMODB, AwsJson, Service
from tests.support.aws.scripted_server import ScriptedServer, Step, scripted_server

REGION = "eu-central-1"
NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC).timestamp()


class ConnectedClient:
    """Runs the server inside a `with` block. `call` makes one call, and the server does its steps."""

    def __init__(self, *steps: Step, service: Service = DYNAMODB, jitter: float = 1) -> None:
        self.steps = steps
        self.service = service
        self.jitter = jitter
        self.now = NOW
        self.seconds_per_wait = 0
        self.waits: list[float] = []

    def __enter__(self) -> Self:
        self._serving = scripted_server(*self.steps)
        self.server: ScriptedServer = self._serving.__enter__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setenv("AWS_ENDPOINT_URL", self.server.url)
        self._patch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
        self._patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        self._patch.setenv("AWS_SESSION_TOKEN", "token")
        self.client = AwsJson(
            self.service,
            REGION,
            connect_timeout_seconds=1,
            read_timeout_seconds=0.2,
            clock=lambda: self.now,
            sleep=self.wait,
            jitter=lambda: self.jitter,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()
        self._patch.undo()
        self._serving.__exit__(None, None, None)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += self.seconds_per_wait

    def call(self) -> dict[str, Any]:
        return self.client.call("GetItem", {"TableName": "t"})

    @property
    def times(self) -> list[str]:
        return [each.headers["X-Amz-Date"] for each in self.server.requests]
