"""Calls Portage's HTTP API, which docs/openapi.json defines."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from time import time as now
from typing import Self
from urllib.parse import quote, urlencode

import urllib3

from client import models
from client.answers import Fields, excerpt, json_object
from client.errors import ApiProblem, UnexpectedAnswer
from client.models import Checksum, CreatedUpload, HeldParts, PartSignatures, ResultLink, Upload, UploadPage
from client.transport import EVERY_METHOD, call, checked_url, open_pool

Token = str | Callable[[], str]
"""A bearer token, or a function that returns a valid one. It is called before each request."""

_SUCCESS = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})


@dataclass(frozen=True)
class _Answer:
    raw: urllib3.BaseHTTPResponse
    source: str

    @property
    def fields(self) -> Fields:
        return json_object(self.raw, self.source)

    def until(self, time: datetime) -> float:
        """Return the seconds until a time, rounded down, by the server's clock. This machine's clock may be wrong."""
        date = parsedate_tz(self.raw.headers.get("Date", ""))
        return time.timestamp() - (mktime_tz(date) + 1 if date is not None else now())  # Date is in whole seconds


class UploadsApi:
    """The API at `api_url` (the stack's output `apiUrl`) for one user. Thread-safe.

    Retries transient errors of every call, because all calls are idempotent.
    """

    def __init__(self, api_url: str, token: Token) -> None:
        self.url = checked_url(api_url, "api_url")
        self._token = token
        self._pool = open_pool(EVERY_METHOD)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def create(
        self,
        file_name: str,
        content_type: str,
        size_bytes: int,
        *,
        checksum: Checksum | None = None,
        method: str | None = None,
        idempotency_key: str | None = None,
    ) -> CreatedUpload:
        """Declare an upload. Without `method`, the server chooses how the bytes are sent.

        The same `idempotency_key` and declaration return the same upload with a new URL. Raises ApiProblem with status
        409 and `upload_status` if the upload is no longer pending.
        """
        body: dict[str, object] = {"file_name": file_name, "content_type": content_type, "size_bytes": size_bytes}
        if checksum is not None:
            body["checksum"] = {"algorithm": checksum.algorithm, "value": checksum.value}
        if method is not None:
            body["method"] = method
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return models.created_upload(self._call("POST", "", body, headers=headers).fields)

    def get(self, upload_id: str) -> Upload:
        """Return an upload of this user. Raises ApiProblem with status 404 for others."""
        return models.upload(self._call("GET", _place(upload_id)).fields)

    def page(self, limit: int = 100, after: str | None = None) -> UploadPage:
        """Return up to `limit` (at most 100) of this user's uploads, newest first, that are older than `after`."""
        query = {"limit": str(limit)} | ({"after": after} if after is not None else {})
        return models.upload_page(self._call("GET", f"?{urlencode(query)}").fields)

    def sign_parts(
        self, upload_id: str, session: str, first_part: int, last_part: int, checksums: Sequence[str] | None = None
    ) -> PartSignatures:
        """Return the URLs of a range of parts. `checksums`, one for each part in order, are signed into the URLs."""
        body: dict[str, object] = {"session": session, "first_part": first_part, "last_part": last_part}
        if checksums is not None:
            body["checksums"] = list(checksums)
        answer = self._call("POST", f"{_place(upload_id)}/parts", body)
        fields = answer.fields
        signatures = fields.strings("signatures")
        if fields.number("first_part") != first_part or len(signatures) != last_part - first_part + 1:
            raise UnexpectedAnswer(
                f"{answer.source} has {len(signatures)} signatures from part {fields.number('first_part')} on, "
                f"instead of those of parts {first_part} to {last_part}"
            )
        return PartSignatures(
            first_part=first_part,
            url_prefix=fields.text("url_prefix"),
            url_suffix=fields.text("url_suffix"),
            signatures=signatures,
            lifetime_seconds=answer.until(fields.time("expires_at")),
        )

    def held_parts(self, upload_id: str) -> HeldParts:
        """Return the parts at S3 of an open upload, and a new session."""
        return models.held_parts(self._call("GET", f"{_place(upload_id)}/parts").fields)

    def complete(self, upload_id: str) -> Upload:
        """Complete an upload in parts. Raises ApiProblem with status 409 if parts are missing."""
        return models.upload(self._call("POST", f"{_place(upload_id)}/complete", {}).fields)

    def abort(self, upload_id: str) -> None:
        """Abort an upload. Raises ApiProblem with status 409 if it is complete."""
        self._call("DELETE", _place(upload_id))

    def result(self, upload_id: str) -> ResultLink:
        """Return the result's URL. Raises ApiProblem with status 409 while there is no result."""
        return models.result_link(self._call("GET", f"{_place(upload_id)}/result").fields)

    def _call(
        self, method: str, place: str, body: object | None = None, *, headers: Mapping[str, str] | None = None
    ) -> _Answer:
        url = f"{self.url}/uploads{place}"
        token = self._token if isinstance(self._token, str) else self._token()
        sent = {"Authorization": f"Bearer {token}", "Accept": "application/json, application/problem+json"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body).encode()
        raw = call(self._pool, method, url, headers=sent | dict(headers or {}), body=content)
        source = f"the answer to {method} {url}"
        if raw.status >= HTTPStatus.BAD_REQUEST:
            raise _problem(raw, source)
        if raw.status not in _SUCCESS:
            raise UnexpectedAnswer(f"{source} has status {raw.status}: is this the API's URL?")
        return _Answer(raw, source)


def _place(upload_id: str) -> str:
    return f"/{quote(upload_id, safe='')}"


def _problem(answer: urllib3.BaseHTTPResponse, source: str) -> ApiProblem:
    if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return ApiProblem(
            problem_type="about:blank",  # RFC 9457, 4.2.1: no more information than the status
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
        upload_status=problem.text("upload_status") if "upload_status" in problem else None,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
