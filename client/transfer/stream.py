"""Uploads a stream, such as standard input. It cannot be read again, so an upload that does not succeed is aborted."""

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager

from ..api.models import Checksum, CreatedUpload, PartPlan, Upload
from ..api.uploads import UploadsApi
from ..errors import PROGRAM, ApiProblem, PortageError, UnexpectedAnswer, UploadEnded, WrongDeclaration
from .config import Concurrency, OnProgress, Progress, TransferConfig
from .declaration import Declaration
from .ends import abort
from .part_queue import check_plan
from .single_request import send_at_once
from .source import HeldBytes
from .stream_queue import Readable, Stream, StreamQueue
from .worker_pool import WorkerPool


class StreamUploader:
    """Declares streams and sends them."""

    def __init__(self, api: UploadsApi, config: TransferConfig, on_progress: OnProgress | None) -> None:
        self._api = api
        self._config = config
        self._on_progress = on_progress

    def send_whole(self, declaration: Declaration, head: HeldBytes) -> Upload:
        """Send a stream that is in memory, with the method that the API chooses."""
        checksum = head.checksum(declaration.checksum) if declaration.checksum else None
        declare = self._declaring(declaration, head.size_bytes, checksum, declaration.method)
        created = declare()
        if created.parts is not None:
            return self._send_parts(created.upload_id, created.parts, Stream(head, None), None)
        with self._aborted_on_error(created.upload_id):
            send_at_once(
                created,
                head,
                declare,
                config=self._config,
                trust=self._api.http.trust,
                on_progress=self._on_progress,
                on_error=self._api.on_error,
            )
        return self._stored(created.upload_id)

    def send(self, declaration: Declaration, head: HeldBytes, rest: Readable) -> Upload:
        """Send a stream in parts while it is read. Its size, and checksum, are declared at the end."""
        if declaration.method not in {None, "multipart"}:
            raise WrongDeclaration(
                f"{head.name} has {head.size_bytes} bytes or more, so its size is not known before its end: leave out "
                f"the method {declaration.method}"
            )
        created = self._declaring(declaration, None, None, "multipart")()
        with self._aborted_on_error(created.upload_id):
            if created.parts is None or created.parts.max_size_bytes is None:
                raise UnexpectedAnswer(f"upload {created.upload_id} has no plan of parts for an unknown size")
        return self._send_parts(created.upload_id, created.parts, Stream(head, rest), declaration.checksum)

    def _declaring(
        self, declaration: Declaration, size_bytes: int | None, checksum: Checksum | None, method: str | None
    ) -> Callable[[], CreatedUpload]:
        """Return a function that declares the stream, and returns the same upload when it is called again."""
        key = str(uuid.uuid4())
        return lambda: self._api.create(
            declaration.file_name,
            declaration.content_type,
            size_bytes,
            checksum=checksum,
            method=method,
            idempotency_key=key,
        )

    def _send_parts(self, upload_id: str, plan: PartPlan, stream: Stream, checksum: str | None) -> Upload:
        with self._aborted_on_error(upload_id):
            queue = self._sent_parts(upload_id, plan, stream, checksum)
        is_late = plan.max_size_bytes is not None
        try:
            return self._api.complete(
                upload_id,
                size_bytes=queue.size_bytes if is_late else None,
                checksum=queue.checksum if is_late else None,
            )
        except BaseException as error:
            is_refused = isinstance(error, ApiProblem) and not error.is_transient
            if is_refused or not isinstance(error, PortageError):
                abort(self._api, upload_id, error)
            else:  # S3 may have made the object, and nobody can send its bytes again
                error.add_note(
                    f"S3 has all bytes of upload {upload_id}, so it stays: `{PROGRAM} status {upload_id}` shows "
                    f"whether it is stored. If it stays pending, `{PROGRAM} abort {upload_id}` ends it."
                )
            raise

    def _sent_parts(self, upload_id: str, plan: PartPlan, stream: Stream, checksum: str | None) -> StreamQueue:
        check_plan(upload_id, plan)
        config = self._config
        queue = StreamQueue(self._api, upload_id, plan, stream, config=config, checksum=checksum)
        most = max(1, config.stream_memory_bytes // plan.part_size_bytes - 1)  # one part is being read
        concurrency = Concurrency(config.first_connections, min(config.most_connections, most), config.window_seconds)
        workers = WorkerPool(
            queue, queue.memory, config, concurrency, trust=self._api.http.trust, on_error=self._api.on_error
        )

        def report() -> None:
            if self._on_progress is not None:
                self._on_progress(
                    Progress(
                        upload_id,
                        sent_bytes=workers.sent_bytes,
                        total_bytes=queue.size_bytes,
                        sent_parts=workers.sent_parts,
                        part_count=queue.part_count,
                        connections=workers.connections,
                    )
                )

        queue.start()
        workers.run(report)
        queue.check()
        return queue

    def _stored(self, upload_id: str) -> Upload:
        """Return the state of an upload that S3 has stored. An error of this request must not abort it."""
        try:
            return self._api.get(upload_id)
        except BaseException as error:
            error.add_note(f"S3 has stored upload {upload_id}, so it stays: `{PROGRAM} status {upload_id}` shows it.")
            raise

    @contextmanager
    def _aborted_on_error(self, upload_id: str) -> Generator[None]:
        try:
            yield
        except UploadEnded:
            raise
        except BaseException as error:
            abort(self._api, upload_id, error)
            raise


def read_head(stream: Readable, most: int) -> HeldBytes:
    """Read a stream to its end, or up to a number of bytes."""
    content = bytearray(most)
    count = Stream(HeldBytes(b"", ""), stream).read_into(memoryview(content))
    return HeldBytes(content if count == most else content[:count], "standard input")
