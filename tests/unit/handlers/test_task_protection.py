"""An agent of ECS that does not protect the task leaves a warning in the log."""

import logging
from typing import Any

import pytest

from handlers.aws.task_protection import TaskProtection
from tests.support.aws.scripted_server import answer, scripted_server

TASK_ARN = "arn:aws:ecs:eu-west-1:123456789012:task/cluster/0123456789abcdef"

PROTECTED = {"protection": {"ProtectionEnabled": True, "ExpirationDate": "2026-03-01T09:32:00Z", "TaskArn": TASK_ARN}}
FAILURE = {"failure": {"Arn": TASK_ARN, "Detail": None, "Reason": "DEPLOYMENT_BLOCKED"}}
ERROR = {"requestID": "1", "error": {"Arn": TASK_ARN, "Code": "AccessDeniedException", "Message": "not authorized"}}


@pytest.mark.parametrize(
    ("status", "content", "warnings"),
    [(200, PROTECTED, 0), (200, FAILURE, 1), (400, ERROR, 1)],
    ids=["protected", "failure", "error"],
)
def test_an_answer_without_protection_is_logged(
    status: int, content: dict[str, Any], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted_server(answer(content, status=status)) as agent, caplog.at_level(logging.WARNING):
        TaskProtection(f"{agent.url}/agent").extend()
    assert [each.head for each in agent.requests] == ["PUT /agent/task-protection/v1/state HTTP/1.1"]
    assert len(caplog.records) == warnings
