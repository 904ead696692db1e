"""Containers in the embedded AWS: processes with their role's credentials, which a service replaces."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator.images import build_worker_image, image_folder
from local.emulator.process import Emulator

IMAGE = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/worker@sha256:{'1' * 64}"
WORKER = """
import boto3, os, signal, sys, time
def stop(*_):
    print("stopped", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("who", boto3.client("sts").get_caller_identity()["Arn"], flush=True)
print("colour", os.environ["COLOUR"], flush=True)
print("pid", os.getpid(), flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    program = tmp_path_factory.mktemp("program")
    (program / "handlers" / "entries").mkdir(parents=True)
    (program / "handlers" / "entries" / "worker.py").write_text(WORKER)
    with Emulator() as running:
        build_worker_image(running.data_dir, IMAGE, program, None)
        yield running


@pytest.fixture(scope="module")
def service(emulator: Emulator) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = emulator.client("iam").create_role(
        RoleName="task", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    emulator.client("logs").create_log_group(logGroupName="log")
    ecs = emulator.client("ecs")
    ecs.create_cluster(clusterName="cluster")
    options = {"awslogs-group": "log", "awslogs-region": emulator.region, "awslogs-stream-prefix": "worker"}
    container = {
        "name": "worker",
        "image": IMAGE,
        "environment": [{"name": "COLOUR", "value": "blue"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    definition = ecs.register_task_definition(
        family="family", taskRoleArn=role, networkMode="awsvpc", containerDefinitions=[container]
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster="cluster", serviceName="service", taskDefinition=definition, desiredCount=1)
    return "service"


def eventually(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 120
    while not (seen := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return seen


def logged(emulator: Emulator, word: str) -> list[str]:
    events = emulator.client("logs").filter_log_events(logGroupName="log")["events"]
    return [each["message"].partition(" ")[2] for each in events if each["message"].split(" ")[0] == word]


def test_a_container_has_its_variables_and_the_credentials_of_its_tasks_role(emulator: Emulator, service: str) -> None:
    assert service
    (who, *_) = eventually(lambda: logged(emulator, "who"), "it calls AWS")
    assert ":assumed-role/task/" in who
    assert eventually(lambda: logged(emulator, "colour"), "it starts") == ["blue"]


def test_a_container_that_dies_is_replaced_and_one_of_a_deleted_service_gets_sigterm(
    emulator: Emulator, service: str
) -> None:
    (first, *_) = eventually(lambda: logged(emulator, "pid"), "it starts")
    os.kill(int(first), signal.SIGKILL)
    second = eventually(lambda: logged(emulator, "pid")[1:], "another one starts")[0]
    ecs = emulator.client("ecs")
    running = ecs.list_tasks(cluster="cluster", serviceName=service, desiredStatus="RUNNING")["taskArns"]
    assert len(running) == 1

    ecs.delete_service(cluster="cluster", service=service, force=True)

    eventually(lambda: logged(emulator, "stopped"), "it gets SIGTERM")
    eventually(lambda: not Path(f"/proc/{second}").exists(), "it ends")
    assert len(logged(emulator, "pid")) == 2


def test_a_worker_image_has_a_teams_processor_beside_the_handlers(tmp_path: Path) -> None:
    for name in ("handlers", "code"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").touch()
    build_worker_image(tmp_path, IMAGE, tmp_path, "code")
    folder = image_folder(tmp_path, IMAGE)
    assert (folder / "handlers" / "handlers.py").exists()
    assert (folder / "processor" / "code.py").exists()
