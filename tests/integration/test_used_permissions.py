"""Roles are granted nothing that they never use: a deployment does all that it can, then both are compared.

The embedded AWS writes down which permissions of roles have allowed a request (local/emulator/patches/iam.py).
"""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest

from handlers.domain.upload import MULTIPART_LIFETIME
from local.emulator.patches.iam import USED_PERMISSIONS
from tests.integration.conftest import DeployWith
from tests.support.deployment.reconciler import change_newest_version, change_record, reconcile
from tests.support.deployment.system import Answer, System, User, http

pytestmark = pytest.mark.variant

PLACES = 3

NOT_SEEN: dict[tuple[str, str], str] = {
    ("*", "logs:*"): "the embedded AWS keeps the logs of functions and APIs itself",
    ("*", "xray:*"): "the embedded AWS has no X-Ray",
    ("*", "sqs:ReceiveMessage"): "the embedded AWS reads queues for functions without their roles",
    ("*", "sqs:DeleteMessage"): "the same",
    ("*", "sqs:GetQueueAttributes"): "the same",
    ("processing-reconcile-run-role", "lambda:InvokeFunction"): "the schedule runs every few minutes",
    ("processing-reconcile-run-role", "sqs:SendMessage"): "only if the schedule cannot invoke the function",
    ("processing-reconcile-role", "sqs:SendMessage"): "only if a run has failed, or an event is lost",
    ("processing-process-object-role", "s3:AbortMultipartUpload"): "only if the copy of an object over 5 GiB fails",
    ("upload-api-complete-upload-role", "s3:ListBucket"): "S3 then says that an object does not exist, not 403",
    ("upload-api-create-upload-role", "s3:AbortMultipartUpload"): "only if the record cannot be written",
}
"""Why a permission is granted that no request here needs, by patterns of role and action."""


@pytest.fixture(scope="module")
def busy(deploy_with: DeployWith) -> System:
    return deploy_with("used", maxOpenUploads=PLACES)


def granted(system: System) -> set[tuple[str, str]]:
    """The actions that each role may do, by the program's name of the role."""
    iam, names = system.emulator.client("iam"), role_names(system)
    found: set[tuple[str, str]] = set()
    for policy in system.deployment.resources:
        if policy.type == "aws:iam/rolePolicy:RolePolicy":
            role, name = policy.id.split(":")
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found |= {(names[role], action) for statement in document["Statement"] for action in statement["Action"]}
    return found


def role_names(system: System) -> dict[str, str]:
    return {each.id: each.name for each in system.deployment.resources if each.type == "aws:iam/role:Role"}


def used(system: System) -> set[tuple[str, str]]:
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


def is_explained(role: str, action: str) -> bool:
    return any(fnmatchcase(role, roles) and fnmatchcase(action, actions) for roles, actions in NOT_SEEN)


def test_each_permission_is_used_or_explained(busy: System) -> None:
    for use in (read_a_result, send_in_parts, end_otherwise, abandon, fill_all_places):
        use(busy, busy.new_user())
    secret = busy.resource_id("Secret", "upload-api-session-key")
    busy.emulator.client("secretsmanager").rotate_secret(SecretId=secret)

    may, did = granted(busy), used(busy)

    assert ("upload-api-sign-parts-role", "s3:PutObject") in may & did, "permissions are written down"
    assert sorted(each for each in may - did if not is_explained(*each)) == []
    unneeded = [
        each for each in NOT_SEEN if not any(fnmatchcase(r, each[0]) and fnmatchcase(a, each[1]) for r, a in may)
    ]
    assert unneeded == []
