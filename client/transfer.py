"""Sending a whole file to a presigned URL, in one request."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from client.errors import S3Refused, SizeDiffers, UnexpectedAnswer
from client.models import CreatedUpload
from client.retry import Backoff, has_expired, patiently
from client.sending import Answer, OnSent, Request, Sender, content_length, stored
from client.source import SourceFile


def put_file(created: CreatedUpload, path: Path, on_progress: OnSent | None = None) -> None:
    """Send the file as the API told; SizeDiffers, before a byte is sent, if it is not as long as declared."""
    put_source(created, SourceFile.at(path), on_progress)


def put_source(created: CreatedUpload, source: SourceFile, on_sent: OnSent | None = None) -> None:
    """Send the file as it was when it was looked at; FileChanged if it is not so any more."""
    if created.method != "put":
        raise UnexpectedAnswer(f"upload {created.upload_id} wants the method {created.method!r}, not 'put'")
    stored(_send(source, "PUT", created.url, created.headers, on_sent))


def put_patiently(
    created: CreatedUpload,
    source: SourceFile,
    declare_again: Callable[[], CreatedUpload],
    backoff: Backoff,
    on_sent: OnSent,
) -> None:
    """Send the file, and try again what may pass; `declare_again` fetches a fresh URL when this one has expired."""
    sendings = 0

    def put() -> None:
        nonlocal sendings, created
        sendings += 1
        try:
            put_source(created, source, on_sent)
        except S3Refused as refused:
            if refused.code == "PreconditionFailed" and sendings > 1:
                return  # S3 had stored it, and only the answer was lost: the key is this upload's alone
            if not has_expired(refused):
                raise
            created = declare_again()
            put_source(created, source, on_sent)

    patiently(put, backoff, time.sleep)


def send_file(
    method: str, url: str, headers: Mapping[str, str], path: Path, on_progress: OnSent | None = None
) -> Answer:
    """Send a file with exactly these headers, of which Content-Length must be one, and return the answer.

    A server may refuse and hang up before it has read everything: its answer is returned all the same.
    """
    return _send(SourceFile.at(path), method, url, headers, on_progress)


def _send(source: SourceFile, method: str, url: str, headers: Mapping[str, str], on_sent: OnSent | None) -> Answer:
    length = content_length(headers)
    if source.size_bytes != length:
        raise SizeDiffers(
            f"{source.path} has {source.size_bytes} bytes, but {length} were declared: "
            "let nothing write to it, and upload anew"
        )
    with Sender(source) as sender:
        return sender.send(Request(method, url, headers, 0, length), on_sent or _untold)


def _untold(_: int) -> None:
    """Tell nobody."""
