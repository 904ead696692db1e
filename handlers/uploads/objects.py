"""Objects and results: with part_store.py the only code that speaks to S3."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1024**2
"""Read at a time: larger gains nothing (measured), and memory stays at one chunk."""


class ObjectStore:
    """Reads objects as streams and stores results as JSON."""

    def __init__(self, client: "S3Client", result_bucket: str) -> None:
        self._client = client
        self.result_bucket = result_bucket

    def chunks(self, bucket: str, key: str, version_id: str) -> Iterator[bytes]:
        """Stream exactly the version that the event announced: a later PUT cannot slip in between."""
        with closing(self._client.get_object(Bucket=bucket, Key=key, VersionId=version_id)["Body"]) as body:
            yield from body.iter_chunks(CHUNK_BYTES)

    def store_result(self, key: str, result: Mapping[str, Any]) -> None:
        """Store a result; the same job's retry overwrites it with its own."""
        if not isinstance(result, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - a team's code made it
            raise TypeError(f"The processor returned {type(result).__name__}, but must return a mapping.")
        body = json.dumps(dict(result), sort_keys=True, allow_nan=False).encode()
        self._client.put_object(Bucket=self.result_bucket, Key=key, Body=body, ContentType="application/json")
