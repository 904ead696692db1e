"""Sends a whole file in one request: to a presigned URL, or as a form."""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from client.errors import S3Refused, SizeDiffers, UnexpectedAnswer
from client.forms import form_request
from client.models import CreatedUpload
from client.retry import Backoff, has_expired, with_retries
from client.sending import Answer, OnSent, Request, Sender, content_length
from client.source import SourceFile


def put_file(created: CreatedUpload, path: Path, on_progress: OnSent | None = None) -> None:
    """Send the file to the presigned URL. Raises SizeDiffers before sending if its size is not the declared one."""
    if created.method != "put":
        raise UnexpectedAnswer(f"upload {created.upload_id} requires the method {created.method!r}, not 'put'")
    _send_once(created, SourceFile.at(path), on_progress or _ignore)


def send_with_retries(
    created: CreatedUpload,
    source: SourceFile,
    declare_again: Callable[[], CreatedUpload | None],
    backoff: Backoff,
    on_sent: OnSent,
) -> None:
    """Send the file, and retry transient errors. Raises FileChanged if the file is not the one that was declared.

    `declare_again` returns a new presigned request if this one has expired, or None if S3 already has the bytes.
    """
    sendings = 0

    def send_once() -> None:
        nonlocal sendings
        sendings += 1
        try:
            _send_once(created, source, on_sent)
        except S3Refused as refused:
            if refused.code != "PreconditionFailed" or sendings == 1:
                raise
            # S3 has stored the file, but its answer was lost. No other upload has this key.

    def send() -> None:
        nonlocal created
        try:
            send_once()
        except S3Refused as refused:
            if not has_expired(refused):
                raise
            renewed = declare_again()
            if renewed is not None:  # otherwise S3 has stored the file, and its event has arrived
                created = renewed
                send_once()

    with_retries(send, backoff, time.sleep)


def send_file(
    method: str, url: str, headers: Mapping[str, str], path: Path, on_progress: OnSent | None = None
) -> Answer:
    """Send a file with exactly these headers, and return the answer. Content-Length is required.

    Also returns an answer that the server sends before it has read the whole file.
    """
    source = SourceFile.at(path)
    request = _bare_request(method, url, headers, source)
    with Sender(source) as sender:
        return sender.send(request, on_progress or _ignore)


def _send_once(created: CreatedUpload, source: SourceFile, on_sent: OnSent) -> None:
    match created.method:
        case "put":
            _store(source, _bare_request("PUT", created.url, created.headers, source), on_sent)
        case "post":
            # S3's status for a form without success_action_status. Source: Amazon S3 API reference, "POST Object".
            _store(source, form_request(created, source), on_sent, HTTPStatus.NO_CONTENT)
        case other:
            raise UnexpectedAnswer(
                f"upload {created.upload_id} requires the method {other!r}, which this client does not know: "
                "install a newer one"
            )


def _store(source: SourceFile, request: Request, on_sent: OnSent, expected: HTTPStatus = HTTPStatus.OK) -> None:
    with Sender(source) as sender:
        sender.store(request, on_sent, expected)


def _bare_request(method: str, url: str, headers: Mapping[str, str], source: SourceFile) -> Request:
    """Return a request with the file as body. Raises SizeDiffers if Content-Length is not its size."""
    length = content_length(headers)
    if source.size_bytes != length:
        raise SizeDiffers(
            f"{source.path} has {source.size_bytes} bytes, but {length} were declared: "
            "stop writing to it, and upload it again"
        )
    return Request(method, url, headers, 0, length)


def _ignore(_: int) -> None:
    """Report no progress."""
