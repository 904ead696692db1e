"""Sends one file to nginx in parts, with our client or boto3, and prints CPU time, time and memory.

Runs in a separate process, so that its CPU time and memory include nothing else. Measures after all imports.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.memory import Memory

MEBIBYTE = 1024**2
PART_BYTES = 16 * MEBIBYTE
CONNECTIONS = 8


def sending_by_portage(server: str, path: Path) -> Callable[[], object]:
    """Return a function that sends the file with our client."""
    from client import Portage, TransferConfig  # noqa: PLC0415 - memory must not include the other client

    def send() -> None:
        tuning = TransferConfig(first_connections=CONNECTIONS, most_connections=CONNECTIONS)
        with (
            tempfile.TemporaryDirectory() as folder,
            Portage(f"{server}/api", "token", state_folder=Path(folder), config=tuning) as portage,
        ):
            portage.upload(path)

    return send


def sending_by_boto3(server: str, path: Path) -> Callable[[], object]:
    """Return a function that sends the file with boto3's TransferManager."""
    import boto3  # noqa: PLC0415 - as above
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - as above
    from botocore.config import Config  # noqa: PLC0415 - as above

    client = boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=server,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x" * 40,
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=CONNECTIONS),
    )
    parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=CONNECTIONS)
    return lambda: client.upload_file(str(path), "bucket", "key", Config=parts)


def main() -> None:
    """Send, and print CPU seconds, seconds and bytes of memory."""
    name, server, file = sys.argv[1:]
    send = {"portage": sending_by_portage, "boto3": sending_by_boto3}[name](server, Path(file))
    memory = Memory.now()
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    send()
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    json.dump({"cpu_seconds": cpu, "seconds": seconds, "grown_bytes": memory.growth_bytes()}, sys.stdout)


if __name__ == "__main__":
    main()
