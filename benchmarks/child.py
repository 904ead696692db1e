"""Measurements that take a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.certificate import Certificate

_PROJECT = Path(__file__).resolve().parents[1]


def measured(module: str, *arguments: str, trusting: Certificate) -> dict[str, Any]:
    """Run one of our modules that measure themselves, and return what it printed."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(
        command, cwd=_PROJECT, env=os.environ | authorities(trusting), stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def authorities(certificate: Certificate) -> dict[str, str]:
    """Return the variables by which OpenSSL, boto3 and curl are told whom to trust."""
    return dict.fromkeys(("SSL_CERT_FILE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(certificate.bundle))


def write_file(path: Path, size_bytes: int) -> None:
    """Write bytes that no two of a MiB repeat, and leave them in the page cache."""
    block = os.urandom(1024**2)
    with path.open("wb") as file:
        for _ in range(size_bytes // len(block)):
            file.write(block)
