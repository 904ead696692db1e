"""Uploads one file: declares it, sends it, stores its state for resuming, and aborts it if it cannot be completed."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from ..api.models import ENDED_EARLY, CreatedUpload, PartPlan, Upload
from ..api.uploads import UploadsApi
from ..errors import (
    PROGRAM,
    ApiProblem,
    FileChanged,
    PortageError,
    S3Refused,
    SizeDiffers,
    UnexpectedAnswer,
    UploadEnded,
)
from ..retry import RetryPolicy, has_expired, with_retries
from .config import OnProgress, Progress, TransferConfig
from .declaration import Declaration
from .multipart import MultipartUpload, completed_elsewhere
from .part_queue import Job
from .s3 import Answer, OnSent, Request, Sender, content_length, form_request
from .source import SourceFile
from .state import StateFolder, Unfinished


class Uploader:
    """Sends files to S3 with the method that the API chooses."""

    def __init__(
        self,
        api: UploadsApi,
        states: StateFolder,
        config: TransferConfig,
        account: str,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._api = api
        self._states = states
        self._config = config
        self._account = account
        self._on_progress = on_progress

    def begin(self, declaration: Declaration) -> Upload:
        """Declare a file and send it."""
        begun = Unfinished(
            upload_id="",
            api_url=self._api.url,
            source=declaration.source,
            checksum=declaration.checksum,
            account=self._account,
            file_name=declaration.file_name,
            content_type=declaration.content_type,
            asked_method=declaration.method,
            idempotency_key=str(uuid.uuid4()),
        )
        return self._declared(begun, self._declaring(begun))

    def go_on(self, begun: Unfinished) -> Upload:
        """Send the missing bytes of an upload. Raises UploadEnded if it accepts no more bytes and is not complete.

        If the file has changed or is missing, the upload stays open, because the file may be restored.
        """
        if begun.method == "multipart":
            return self._go_on_in_parts(begun)
        declare = self._declaring(self._as_it_was(begun))
        try:
            return self._declared(begun, declare, is_first=False)
        except ApiProblem as problem:
            if problem.upload_status is None:
                raise
            refused = problem
        return self._finish(begun, lambda: self._elsewhere(begun, refused))

    def _go_on_in_parts(self, begun: Unfinished) -> Upload:
        try:
            held = self._api.held_parts(begun.upload_id)
        except ApiProblem as problem:
            refused = problem
            return self._finish(begun, lambda: completed_elsewhere(self._api, begun.upload_id, refused))
        begun = replace(self._as_it_was(begun), checksum=held.plan.checksum_algorithm)
        self._states.keep(begun)
        return self._finish(begun, lambda: self._transfer(begun, held.plan).resume(held))

    def _as_it_was(self, begun: Unfinished) -> Unfinished:
        """Read the file's attributes again, which are those of an earlier process."""
        try:
            source = SourceFile.at(begun.source.path)
            begun.source.check()
        except (FileChanged, OSError) as error:
            error.add_note(
                f"Upload {begun.upload_id} was started with this file: restore the file and resume the upload, or "
                "abort the upload."
            )
            raise
        return replace(begun, source=source)

    def _declaring(self, begun: Unfinished) -> Callable[[], CreatedUpload]:
        """Return a function that declares the file, and returns the same upload when it is called again."""
        source = begun.source
        checksum = source.checksum(begun.checksum) if begun.checksum is not None else None
        return lambda: self._api.create(
            begun.file_name,
            begun.content_type,
            source.size_bytes,
            checksum=checksum,
            method=begun.asked_method,
            idempotency_key=begun.idempotency_key,
        )

    def _declared(self, begun: Unfinished, declare: Callable[[], CreatedUpload], *, is_first: bool = True) -> Upload:
        created = declare()
        begun = replace(begun, upload_id=created.upload_id, method=created.method)
        self._states.keep(begun)
        plan = created.parts
        if plan is None:
            return self._finish(begun, lambda: self._send_whole(begun, created, declare, is_first=is_first))
        return self._finish(begun, lambda: self._transfer(begun, plan).start(plan))

    def _send_whole(
        self, begun: Unfinished, created: CreatedUpload, declare: Callable[[], CreatedUpload], *, is_first: bool
    ) -> Upload:
        source = begun.source

        def report(sent: int) -> None:
            if self._on_progress is not None:
                sent_parts = int(sent == source.size_bytes)
                self._on_progress(Progress(begun.upload_id, sent, source.size_bytes, sent_parts, 1, 1))

        def declare_again() -> CreatedUpload | None:
            try:
                return declare()
            except ApiProblem as problem:
                if problem.upload_status is None:
                    raise
                if problem.upload_status in ENDED_EARLY:
                    raise UploadEnded(begun.upload_id, problem.upload_status) from problem
                return None

        send_with_retries(created, source, declare_again, self._config.retry, report, may_be_stored=not is_first)
        return self._api.get(begun.upload_id)

    def _elsewhere(self, begun: Unfinished, refused: ApiProblem) -> Upload:
        """Return an upload that needs no more bytes, because S3 has stored them."""
        if refused.upload_status in ENDED_EARLY:
            raise UploadEnded(begun.upload_id, refused.upload_status) from refused
        return self._api.get(begun.upload_id)

    def _transfer(self, begun: Unfinished, plan: PartPlan) -> MultipartUpload:
        job = Job.of(begun.upload_id, begun.source, plan)
        return MultipartUpload(self._api, job, self._states.sent_parts(begun), self._config, self._on_progress)

    def _finish(self, begun: Unfinished, send: Callable[[], Upload]) -> Upload:
        """Delete the stored state of an upload that ended. Otherwise add a note on what is open, and how to go on."""
        try:
            upload = send()
        except UploadEnded as ended:
            self._states.forget(begun)
            ended.add_note("Its state on this machine is deleted.")
            raise
        except BaseException as error:
            if _is_final(error, begun.method):
                self._abort(begun, error)
            else:
                error.add_note(
                    f"Upload {begun.upload_id} is not finished: `{PROGRAM} resume` or the same command again continues "
                    f"it, `{PROGRAM} abort {begun.upload_id}` ends it."
                )
            raise
        self._states.forget(begun)
        return upload

    def _abort(self, begun: Unfinished, error: BaseException) -> None:
        """Abort an upload that cannot be completed. Adds a note to the error on the result."""
        try:
            self._api.abort(begun.upload_id)
        except PortageError as problem:
            error.add_note(
                f"Upload {begun.upload_id} could not be aborted, although it cannot be completed: {problem}. "
                f"`{PROGRAM} abort {begun.upload_id}` tries again."
            )
        else:
            error.add_note(f"Upload {begun.upload_id} is aborted.")
        self._states.forget(begun)


def _is_final(error: BaseException, method: str) -> bool:
    """Whether no later attempt can complete the upload: the file is another one, or S3 refuses the whole of it."""
    if isinstance(error, FileChanged):
        return True
    return method != "multipart" and (
        isinstance(error, OSError) or (isinstance(error, S3Refused) and not error.is_transient)
    )


def put_file(created: CreatedUpload, path: Path, on_progress: OnSent | None = None) -> None:
    """Send the file to the presigned URL. Raises SizeDiffers before sending if its size is not the declared one."""
    if created.method != "put":
        raise UnexpectedAnswer(f"upload {created.upload_id} requires the method {created.method!r}, not 'put'")
    _send_once(created, SourceFile.at(path), on_progress or _ignore)


def send_with_retries(
    created: CreatedUpload,
    source: SourceFile,
    declare_again: Callable[[], CreatedUpload | None],
    retry: RetryPolicy,
    on_sent: OnSent,
    *,
    may_be_stored: bool = False,
) -> None:
    """Send the file, and retry transient errors. Raises FileChanged if the file is not the one that was declared.

    `declare_again` returns a new presigned request if this one has expired, or None if S3 already has the bytes. With
    `may_be_stored`, an earlier process may have sent them.
    """
    sendings = 0

    def send_once() -> None:
        nonlocal sendings
        sendings += 1
        try:
            _send_once(created, source, on_sent)
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
            renewed = declare_again()
            if renewed is not None:  # otherwise S3 has stored the file, and its event has arrived
                created = renewed
                send_once()

    with_retries(send, retry, time.sleep)


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
