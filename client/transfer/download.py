"""Downloads a result."""

import os
import re
import stat
import uuid
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

import urllib3

from ..errors import TransportFault
from ..retry import OnError, RetryPolicy, ignore, with_retries
from ..transport import Http
from .s3 import is_s3s, refusal

STANDARD_OUTPUT = 1
"""Its file descriptor."""

_PIECE_BYTES = 256 * 1024
_REFUSAL_BYTES = 64 * 1024
_MAX_LINKS = 40  # the limit of Linux. Source: path_resolution(7)


def download(
    url: str, folder: Path, spare_name: str, retry: RetryPolicy | None = None, on_error: OnError = ignore
) -> Path:
    """Download into the folder, with the file name from the answer. Raises FileExistsError if the file exists."""
    with _opened(url, retry, on_error) as answer:
        target = folder / (file_name(answer.headers.get("Content-Disposition", "")) or spare_name)
        if os.path.lexists(target):
            raise FileExistsError(f"{target} already exists: name another file")
        _replace(target, None, answer)
    return target


def download_as(url: str, target: Path, retry: RetryPolicy | None = None, on_error: OnError = ignore) -> Path:
    """Download to this file, and follow links. Raises OSError if it cannot be written.

    A regular file is replaced when the download is complete. It keeps its mode, and its owner if this user may change
    owners. Other files, such as devices and pipes, receive the bytes as they arrive.
    """
    number = descriptor(target)
    existing = _status(target) if number is None else None
    if number is not None or (existing is not None and not stat.S_ISREG(existing.st_mode)):
        opened = os.dup(number) if number is not None else os.open(target, os.O_WRONLY)
        with os.fdopen(opened, "wb") as stream:
            download_into(url, stream, retry, on_error)
        return target
    with _opened(url, retry, on_error) as answer:
        _replace(Path(os.path.realpath(target)), existing, answer)
    return target


def download_into(url: str, stream: BinaryIO, retry: RetryPolicy | None = None, on_error: OnError = ignore) -> None:
    """Download to a stream."""
    with _opened(url, retry, on_error) as answer:
        stream.writelines(answer.stream(_PIECE_BYTES))


def descriptor(path: Path) -> int | None:
    """Return the file descriptor for a path such as /dev/stdout or /dev/fd/3, otherwise None.

    The file behind such a path must not be replaced, because the process that opened it would not see the new one.
    """
    for _ in range(_MAX_LINKS):
        folder = os.path.realpath(path.parent)
        if folder in {"/dev/fd", os.path.realpath("/proc/self/fd")} and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = Path(folder, path.readlink())
    return None


def file_name(disposition: str) -> str:
    """Return the file name in a Content-Disposition (RFC 6266) without folders, or an empty string."""
    extended = re.search(r"filename\*\s*=\s*UTF-8'[^']*'([^;\s]+)", disposition, re.IGNORECASE)  # RFC 8187
    if extended is not None:
        named = unquote(extended[1])
    else:
        header = Message()
        header["Content-Disposition"] = disposition
        named = header.get_filename("")
    last = re.split(r"[/\\]", "".join(char for char in named if char.isprintable()))[-1]
    return "" if last in {".", ".."} else last


@contextmanager
def _opened(url: str, retry: RetryPolicy | None, on_error: OnError) -> Generator[urllib3.BaseHTTPResponse]:
    http = Http()

    def ask() -> urllib3.BaseHTTPResponse:
        answer = http.request("GET", url, preload_content=False)
        if answer.status == HTTPStatus.OK and is_s3s(answer.headers):
            return answer
        with closing(answer), _named_errors():
            raise refusal(url, answer.status, answer.headers, answer.read(_REFUSAL_BYTES))

    with (
        closing(http),
        closing(with_retries(ask, retry or RetryPolicy(), on_error=on_error)) as answer,
        _named_errors(),
    ):
        yield answer


@contextmanager
def _named_errors() -> Generator[None]:
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        raise TransportFault(f"the download failed: {error}") from error


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _replace(target: Path, existing: os.stat_result | None, answer: urllib3.BaseHTTPResponse) -> None:
    """Write a new file in the same folder, then rename it to the target."""
    fresh = target.with_name(f".{uuid.uuid4().hex}.part")
    # Other users must not read the replacement of a private file. A new file has the default mode.
    mode = 0o666 if existing is None else 0o600
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            if existing is not None:
                for owner, group in ((existing.st_uid, -1), (-1, existing.st_gid)):
                    with suppress(PermissionError):
                        os.fchown(file.fileno(), owner, group)
                os.fchmod(file.fileno(), existing.st_mode & 0o777)
            file.writelines(answer.stream(_PIECE_BYTES))
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
