"""docs/benchmarks.md: the table, the machine and the method."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import FULL
from benchmarks.fairness import CONSUMERS, FEW, JOB_SECONDS
from benchmarks.machine import facts
from benchmarks.table import Row, as_markdown

_DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

_METHOD = f"""\
Each of our figures is compared with a named peer, measured alternately in the same run, so that other load on the
machine affects both. Figures are medians of the rounds ({FULL.signing_rounds} of signing, {FULL.start_rounds} of
starts, {FULL.transfer_rounds} of transfers, after one round that is discarded). A ratio is that of the medians, with
the minimum and maximum of a round in brackets.

**Signing**: a role's credentials with a session token of 900 characters; boto3 with `signature_version="s3v4"` and
without awscrt. Both sign the same headers.

**Functions**: a process with the code, the handler and the environment that the stack `dev` deploys, compiled to
bytecode, under `awslambdaric` with a runtime API of the benchmark's own, from the start of the process to its first
response's arrival. AWS is a local server that answers at once: by https, as AWS does, and by http, for what is left
without TLS. Our functions trust the file that they ship, with Amazon's root certificates and the local server's; boto3
reads all the authorities that a machine has. The peer of `create_upload` makes boto3's clients when it is imported,
asks DynamoDB how many uploads are open, records the upload and presigns its URL. The empty handler calls no service,
whereas `sign_parts` first reads its key from Secrets Manager.

**Sending**: {FULL.transfer_bytes // 1024**2} MiB in parts of 16 MiB over 8 connections to one process of Debian's nginx
on loopback, which receives each part into a file. CPU is user and system time of the client's process alone, from the
moment when its modules are imported, for curl from its start. curl sends files of 16 MiB, all by one process
(`--parallel`). Memory is the peak of resident memory above its value before.

**Verification**: an object of the same size, by https from nginx, compared with a declared SHA-256 that the server
does not know; boto3 reads in chunks of the same size as we do, 1 MiB.

**Fairness**: {FEW} events of one owner come when {FULL.flood:,} of another are in the queue, once in message groups by
`group_arrivals`, and once without, and {CONSUMERS} consumers work {JOB_SECONDS * 1000:.0f} ms on each. The wait is from
sending until a consumer receives, the median of the {FEW}; {FULL.fairness_rounds} rounds. The queue is the embedded
AWS's, which delivers in the order that the SQS developer guide documents: AWS itself was not measured.
"""


def write_document(rows: Iterable[Row]) -> Path:
    """Write the document, and return its path."""
    on = "".join(f"- {what}: {which}\n" for what, which in facts().items())
    _DOCUMENT.write_text(
        "# Benchmarks\n\n"
        "Written by `make bench`. A goal is a limit that the project sets itself.\n\n"
        f"{as_markdown(rows)}\n## Measured on\n\n{on}\n## How\n\n{_METHOD}"
    )
    return _DOCUMENT
