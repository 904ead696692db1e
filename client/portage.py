"""The client's main class."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self

from .api.models import ResultLink, Upload
from .api.uploads import Token, UploadsApi
from .auth.cognito import subject
from .errors import PROGRAM, ApiProblem, NotFinished, NothingToResume, SizeDiffers, UploadEnded
from .retry import OnError, ignore
from .transfer.config import OnProgress, TransferConfig
from .transfer.declaration import HEAD_BYTES, Declaration, guessed_type, plain_type
from .transfer.download import download, download_as, download_into
from .transfer.source import HeldBytes, SourceFile
from .transfer.state import StateFolder, Unfinished, Warn, log_warning
from .transfer.stream import StreamUploader, read_head
from .transfer.stream_queue import Readable
from .transfer.uploader import Uploader


@dataclass(frozen=True)
class Pace:
    """The polling interval: short after each change, then increasing."""

    first_wait_seconds: float = 0.1
    longest_wait_seconds: float = 2.0
    growth: float = 1.5


class Portage:
    """The uploads of one user. `api_url` is the stack's output `apiUrl`, `token` a session, or an ID token.

    with Portage(api_url, session) as portage:
        upload = portage.upload("film.mp4")
        finished = portage.wait(upload.upload_id, timeout_seconds=60)
    """

    def __init__(
        self,
        api_url: str,
        token: Token,
        *,
        state_folder: Path | None = None,
        config: TransferConfig | None = None,
        warn: Warn = log_warning,
        on_error: OnError = ignore,
    ) -> None:
        self._config = config or TransferConfig()
        self._api = UploadsApi(api_url, token, retry=self._config.retry, on_error=on_error)
        self._retries = (self._config.retry, on_error)
        self._states = StateFolder(state_folder, warn)
        self._warn = warn

    @cached_property
    def _account(self) -> str:
        """The user of the token. The uploads that this machine has started are known by user."""
        return subject(self._api.token())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def upload(
        self,
        path: str | Path,
        content_type: str | None = None,
        on_progress: OnProgress | None = None,
        *,
        checksum: str | None = None,
        method: str | None = None,
        file_name: str | None = None,
    ) -> Upload:
        """Declare a file, send it, and return the upload's state.

        The content type is guessed from the first bytes and the name. Continues an interrupted upload of the same
        file, if neither the file nor its declaration has changed. `checksum` (`crc32` or
        `sha256`) is declared and signed into the request or each part, so that S3 rejects other bytes. It requires
        reading the file once before, and in parts once more while it is sent. Without `method` (`put`, `post` for a
        form, `multipart`), the API chooses.

        Raises EmptyFile or WrongDeclaration before any call, OSError if the file cannot be read, otherwise ApiProblem,
        S3Refused, FileChanged or TransportFault.
        """
        source = SourceFile.at(path)
        name = file_name or source.path.name
        declaration = Declaration(source, name, _type(content_type, name, source), checksum, method)
        uploading = self._uploading(on_progress)
        for begun in self.unfinished():
            if begun.source != source:
                continue
            if declaration.is_of(begun):
                with suppress(UploadEnded):  # it was aborted or has expired: start a new upload
                    return uploading.go_on(begun)
            else:
                self._warn(
                    f"upload {begun.upload_id} of the same file was declared in another way ({begun.file_name}, "
                    f"{begun.content_type}), and stays open until it is continued or aborted"
                )
        return uploading.begin(declaration, source)

    def upload_stream(
        self,
        stream: Readable,
        file_name: str,
        content_type: str | None = None,
        on_progress: OnProgress | None = None,
        *,
        checksum: str | None = None,
        method: str | None = None,
    ) -> Upload:
        """Upload the bytes that a stream has until its end, and return the upload's state.

        A stream of at most `TransferConfig.known_size_bytes` is declared with its size. A longer one is declared
        without, and sent in parts while it is read. `checksum` is of the whole stream. It is then declared at the end.
        The arguments and errors are those of `upload`.

        An upload that does not succeed is aborted, because a stream cannot be read again. A program that fails halfway
        and one that ends look the same from here: check the exit code of the program that writes the stream.
        """
        head = read_head(stream, self._config.known_size_bytes)
        is_whole = head.size_bytes < self._config.known_size_bytes
        declaration = Declaration(head, file_name, _type(content_type, file_name, head), checksum, method)
        uploader = StreamUploader(self._api, self._config, on_progress)
        return uploader.send_whole(declaration, head) if is_whole else uploader.send(declaration, head, stream)

    def resume(self, path: str | Path, upload_id: str | None = None, on_progress: OnProgress | None = None) -> Upload:
        """Continue an interrupted upload in parts: send only missing parts. Raises NothingToResume if there is none.

        With `upload_id`, another device may have started it, and may still be sending it if a checksum was declared.
        Parts that this machine has not sent are compared with the file by that checksum, otherwise by MD5. They are
        sent again if they differ or cannot be compared (with a KMS key).
        """
        if upload_id is None:
            return self.go_on(self._begun_with(path), on_progress)
        source = SourceFile.at(path)
        declared = self._api.get(upload_id)
        if declared.size_bytes is None:
            raise NothingToResume(
                f"upload {upload_id} is of a stream, and only the device that reads it can end it: upload "
                f"{source.path} as a new one, and abort the other with `{PROGRAM} abort {upload_id}`"
            )
        if declared.size_bytes != source.size_bytes:
            raise SizeDiffers(
                f"{source.path} has {source.size_bytes} bytes, but upload {upload_id} is of "
                f"{declared.file_name!r} with {declared.size_bytes}: give the file that it was started with"
            )
        named = {"file_name": declared.file_name, "content_type": declared.content_type}
        return self.go_on(Unfinished(upload_id, self._api.url, source, None, self._account, **named), on_progress)

    def go_on(self, begun: Unfinished, on_progress: OnProgress | None = None) -> Upload:
        """Continue an upload that `unfinished` returned. The file is not read if the upload accepts no more bytes."""
        return self._uploading(on_progress).go_on(begun)

    def unfinished(self) -> Iterator[Unfinished]:
        """Yield the uploads of this API that this machine started and did not finish."""
        return self._states.all(self._api.url, self._account)

    def get(self, upload_id: str) -> Upload:
        """Return the state of an upload. Raises ApiProblem with status 404 if this user has none with this ID."""
        return self._api.get(upload_id)

    def list(self) -> Iterator[Upload]:
        """Yield all uploads of this user, newest first. Fetches pages when they are needed."""
        after = None
        while True:
            page = self._api.page(after=after)
            yield from page.uploads
            after = page.next
            if after is None:
                return

    def result(self, upload_id: str) -> ResultLink:
        """Return the result's URL. Raises ApiProblem with status 409 while there is no result."""
        return self._api.result(upload_id)

    def download(self, upload_id: str, to: Path | None = None) -> Path:
        """Download the result to a file, by default in the current folder with the uploaded file's name and .json."""
        link = self._api.result(upload_id)
        if to is not None:
            return download_as(link.url, to, *self._retries)
        return download(link.url, Path(), f"{upload_id}.json", *self._retries)

    def download_into(self, upload_id: str, stream: BinaryIO) -> None:
        """Download the result to a stream."""
        download_into(self._api.result(upload_id).url, stream, *self._retries)

    def abort(self, upload_id: str) -> None:
        """Abort an upload of any device. Raises ApiProblem with status 409 if it is complete."""
        try:
            self._api.abort(upload_id)
        except ApiProblem as problem:
            if problem.is_over:
                self._forget(upload_id)
            raise
        self._forget(upload_id)

    def follow(self, upload_id: str, timeout_seconds: float) -> Iterator[Upload]:
        """Yield the upload now and after each change until it is finished. Raises NotFinished after the timeout."""
        return follow(self._api.get, upload_id, timeout_seconds)

    def wait(self, upload_id: str, timeout_seconds: float) -> Upload:
        """Return the upload when it is finished. Its `status` may be failed."""
        *_, last = self.follow(upload_id, timeout_seconds)
        return last

    def _begun_with(self, path: str | Path) -> Unfinished:
        """Return the unfinished upload of this version of the file, otherwise of an earlier version."""
        absolute = Path(os.path.realpath(path))
        candidates = [begun for begun in self.unfinished() if begun.source.path == absolute]
        if candidates and absolute.exists():
            now = SourceFile.at(absolute)
            candidates.sort(key=lambda begun: begun.source != now)
        if candidates:
            return candidates[0]
        source = SourceFile.at(absolute)
        raise NothingToResume(
            f"no unfinished upload of {source.path} is known on this machine: "
            "upload it, or give the upload's ID if another device started it"
        )

    def _forget(self, upload_id: str) -> None:
        for unfinished in self.unfinished():
            if unfinished.upload_id == upload_id:
                self._states.forget(unfinished)

    def _uploading(self, on_progress: OnProgress | None) -> Uploader:
        return Uploader(self._api, self._states, self._config, self._account, on_progress)


def _type(given: str | None, name: str, source: SourceFile | HeldBytes) -> str:
    if given is not None:
        return plain_type(given)
    return guessed_type(name, source.head(HEAD_BYTES) if source.size_bytes else b"")


def follow(
    get: Callable[[str], Upload],
    upload_id: str,
    timeout_seconds: float,
    *,
    pace: Pace = Pace(),
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Upload]:
    """Yield the upload as it is now, then again after each change, until it is finished.

    Several changes between two requests are one item; `version` counts them. Raises NotFinished, a TimeoutError, if
    the upload is not finished in time.
    """
    deadline = clock() + timeout_seconds
    seen_version = -1
    wait_seconds = pace.first_wait_seconds
    while True:
        upload = get(upload_id)
        if upload.version != seen_version:
            yield upload
            seen_version = upload.version
            wait_seconds = pace.first_wait_seconds
        if upload.is_finished:
            return
        left_seconds = deadline - clock()
        if left_seconds <= 0:
            raise NotFinished(
                f"upload {upload_id} was still {upload.status} after {timeout_seconds:g} s: "
                "follow it again for longer, or ask the operator to look at it"
            )
        sleep(min(wait_seconds, left_seconds))
        wait_seconds = min(wait_seconds * pace.growth, pace.longest_wait_seconds)
