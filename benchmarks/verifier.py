"""Reads one object from a server and compares its SHA-256, with our code or boto3.

Runs in a separate process, so that its memory includes nothing else.
"""

import base64
import hashlib
import json
import sys
import time
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.memory import Memory
from handlers.domain.declaration import Checksum, ChecksumAlgorithm, UploadRequest
from handlers.storage.objects import CHUNK_BYTES, ObjectStore, ObjectVersion
from handlers.use_cases.verification import verify

BUCKET, KEY = "files", "object"


def is_found_good_by_us(client: Any, size_bytes: int, sha256: str) -> bool:
    """Verify an upload with a declared checksum that S3 has not computed."""
    declared = UploadRequest(
        "object", "application/octet-stream", size_bytes, checksum=Checksum(ChecksumAlgorithm.SHA256, sha256)
    )
    version = ObjectVersion(BUCKET, KEY, "version")
    return verify(ObjectStore(client, "results"), version, declared, allowed_content_types=[]) is None


def is_found_good_by_boto3(client: Any, size_bytes: int, sha256: str) -> bool:
    """Read as in boto3's documentation, but in chunks of our size, because its default of 1 KiB is far slower."""
    digest, size = hashlib.sha256(), 0
    for chunk in client.get_object(Bucket=BUCKET, Key=KEY)["Body"].iter_chunks(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return size == size_bytes and base64.b64encode(digest.digest()).decode() == sha256


def main() -> None:
    """Verify, and print seconds and bytes of memory."""
    name, server, size, sha256 = sys.argv[1:]
    is_found_good = {"ours": is_found_good_by_us, "boto3": is_found_good_by_boto3}[name]
    client = boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=server,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x" * 40,
        config=Config(s3={"addressing_style": "path"}),
    )
    memory, begun = Memory.now(), time.perf_counter()
    if not is_found_good(client, int(size), sha256):
        raise AssertionError(f"{name} found that {server} does not serve {size} bytes with SHA-256 {sha256}.")
    json.dump({"seconds": time.perf_counter() - begun, "grown_bytes": memory.growth_bytes()}, sys.stdout)


if __name__ == "__main__":
    main()
