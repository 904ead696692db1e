"""Portage's HTTP API, as `components/openapi.py` states it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Self
from urllib.parse import quote

import urllib3

from client.answers import Fields, excerpt, json_object
from client.errors import ApiProblem, UnexpectedAnswer
from client.transport import call, checked_url, open_pool

Token = str | Callable[[], str]
"""A bearer token, or what returns one that is still good: it is asked before every call."""

_TERMINAL = frozenset({"completed", "failed", "rejected", "aborted", "expired"})


@dataclass(frozen=True)
class CreatedUpload:
    """An upload that was declared, and how its bytes are to be sent."""

    upload_id: str
    status: str
    method: str
    """How the bytes go: `put`."""
    url: str
    """Presigned: whoever holds it may send this one object until it expires."""
    headers: Mapping[str, str]
    """To be sent exactly so: they are signed."""
    expires_at: datetime
    expires_in_seconds: int


@dataclass(frozen=True)
class ResultPlace:
    """Where the processor left its result."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Failure:
    """Why an upload came to no result."""

    code: str
    detail: str


@dataclass(frozen=True)
class Upload:
    """How far an upload is."""

    upload_id: str
    status: str
    version: int
    """Rises by one with every change of the status."""
    file_name: str
    content_type: str
    size_bytes: int
    created_at: datetime
    updated_at: datetime
    result: ResultPlace | None
    """Only of a completed upload."""
    failure: Failure | None
    """Only of a failed upload."""

    @property
    def is_finished(self) -> bool:
        """Whether the status is terminal: only an operator's redrive of a failed upload changes it again."""
        return self.status in _TERMINAL


class UploadsApi:
    """One user's view of the API at `api_url`, the stack's output `apiUrl`."""

    def __init__(self, api_url: str, token: Token) -> None:
        self._uploads_url = f"{checked_url(api_url, 'api_url')}/uploads"
        self._token = token
        self._pool = open_pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()

    def create(self, file_name: str, content_type: str, size_bytes: int) -> CreatedUpload:
        """Declare an upload; it is never tried again, because each success makes an upload of its own."""
        body = {"file_name": file_name, "content_type": content_type, "size_bytes": size_bytes}
        return _created(self._exchange("POST", self._uploads_url, json.dumps(body).encode()))

    def get(self, upload_id: str) -> Upload:
        """Return an upload of this user; ApiProblem with status 404 for anyone else's."""
        return _upload(self._exchange("GET", f"{self._uploads_url}/{quote(upload_id, safe='')}"))

    def _exchange(self, method: str, url: str, body: bytes | None = None) -> Fields:
        token = self._token if isinstance(self._token, str) else self._token()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, application/problem+json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer = call(self._pool, method, url, headers=headers, body=body)
        source = f"the answer to {method} {url}"
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _problem(answer, source)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise UnexpectedAnswer(f"{source} has status {answer.status}: is this the API's URL?")
        return json_object(answer, source)


def _problem(answer: urllib3.BaseHTTPResponse, source: str) -> ApiProblem:
    if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return ApiProblem(
            problem_type="about:blank",  # RFC 9457, 4.2.1: says no more than the status does
            title=_phrase(answer.status),
            status=answer.status,
            detail=excerpt(answer.data),
            request_id=answer.headers.get("x-amzn-requestid", ""),
        )
    problem = json_object(answer, source)
    return ApiProblem(
        problem_type=problem.text("type"),
        title=problem.text("title"),
        status=answer.status,
        detail=problem.text("detail"),
        request_id=problem.text("request_id"),
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def _created(fields: Fields) -> CreatedUpload:
    return CreatedUpload(
        upload_id=fields.text("upload_id"),
        status=fields.text("status"),
        method=fields.text("method"),
        url=fields.text("url"),
        headers=fields.texts("headers"),
        expires_at=fields.time("expires_at"),
        expires_in_seconds=fields.number("expires_in_seconds"),
    )


def _upload(fields: Fields) -> Upload:
    return Upload(
        upload_id=fields.text("upload_id"),
        status=fields.text("status"),
        version=fields.number("version"),
        file_name=fields.text("file_name"),
        content_type=fields.text("content_type"),
        size_bytes=fields.number("size_bytes"),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
        result=_result(fields.inner("result")) if "result" in fields else None,
        failure=_failure(fields.inner("failure")) if "failure" in fields else None,
    )


def _result(fields: Fields) -> ResultPlace:
    return ResultPlace(bucket=fields.text("bucket"), key=fields.text("key"))


def _failure(fields: Fields) -> Failure:
    return Failure(code=fields.text("code"), detail=fields.text("detail"))
