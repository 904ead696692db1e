"""Sending a file in parts, and making them one object."""

import time
from collections.abc import Sequence
from http import HTTPStatus

from client.api import UploadsApi
from client.concurrency import Concurrency
from client.errors import ApiProblem, PartsDiffer, S3Refused, UploadEnded
from client.models import HeldParts, PartPlan, Upload
from client.progress import OnProgress, Progress
from client.retry import patiently
from client.state import SentParts
from client.tuning import Tuning
from client.workers import Crew
from client.worklist import Job, Worklist

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})


class PartsTransfer:
    """Brings one upload's parts to S3, whoever else does the same, and completes it."""

    def __init__(
        self, api: UploadsApi, job: Job, sent: SentParts, tuning: Tuning, on_progress: OnProgress | None
    ) -> None:
        self._api = api
        self._job = job
        self._sent = sent
        self._tuning = tuning
        self._on_progress = on_progress
        self._concurrency = Concurrency(tuning.first_connections, tuning.most_connections, tuning.window_seconds)

    def start(self, plan: PartPlan) -> Upload:
        """Send a new upload, of which S3 has nothing yet."""
        return self._finish(HeldParts(plan, {}), from_the_end=False)

    def resume(self, held: HeldParts) -> Upload:
        """Send what S3 lacks; from the end, because a device that still sends goes from the beginning."""
        return self._finish(held, from_the_end=True)

    def _finish(self, held: HeldParts, *, from_the_end: bool) -> Upload:
        """Send until S3 has all as the file has it: a part that cannot be compared is sent."""
        job, api = self._job, self._api
        lacking = job.lacking(held)
        try:
            for _ in range(self._tuning.rounds):
                self._send(held.plan, lacking, from_the_end=from_the_end)
                held = patiently(lambda: api.held_parts(job.upload_id), self._tuning.backoff, time.sleep)
                lacking = self._lacking_or_foreign(held)
                if not lacking:
                    job.source.check()
                    return patiently(lambda: api.complete(job.upload_id), self._tuning.backoff, time.sleep)
        except (S3Refused, ApiProblem) as refused:
            return taken_already(api, job.upload_id, refused)
        raise PartsDiffer(
            f"S3 has part {lacking[0]} of upload {job.upload_id} otherwise than this device sent it: a second device "
            "sends to the same upload, other bytes or, without a checksum, bytes that cannot be compared. Let one "
            "device finish, or abort the upload and send the file anew"
        )

    def _lacking_or_foreign(self, held: HeldParts) -> list[int]:
        """Return the parts that S3 lacks, or that are not known to hold the file's bytes.

        What this machine has not sent is compared by checksum where the file was declared with one, else by MD5. An
        ETag is that of the bytes unless S3 encrypts by a KMS key: what is behind an ETag is not to be known then.
        Source: Amazon S3 API reference, "Object". So one comparison in vain ends them all, until one has succeeded.
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
        work = Worklist(self._api, job, plan, lacking, self._tuning, from_the_end=from_the_end)
        crew = Crew(work, job.source, self._sent, self._tuning, self._concurrency)

        def tell() -> None:
            if self._on_progress is not None:
                elsewhere = work.sent_elsewhere
                self._on_progress(
                    Progress(
                        upload_id=job.upload_id,
                        sent_bytes=sent_before + crew.sent_bytes + sum(map(job.length, elsewhere)),
                        total_bytes=job.source.size_bytes,
                        sent_parts=job.part_count - len(lacking) + crew.sent_parts + len(elsewhere),
                        part_count=job.part_count,
                        connections=crew.connections,
                    )
                )

        crew.run(tell)


def taken_already(api: UploadsApi, upload_id: str, refused: S3Refused | ApiProblem) -> Upload:
    """Return the upload if it is complete, by whomever; else raise why it takes no more parts."""
    if refused.status not in _GONE or (isinstance(refused, S3Refused) and refused.code != "NoSuchUpload"):
        raise refused
    try:
        upload = api.get(upload_id)
    except ApiProblem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        raise UploadEnded(upload_id, "unknown") from refused
    if upload.status == "aborted":
        raise UploadEnded(upload_id, upload.status) from refused
    if upload.status != "pending":
        return upload
    if isinstance(refused, ApiProblem) and not is_over(refused):
        raise refused
    try:
        return api.complete(upload_id)  # S3 has completed it already, and the event of that is under way
    except ApiProblem as problem:
        if not is_over(problem):
            raise
        ended = UploadEnded(upload_id, "expired")  # or has given the parts up for their age
        ended.add_note(problem.detail)
        raise ended from problem


def is_over(problem: ApiProblem) -> bool:
    """Whether the API says that the upload takes no more bytes, or that there is none."""
    return problem.type.endswith(("not-open", "upload-not-found"))
