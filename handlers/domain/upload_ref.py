"""What names an upload, and its keys in S3 and the table. The function that signs parts needs no more of an upload."""

from typing import Annotated, NamedTuple, Self
from zlib import crc32

from handlers.domain.errors import UnknownUpload
from handlers.domain.fields import public

OBJECT_PREFIX = "uploads/"
RESULT_PREFIX = "results/"

STEP_RESULT_PREFIX = "steps/"
"""Of what the processors of a workflow return, until the upload's result is recorded."""

UPLOAD_ID_PATTERN = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""A UUID in lower case with hyphens, as UploadIds writes it."""

OPEN_SHARDS = 8
"""Partitions of the index of open uploads: one alone would cap the whole system at 1,000 writes a second."""


class UploadRef(NamedTuple):
    """Names one upload. The owner is part of the key, so nobody can name another owner's upload."""

    owner: str
    upload_id: Annotated[str, public("Names the upload; a UUID")]

    @property
    def object_key(self) -> str:
        """Where the bytes go. A user's file name is data, never part of a key."""
        return f"{OBJECT_PREFIX}{self.owner}/{self.upload_id}"

    @property
    def result_key(self) -> str:
        """Where the processor's result goes."""
        return f"{RESULT_PREFIX}{self.owner}/{self.upload_id}.json"

    def step_result_key(self, run_id: str, processor: str) -> str:
        """Where the result of one processor of a workflow goes. Each run has its own."""
        return f"{STEP_RESULT_PREFIX}{self.owner}/{self.upload_id}/{run_id}/{processor}.json"

    def records_prefix(self, run_id: str) -> str:
        """Where the results of a file's batches of records go. Each run has its own."""
        return f"{RESULT_PREFIX}{self.owner}/{self.upload_id}/{run_id}"

    @property
    def open_shard(self) -> str:
        """The partition of the open-uploads index, stable for an upload."""
        return str(crc32(self.upload_id.encode()) % OPEN_SHARDS)

    @classmethod
    def from_object_key(cls, key: str) -> Self:
        """Reverse `object_key`; raises UnknownUpload for any other key."""
        match key.removeprefix(OBJECT_PREFIX).split("/"):
            case [owner, upload_id] if key.startswith(OBJECT_PREFIX) and owner and upload_id:
                return cls(owner, upload_id)
            case _:
                raise UnknownUpload(f"{key!r} is not of the form {OBJECT_PREFIX}{{owner}}/{{upload_id}}")
