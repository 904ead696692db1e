"""Patches of ECS: the containers of a task are processes on this machine, and a task can be protected.

Containers
    AWS: starts the containers of a task from their images, with the variables of the task definition and temporary
    credentials of the task's role; sends their output to CloudWatch Logs; replaces a service's task that has ended; and
    stops a container with SIGTERM, and SIGKILL after its stopTimeout.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
    MiniStack: does that with Docker. Without Docker, it only records the task as running.
    Here: each container runs the entry point of the worker's image as a process, from the folder that has the image's
    code (local/emulator/images.py). MiniStack counts and replaces the tasks.

Protection
    AWS: UpdateTaskProtection is a permission for tasks. Source: Service Authorization Reference, "Actions defined by
    Amazon Elastic Container Service".
    MiniStack: checks it for the cluster.
    Here: as AWS. local/emulator/ecs_agent.py calls it for the containers.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from local.emulator import containers, patching
from local.emulator.containers import RESTART_SECONDS, Container
from local.emulator.ecs_agent import EcsAgent
from local.emulator.images import image_folder

_STOP_SECONDS = 30
"""ECS's stopTimeout, where the container definition has none."""


def patch(data_dir: Path) -> None:
    """Run each container of a task as a process; the folders of images and tasks are in the data folder."""
    tasks = _Tasks(data_dir)
    patching.replace("ministack.services.ecs", "_run_task", tasks.starting)
    patching.replace("ministack.services.ecs", "_cleanup_task_resources", tasks.stopping)
    _ecs("_ACTION_MAP")["RunTask"] = _ecs("_run_task")
    patching.replace("ministack.core.iam_actions", "extract_resource_arn", _of_task)


def _of_task(original: Callable[..., str]) -> Callable[..., str]:
    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        if service == "ecs" and b'"protectionEnabled"' in body:
            return json.loads(body)["tasks"][0]
        return original(service, method, path, headers, body, *more)

    return resource


class _Tasks:
    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._processes: dict[str, list[tuple[subprocess.Popen[str], int]]] = {}
        """With the seconds that each has to stop; by the task's ARN."""

    @cached_property
    def _agent(self) -> EcsAgent:
        return EcsAgent()

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
                threading.Thread(target=containers.stop, args=running, daemon=True).start()

        return clean_up

    def _start(self, task: Mapping[str, Any]) -> None:
        task_arn: str = task["taskArn"]
        definition = _ecs("_task_defs")[task["taskDefinitionArn"].rpartition("/")[2]]
        agent = {"ECS_AGENT_URI": self._agent.uri_of(task_arn, definition["taskRoleArn"])}
        overrides = {each["name"]: each for each in task["overrides"].get("containerOverrides", [])}
        for container in definition["containerDefinitions"]:
            folder = image_folder(self._data_dir, container["image"])
            if not folder.is_dir():  # an image that nobody has made; the task stays recorded
                continue
            task_id = task_arn.rpartition("/")[2]
            process = containers.start(
                Container(
                    image=folder,
                    role_arn=definition["taskRoleArn"],
                    session=task_id,
                    region=task_arn.split(":")[3],
                    variables={**agent, **_variables(container), **_variables(overrides.get(container["name"], {}))},
                    temporary=self._data_dir / "tasks" / task_id / container["name"],
                )
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
            time.sleep(RESTART_SECONDS)
            task = _ecs("_tasks")[task_arn]
            reason = "Essential container in task exited"
            _ecs("_mark_task_stopped")(task_arn, task, reason, "EssentialContainerExited", exit_code=exit_code)
            self._processes.pop(task_arn, None)


def _variables(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container.get("environment", [])}


def _ecs(name: str) -> Any:
    return patching.attribute("ministack.services.ecs", name)
