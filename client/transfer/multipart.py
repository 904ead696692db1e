"""Sends a file in parts, and completes the upload."""

from collections.abc import Sequence
from http import HTTPStatus

from ..api.models import ENDED_EARLY, HeldParts, PartPlan, Upload
from ..api.uploads import UploadsApi
from ..errors import ApiProblem, PartsDiffer, S3Refused, UploadEnded
from .config import OnProgress, Progress, TransferConfig
from .part_queue import Job, PartQueue
from .state import SentParts
from .worker_pool import Concurrency, WorkerPool

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})


class MultipartUpload:
    """Sends the parts of one upload to S3, also while another device does, and completes it."""

    def __init__(
        self, api: UploadsApi, job: Job, sent: SentParts, config: TransferConfig, on_progress: OnProgress | None
    ) -> None:
        self._api = api
        self._job = job
        self._sent = sent
        self._config = config
        self._on_progress = on_progress
        self._concurrency = Concurrency(config.first_connections, config.most_connections, config.window_seconds)

    def start(self, plan: PartPlan) -> Upload:
        """Send a new upload. S3 has no part of it yet."""
        return self._finish(HeldParts(plan, {}), from_the_end=False)

    def resume(self, held: HeldParts) -> Upload:
        """Send the missing parts. Starts at the end, because another device may be sending from the beginning."""
        return self._finish(held, from_the_end=True)

    def _finish(self, held: HeldParts, *, from_the_end: bool) -> Upload:
        """Send until S3 has all parts of this file. A part that cannot be compared is sent again."""
        job, api = self._job, self._api
        lacking = job.lacking(held)
        try:
            for _ in range(self._config.rounds):
                self._send(held.plan, lacking, from_the_end=from_the_end)
                held = api.held_parts(job.upload_id)
                lacking = self._lacking_or_foreign(held)
                if not lacking:
                    job.source.check()
                    return api.complete(job.upload_id)
        except (S3Refused, ApiProblem) as refused:
            return completed_elsewhere(api, job.upload_id, refused)
        raise PartsDiffer(
            f"part {lacking[0]} of upload {job.upload_id} at S3 differs from the part that this device sent: a second "
            "device sends other bytes to the same upload or, without a checksum, bytes that cannot be compared. Let "
            "one device finish, or abort the upload and upload the file again"
        )

    def _lacking_or_foreign(self, held: HeldParts) -> list[int]:
        """Return the parts that are missing at S3, or may hold other bytes than the file.

        Parts that this machine has not sent are compared by their checksum if the file was declared with one, otherwise
        by MD5. An ETag is the MD5 unless S3 encrypts with a KMS key. Source: Amazon S3 API reference, "Object". So if
        the first comparison fails, no further part is compared.
        """
        job = self._job
        lacking, known = set(job.lacking(held)), self._sent.all()
        are_md5s: bool | None = None
        foreign: list[int] = []
        for number in range(1, job.part_count + 1):
            if number in lacking or (number, held.parts[number].etag) in known:
                continue
            part = held.parts[number]
            if job.checksum is not None:
                is_same = job.checksums([number]) == [part.checksum]
            elif are_md5s is False:
                is_same = False
            else:
                is_same = part.etag.strip('"') == job.source.md5(job.offset(number), job.length(number))
                are_md5s = are_md5s or is_same
            if is_same:
                self._sent.note(number, part.etag)
            else:
                foreign.append(number)
        return sorted([*lacking, *foreign])

    def _send(self, plan: PartPlan, lacking: Sequence[int], *, from_the_end: bool) -> None:
        job = self._job
        sent_before = job.source.size_bytes - sum(map(job.length, lacking))
        queue = PartQueue(self._api, job, plan, lacking, self._config, from_the_end=from_the_end)
        workers = WorkerPool(queue, self._sent, self._config, self._concurrency, trust=self._api.http.trust)

        def report() -> None:
            if self._on_progress is not None:
                elsewhere = queue.sent_elsewhere
                self._on_progress(
                    Progress(
                        upload_id=job.upload_id,
                        sent_bytes=sent_before + workers.sent_bytes + sum(map(job.length, elsewhere)),
                        total_bytes=job.source.size_bytes,
                        sent_parts=job.part_count - len(lacking) + workers.sent_parts + len(elsewhere),
                        part_count=job.part_count,
                        connections=workers.connections,
                    )
                )

        workers.run(report)


def completed_elsewhere(api: UploadsApi, upload_id: str, refused: S3Refused | ApiProblem) -> Upload:
    """Return the upload if another request completed it. Otherwise raises the reason why it accepts no more parts."""
    if refused.status not in _GONE or (isinstance(refused, S3Refused) and refused.code != "NoSuchUpload"):
        raise refused
    try:
        upload = api.get(upload_id)
    except ApiProblem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        raise UploadEnded(upload_id, "unknown") from refused
    if upload.status in ENDED_EARLY:
        raise UploadEnded(upload_id, upload.status) from refused
    if upload.status != "pending":
        return upload
    if isinstance(refused, ApiProblem) and not refused.is_over:
        raise refused
    try:
        return api.complete(upload_id)  # S3 may have completed it, and its event has not arrived
    except ApiProblem as problem:
        if not problem.is_over:
            raise
        ended = UploadEnded(upload_id, "expired")  # or S3 has deleted the old parts
        ended.add_note(problem.detail)
        raise ended from problem
