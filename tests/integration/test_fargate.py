"""The compute fargate: containers that run jobs, are stopped and are killed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.emulator.function_logs import FunctionLogs
from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System, User, eventually
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant

IMAGE = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/worker@sha256:{'2' * 64}"


@pytest.fixture(scope="module")
def fargate_system(deploy_with: DeployWith) -> System:
    return deploy_with(
        "fargate",
        compute="fargate",
        workerImage=IMAGE,
        processor="team_processor.process",
        processorCode=str(TEAM_CODE),
        processingMaxConcurrency=0,
        processingTimeoutSeconds=10,  # a lease lasts no longer
        processingMaxAttempts=5,
        fargateCpu=512,
        fargateMemoryMb=1024,  # for one job at once
    )


@pytest.fixture(scope="module")
def sender(fargate_system: System) -> User:
    return fargate_system.new_user()


class Service:
    """The service of the workers."""

    def __init__(self, system: System) -> None:
        self.ecs = system.emulator.client("ecs")
        self.arn = next(each.id for each in system.deployment.resources if each.type == "aws:ecs/service:Service")
        self.cluster = self.arn.split("/")[1]

    def run(self, tasks: int) -> None:
        self.ecs.update_service(cluster=self.cluster, service=self.arn, desiredCount=tasks)

    def start_slow_task(self) -> str:
        """Start a task that has 6 seconds to stop, in which it has to hand back what it works on."""
        (service,) = self.ecs.describe_services(cluster=self.cluster, services=[self.arn])["services"]
        variables = {"WORKER_STOP_SECONDS": "6", "SLOW": "1"}
        override = {
            "name": "worker",
            "environment": [{"name": name, "value": value} for name, value in variables.items()],
        }
        started = self.ecs.run_task(
            cluster=self.cluster,
            taskDefinition=service["taskDefinition"],
            overrides={"containerOverrides": [override]},
        )
        return started["tasks"][0]["taskArn"]


def lease_end(system: System, upload_id: str) -> datetime:
    table = system.emulator.client("dynamodb")
    items: list[dict[str, Any]] = table.scan(TableName=system.outputs["uploadsTable"])["Items"]
    (found,) = [each for each in items if each["upload_id"].get("S") == upload_id]
    return datetime.fromisoformat(found["leased_until"]["S"])


def test_a_container_processes_an_upload_with_the_permissions_of_its_task(fargate_system: System, sender: User) -> None:
    upload_id = fargate_system.send(sender, b"12345")
    upload = fargate_system.await_status(sender, upload_id, "completed", "failed")

    assert upload["status"] == "completed", str(upload)
    stored = fargate_system.emulator.client("s3").get_object(
        Bucket=upload["result"]["bucket"], Key=upload["result"]["key"]
    )
    assert json.loads(stored["Body"].read()) == {"processed_by": "the team", "size_bytes": 5}


def test_a_killed_and_a_stopped_container_leave_their_jobs_to_others(fargate_system: System, sender: User) -> None:
    service = Service(fargate_system)
    killed = fargate_system.send(sender, file_name="kills.bin")
    fargate_system.await_status(sender, killed, "processing")
    service.run(0)
    slow = service.start_slow_task()

    stopped = fargate_system.send(sender, file_name="waits.bin")
    fargate_system.await_status(sender, stopped, "processing")
    service.ecs.stop_task(cluster=service.cluster, task=slow)
    eventually(lambda: lease_end(fargate_system, stopped), lambda end: end <= datetime.now(UTC))
    service.run(1)

    for upload_id in (stopped, killed):
        upload = fargate_system.await_status(sender, upload_id, "completed", "failed", seconds=60)
        assert upload["status"] == "completed", str(upload)
    fargate_system.await_idle()
    assert fargate_system.dead_letters() == []
    log = fargate_system.resource_id("LogGroup", "processing-workers-log")
    events = fargate_system.emulator.client("logs").filter_log_events(logGroupName=log)["events"]
    lines = [json.loads(each["message"]) for each in events]
    assert any(line.get("message") == "The job was handed back." for line in lines)
    refused = [line for line in lines if "AccessDenied" in line.get("message", "")]
    assert refused == [], "the role of the task may protect it"


def test_the_errors_of_a_container_are_shown(fargate_system: System, sender: User) -> None:
    fargate_system.send(sender, file_name="raises.bin")
    logs = FunctionLogs(fargate_system.emulator)

    def shown() -> list[str]:
        return [error for each in logs.new_failures() if "workers" in each.function for error in each.errors]

    eventually(shown, lambda errors: any("RuntimeError" in error for error in errors))
