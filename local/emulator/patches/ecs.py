"""Patch of ECS: the containers of a task are processes on this machine.

AWS: starts the containers of a task from their images, with the variables of the task definition and temporary
credentials of the task's role; sends their output to CloudWatch Logs; replaces a service's task that has ended; and
stops a container with SIGTERM, and SIGKILL after its stopTimeout.
Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
MiniStack: does that with Docker. Without Docker, it only records the task as running.
Here: each container runs the entry point of the worker's image as a process, from the folder that has the image's code
(local/emulator/images.py). MiniStack counts and replaces the tasks.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.emulator import patching
from local.emulator.images import image_folder

_ENTRY_POINT = ("-m", "handlers.entries.worker")
"""As in Dockerfile."""

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
_RESTART_SECONDS = 0.5
"""Before ECS replaces a task that has ended, so that one that always fails does not take all of the CPU."""

_STOP_SECONDS = 30
"""ECS's stopTimeout, where the container definition has none."""


def patch(data_dir: Path) -> None:
    """Run each container of a task as a process; the folders of images and tasks are in the data folder."""
    containers = _Containers(data_dir)
    patching.replace("ministack.services.ecs", "_run_task", containers.starting)
    patching.replace("ministack.services.ecs", "_cleanup_task_resources", containers.stopping)
    _ecs("_ACTION_MAP")["RunTask"] = _ecs("_run_task")


class _Containers:
    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._processes: dict[str, list[tuple[subprocess.Popen[str], int]]] = {}
        """With the seconds that each has to stop; by the task's ARN."""

    def starting(self, original: Callable[[Any], tuple[int, Any, Any]]) -> Callable[[Any], tuple[int, Any, Any]]:
        def run_task(data: Any) -> tuple[int, Any, Any]:
            response = original(data)
            for task in json.loads(response[2]).get("tasks", []):
                self._start(task)
            return response

        return run_task

    def stopping(self, original: Callable[..., None]) -> Callable[..., None]:
        def clean_up(task: Mapping[str, Any], *arguments: Any, **options: Any) -> None:
            original(task, *arguments, **options)
            for running in self._processes.pop(task["taskArn"], []):
                threading.Thread(target=_stop, args=running, daemon=True).start()

        return clean_up

    def _start(self, task: Mapping[str, Any]) -> None:
        task_arn: str = task["taskArn"]
        definition = _ecs("_task_defs")[task["taskDefinitionArn"].rpartition("/")[2]]
        overrides = {each["name"]: each for each in task["overrides"].get("containerOverrides", [])}
        for container in definition["containerDefinitions"]:
            folder = image_folder(self._data_dir, container["image"])
            if not folder.is_dir():  # an image that nobody has made; the task stays recorded
                continue
            temporary = self._data_dir / "tasks" / task_arn.rpartition("/")[2] / container["name"]
            temporary.mkdir(parents=True)
            process = subprocess.Popen(
                [sys.executable, *_ENTRY_POINT],
                cwd=folder,
                env={
                    **_environment(definition["taskRoleArn"], task_arn),
                    **_variables(container),
                    **_variables(overrides.get(container["name"], {})),
                    "TMPDIR": str(temporary),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            running = process, int(container.get("stopTimeout", _STOP_SECONDS))
            self._processes.setdefault(task_arn, []).append(running)
            threading.Thread(target=self._follow, args=(task_arn, container, process), daemon=True).start()

    def _follow(self, task_arn: str, container: Mapping[str, Any], process: "subprocess.Popen[str]") -> None:
        """Send the output to the log until the process ends; then the task has ended."""
        _, _, _, region, account, _ = task_arn.split(":", 5)
        with patching.attribute("ministack.core.responses", "request_scope")(account, region):
            log = _ecs("_awslogs_config")(container, task_arn.rpartition("/")[2], str(process.pid))
            is_logged = log and _ecs("_ensure_awslogs_stream")(log)
            for line in process.stdout or ():
                if is_logged:
                    _ecs("_emit_awslogs_event")(log, line.rstrip("\n"))
            exit_code = process.wait()
            if task_arn not in self._processes:  # it was stopped
                return
            time.sleep(_RESTART_SECONDS)
            task = _ecs("_tasks")[task_arn]
            reason = "Essential container in task exited"
            _ecs("_mark_task_stopped")(task_arn, task, reason, "EssentialContainerExited", exit_code=exit_code)
            self._processes.pop(task_arn, None)


def _variables(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container.get("environment", [])}


def _environment(role_arn: str, task_arn: str) -> dict[str, str]:
    _, _, _, region, _, _ = task_arn.split(":", 5)
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": f"http://{os.environ['MINISTACK_HOST']}:{os.environ['GATEWAY_PORT']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        **_credentials(role_arn, task_arn),
    }


def _credentials(role_arn: str, task_arn: str) -> dict[str, str]:
    """Return temporary credentials of the role, which MiniStack checks as it does those of AssumeRole."""
    account, role = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    task = task_arn.rpartition("/")[2]
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    session = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{task}",
        "UserId": f"{role}:{task}",
        "SecretAccessKey": secret,
        "SessionToken": token,
    }
    patching.attribute("ministack.services.sts", "register_session")(key, session)
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def _stop(process: "subprocess.Popen[str]", seconds: int) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()


def _ecs(name: str) -> Any:
    return patching.attribute("ministack.services.ecs", name)
