"""Roles are granted nothing that they never use: a deployment does all that it can, then both are compared.

The embedded AWS writes down which permissions of roles have allowed a request (local/emulator/patches/iam.py).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

from handlers.domain.upload import MULTIPART_LIFETIME
from local.emulator.patches.iam import USED_PERMISSIONS
from tests.integration.conftest import DeployWith
from tests.support.components.examples import IMAGE
from tests.support.deployment.reconciler import change_newest_version, change_record, reconcile
from tests.support.deployment.system import Answer, System, User, http
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant

PLACES = 3

Permissions = set[tuple[str, str]]
"""Roles and actions."""

_OF_ALL = {
    ("*", "logs:*"): "the embedded AWS keeps the logs of functions and APIs itself",
    ("*", "xray:*"): "the embedded AWS has no X-Ray",
    ("*", "sqs:ReceiveMessage"): "the embedded AWS reads queues for functions without their roles",
    ("*", "sqs:DeleteMessage"): "the same",
    ("*", "sqs:GetQueueAttributes"): "the same",
}

NOT_SEEN: dict[tuple[str, str], str] = {
    **_OF_ALL,
    ("processing-reconcile-run-role", "lambda:InvokeFunction"): "the schedule runs every few minutes",
    ("processing-reconcile-run-role", "sqs:SendMessage"): "only if the schedule cannot invoke the function",
    ("processing-reconcile-role", "sqs:SendMessage"): "only if a run has failed, or an event is lost",
    ("processing-process-object-role", "s3:AbortMultipartUpload"): "only if the copy of an object over 5 GiB fails",
    ("upload-api-complete-upload-role", "s3:ListBucket"): "S3 then says that an object does not exist, not 403",
    ("upload-api-create-upload-role", "s3:AbortMultipartUpload"): "only if the record cannot be written",
}
"""Why a permission is granted that no request here needs, by patterns of role and action."""


class Compute(NamedTuple):
    """A compute, with what makes it use all that its own roles may do."""

    config: Mapping[str, object]
    file_names: Sequence[str]
    """Files to send, which the team's processor knows. Each becomes an upload that ends."""
    not_seen: Mapping[tuple[str, str], str]
    """As NOT_SEEN, of the roles that no deployment with lambda has."""


TEAM: Mapping[str, object] = {
    "processorCode": str(TEAM_CODE),
    "processingMaxAttempts": 2,
    "processingTimeoutSeconds": 60,
}
BY_NAME: Mapping[str, object] = {**TEAM, "processor": "team_processor.process"}
_OF_WORKFLOWS = {
    ("processing-verify-role", "s3:AbortMultipartUpload"): "only if the copy of an object over 5 GiB fails",
    ("processing-start-role", "sqs:ChangeMessageVisibility"): "only if an execution cannot be started",
    ("processing-workflow-role", "lambda:InvokeFunction"): "the embedded AWS runs workflows without their roles",
    ("processing-workflow-role", "sqs:SendMessage"): "the same",
}
COMPUTES = {
    "step-functions": Compute(
        {"compute": "step-functions", **BY_NAME}, ["ok.bin", "raises.bin", "wrong.png"], _OF_WORKFLOWS
    ),
    "workspace": Compute(
        {
            "compute": "step-functions",
            "workspace": "efs",
            **TEAM,
            "stepFunctionsProcessors": ["team_processor.write_note", "team_processor.read_note"],
        },
        ["ok.bin", "raises.bin", "wrong.png"],
        {
            **_OF_WORKFLOWS,
            ("*", "ec2:*"): "the embedded AWS runs functions in no VPC",
            ("processing-process-role", "s3:GetObjectVersion"): "only if a file is too large to be copied in time",
        },
    ),
    "records": Compute(
        {"compute": "step-functions", **TEAM, "stepFunctionsMapProcessor": "team_processor.process_records"},
        ["rows.csv", "bad.csv", "wrong.png"],
        {
            **_OF_WORKFLOWS,
            ("processing-process-role", "s3:GetObjectVersion"): "only if a processor reads the object itself as well",
            ("processing-workflow-role", "s3:*"): "the embedded AWS runs workflows without their roles",
            ("processing-workflow-role", "states:*"): "the same",
        },
    ),
    "fargate": Compute(
        {"compute": "fargate", "workerImage": IMAGE, **BY_NAME, "processingMaxConcurrency": 0},
        ["ok.bin", "raises.bin", "wrong.png"],
        {
            ("processing-workers-role", "s3:AbortMultipartUpload"): "only if the copy of an object over 5 GiB fails",
            ("processing-workers-start-role", "ecr:*"): "the embedded AWS pulls no images",
        },
    ),
    "eks": Compute(
        {
            "compute": "eks",
            "imageRepository": True,
            "eksGitRepositoryUrl": "https://github.com/example/portage.git",
            **BY_NAME,
            "processingMaxConcurrency": 0,
        },
        ["ok.bin", "raises.bin", "wrong.png"],
        {("deploy-worker-role", "s3:AbortMultipartUpload"): "only if the copy of an object over 5 GiB fails"},
    ),
}


@pytest.fixture(scope="module")
def busy(deploy_with: DeployWith) -> System:
    return deploy_with("used", maxOpenUploads=PLACES)


def granted(system: System) -> Permissions:
    """The actions that each role may do, by the program's name of the role."""
    iam, names = system.emulator.client("iam"), role_names(system)
    found = Permissions()
    for policy in system.deployment.resources:
        if policy.type == "aws:iam/rolePolicy:RolePolicy":
            role, name = policy.id.split(":")
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found |= {(names[role], action) for statement in document["Statement"] for action in statement["Action"]}
    return found


def role_names(system: System) -> dict[str, str]:
    return {each.id: each.name for each in system.deployment.resources if each.type == "aws:iam/role:Role"}


def used(system: System) -> Permissions:
    names = role_names(system)
    lines = (system.emulator.data_dir / USED_PERMISSIONS).read_text().splitlines()
    return {(names[role], action) for role, action in map(str.split, lines) if role in names}


def create(system: System, user: User, method: str, **headers: str) -> Answer:
    body = {"file_name": "a.bin", "content_type": "application/octet-stream", "size_bytes": 5, "method": method}
    return system.call("POST", "/uploads", body, token=user.token, headers=headers)


def send_in_parts(system: System, user: User) -> None:
    """Declare the size at completion, which alone needs a write of the record."""
    body = {"file_name": "a.bin", "content_type": "application/octet-stream", "method": "multipart"}
    plan = system.call("POST", "/uploads", body, token=user.token).json
    path = f"/uploads/{plan['upload_id']}"
    parts = {"session": plan["session"], "first_part": 1, "last_part": 1, "last_part_size_bytes": 5}
    signed = system.call("POST", f"{path}/parts", parts, token=user.token).json
    url = f"{signed['url_prefix']}1{signed['url_suffix']}{signed['signatures'][0]}"
    assert http("PUT", url, b"12345", {"Content-Length": "5"}).status == 200
    assert system.call("GET", f"{path}/parts", token=user.token).status == 200
    assert system.call("POST", f"{path}/complete", {"size_bytes": 5}, token=user.token).status == 200
    system.await_status(user, plan["upload_id"], "completed")


def read_a_result(system: System, user: User) -> None:
    upload_id = system.send(user)
    system.await_status(user, upload_id, "completed")
    answer = system.call("GET", f"/uploads/{upload_id}/result", token=user.token)
    assert http("GET", answer.json["url"] if answer.status == 200 else answer.headers["Location"]).status == 200
    assert system.call("GET", "/uploads", token=user.token).status == 200


def fill_all_places(system: System, user: User) -> None:
    """Repeat a request, then open one upload more than an owner may have."""
    key = {"Idempotency-Key": "the-same"}
    first, again = create(system, user, "put", **key), create(system, user, "put", **key)
    assert first.json["upload_id"] == again.json["upload_id"]
    statuses = [create(system, user, "put").status for _ in range(PLACES)]
    assert statuses.count(201) == PLACES - 1


def abandon(system: System, user: User) -> None:
    """Leave an upload in parts until the reconciler ends it."""
    upload_id = create(system, user, "multipart").json["upload_id"]
    change_record(system, upload_id, created_at=datetime.now(UTC) - MULTIPART_LIFETIME - timedelta(days=2))
    change_newest_version(system, GRACE_SECONDS="0", AGAIN_AFTER_SECONDS="0")
    reconcile(system)
    assert system.status(user, upload_id)["status"] == "expired"


def end_otherwise(system: System, user: User) -> None:
    """Abort an upload, and have one rejected."""
    plan: Any = create(system, user, "multipart").json
    assert system.call("DELETE", f"/uploads/{plan['upload_id']}", token=user.token).status in (200, 204)
    rejected = system.send(user, b"%PDF-1.7 no picture", "a.png", "image/png")
    system.await_status(user, rejected, "rejected")


def is_explained(role: str, action: str, reasons: Mapping[tuple[str, str], str]) -> bool:
    return any(fnmatchcase(role, roles) and fnmatchcase(action, actions) for roles, actions in reasons)


def needless(reasons: Mapping[tuple[str, str], str], may: Permissions) -> list[tuple[str, str]]:
    """The exceptions for which there is no permission."""
    return [each for each in reasons if not any(fnmatchcase(r, each[0]) and fnmatchcase(a, each[1]) for r, a in may)]


def test_each_permission_is_used_or_explained(busy: System) -> None:
    for use in (read_a_result, send_in_parts, end_otherwise, abandon, fill_all_places):
        use(busy, busy.new_user())
    secret = busy.resource_id("Secret", "upload-api-session-key")
    busy.emulator.client("secretsmanager").rotate_secret(SecretId=secret)

    may, did = granted(busy), used(busy)

    assert ("upload-api-sign-parts-role", "s3:PutObject") in may & did, "permissions are written down"
    assert sorted(each for each in may - did if not is_explained(*each, NOT_SEEN)) == []
    assert needless(NOT_SEEN, may) == []


FILES = {
    "rows.csv": (b"id,amount\n1,2\n", "text/csv"),
    "bad.csv": (b"id,amount\n1,unprocessable\n", "text/csv"),
    "wrong.png": (b"no picture", "image/png"),
}


@pytest.mark.parametrize("name", COMPUTES)
def test_each_permission_that_another_compute_adds_is_used_or_explained(
    name: str, busy: System, deploy_with: DeployWith
) -> None:
    compute, of_lambda = COMPUTES[name], {*role_names(busy).values()}
    system = deploy_with(f"used-{name}", **compute.config)
    user = system.new_user()
    sent = [system.send(user, *_declared(file_name)) for file_name in compute.file_names]
    for upload_id in sent:
        system.await_status(user, upload_id, "completed", "failed", "rejected", seconds=120)

    may, did = (
        {each for each in permissions if each[0] not in of_lambda} for permissions in (granted(system), used(system))
    )

    reasons = {**_OF_ALL, **compute.not_seen}
    assert sorted(each for each in may - did if not is_explained(*each, reasons)) == []
    assert needless(compute.not_seen, may) == []


def _declared(file_name: str) -> tuple[bytes, str, str]:
    content, media_type = FILES.get(file_name, (b"12345", "application/octet-stream"))
    return content, file_name, media_type
