"""An AWS account that answers as a test says."""

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from client.operators.doctor.account import Account

Answers = Mapping[tuple[str, str], Any]
"""By service and operation: the answer, an error's code, or what makes the answer from the request."""


class _Client:
    def __init__(self, service: str, region: str, answers: Answers, *, pages: bool = False) -> None:
        self._service, self._region, self._answers = service, region, answers
        self._pages = pages

    def can_paginate(self, _: str) -> bool:
        return self._pages

    def get_paginator(self, operation: str) -> Any:
        """A list with one page."""

        def paginate(**request: Any) -> Iterator[Any]:
            yield getattr(self, operation)(**request)

        return SimpleNamespace(paginate=paginate)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            answer = self._answers.get((self._service, operation), "AccessDenied")
            if callable(answer):
                answer = answer(request, self._region)
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "as the test says"}}, operation)
            return answer

        return call


def fake_account(answers: Answers, *, pages: bool = False) -> Account:
    """An account that allows only what has an answer. With `pages`, lists have paginators as boto3's have."""
    return Account("eu-central-1", lambda service, region: client_of(service, answers, region, pages=pages))


def client_of(service: str, answers: Answers, region: str = "eu-central-1", *, pages: bool = False) -> Any:
    """A client in the place of boto3's."""
    return _Client(service, region, answers, pages=pages)
