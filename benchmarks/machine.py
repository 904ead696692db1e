"""The machine and software of a measurement."""

import os
import platform
import re
import ssl
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.nginx import NoNginx, find_nginx, version_of

_LIBRARIES = ("boto3", "botocore", "awslambdaric", "urllib3")


def facts() -> dict[str, str]:
    """Return what the figures depend on, by name."""
    return {
        "machine": f"{os.cpu_count()} cores of {_processor()}, {platform.system()} {platform.machine()}",
        "Python": f"{platform.python_version()}, {' '.join(ssl.OPENSSL_VERSION.split()[:2])}",
        "libraries": ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES),
        "programs": f"{_curl()}, {_nginx()}",
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except FileNotFoundError:
        found = None
    return found[1] if found else platform.processor()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(none)"


def _curl() -> str:
    output = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    return " ".join(output.split()[:2])


def _nginx() -> str:
    try:
        return version_of(find_nginx())
    except NoNginx:
        return "no nginx"
