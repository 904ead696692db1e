"""Calls Portage's HTTP API, which docs/openapi.json defines."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol, Self, TypeVar, runtime_checkable
from urllib.parse import quote, urlencode

import msgspec
import urllib3

from ..errors import ApiProblem, UnexpectedAnswer
from ..retry import OnError, RetryPolicy, ignore, with_retries
from ..transport import Http, check_json, checked_url, excerpt, foreign, phrase, read, retry_after, server_time
from .models import (
    Checksum,
    Count,
    CreatedUpload,
    HeldPart,
    HeldParts,
    PartPlan,
    PartSignatures,
    Problem,
    ResultLink,
    Upload,
    UploadPage,
)


@runtime_checkable
class RenewableToken(Protocol):
    """A sign-in that can renew its token before it expires. Session is one."""

    def id_token(self) -> str:
        """Return a valid token."""
        ...

    def renew(self, refused: str) -> None:
        """Renew this token, which the API has refused, unless that was done already."""
        ...


Token = str | Callable[[], str] | RenewableToken
"""A bearer token, a function that returns a valid one, or a session. It is asked before each request."""

_T = TypeVar("_T")
_SUCCESS = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})


@dataclass(frozen=True)
class _Answer:
    raw: urllib3.BaseHTTPResponse
    source: str

    @property
    def content(self) -> bytes:
        return self.raw.data

    def until(self, moment: datetime) -> float:
        """Return the seconds until a time, rounded down."""
        return moment.timestamp() - (server_time(self.raw.headers) + 1)  # Date is in whole seconds


class UploadsApi:
    """The API at `api_url` (the stack's output `apiUrl`) for one user. Thread-safe.

    Retries transient errors of every call, because all calls are idempotent.
    """

    def __init__(
        self, api_url: str, token: Token, *, retry: RetryPolicy | None = None, on_error: OnError = ignore
    ) -> None:
        self.url = checked_url(api_url, "api_url")
        self._token = token
        self._retry = retry or RetryPolicy()
        self.on_error = on_error
        """Called with each error that is retried, also by those that send to S3."""
        self.http = Http()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def create(
        self,
        file_name: str,
        content_type: str,
        size_bytes: int | None,
        *,
        checksum: Checksum | None = None,
        method: str | None = None,
        idempotency_key: str | None = None,
    ) -> CreatedUpload:
        """Declare an upload. Without `method`, the server chooses how the bytes are sent.

        `size_bytes` can be None with the method `multipart`, if it is not known: then `complete` declares it.
        The same `idempotency_key` and declaration return the same upload with a new URL. Raises ApiProblem with status
        409 and `upload_status` if the upload is no longer pending.
        """
        body: dict[str, object] = {"file_name": file_name, "content_type": content_type}
        body |= _declared(size_bytes, checksum)
        if method is not None:
            body["method"] = method
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        answer = self._call("POST", "", body, headers=headers)
        return _created_upload(answer.content, answer.source)

    def get(self, upload_id: str) -> Upload:
        """Return an upload of this user. Raises ApiProblem with status 404 for others."""
        return self._read(Upload, "GET", _place(upload_id))

    def page(self, limit: int = 100, after: str | None = None) -> UploadPage:
        """Return up to `limit` (at most 100) of this user's uploads, newest first, that are older than `after`."""
        query = {"limit": str(limit)} | ({"after": after} if after is not None else {})
        return self._read(UploadPage, "GET", f"?{urlencode(query)}")

    def sign_parts(
        self,
        upload_id: str,
        session: str,
        first_part: int,
        last_part: int,
        checksums: Sequence[str] | None = None,
        *,
        last_part_size_bytes: int | None = None,
    ) -> PartSignatures:
        """Return the URLs of a range of parts. `checksums`, one for each part in order, are signed into the URLs.

        `last_part_size_bytes` is the length of the last one, if an upload of unknown size ends with it.
        """
        body: dict[str, object] = {"session": session, "first_part": first_part, "last_part": last_part}
        if checksums is not None:
            body["checksums"] = list(checksums)
        if last_part_size_bytes is not None:
            body["last_part_size_bytes"] = last_part_size_bytes
        answer = self._call("POST", f"{_place(upload_id)}/parts", body)
        signed = read(answer.content, PartSignatures, answer.source)
        if signed.first_part != first_part or len(signed.signatures) != last_part - first_part + 1:
            raise UnexpectedAnswer(
                f"{answer.source} has {len(signed.signatures)} signatures from part {signed.first_part} on, "
                f"instead of those of parts {first_part} to {last_part}"
            )
        return msgspec.structs.replace(signed, lifetime_seconds=answer.until(signed.expires_at))

    def held_parts(self, upload_id: str) -> HeldParts:
        """Return the parts at S3 of an open upload, and a new session."""
        answer = self._call("GET", f"{_place(upload_id)}/parts")
        return _held_parts(answer.content, answer.source)

    def complete(self, upload_id: str, *, size_bytes: int | None = None, checksum: Checksum | None = None) -> Upload:
        """Complete an upload in parts. Raises ApiProblem with status 409 if parts are missing.

        Size and checksum are those of an upload that was declared without them.
        """
        return self._read(Upload, "POST", f"{_place(upload_id)}/complete", _declared(size_bytes, checksum))

    def abort(self, upload_id: str) -> None:
        """Abort an upload. Raises ApiProblem with status 409 if it is complete."""
        self._call("DELETE", _place(upload_id))

    def result(self, upload_id: str) -> ResultLink:
        """Return the result's URL. Raises ApiProblem with status 409 while there is no result."""
        return self._read(ResultLink, "GET", f"{_place(upload_id)}/result")

    def token(self) -> str:
        """Return a valid token."""
        if isinstance(self._token, str):
            return self._token
        return self._token.id_token() if isinstance(self._token, RenewableToken) else self._token()

    def _read(self, kind: type[_T], method: str, place: str, body: object | None = None) -> _T:
        answer = self._call(method, place, body)
        return read(answer.content, kind, answer.source)

    def _call(
        self, method: str, place: str, body: object | None = None, *, headers: Mapping[str, str] | None = None
    ) -> _Answer:
        url = f"{self.url}/uploads{place}"
        sent = {"Accept": "application/json, application/problem+json", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        return with_retries(lambda: self._signed_in(method, url, sent, content), self._retry, on_error=self.on_error)

    def _signed_in(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> _Answer:
        """Send once, and again if the token has expired meanwhile: clocks stand still while a machine sleeps."""
        token = self.token()
        try:
            return self._once(method, url, headers, content, token)
        except ApiProblem as problem:
            if problem.status != HTTPStatus.UNAUTHORIZED:
                raise
            if isinstance(self._token, RenewableToken):
                self._token.renew(token)
            renewed = self.token()
            if renewed == token:
                raise
        return self._once(method, url, headers, content, renewed)

    def _once(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, token: str) -> _Answer:
        raw = self.http.request(method, url, headers={**headers, "Authorization": f"Bearer {token}"}, body=content)
        if raw.status >= HTTPStatus.BAD_REQUEST:
            raise _problem(raw, url)
        if raw.status not in _SUCCESS:
            raise foreign(raw, url, "the API")
        if raw.status != HTTPStatus.NO_CONTENT:
            check_json(raw, url, "the API")
        return _Answer(raw, f"the answer to {method} {url}")


def _declared(size_bytes: int | None, checksum: Checksum | None) -> dict[str, object]:
    """Return the members of a body that describe the file's bytes, as far as they are known."""
    known: dict[str, object] = {} if size_bytes is None else {"size_bytes": size_bytes}
    if checksum is not None:
        known["checksum"] = {"algorithm": checksum.algorithm, "value": checksum.value}
    return known


def _place(upload_id: str) -> str:
    return f"/{quote(upload_id, safe='')}"


def _problem(answer: urllib3.BaseHTTPResponse, url: str) -> ApiProblem:
    """Read a problem document. API Gateway and proxies also answer without one."""
    after = retry_after(answer.headers)
    if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return ApiProblem(
            problem_type="about:blank",  # RFC 9457, 4.2.1: no more information than the status
            title=phrase(answer.status),
            status=answer.status,
            detail=excerpt(answer.data),
            request_id=answer.headers.get("x-amzn-requestid", ""),
            retry_after_seconds=after,
        )
    problem = read(answer.data, Problem, f"the answer from {url}")
    return ApiProblem(
        problem_type=problem.type,
        title=problem.title,
        status=answer.status,
        detail=problem.detail,
        request_id=problem.request_id,
        upload_id=problem.upload_id,
        upload_status=problem.upload_status,
        retry_after_seconds=after,
    )


class _ListedPart(HeldPart, frozen=True, kw_only=True):
    part_number: Count


class _Listing(PartPlan, frozen=True, kw_only=True):
    parts: tuple[_ListedPart, ...]


_REQUIRED = {"put": ("url", "headers"), "post": ("url", "fields")}


def _created_upload(content: bytes, source: str) -> CreatedUpload:
    """Read the answer to a declaration. The members of a plan are beside the others."""
    created = read(content, CreatedUpload, source)
    if missing := [name for name in _REQUIRED.get(created.method, ()) if not getattr(created, name)]:
        raise UnexpectedAnswer(f"{source} has no {' and '.join(missing)} for the method {created.method!r}")
    if created.method == "multipart":
        return msgspec.structs.replace(created, parts=read(content, PartPlan, source))
    return created


def _held_parts(content: bytes, source: str) -> HeldParts:
    """Read a listing of parts, which has the plan again."""
    listing = read(content, _Listing, source)
    return HeldParts(
        listing, {each.part_number: HeldPart(each.size_bytes, each.etag, each.checksum) for each in listing.parts}
    )
