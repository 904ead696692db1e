"""The embedded AWS: MiniStack in a child process that ends with its parent.

It listens on a loopback port, stores everything in one temporary folder, and enforces IAM for every user.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import PROJECT_DIR
from local.emulator.clients import Clients, Credentials

DEFAULT_REGION = "us-east-1"

_HOST = "127.0.0.1"
_ACCOUNT_ID = "000000000000"
_READY_SECONDS = 30.0
_STOP_SECONDS = 5.0
_LOG_TAIL_LINES = 30
_OPERATOR = "portage-operator"
_OPERATOR_POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


class EmulatorError(RuntimeError):
    """The embedded AWS did not start; the message ends with its log's last lines."""


# MiniStack checks neither policies nor signatures for these keys. They cannot be replaced: its setting
# AWS_ACCESS_KEY_ID only adds another root key.
_ROOT_KEYS = Credentials("test", "test")


class Emulator:
    """A running MiniStack, from `start()` or `with` until `stop()`; the attributes are set by `start()`."""

    endpoint: str
    """Every service's address, `http://127.0.0.1:PORT`."""
    region: str
    account_id: str
    operator: Credentials
    """An IAM user with all permissions. IAM checks each of their calls, unlike those with root keys."""
    data_dir: Path
    """Temporary: has the log, the objects and the functions' code. `stop()` deletes it."""
    log_path: Path

    def __init__(self, region: str = DEFAULT_REGION) -> None:
        self.region = region
        self.account_id = _ACCOUNT_ID
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: Clients | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start MiniStack and wait until it answers; EmulatorError if it does not."""
        if self._process is not None:
            raise EmulatorError(f"the emulator already runs at {self.endpoint}: stop() it before start()")
        self.data_dir = Path(tempfile.mkdtemp(prefix="portage-aws-"))
        self.log_path = self.data_dir / "ministack.log"
        try:
            self._spawn()
            self._await_ready()
            self.operator = self._create_operator()
            self._clients = Clients(self.endpoint, self.region, self.operator)
        except BaseException:  # also Ctrl-C: no process may be left
            self.stop()
            raise

    def stop(self) -> None:
        """End MiniStack with all its Lambda workers and delete its data; a second call does nothing."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        clients, self._clients = self._clients, None
        if clients is not None:
            clients.close()
        if hasattr(self, "data_dir"):
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def client(self, service: str) -> Any:
        """Return the operator's boto3 client of a service (`s3`, `lambda`, ...), one for all threads."""
        if self._clients is None:
            raise EmulatorError("the emulator does not run: start() it first")
        return self._clients(service)

    def _spawn(self) -> None:
        """Pass the child a socket that listens already, so that no other process can take the port."""
        with socket.create_server((_HOST, 0)) as listener, self.log_path.open("wb") as log:
            port = listener.getsockname()[1]
            self.endpoint = f"http://{_HOST}:{port}"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.emulator", str(listener.fileno()), str(self.data_dir)],
                cwd=PROJECT_DIR,
                env=self._environment(port),
                stdin=subprocess.PIPE,  # never written to: its end shows the child that this process has ended
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C in a terminal then reaches only this process, which stops the child
            )

    def _environment(self, port: int) -> dict[str, str]:
        """Return a new environment, because MiniStack and its functions read many variables that may be set here."""
        inherited = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
        return {name: os.environ[name] for name in inherited if name in os.environ} | {
            "AUTH": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "DOCKER_HOST": f"unix://{self.data_dir}/no-docker.sock",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": self.account_id,
            "MINISTACK_HOST": _HOST,
            "MINISTACK_REGION": self.region,
            "S3_DATA_DIR": str(self.data_dir / "s3"),
            "S3_PERSIST": "1",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(self.data_dir / "state"),
            "TMPDIR": str(self.data_dir),
        }

    def _await_ready(self) -> None:
        """Send one request: the socket queues it until MiniStack answers, and is closed if MiniStack ends."""
        connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=_READY_SECONDS)
        try:
            connection.request("GET", "/_ministack/health")
            status = connection.getresponse().status
        except TimeoutError as error:
            raise self._failure(f"did not answer within {_READY_SECONDS:.0f} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._failure("ended while it started") from error
        finally:
            connection.close()
        if status != http.HTTPStatus.OK:
            raise self._failure(f"answered its health check with {status}")

    def _failure(self, what: str) -> EmulatorError:
        lines = self.log_path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return EmulatorError("\n".join([f"the embedded AWS {what}; the end of its log:", *lines]))

    def _create_operator(self) -> Credentials:
        root = Clients(self.endpoint, self.region, _ROOT_KEYS)
        iam = root("iam")
        iam.create_user(UserName=_OPERATOR)
        iam.put_user_policy(UserName=_OPERATOR, PolicyName="everything", PolicyDocument=_OPERATOR_POLICY)
        key = iam.create_access_key(UserName=_OPERATOR)["AccessKey"]
        root.close()
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError, PermissionError):  # the group is empty
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
