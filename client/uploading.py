"""Uploads one file: declares it, sends it, stores its state for resuming, and aborts it if it cannot be completed."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from client.api import UploadsApi
from client.declaration import Declaration
from client.errors import ApiProblem, FileChanged, PortageError, UploadEnded
from client.models import ENDED_EARLY, CreatedUpload, PartPlan, Upload
from client.multipart import PartsTransfer, completed_elsewhere
from client.part_queue import Job
from client.progress import OnProgress, Progress
from client.source import SourceFile
from client.state import StateFolder, Unfinished
from client.transfer import send_with_retries
from client.tuning import Tuning


class Uploading:
    """Sends files to S3 with the method that the API chooses."""

    def __init__(self, api: UploadsApi, states: StateFolder, tuning: Tuning, on_progress: OnProgress | None) -> None:
        self._api = api
        self._states = states
        self._tuning = tuning
        self._on_progress = on_progress

    def begin(self, declaration: Declaration) -> Upload:
        """Declare a file and send it."""
        source = declaration.source
        checksum = source.checksum(declaration.checksum) if declaration.checksum is not None else None
        key = str(uuid.uuid4())

        def declare() -> CreatedUpload:
            return self._api.create(
                declaration.file_name,
                declaration.content_type,
                source.size_bytes,
                checksum=checksum,
                method=declaration.method,
                idempotency_key=key,
            )

        created = declare()
        plan = created.parts
        if plan is None:
            return self._send_whole(created, source, declare)
        begun = Unfinished(created.upload_id, self._api.url, source, declaration.checksum)
        self._states.keep(begun)
        return self._finish(begun, lambda: self._transfer(begun, plan).start(plan))

    def go_on(self, begun: Unfinished) -> Upload:
        """Send the missing parts of an upload. Raises UploadEnded if it accepts no more bytes and is not complete.

        If the file has changed or is missing, the upload stays open, because the file may be restored.
        """
        try:
            held = self._api.held_parts(begun.upload_id)
        except ApiProblem as problem:
            refused = problem
            return self._finish(begun, lambda: completed_elsewhere(self._api, begun.upload_id, refused))
        try:
            source = SourceFile.at(begun.source.path)
            begun.source.check()
        except (FileChanged, OSError) as error:
            error.add_note(
                f"Upload {begun.upload_id} was started with this file: restore the file and resume the upload, or "
                "abort the upload."
            )
            raise
        begun = replace(begun, source=source, checksum=held.plan.checksum_algorithm)
        self._states.keep(begun)
        return self._finish(begun, lambda: self._transfer(begun, held.plan).resume(held))

    def _send_whole(self, created: CreatedUpload, source: SourceFile, declare: Callable[[], CreatedUpload]) -> Upload:
        def report(sent: int) -> None:
            if self._on_progress is not None:
                sent_parts = int(sent == source.size_bytes)
                self._on_progress(Progress(created.upload_id, sent, source.size_bytes, sent_parts, 1, 1))

        def declare_again() -> CreatedUpload | None:
            try:
                return declare()
            except ApiProblem as problem:
                if problem.upload_status is None:
                    raise
                if problem.upload_status in ENDED_EARLY:
                    raise UploadEnded(created.upload_id, problem.upload_status) from problem
                return None

        try:
            send_with_retries(created, source, declare_again, self._tuning.backoff, report)
        except (FileChanged, OSError) as error:
            self._abort(created.upload_id, error)
            raise
        return self._api.get(created.upload_id)

    def _transfer(self, begun: Unfinished, plan: PartPlan) -> PartsTransfer:
        job = Job.of(begun.upload_id, begun.source, plan)
        return PartsTransfer(self._api, job, self._states.sent_parts(begun), self._tuning, self._on_progress)

    def _finish(self, begun: Unfinished, send: Callable[[], Upload]) -> Upload:
        """Delete the stored state of an upload that ended. After other errors it can be resumed."""
        try:
            upload = send()
        except FileChanged as changed:
            self._abort(begun.upload_id, changed)
            self._states.forget(begun)
            raise
        except UploadEnded as ended:
            self._states.forget(begun)
            ended.add_note("Its state on this machine is deleted.")
            raise
        self._states.forget(begun)
        return upload

    def _abort(self, upload_id: str, error: FileChanged | OSError) -> None:
        """Abort an upload that cannot be completed. Adds a note to the error if that fails."""
        try:
            self._api.abort(upload_id)
        except PortageError as problem:
            error.add_note(f"Upload {upload_id} could not be aborted, although it cannot be completed: {problem}")
