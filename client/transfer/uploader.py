"""Uploads one file: declares it, sends it, stores its state for resuming, and aborts it if it cannot be completed."""

import shlex
import uuid
from collections.abc import Callable
from dataclasses import replace

from ..api.models import ENDED_EARLY, CreatedUpload, PartPlan, Upload
from ..api.uploads import UploadsApi
from ..errors import PROGRAM, ApiProblem, FileChanged, S3Refused, UploadEnded
from .config import OnProgress, TransferConfig
from .declaration import Declaration
from .ends import abort, completed_elsewhere
from .multipart import MultipartUpload
from .part_queue import Job
from .single_request import send_at_once
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

    def begin(self, declaration: Declaration, source: SourceFile) -> Upload:
        """Declare a file and send it."""
        begun = Unfinished(
            upload_id="",
            api_url=self._api.url,
            source=source,
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
        try:
            return self._go_on(begun)
        except UploadEnded:
            raise
        except BaseException as error:
            if not any(begun.upload_id in note for note in getattr(error, "__notes__", ())):
                error.add_note(self._how_to_go_on(begun))
            raise

    def _go_on(self, begun: Unfinished) -> Upload:
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
            return self._finish(begun, lambda: self._send_at_once(begun, created, declare, is_first=is_first))
        return self._finish(begun, lambda: self._transfer(begun, plan).start(plan))

    def _send_at_once(
        self, begun: Unfinished, created: CreatedUpload, declare: Callable[[], CreatedUpload], *, is_first: bool
    ) -> Upload:
        send_at_once(
            created,
            begun.source,
            declare,
            config=self._config,
            trust=self._api.http.trust,
            on_progress=self._on_progress,
            on_error=self._api.on_error,
            may_be_stored=not is_first,
        )
        return self._api.get(created.upload_id)

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
                abort(self._api, begun.upload_id, error)
                self._states.forget(begun)
            else:
                error.add_note(self._how_to_go_on(begun))
            raise
        self._states.forget(begun)
        return upload

    def _how_to_go_on(self, begun: Unfinished) -> str:
        upload_id = begun.upload_id
        if self._states.has(begun):
            continues = f"`{PROGRAM} resume` or the same command again continues it"
        elif begun.method == "multipart":
            continues = f"`{PROGRAM} resume {shlex.quote(begun.source.name)} --id {upload_id}` continues it"
        else:
            continues = "it cannot be continued, because its state is not stored"
        return f"Upload {upload_id} is not finished: {continues}, `{PROGRAM} abort {upload_id}` ends it."


def _is_final(error: BaseException, method: str) -> bool:
    """Whether no later attempt can complete the upload: the file is another one, or S3 refuses the whole of it."""
    if isinstance(error, FileChanged):
        return True
    return method != "multipart" and (
        isinstance(error, OSError) or (isinstance(error, S3Refused) and not error.is_transient)
    )
