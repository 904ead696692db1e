"""The server for transfers: Debian's nginx, which receives bytes faster than any client sends them."""

import shutil
import socket
import subprocess
import time
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Self

from benchmarks.certificate import Certificate

_CACHE = Path(__file__).resolve().parents[1] / ".local" / "nginx"
_CONFIGURATION = Path(__file__).with_name("nginx.conf")
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0


class NoNginx(RuntimeError):
    """nginx is not installed and could not be downloaded."""


def find_nginx() -> Path:
    """Return the path of nginx: the installed one, or Debian's in .local. Raises NoNginx if there is none."""
    installed = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    program = Path(installed) if installed else _CACHE / "usr" / "sbin" / "nginx"
    if not program.exists():
        raise NoNginx("nginx is not installed or downloaded: run make bench on Debian or Ubuntu, or install it.")
    return program


def fetch_nginx() -> Path:
    """Download and unpack Debian's package without root. apt checks its hash. Raises NoNginx if that fails."""
    try:
        return find_nginx()
    except NoNginx:
        _CACHE.mkdir(parents=True, exist_ok=True)
    try:
        for command in (["apt-get", "download", "nginx"], ["sh", "-c", "exec dpkg -x nginx_*.deb ."]):
            subprocess.run(command, cwd=_CACHE, check=True, capture_output=True, text=True)
        subprocess.run([_CACHE / "usr/sbin/nginx", "-v"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(_CACHE)
        cause = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise NoNginx(f"nginx could not be downloaded ({cause}): install it, and run make bench again.") from error
    return find_nginx()


def version_of(program: Path) -> str:
    """Return its name and version, such as nginx/1.22.1."""
    output = subprocess.run([program, "-v"], check=True, capture_output=True, text=True).stderr
    return output.strip().rpartition(" ")[2]


class Nginx:
    """Runs nginx inside a `with` block. It receives parts as S3 does, and serves the files of a folder."""

    def __init__(self, folder: Path, certificate: Certificate) -> None:
        self._folder = folder
        self._certificate = certificate
        self.answers = folder / "answers"
        """The answers to all methods except GET, see nginx.conf."""
        self.files = folder / "files"
        """The bucket `files` for downloads."""

    def __enter__(self) -> Self:
        program = find_nginx()
        for folder in (self.answers, self.files):
            folder.mkdir(parents=True)
        http, https = _free_ports(2)
        self._addresses = {"http": f"http://127.0.0.1:{http}", "https": f"https://127.0.0.1:{https}"}
        text = Template(_CONFIGURATION.read_text()).substitute(
            http_port=http, https_port=https, pem=self._certificate.pem
        )
        (self._folder / "nginx.conf").write_text(text)
        # nginx opens answers.sock in its working folder, because a whole path can be too long for a socket.
        command = [program, "-p", self._folder, "-c", "nginx.conf", "-e", "error.log"]
        self._process = subprocess.Popen(command, cwd=self._folder)
        self._await_ready(http)
        return self

    def address(self, scheme: str) -> str:
        """Return the URL for http or https, without a path."""
        return self._addresses[scheme]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(_STOP_SECONDS)

    def _await_ready(self, port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self._process.kill()
        self._process.wait()
        raise NoNginx(f"nginx did not start: {(self._folder / 'error.log').read_text()}")


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


if __name__ == "__main__":
    try:
        fetch_nginx()
    except NoNginx as error:
        print(error)  # noqa: T201 - the benchmarks continue, and their table repeats it
