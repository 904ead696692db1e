"""Streams one object from a server and hashes it, as we do or as boto3 does it.

A process of its own, so that nothing else is in its memory.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.memory import Memory
from handlers.uploads.objects import CHUNK_BYTES, ObjectStore

BUCKET, KEY = "files", "object"


def our_chunks(client: Any) -> Iterable[bytes]:
    """Read as the processing does."""
    return ObjectStore(client, "results").chunks(BUCKET, KEY, "version")


def boto3_chunks(client: Any) -> Iterable[bytes]:
    """Read as boto3's own documentation does, in chunks of our size: its default of 1 KiB is far slower."""
    return client.get_object(Bucket=BUCKET, Key=KEY)["Body"].iter_chunks(CHUNK_BYTES)


def main() -> None:
    """Read and hash, and print bytes, seconds, bytes of memory and the hash."""
    name, server = sys.argv[1:]
    chunks = {"ours": our_chunks, "boto3": boto3_chunks}[name]
    client = boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=server,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x" * 40,
        config=Config(s3={"addressing_style": "path"}),
    )
    memory, begun = Memory.now(), time.perf_counter()
    digest, size = hashlib.sha256(), 0
    for chunk in chunks(client):
        digest.update(chunk)
        size += len(chunk)
    seconds = time.perf_counter() - begun
    told = {"bytes": size, "seconds": seconds, "grown_bytes": memory.growth_bytes(), "sha256": digest.hexdigest()}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
