"""One connection serves many requests, and never mistakes a broken answer for a whole one."""

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import certifi
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws import http_connection as module
from handlers.aws.http_connection import Answer, BrokenAnswer, KeptConnection
from tests.support.aws.scripted_server import (
    Caller,
    ScriptedServer,
    Step,
    answer,
    raw,
    reset,
    scripted_server,
    silence,
)
from tests.support.each_case import each_case

HEADERS = {"Host": "example", "X-Name": "value"}


@contextmanager
def connected(*steps: Step, timeout: float = 60) -> Generator[tuple[ScriptedServer, KeptConnection]]:
    with scripted_server(*steps) as server:
        connection = KeptConnection(
            "127.0.0.1", server.port, tls=False, connect_timeout_seconds=timeout, read_timeout_seconds=timeout
        )
        try:
            yield server, connection
        finally:
            connection.close()


class TestARequest:
    def test_arrives_as_it_was_given(self) -> None:
        with connected(answer()) as (server, connection):
            connection.request("POST", "/", HEADERS, b"body\r\n\r\nbytes\x00\xff")

        (request,) = server.requests
        assert request.head == "POST / HTTP/1.1"
        assert request.headers == {**HEADERS, "Content-Length": "15"}
        assert request.body == b"body\r\n\r\nbytes\x00\xff"

    def test_goes_out_in_one_piece_at_once(self) -> None:
        with connected(answer()) as (_server, connection):
            connection.request("POST", "/", HEADERS, b"body")
            line = connection._socket  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            assert line is not None
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class TestAnAnswer:
    def test_has_status_headers_and_body(self) -> None:
        with connected(answer(b"text", status=400, headers=[("X-Amzn-RequestId", " A:b ")])) as (_server, connection):
            got = connection.request("POST", "/", HEADERS, b"")

        assert got == Answer(400, {"content-length": "4", "x-amzn-requestid": "A:b"}, b"text")

    @each_case(
        "body",
        [b"", b"x", b"\r\n\r\nHTTP/1.1 500 No\r\n", b"z" * 1_000_000],
    )
    def test_may_be_of_any_content_and_length(self, body: bytes) -> None:
        with connected(answer(body), answer(b"next")) as (_server, connection):
            assert connection.request("POST", "/", HEADERS, b"").body == body
            assert connection.request("POST", "/", HEADERS, b"").body == b"next"

    @given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.booleans())
    def test_may_come_in_chunks(self, chunks: list[bytes], trailers: bool) -> None:
        body = b"".join(b"%x;note=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        end = b"0\r\nX-Trailer: 1\r\n\r\n" if trailers else b"0\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        with connected(raw(head + body + end, keep=True), answer(b"next")) as (server, connection):
            assert connection.request("POST", "/", HEADERS, b"").body == b"".join(chunks)
            assert connection.request("POST", "/", HEADERS, b"").body == b"next"

        assert server.connections == 1

    def test_may_have_a_reason_or_none(self) -> None:
        with connected(raw(b"HTTP/1.1 204\r\ncontent-length: 0\r\n\r\n")) as (_server, connection):
            assert connection.request("POST", "/", HEADERS, b"").status == 204


class TestABrokenAnswer:
    @each_case(
        ("data", "message"),
        [
            (b"", "no answer came"),
            (b"HTTP/1.1 20", "ended with 'HTTP/1.1 20', within|ended with b'HTTP/1.1 20', within"),
            (b"HTTP/1.1 200 OK\r\nContent-Le", "ended with b'Content-Le'"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "after 3 of 5 bytes"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "after 3 of 5 bytes"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "no answer came"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "a chunk's length is 'xyz'"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "a chunk's length is '-1'"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "length is ''"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "length is '-1'"),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "begins with 'HTTP/1.0'"),
            (b"HTTP/1.1 OK\r\n\r\n", "begins with 'HTTP/1.1' 'OK'"),
            (b"\x15\x03\x01\x00\x02\x02\x16\r\n", "begins with"),
            (b"x" * 70_000, "within an answer's head"),
            (b"HTTP/1.1 200 OK\r\n" + b"".join(b"h%d: 1\r\n" % n for n in range(101)), "more than 100 headers"),
        ],
    )
    def test_is_told_and_not_returned(self, data: bytes, message: str) -> None:
        with connected(raw(data)) as (_server, connection), pytest.raises(BrokenAnswer, match=message):
            connection.request("POST", "/", HEADERS, b"body")

    @each_case(
        "broken",
        [raw(b""), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP"), reset],
    )
    def test_leaves_nothing_behind_for_the_next_request(self, broken: Step) -> None:
        with connected(broken, answer(b"next")) as (server, connection):
            with pytest.raises(ConnectionError):
                connection.request("POST", "/", HEADERS, b"first")
            assert connection.request("POST", "/", HEADERS, b"second").body == b"next"

        assert [(each.connection, each.body) for each in server.requests] == [(1, b"first"), (2, b"second")]

    def test_that_comes_too_late_is_not_taken_for_the_next_requests(self) -> None:
        def late(caller: Caller) -> bool:
            silence(caller)
            caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
            return True

        with connected(late, answer(b"next"), timeout=1) as (_server, connection):
            with pytest.raises(TimeoutError):
                connection.request("POST", "/", HEADERS, b"first")
            assert connection.request("POST", "/", HEADERS, b"second").body == b"next"


class TestTheConnection:
    def test_is_kept(self) -> None:
        with connected(*[answer()] * 5) as (server, connection):
            for _ in range(5):
                connection.request("POST", "/", HEADERS, b"")

        assert [each.connection for each in server.requests] == [1] * 5

    def test_is_opened_again_before_a_request_is_lost_on_one_that_the_server_has_closed(self) -> None:
        with connected(answer(keep=False), answer(b"second", keep=False), answer(b"third")) as (server, connection):
            for expected in (b"{}", b"second", b"third"):
                assert connection.request("POST", "/", HEADERS, b"").body == expected
                if expected != b"third":
                    assert server.farewells.acquire(timeout=60)

        assert [each.connection for each in server.requests] == [1, 2, 3]

    def test_is_not_used_again_once_the_server_says_that_it_will_close_it(self) -> None:
        with connected(answer(headers=[("Connection", "Close")]), answer()) as (server, connection):
            connection.request("POST", "/", HEADERS, b"")
            connection.request("POST", "/", HEADERS, b"")

        assert [each.connection for each in server.requests] == [1, 2]

    def test_is_opened_again_after_it_was_closed_here(self) -> None:
        with connected(answer(), answer()) as (server, connection):
            connection.request("POST", "/", HEADERS, b"")
            connection.close()
            connection.close()
            connection.request("POST", "/", HEADERS, b"")

        assert [each.connection for each in server.requests] == [1, 2]

    def test_is_given_up_when_no_answer_comes_in_time(self) -> None:
        with connected(silence, timeout=0.1) as (_server, connection):
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                connection.request("POST", "/", HEADERS, b"")

        assert time.monotonic() - started >= 0.1

    def test_to_nobody_is_refused(self) -> None:
        with scripted_server() as server:
            port = server.port
        connection = KeptConnection("127.0.0.1", port, tls=False, connect_timeout_seconds=1, read_timeout_seconds=1)
        with pytest.raises(ConnectionRefusedError):
            connection.request("POST", "/", HEADERS, b"")

    def test_has_a_time_of_its_own_for_opening(self) -> None:
        """A listener with a full queue accepts no further connection."""
        with (
            socket.create_server(("127.0.0.1", 0), backlog=0) as full,
            socket.socket() as first,
            socket.socket() as second,
        ):
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            connection = KeptConnection(
                "127.0.0.1", full.getsockname()[1], tls=False, connect_timeout_seconds=0.1, read_timeout_seconds=600
            )
            with pytest.raises(TimeoutError):
                connection.request("POST", "/", HEADERS, b"")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TestOverTls:
    @pytest.fixture
    def port(self, authority: trustme.CA) -> Generator[int]:
        """An https server, localhost by name, for two connections, that answers each once."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)

        def serve() -> None:
            for _ in range(2):
                try:
                    line, _address = listener.accept()
                except OSError:
                    return
                with line:
                    try:
                        with context.wrap_socket(line, server_side=True) as secure:
                            secure.recv(65_536)
                            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
                            secure.recv(65_536)
                    except OSError:  # the client does not trust us
                        continue

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve)
            thread.start()
            yield listener.getsockname()[1]
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

    @pytest.fixture(autouse=True)
    def no_variable_is_set(self, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name, raising=False)
        module._tls_context.cache_clear()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        yield
        module._tls_context.cache_clear()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    @pytest.fixture
    def authority_file(self, authority: trustme.CA, tmp_path: Path) -> str:
        path = str(tmp_path / "authority.pem")
        authority.cert_pem.write_to_path(path)
        return path

    @pytest.fixture
    def loaded(self, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
        """The files of authorities that were loaded, in their order; None is OpenSSL's own choice."""
        files: list[str | None] = []
        create = ssl.create_default_context

        def recorded(cafile: str | None) -> ssl.SSLContext:
            files.append(cafile)
            return create(cafile=cafile)

        monkeypatch.setattr(ssl, "create_default_context", recorded)
        return files

    def secure(self, host: str, port: int) -> KeptConnection:
        return KeptConnection(host, port, tls=True, connect_timeout_seconds=2, read_timeout_seconds=2)

    def exchange(self, connection: KeptConnection) -> bytes:
        try:
            return connection.request("POST", "/", HEADERS, b"").body
        finally:
            connection.close()

    def test_a_server_that_amazons_roots_verify_costs_no_further_authorities(
        self, port: int, authority_file: str, monkeypatch: pytest.MonkeyPatch, loaded: list[str | None]
    ) -> None:
        monkeypatch.setattr(module, "AMAZON_ROOTS", authority_file)

        assert self.exchange(self.secure("localhost", port)) == b"secret"
        assert loaded == [authority_file]

    def test_another_server_is_verified_with_the_machines_authorities(
        self,
        port: int,
        authority_file: str,
        monkeypatch: pytest.MonkeyPatch,
        loaded: list[str | None],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        connection = self.secure("localhost", port)
        monkeypatch.setenv("SSL_CERT_FILE", authority_file)  # in the place of the machine's own file

        assert self.exchange(connection) == b"secret"
        assert loaded == [module.AMAZON_ROOTS, None]
        assert [(each.levelname, each.name) for each in caplog.records] == [("WARNING", module.__name__)]

    @pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_a_variable_replaces_amazons_roots(
        self,
        variable: str,
        port: int,
        authority_file: str,
        monkeypatch: pytest.MonkeyPatch,
        loaded: list[str | None],
    ) -> None:
        monkeypatch.setenv(variable, authority_file)

        assert self.exchange(self.secure("localhost", port)) == b"secret"
        assert loaded == [None if variable == "SSL_CERT_FILE" else authority_file]

    def test_a_file_that_a_variable_names_is_all_that_is_trusted(
        self, port: int, authority_file: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", authority_file)
        monkeypatch.setenv("AWS_CA_BUNDLE", certifi.where())
        with pytest.raises(ssl.SSLCertVerificationError):
            self.exchange(self.secure("localhost", port))

    def test_a_server_of_an_unknown_authority_gets_no_request(self, port: int) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            self.exchange(self.secure("localhost", port))

    @pytest.mark.parametrize("file", ["Amazon's roots", "the machine's"])
    def test_a_server_of_another_name_gets_no_request(
        self, file: str, port: int, authority_file: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if file == "Amazon's roots":
            monkeypatch.setattr(module, "AMAZON_ROOTS", authority_file)
        connection = self.secure("127.0.0.1", port)
        monkeypatch.setenv("SSL_CERT_FILE", authority_file)
        with pytest.raises(ssl.SSLCertVerificationError):
            self.exchange(connection)


UNWANTED = {"ssl", "http.client", "urllib.parse", "encodings.idna", "email", "botocore", "random", "zlib"}


def test_the_light_client_costs_no_import_that_it_can_do_without() -> None:
    program = (
        "import sys; from handlers.aws.json_client import DYNAMODB, AwsJson; from handlers.aws.client import NoAnswer\n"
        "try: AwsJson(DYNAMODB, 'eu-central-1', sleep=lambda _: None, jitter=lambda: 0.0).call('ListTables', {})\n"
        "except NoAnswer: pass\n"
        "print(*sys.modules)"
    )
    environment = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "x")
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        cwd=_ROOT,
    )

    assert not UNWANTED & set(done.stdout.split())


_ROOT = Path(module.__file__).parents[2]


def test_a_file_of_certificates_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"{tmp_path}/gone.pem cannot be read: .* See AWS_CA_BUNDLE"):
        module._tls_context(str(tmp_path / "gone.pem"))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
