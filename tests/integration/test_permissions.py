"""IAM is really enforced: without one permission, one thing fails."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.support.deployment.system import System, User, put


@contextmanager
def without(system: System, action: str, role: str, policy: str) -> Generator[None]:
    """Take one action out of a role's policy, and put it back."""
    iam = system.emulator.client("iam")
    role_name = system.resource_id("Role", role)
    policy_name = system.resource_id("RolePolicy", policy).split(":")[1]
    document = iam.get_role_policy(RoleName=role_name, PolicyName=policy_name)["PolicyDocument"]
    fewer = {**document, "Statement": [_without(action, statement) for statement in document["Statement"]]}
    assert fewer != document, f"{role} has no {action} to take away"
    iam.put_role_policy(RoleName=role_name, PolicyName=policy_name, PolicyDocument=json.dumps(fewer))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role_name, PolicyName=policy_name, PolicyDocument=json.dumps(document))


def _without(action: str, statement: dict[str, Any]) -> dict[str, Any]:
    # IAM wants at least one action a statement.
    return {
        **statement,
        "Action": [each for each in statement["Action"] if each != action] or ["sts:GetCallerIdentity"],
    }


def test_without_reading_objects_processing_fails(team_system: System, team_user: User) -> None:
    with without(
        team_system, "s3:GetObjectVersion", "processing-process-object-role", "processing-process-object-policy"
    ):
        upload_id = team_system.send(team_user)
        upload = team_system.await_status(team_user, upload_id, "failed", "completed")
    assert upload["status"] == "failed"
    assert "ended in ClientError" in upload["failure"]["detail"]  # a HEAD is refused without a code


def test_without_putting_objects_the_url_opens_nothing(system: System, user: User) -> None:
    with without(system, "s3:PutObject", "upload-api-create-upload-role", "upload-api-create-upload-policy"):
        plan = system.create(user, 5)
        assert put(plan, b"12345").status == 403


def test_without_reading_the_table_the_status_is_unavailable(system: System, user: User) -> None:
    upload_id = system.create(user, 5)["upload_id"]
    with without(system, "dynamodb:GetItem", "upload-api-read-status-role", "upload-api-read-status-policy"):
        answer = system.call("GET", f"/uploads/{upload_id}", token=user.token)
    assert answer.status == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert system.call("GET", f"/uploads/{upload_id}", token=user.token).status == 200
