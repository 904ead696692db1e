"""An AWS account that answers as a test says."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from client.operators.doctor.account import Account

Answers = Mapping[tuple[str, str], Any]
"""By service and operation: the answer, an error's code, or what makes the answer from the request."""


class _Client:
    def __init__(self, service: str, region: str, answers: Answers) -> None:
        self._service, self._region, self._answers = service, region, answers

    def can_paginate(self, _: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            answer = self._answers.get((self._service, operation), "AccessDenied")
            if callable(answer):
                answer = answer(request, self._region)
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "as the test says"}}, operation)
            return answer

        return call


def fake_account(answers: Answers, region: str = "eu-central-1") -> Account:
    """An account that allows only what has an answer."""
    return Account(region, lambda service, region: client_of(service, answers, region))


def client_of(service: str, answers: Answers, region: str = "eu-central-1") -> Any:
    """A client in the place of boto3's."""
    return _Client(service, region, answers)
