"""Measurements in a separate process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.certificate import Certificate

_PROJECT = Path(__file__).resolve().parents[1]


def measured(module: str, *arguments: str, trusting: Certificate) -> dict[str, Any]:
    """Run a benchmark module in a process, and return the JSON that it prints."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(
        command, cwd=_PROJECT, env=os.environ | authorities(trusting), stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def authorities(certificate: Certificate) -> dict[str, str]:
    """Return the environment variables that make OpenSSL, boto3 and curl trust the certificate."""
    return dict.fromkeys(("SSL_CERT_FILE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(certificate.bundle))


def write_file(path: Path, size_bytes: int) -> None:
    """Write one random MiB repeatedly. The file is then in the page cache."""
    block = os.urandom(1024**2)
    with path.open("wb") as file:
        for _ in range(size_bytes // len(block)):
            file.write(block)
