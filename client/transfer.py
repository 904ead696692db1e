"""Sending a whole file in one request: to a presigned URL, or as a form."""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from client.errors import S3Refused, SizeDiffers, UnexpectedAnswer
from client.forms import form_request
from client.models import CreatedUpload
from client.retry import Backoff, has_expired, patiently
from client.sending import Answer, OnSent, Request, Sender, content_length
from client.source import SourceFile


def put_file(created: CreatedUpload, path: Path, on_progress: OnSent | None = None) -> None:
    """Send the file as the API told; SizeDiffers, before a byte is sent, if it is not as long as declared."""
    if created.method != "put":
        raise UnexpectedAnswer(f"upload {created.upload_id} wants the method {created.method!r}, not 'put'")
    _send_once(created, SourceFile.at(path), on_progress or _untold)


def send_patiently(
    created: CreatedUpload,
    source: SourceFile,
    declare_again: Callable[[], CreatedUpload | None],
    backoff: Backoff,
    on_sent: OnSent,
) -> None:
    """Send the file as it was when it was looked at, and try again what may pass; FileChanged if it is not so any more.

    `declare_again` fetches a fresh permission when this one has expired, or returns None if S3 has the bytes already.
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
            # S3 had stored it, and only the answer was lost: the key is this upload's alone.

    def send() -> None:
        nonlocal created
        try:
            send_once()
        except S3Refused as refused:
            if not has_expired(refused):
                raise
            renewed = declare_again()
            if renewed is not None:  # else likewise, and its event was faster than this
                created = renewed
                send_once()

    patiently(send, backoff, time.sleep)


def send_file(
    method: str, url: str, headers: Mapping[str, str], path: Path, on_progress: OnSent | None = None
) -> Answer:
    """Send a file with exactly these headers, of which Content-Length must be one, and return the answer.

    A server may refuse and close the connection before it has read everything: its answer is returned all the same.
    """
    source = SourceFile.at(path)
    request = _bare_request(method, url, headers, source)
    with Sender(source) as sender:
        return sender.send(request, on_progress or _untold)


def _send_once(created: CreatedUpload, source: SourceFile, on_sent: OnSent) -> None:
    match created.method:
        case "put":
            _store(source, _bare_request("PUT", created.url, created.headers, source), on_sent)
        case "post":
            # S3's answer to a form that names no other. Source: Amazon S3 API reference, "POST Object".
            _store(source, form_request(created, source), on_sent, HTTPStatus.NO_CONTENT)
        case other:
            raise UnexpectedAnswer(
                f"upload {created.upload_id} wants the method {other!r}, which this client does not know: "
                "take a newer one"
            )


def _store(source: SourceFile, request: Request, on_sent: OnSent, expected: HTTPStatus = HTTPStatus.OK) -> None:
    with Sender(source) as sender:
        sender.store(request, on_sent, expected)


def _bare_request(method: str, url: str, headers: Mapping[str, str], source: SourceFile) -> Request:
    """Let the file be the whole body; SizeDiffers if it is not as long as the headers say."""
    length = content_length(headers)
    if source.size_bytes != length:
        raise SizeDiffers(
            f"{source.path} has {source.size_bytes} bytes, but {length} were declared: "
            "let nothing write to it, and upload anew"
        )
    return Request(method, url, headers, 0, length)


def _untold(_: int) -> None:
    """Tell nobody."""
