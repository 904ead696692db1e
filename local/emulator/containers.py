"""Containers, as processes on this machine that run the entry point of the worker's image.

Each has the variables of its container, and temporary credentials of its role as its only ones.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.emulator import patching
from local.emulator.role_policies import account_and_name

_ENTRY_POINT = ("-m", "handlers.entries.worker")
"""As in Dockerfile."""

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")

RESTART_SECONDS = 0.5
"""Before a container that has ended is replaced, so that one that always fails does not take all of the CPU."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a container is started with."""

    image: Path
    """The folder in place of the image (images.py)."""
    role_arn: str
    session: str
    """Name of the role's session."""
    region: str
    variables: Mapping[str, str]
    temporary: Path
    """Its folder for temporary files. It is made."""


def start(container: Container) -> "subprocess.Popen[str]":
    """Start a container; its output is a pipe."""
    container.temporary.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, *_ENTRY_POINT],
        cwd=container.image,
        env={
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": container.region,
            "AWS_DEFAULT_REGION": container.region,
            "AWS_ENDPOINT_URL": endpoint(),
            "PYTHONDONTWRITEBYTECODE": "1",
            **role_credentials(container.role_arn, container.session),
            **container.variables,
            "TMPDIR": str(container.temporary),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def stop(process: "subprocess.Popen[str]", seconds: int) -> None:
    """Send SIGTERM, and SIGKILL after the seconds that the container has to stop."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()


def endpoint() -> str:
    """Return the address of the emulator, in its own process."""
    return f"http://{os.environ['MINISTACK_HOST']}:{os.environ['GATEWAY_PORT']}"


def role_credentials(role_arn: str, session: str) -> dict[str, str]:
    """Return a role's temporary credentials, as variables. MiniStack checks them as it does those of AssumeRole."""
    account, role = account_and_name(role_arn)
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    record = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "UserId": f"{role}:{session}",
        "SecretAccessKey": secret,
        "SessionToken": token,
    }
    patching.attribute("ministack.services.sts", "register_session")(key, record)
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
