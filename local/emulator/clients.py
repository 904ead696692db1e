"""Clients of the embedded AWS."""

import os
import threading
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.config import Config

_UNREAD_SETTINGS = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}


@dataclass(frozen=True)
class Credentials:
    """An IAM user's long-lived access key."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


class Clients:
    """One user's clients of the embedded AWS: one for each service, shared by all threads."""

    def __init__(self, endpoint: str, region: str, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._region = region
        self._credentials = credentials
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> Any:
        """Return the client of a service (`s3`, `lambda`, ...)."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make(service)
            return self._made[service]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()

    def _make(self, service: str) -> Any:
        """Make a client that ignores the AWS profiles, files and proxies of this machine."""
        unread = {name: (None, None, default, None) for name, default in _UNREAD_SETTINGS.items()}
        return botocore.session.Session(session_vars=unread).create_client(
            service,
            region_name=self._region,
            endpoint_url=self._endpoint,
            aws_access_key_id=self._credentials.access_key_id,
            aws_secret_access_key=self._credentials.secret_access_key,
            config=Config(
                proxies={},
                retries={"total_max_attempts": 2, "mode": "standard"},
                s3={"addressing_style": "path"},
                signature_version="s3v4" if service == "s3" else None,
            ),
        )
