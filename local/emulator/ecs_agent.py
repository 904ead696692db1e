"""ECS's agent, as a container reaches it: by the address in ECS_AGENT_URI.

AWS: the agent calls UpdateTaskProtection with the credentials of the task's role.
Source: ECS developer guide, "Amazon ECS task scale-in protection endpoint".
MiniStack: has no agent, and its UpdateTaskProtection only checks the permission.
Here: the agent calls it in the same way, so a missing permission is an error. Protected tasks are stopped all the same.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import boto3
from botocore.exceptions import ClientError

from local.emulator.containers import endpoint, role_credentials

_PATH = "task-protection/v1/state"


class EcsAgent(ThreadingHTTPServer):
    """Listens on loopback for the containers of all tasks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._tasks: dict[str, tuple[str, dict[str, str]]] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def uri_of(self, task_arn: str, role_arn: str) -> str:
        """Return the address of the agent for a task with this role."""
        task = task_arn.rpartition("/")[2]
        self._tasks[task] = task_arn, role_credentials(role_arn, task)
        return f"http://127.0.0.1:{self.server_address[1]}/{task}"

    def protect(self, task: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the answer."""
        task_arn, credentials = self._tasks[task]
        client = cast("Any", boto3).client(
            "ecs",
            region_name=task_arn.split(":")[3],
            endpoint_url=endpoint(),
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=credentials["AWS_SESSION_TOKEN"],
        )
        try:
            client.update_task_protection(
                cluster=task_arn.split("/")[1],
                tasks=[task_arn],
                protectionEnabled=asked["ProtectionEnabled"],
                expiresInMinutes=asked["ExpiresInMinutes"],
            )
        except ClientError as error:
            found = error.response.get("Error", {})
            return 400, {"error": {"Arn": task_arn, "Code": found.get("Code"), "Message": found.get("Message")}}
        finally:
            client.close()
        return 200, {"protection": {"ProtectionEnabled": asked["ProtectionEnabled"], "TaskArn": task_arn}}


class _Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, task, path = self.path.split("/", 2)
        status, answer = 404, dict[str, Any]()
        if path == _PATH:
            status, answer = cast("EcsAgent", self.server).protect(task, asked)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as declared there
        pass
