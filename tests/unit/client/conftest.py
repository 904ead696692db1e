import io
import json
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from client import Portage, TransferConfig
from client.__main__ import main
from client.retry import OnError, ignore
from client.transport import CA_VARIABLES
from tests.support.client.contract_check import assert_kept_the_contract
from tests.support.client.fake_cognito import EMAIL, FakeCognito
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_server import FakeServer
from tests.support.client.multipart import PART, QUICK, Open, always


@pytest.fixture(autouse=True)
def _a_plain_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regardless of the proxies and authorities of this machine."""
    for name in (*CA_VARIABLES, "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _buffered_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """As users have them. Without buffers, Python writes nothing when it exits, where it would fail."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would have been slept between tries; nothing is."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server needs for HTTPS; this process and its children trust it for the time of the test."""
    authority, trusted = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "portage.localhost").configure_cert(context)
    return context


@pytest.fixture
def fake() -> Iterator[FakePortage]:
    with FakePortage() as running:
        yield running
    assert_kept_the_contract(running)


@pytest.fixture(params=["http", "https"])
def either(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> Iterator[FakePortage]:
    with FakePortage(tls if request.param == "https" else None) as running:
        yield running
    assert_kept_the_contract(running)


@pytest.fixture
def open_portage(fake: FakePortage, tmp_path: Path) -> Iterator[Open]:
    """Each device has a folder of its own for what it remembers."""
    opened: list[Portage] = []

    def open_one(
        tuning: TransferConfig = QUICK, device: str = "here", url: str = fake.url, on_error: OnError = ignore
    ) -> Portage:
        opened.append(Portage(url, "token", state_folder=tmp_path / device, config=tuning, on_error=on_error))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def later(fake: FakePortage, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass, on both sides."""
    passed = [0.0]
    for module in ("part_queue", "s3"):
        monkeypatch.setattr(f"client.transfer.{module}.monotonic", lambda: time.monotonic() + passed[0])

    def let_pass(seconds: float) -> None:
        passed[0] += seconds
        fake.clock_ahead_seconds += seconds

    return let_pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten parts, the last one short; no two are alike."""
    path = tmp_path / "film.mp4"
    path.write_bytes(b"".join(bytes([number]) * PART for number in range(9)) + b"end")
    return path


@pytest.fixture
def cognito() -> Iterator[FakeCognito]:
    with FakeCognito() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: FakePortage, cognito: FakeCognito) -> Path:
    """A working folder with the stack's outputs, and folders of the platform for nothing but this test."""
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.delenv("PORTAGE_CONFIG", raising=False)
    monkeypatch.setattr("client.retry.random.uniform", always(0.01))
    fake.id_format = "00000000-0000-7000-8000-{:012}"
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    outputs = {
        "apiUrl": fake.url,
        "userPoolId": "eu-west-1_x",
        "userPoolClientId": "client-1",
        "region": "eu-west-1",
        "cognitoEndpoint": cognito.url,
        "ingestBucket": "not-of-interest",
    }
    (work / "portage.json").write_text(json.dumps(outputs))
    return work


@pytest.fixture
def signed_in(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setattr(sys, "stdin", io.StringIO("right\n"))
    assert main(["login", "--email", EMAIL, "--password-stdin"]) == 0
    capsys.readouterr()
    return home
