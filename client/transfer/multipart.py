"""Sends a file in parts, and completes the upload."""

import time
from collections.abc import Sequence

from ..api.models import HeldParts, PartPlan, Upload
from ..api.uploads import UploadsApi
from ..errors import ApiProblem, PartsDiffer, S3Refused
from .config import Concurrency, OnProgress, Progress, TransferConfig
from .ends import completed_elsewhere
from .part_queue import Job, PartQueue
from .state import SentParts
from .worker_pool import WorkerPool

_OTHERS_SECONDS = 0.5


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
                held, lacking = self._compared()
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

    def _compared(self) -> tuple[HeldParts, list[int]]:
        """Return what S3 has, and the parts to send again. Waits for parts that another process is still sending."""
        while True:
            with self._sent.comparing() as is_alone:
                held, known = self._api.held_parts(self._job.upload_id), self._sent.all()
            lacking = self._job.lacking_or_foreign(held, known, self._sent.note)
            if is_alone or not lacking:
                return held, lacking
            time.sleep(_OTHERS_SECONDS)

    def _send(self, plan: PartPlan, lacking: Sequence[int], *, from_the_end: bool) -> None:
        job = self._job
        sent_before = job.source.size_bytes - sum(map(job.length, lacking))
        queue = PartQueue(self._api, job, plan, lacking, self._config, from_the_end=from_the_end)
        workers = WorkerPool(
            queue, self._sent, self._config, self._concurrency, trust=self._api.http.trust, on_error=self._api.on_error
        )

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
