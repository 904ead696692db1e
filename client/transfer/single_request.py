"""Sends a file in one request: with PUT, or in a form like a browser."""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from http import HTTPStatus
from pathlib import Path

from urllib3.filepost import choose_boundary, encode_multipart_formdata

from ..api.models import ENDED_EARLY, CreatedUpload
from ..errors import ApiProblem, S3Refused, SizeDiffers, UnexpectedAnswer, UploadEnded
from ..retry import OnError, has_expired, with_retries
from ..transport import Trust
from .config import OnProgress, Progress, TransferConfig
from .s3 import Answer, OnSent, Request, Sender
from .source import Source, SourceFile

_FILE = ("file", ("file", b"", "application/octet-stream"))  # S3 uses the fields instead of this name and type


def put_file(created: CreatedUpload, path: Path, on_progress: OnSent | None = None) -> None:
    """Send the file to the presigned URL. Raises SizeDiffers before sending if its size is not the declared one."""
    if created.method != "put":
        raise UnexpectedAnswer(f"upload {created.upload_id} requires the method {created.method!r}, not 'put'")
    source = SourceFile.at(path)
    _send_once(created, source, lambda: Sender(source), on_progress or _ignore)


def send_at_once(
    created: CreatedUpload,
    source: Source,
    declare: Callable[[], CreatedUpload],
    *,
    config: TransferConfig,
    trust: Trust,
    on_progress: OnProgress | None,
    on_error: OnError,
    may_be_stored: bool = False,
) -> None:
    """Send an upload in one request. Retries transient errors. S3 has stored the bytes when it returns.

    `declare` declares the upload again, for a new presigned request if this one has expired. With `may_be_stored`, an
    earlier process may have sent the bytes. Raises UploadEnded, or FileChanged if the file is not the declared one.
    """
    upload_id, sendings = created.upload_id, 0
    connect = partial(Sender, source, config.silence_seconds, trust)

    def report(sent: int) -> None:
        if on_progress is not None:
            on_progress(Progress(upload_id, sent, source.size_bytes, int(sent == source.size_bytes), 1, 1))

    def send_once() -> None:
        nonlocal sendings
        sendings += 1
        try:
            _send_once(created, source, connect, report)
        except S3Refused as refused:
            if refused.code != "PreconditionFailed" or (sendings == 1 and not may_be_stored):
                raise
            # S3 has stored the file, but its answer was lost. No other upload has this key.

    def send() -> None:
        nonlocal created
        try:
            send_once()
        except S3Refused as refused:
            if not has_expired(refused):
                raise
            renewed = _declared_again(upload_id, declare)
            if renewed is not None:  # otherwise S3 has stored the file, and its event has arrived
                created = renewed
                send_once()

    with_retries(send, config.retry, on_error=on_error)


def _declared_again(upload_id: str, declare: Callable[[], CreatedUpload]) -> CreatedUpload | None:
    """Return a new presigned request, or None if S3 already has the bytes. Raises UploadEnded."""
    try:
        return declare()
    except ApiProblem as problem:
        if problem.upload_status is None:
            raise
        if problem.upload_status in ENDED_EARLY:
            raise UploadEnded(upload_id, problem.upload_status) from problem
        return None


def send_file(method: str, url: str, headers: Mapping[str, str], path: Path) -> Answer:
    """Send a file with exactly these headers, and return the answer. Content-Length is required.

    Also returns an answer that the server sends before it has read the whole file.
    """
    source = SourceFile.at(path)
    request = _bare_request(method, url, headers, source)
    with closing(Sender(source)) as sender:
        return sender.send(request, _ignore)


def _send_once(created: CreatedUpload, source: Source, connect: Callable[[], Sender], on_sent: OnSent) -> None:
    expected = HTTPStatus.OK
    match created.method:
        case "put":
            request = _bare_request("PUT", created.url, created.headers, source)
        case "post":
            # S3's status for a form without success_action_status. Source: Amazon S3 API reference, "POST Object".
            request, expected = _form_request(created, source), HTTPStatus.NO_CONTENT
        case other:
            raise UnexpectedAnswer(
                f"upload {created.upload_id} requires the method {other!r}, which this client does not know: "
                "install a newer one"
            )
    with closing(connect()) as sender:
        sender.store(request, on_sent, expected)


def _bare_request(method: str, url: str, headers: Mapping[str, str], source: Source) -> Request:
    """Return a request with the file as body. Raises SizeDiffers if Content-Length is not its size."""
    length = _content_length(headers)
    if source.size_bytes != length:
        raise SizeDiffers(
            f"{source.name} has {source.size_bytes} bytes, but {length} were declared: "
            "stop writing to it, and upload it again"
        )
    return Request(method, url, headers, 0, length)


def _form_request(created: CreatedUpload, source: Source) -> Request:
    """Return the request. Only the parts of the form around the file are in memory, not the file.

    The file is last because S3 ignores all fields after it. Source: Amazon S3 API reference, "POST Object".
    """
    boundary = choose_boundary()
    form, content_type = encode_multipart_formdata([*created.fields.items(), _FILE], boundary)
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": content_type, "Content-Length": str(len(form) + source.size_bytes)}
    return Request("POST", created.url, headers, 0, source.size_bytes, form.removesuffix(tail), tail)


def _content_length(headers: Mapping[str, str]) -> int:
    """Return the Content-Length in the headers. Raises UnexpectedAnswer if there is none."""
    for name, value in headers.items():
        if name.lower() == "content-length":
            if value.isascii() and value.isdigit():
                return int(value)
            raise UnexpectedAnswer(f"Content-Length is {value!r}, but must be a whole number")
    raise UnexpectedAnswer(f"the headers to send have no Content-Length, only {', '.join(headers) or 'none'}")


def _ignore(_: int) -> None:
    """Report no progress."""
