"""Fetching a result."""

import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

import urllib3

from client.errors import TransportFault
from client.sending import refusal
from client.transport import open_pool

_PIECE_BYTES = 256 * 1024


def download(url: str, folder: Path, spare_name: str) -> Path:
    """Write what the URL gives into the folder, by the name that it gives; FileExistsError if that is there already."""
    with _opened(url) as answer:
        target = folder / (file_name(answer.headers.get("Content-Disposition", "")) or spare_name)
        if target.exists():
            raise FileExistsError(f"{target} is there already: name another file")
        return _write(answer, target)


def download_as(url: str, target: Path) -> Path:
    """Write what the URL gives to this file, in the place of what is there."""
    with _opened(url) as answer:
        return _write(answer, target)


def download_into(url: str, stream: BinaryIO) -> None:
    """Write what the URL gives to a stream."""
    with _opened(url) as answer:
        stream.writelines(answer.stream(_PIECE_BYTES))


def file_name(disposition: str) -> str:
    """Return the name in a Content-Disposition (RFC 6266), without any folder; empty if there is none to use."""
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
def _opened(url: str) -> Generator[urllib3.BaseHTTPResponse]:
    pool = open_pool()
    try:
        answer = pool.request("GET", url, preload_content=False, redirect=False)
        try:
            if answer.status != HTTPStatus.OK:
                raise refusal(answer.status, answer.data, answer.headers.get("Retry-After"))
            yield answer
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise TransportFault(f"the download failed: {error}") from error
    finally:
        pool.clear()


def _write(answer: urllib3.BaseHTTPResponse, target: Path) -> Path:
    """Write the whole or nothing."""
    fresh = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with fresh.open("xb") as file:
            for piece in answer.stream(_PIECE_BYTES):
                file.write(piece)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return target
