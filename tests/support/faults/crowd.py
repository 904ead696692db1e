"""Many uploads at once, and the count of how they ended."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from handlers.domain.upload import TERMINAL
from handlers.domain.upload_ref import OPEN_SHARDS
from handlers.storage.table import OPEN_INDEX, OPEN_INDEX_PARTITION_KEY
from local.emulator.patches.efs import FOLDER
from tests.support.deployment.system import Answer, System, User, put

_SENDERS = 8
_LOOK_SECONDS = 1.0
STALLED_SECONDS = 1_000.0
"""More than the longest wait: 900 seconds after a fourth try, or after a run that was killed without a lease."""
_RETRY_SECONDS = (0.5, 2.0, 8.0)
_SERVER_ERROR = 500


@dataclass(frozen=True)
class File:
    """One upload: who sends what under which name."""

    user: User
    name: str = "a.bin"
    content: bytes = b"12345"


@dataclass(frozen=True)
class Count:
    """How a case ended."""

    uploads: int
    completed: int
    failed: int
    rejected: int
    other: int
    """Aborted and expired."""
    stuck: int
    """Not terminal when none had ended for STALLED_SECONDS."""
    results: int
    """Completed uploads with their result."""
    duplicates: int
    """Results with another content before, or of an upload that is not completed."""
    seconds: float
    leftovers: int = 0
    """Folders of executions in the shared workspace, some time after all uploads have ended."""
    worker_mb: int = 0
    """The most that a worker process had in memory."""
    mb_at_start: int = 0
    """What the largest worker process had then; and so on."""
    mb_at_quarter: int = 0
    mb_at_half: int = 0
    mb_at_end: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every upload has ended, each completed one has one result, and no workflow has left files."""
        return self.stuck == self.duplicates == self.leftovers == 0 and self.results == self.completed


def send_all(system: System, files: Iterable[File]) -> list[str]:
    """Send files at the same time; returns the uploads' ids in the order of the files."""

    def send(file: File) -> str:
        return _send(system, file)

    with ThreadPoolExecutor(_SENDERS) as senders:
        return list(senders.map(send, files))


def _send(system: System, file: File) -> str:
    """Declare a file and send it, as the client does: a server's error is followed by the same request again."""
    body = {"file_name": file.name, "content_type": "application/octet-stream", "size_bytes": len(file.content)}
    key = {"Idempotency-Key": secrets.token_urlsafe(16)}
    answer = _tried_again(lambda: system.call("POST", "/uploads", body, token=file.user.token, headers=key))
    assert answer.status in {200, 201}, answer.text
    plan = answer.json
    sent = _tried_again(lambda: put(plan, file.content))
    assert sent.status == 200, sent.text
    return plan["upload_id"]


def _tried_again(request: Callable[[], Answer]) -> Answer:
    for wait in _RETRY_SECONDS:
        if (answer := request()).status < _SERVER_ERROR:
            return answer
        time.sleep(wait)
    return request()


def statuses(system: System, upload_ids: Iterable[str]) -> dict[str, str]:
    """Return the state of each upload, as the table has it."""
    wanted, found = set(upload_ids), dict[str, str]()
    pages = system.emulator.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=system.outputs["uploadsTable"], ConsistentRead=True):
        for item in page["Items"]:
            if "status" in item and (upload_id := item["upload_id"]["S"]) in wanted:
                found[upload_id] = item["status"]["S"]
    return found


def open_uploads(system: System) -> int:
    """Return how many uploads have not ended. The index of open uploads is small when a scan of the table is long."""
    database = system.emulator.client("dynamodb")
    return sum(
        page["Count"]
        for shard in range(OPEN_SHARDS)
        for page in database.get_paginator("query").paginate(
            TableName=system.outputs["uploadsTable"],
            IndexName=OPEN_INDEX,
            KeyConditionExpression=f"{OPEN_INDEX_PARTITION_KEY} = :shard",
            ExpressionAttributeValues={":shard": {"S": str(shard)}},
            Select="COUNT",
        )
    )


def await_at_most(most: int, left: Callable[[], int]) -> None:
    """Wait until so many are left; a machine's load does not matter, but the count has to change from time to time."""
    before, since = left(), time.monotonic()
    while before > most and time.monotonic() - since < STALLED_SECONDS:
        time.sleep(_LOOK_SECONDS)
        if (now := left()) != before:
            before, since = now, time.monotonic()


def count(system: System, upload_ids: list[str], began_at: float) -> Count:
    """Wait until all uploads have ended, and count."""
    await_at_most(0, lambda: open_uploads(system))
    await_at_most(0, lambda: _leftovers(system))
    found = statuses(system, upload_ids)
    took = time.monotonic() - began_at
    ended = Counter(found.get(upload_id, "lost") for upload_id in upload_ids)
    stored = _results(system, set(upload_ids))
    completed = {upload_id for upload_id, status in found.items() if status == "completed"}
    return Count(
        uploads=len(upload_ids),
        completed=ended["completed"],
        failed=ended["failed"],
        rejected=ended["rejected"],
        other=ended["aborted"] + ended["expired"],
        stuck=len(upload_ids) - sum(ended[status] for status in TERMINAL),
        results=len(completed & stored.keys()),
        duplicates=sum(len(contents) - 1 for contents in stored.values()) + len(stored.keys() - completed),
        seconds=round(took, 1),
        leftovers=_leftovers(system),
    )


def _leftovers(system: System) -> int:
    """Return how many executions have a folder in the shared workspace, if there is one."""
    file_systems = [each.id for each in system.deployment.resources if each.type == "aws:efs/fileSystem:FileSystem"]
    return sum(len(list((system.emulator.data_dir / FOLDER / each).glob("*/*"))) for each in file_systems)


def _results(system: System, upload_ids: set[str]) -> dict[str, set[str]]:
    """Return the contents that each upload's result ever had, as ETags.

    The same content can be stored twice, because a request is sent again if its answer is lost.
    """
    contents: dict[str, set[str]] = {}
    pages: Any = system.emulator.client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=system.outputs["resultsBucket"]):
        for each in page.get("Versions", []):
            upload_id = each["Key"].rpartition("/")[2].removesuffix(".json")
            if upload_id in upload_ids:
                contents.setdefault(upload_id, set()).add(each["ETag"])
    return contents
