"""With errors of every kind on the way, each upload ends, and none is done twice."""

import itertools
import json
import random
from collections.abc import Callable

import pytest

from tests.faults.conftest import Counted, DeployWith
from tests.support.deployment.reconciler import change_newest_version, reconcile
from tests.support.deployment.system import System, User, http
from tests.support.faults.crowd import File, await_at_most, open_uploads, send_all
from tests.support.faults.faulty_line import FaultyLine, Line
from tests.support.faults.unreliable_events import UnreliableEvents

Size = Callable[[int, int], int]

_CROWD = 2_000
"""Uploads that are sent at once. An owner may have 5,000 open ones, and jobs may begin after all have been sent.

When most of the places are held, many requests query them. The emulator evaluates such a Query for all of an owner's
items, which takes 0.25 s of its one thread with 10,000 uploads.
"""

DAMAGES = {
    "closes-files": "failed",
    "kills-group": "failed",
    "exits": "failed",
    "exhausts-stack": "failed",
    "leaves-a-child": "completed",
    "writes-everywhere": "failed",
    "takes-memory": "completed",
    "ignores-signals": "completed",
}
"""What a processor can do to its process, and how its upload ends."""


def test_two_owners_of_unequal_size_at_the_same_time(deploy_with: DeployWith, counted: Counted, size: Size) -> None:
    system = deploy_with("crowd")
    large, small = system.new_user(), system.new_user()
    uploads = size(2_000, 10_000)
    files = [File(small if number % 20 == 0 else large, content=b"%05d" % number) for number in range(uploads)]
    upload_ids: list[str] = []
    for first in range(0, uploads, _CROWD):
        upload_ids += send_all(system, files[first : first + _CROWD])
        await_at_most(0, lambda: open_uploads(system))
    found = counted(system, upload_ids)
    assert found.completed == uploads


def test_events_come_three_times_in_any_order_or_not_at_all(
    deploy_with: DeployWith, counted: Counted, size: Size, seed: int
) -> None:
    system = deploy_with("events")
    user = system.new_user()
    uploads = size(300, 1_000)
    dropped_percent = max(1, 1_500 // uploads)  # enough that some are
    with UnreliableEvents(system, copies=3, dropped_percent=dropped_percent, seed=seed) as events:
        upload_ids = send_all(system, [File(user)] * uploads)
        await_at_most(0, lambda: len({*upload_ids} - events.seen))
    assert events.dropped, f"seed {seed} drops nothing"
    await_at_most(len(events.dropped), lambda: open_uploads(system))
    await_at_most(0, system.messages)
    change_newest_version(system, GRACE_SECONDS="0")
    reconcile(system)
    found = counted(system, upload_ids)
    assert found.completed == uploads


def test_five_percent_of_jobs_are_killed(deploy_with: DeployWith, counted: Counted, size: Size, seed: int) -> None:
    system = deploy_with("kills")
    user = system.new_user()
    uploads = size(200, 500)
    killed = set(random.Random(seed).sample(range(uploads), uploads // 20))
    names = ["killed-once.bin" if number in killed else "good.bin" for number in range(uploads)]
    upload_ids = send_all(system, [File(user, name) for name in names])
    found = counted(system, upload_ids)
    assert found.completed == uploads
    assert all(attempts_of(system, user, upload_ids[number]) > 1 for number in killed)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(Line(throttled=0.05), id="throttled"),
        pytest.param(Line(slow=0.05, slow_seconds=2), id="slow"),
        pytest.param(Line(reset=0.05, cut=0.05), id="cut"),
    ],
)
def test_s3_and_dynamodb_are(deploy_with: DeployWith, counted: Counted, size: Size, seed: int, line: Line) -> None:
    name = next(_numbers)
    system = deploy_with(f"line-{name}")
    user = system.new_user()
    uploads = size(150, 300)
    with FaultyLine(system.emulator.endpoint, line, seed) as faulty:
        reach_aws_by(system, faulty.endpoint)
        upload_ids = send_all(system, [File(user, content=b"x" * 10_000)] * uploads)
        found = counted(system, upload_ids)
    assert sum(faulty.happened.values()), f"seed {seed} broke nothing"
    assert found.completed == uploads


def test_poison_among_good_objects(deploy_with: DeployWith, counted: Counted, size: Size) -> None:
    system = deploy_with("poison", processingMaxAttempts=2)
    user = system.new_user()
    uploads = size(100, 300)
    names = ["poison.bin" if number % 20 == 7 else "good.bin" for number in range(uploads)]
    upload_ids = send_all(system, [File(user, name) for name in names])
    found = counted(system, upload_ids)
    poison = {upload_id for upload_id, name in zip(upload_ids, names, strict=True) if name == "poison.bin"}
    assert (found.completed, found.failed) == (uploads - len(poison), len(poison))
    assert {each for each in poison if "RuntimeError" in system.status(user, each)["failure"]["detail"]} == poison
    dead: set[str] = set()

    def not_dead() -> int:
        dead.update(dead_uploads(system))
        return len(poison - dead)

    await_at_most(0, not_dead)
    assert dead == poison


def test_processors_that_damage_their_process(deploy_with: DeployWith, counted: Counted, size: Size) -> None:
    system = deploy_with("damages", processingMaxAttempts=1)
    user = system.new_user()
    names = [f"{name}.bin" for name in [*DAMAGES, *["good"] * len(DAMAGES)] * size(1, 5)]
    upload_ids = send_all(system, [File(user, name) for name in names])
    counted(system, upload_ids)
    ended = {
        (name.removesuffix(".bin"), system.status(user, upload_id)["status"])
        for name, upload_id in zip(names, upload_ids, strict=True)
    }
    assert ended == {*DAMAGES.items(), ("good", "completed")}


def test_workers_are_stopped_in_their_jobs(deploy_with: DeployWith, counted: Counted, size: Size) -> None:
    system = deploy_with("stops")
    services = ids(system, "aws:ecs/service:Service")
    if not services:
        pytest.skip("AWS stops containers only")
    containers = Containers(system, services[0])
    user = system.new_user()
    uploads = size(60, 200)
    upload_ids = send_all(system, [File(user, "slow.bin")] * uploads)
    for part in range(1, 4):
        await_at_most(uploads - uploads * part // 4, lambda: open_uploads(system))
        containers.replace()
    found = counted(system, upload_ids)
    assert found.completed == uploads
    assert containers.stopped() == 3


_numbers = itertools.count(1)


def reach_aws_by(system: System, endpoint: str) -> None:
    """Let jobs reach S3 and DynamoDB at another endpoint."""
    variables = {"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ENDPOINT_URL_DYNAMODB": endpoint}
    if arns := ids(system, "aws:ecs/service:Service"):
        Containers(system, arns[0]).replace_with(variables)
    else:
        change_functions(system, variables)


def change_functions(system: System, variables: dict[str, str]) -> None:
    """Change variables of all functions that run jobs."""
    functions = system.emulator.client("lambda")
    for name in ids(system, "aws:lambda/function:Function"):
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        if "PROCESSOR" not in before:
            continue  # it runs no job
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **variables}})
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


class Containers:
    """The workers of the compute fargate."""

    def __init__(self, system: System, service: str) -> None:
        self._ecs = system.emulator.client("ecs")
        self._service = service
        self._cluster = service.split("/")[1]

    def replace_with(self, variables: dict[str, str]) -> None:
        """Stop the service's tasks, and run one with other variables."""
        self._ecs.update_service(cluster=self._cluster, service=self._service, desiredCount=0)
        (service,) = self._ecs.describe_services(cluster=self._cluster, services=[self._service])["services"]
        changed = {"name": "worker", "environment": [{"name": each, "value": variables[each]} for each in variables]}
        self._ecs.run_task(
            cluster=self._cluster,
            taskDefinition=service["taskDefinition"],
            overrides={"containerOverrides": [changed]},
        )

    def stopped(self) -> int:
        """Return how many tasks have been stopped."""
        return len(self._ecs.list_tasks(cluster=self._cluster, desiredStatus="STOPPED")["taskArns"])

    def replace(self) -> None:
        """Send SIGTERM to the service's task, and start another."""
        for tasks in (0, 1):
            self._ecs.update_service(cluster=self._cluster, service=self._service, desiredCount=tasks)


def ids(system: System, kind: str) -> list[str]:
    """Return the physical ids of all resources of a type."""
    return [each.id for each in system.deployment.resources if each.type == kind]


def attempts_of(system: System, user: User, upload_id: str) -> int:
    """Return how many times a completed upload's message was delivered."""
    link = system.call("GET", f"/uploads/{upload_id}/result", token=user.token).json["url"]
    return http("GET", link).json["attempt"]


def dead_uploads(system: System) -> set[str]:
    """Return the uploads with messages in the dead-letter queue."""
    sqs, found = system.emulator.client("sqs"), set[str]()
    url = system.outputs["deadLetterQueueUrl"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        found |= {json.loads(each["Body"])["detail"]["object"]["key"].rpartition("/")[2] for each in messages}
    return found
