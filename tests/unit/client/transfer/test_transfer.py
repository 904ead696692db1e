import os
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from client import (
    CreatedUpload,
    FileChanged,
    ForeignAnswer,
    RetryPolicy,
    S3Refused,
    SizeDiffers,
    TransportFault,
    UnexpectedAnswer,
    UntrustedCertificate,
    put_file,
)
from tests.support.client.fake_server import FakeServer, Reaction, answer, refuse_after, reset, reset_after, stored

MIB = 1024 * 1024
BIG = 32 * MIB  # more than the socket buffers of both sides hold
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Request has expired &amp; is void</Message></Error>"
)

MakeFile = Callable[[int], Path]


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    def make(size_bytes: int) -> Path:
        path = tmp_path / "file.bin"
        path.write_bytes(bytes(range(256)) * (size_bytes // 256) + bytes(size_bytes % 256))
        return path

    return make


@pytest.fixture
def tls_server(tls: ssl.SSLContext) -> Iterator[FakeServer]:
    with FakeServer(tls) as running:
        yield running


def created(url: str, size_bytes: int, *, headers: dict[str, str] | None = None, method: str = "put") -> CreatedUpload:
    standard = {"Content-Type": "text/plain", "Content-Length": str(size_bytes), "x-amz-meta-a": "b"}
    return CreatedUpload(
        upload_id="0198",
        status="pending",
        method=method,
        url=f"{url}/bucket/uploads/o/0198?X-Amz-Signature=a%2Fb&x=1",
        headers=standard if headers is None else headers,
        expires_at=datetime.now(UTC),
        expires_in_seconds=900,
    )


@pytest.mark.parametrize("size_bytes", [1, 256 * 1024, 256 * 1024 + 1, 3 * MIB])
def test_the_file_arrives_whole(server: FakeServer, make_file: MakeFile, size_bytes: int) -> None:
    server.will(stored())
    path = make_file(size_bytes)
    put_file(created(server.url, size_bytes), path)
    assert server.requests[0].body == path.read_bytes()


def test_nothing_but_the_headers_told_is_sent(server: FakeServer, make_file: MakeFile) -> None:
    server.will(stored())
    put_file(created(server.url, 10), make_file(10))
    request = server.requests[0]
    assert (request.method, request.path) == ("PUT", "/bucket/uploads/o/0198?X-Amz-Signature=a%2Fb&x=1")
    assert request.headers == [
        ("Host", server.url.removeprefix("http://")),
        ("Content-Type", "text/plain"),
        ("Content-Length", "10"),
        ("x-amz-meta-a", "b"),
    ]


def test_progress_rises_to_the_size_of_the_file(server: FakeServer, make_file: MakeFile) -> None:
    server.will(stored())
    told: list[int] = []
    put_file(created(server.url, 9 * MIB + 5), make_file(9 * MIB + 5), told.append)
    assert told[-1] == 9 * MIB + 5
    assert len(told) > 2
    assert all(earlier < later for earlier, later in pairwise(told))


class TestAFileOfAnotherSize:
    @pytest.mark.parametrize("declared", [9, 11])
    def test_is_refused_before_a_byte_is_sent(self, server: FakeServer, make_file: MakeFile, declared: int) -> None:
        path = make_file(10)
        with pytest.raises(SizeDiffers, match=rf"file\.bin has 10 bytes, but {declared} were declared"):
            put_file(created(server.url, declared), path)
        assert server.requests == []

    @pytest.mark.parametrize("new_size", [MIB, 9 * MIB])
    def test_is_noticed_before_it_is_complete_if_it_changes_meanwhile(
        self, server: FakeServer, make_file: MakeFile, new_size: int
    ) -> None:
        path = make_file(8 * MIB)
        server.will(stored())

        def change_the_file(sent: int) -> None:
            if sent == 4 * MIB:
                with path.open("r+b") as file:
                    file.truncate(new_size)

        with pytest.raises(SizeDiffers, match=rf"has {new_size} bytes, but {8 * MIB} were declared"):
            put_file(created(server.url, 8 * MIB), path, change_the_file)

    def test_or_of_another_time_is_noticed_too(self, server: FakeServer, make_file: MakeFile) -> None:
        path = make_file(8 * MIB)
        server.will(stored())

        def write_to_the_file(sent: int) -> None:
            if sent == 4 * MIB:
                os.utime(path, ns=(0, 0))

        with pytest.raises(FileChanged, match="was changed or replaced"):
            put_file(created(server.url, 8 * MIB), path, write_to_the_file)

    def test_needs_a_declared_length(self, server: FakeServer, make_file: MakeFile) -> None:
        with pytest.raises(UnexpectedAnswer, match="have no Content-Length, only Content-Type"):
            put_file(created(server.url, 10, headers={"Content-Type": "text/plain"}), make_file(10))


class TestRefusalsByS3:
    def test_carry_code_message_and_status(self, server: FakeServer, make_file: MakeFile) -> None:
        server.will(answer(403, DENIED, "application/xml"))
        with pytest.raises(S3Refused) as caught:
            put_file(created(server.url, 10), make_file(10))
        refused = caught.value
        assert (refused.code, refused.message) == ("AccessDenied", "Request has expired & is void")
        assert refused.status == 403

    def test_in_other_words_show_them(self, server: FakeServer, make_file: MakeFile) -> None:
        server.will(answer(405, b"Not here", "text/plain", x_amz_request_id="1"))
        with pytest.raises(S3Refused) as caught:
            put_file(created(server.url, 10), make_file(10))
        assert (caught.value.code, caught.value.message) == ("", "Not here")

    def test_that_come_while_the_file_is_still_sent_are_heard(self, server: FakeServer, make_file: MakeFile) -> None:
        server.will(refuse_after(MIB, 403, DENIED))
        told: list[int] = []
        with pytest.raises(S3Refused, match="403 AccessDenied"):
            put_file(created(server.url, BIG), make_file(BIG), told.append)
        assert max(told, default=0) < BIG

    def test_that_come_while_the_file_is_still_sent_are_heard_through_tls(
        self, tls_server: FakeServer, make_file: MakeFile
    ) -> None:
        tls_server.will(refuse_after(MIB, 403, DENIED))
        with pytest.raises(S3Refused, match="403 AccessDenied"):
            put_file(created(tls_server.url, BIG), make_file(BIG))


class TestAnswersThatAreNotOfS3:
    """Such as those of a proxy, or of a network that wants somebody to sign in."""

    @pytest.mark.parametrize(
        "foreign",
        [
            answer(200, b"<html>Welcome to our Wi-Fi</html>", "text/html"),
            answer(200, b"<html>Welcome</html>", "text/html", ETag='"5f3-1"', Server="nginx"),
            answer(200, b""),
            answer(204, b"", x_amz_request_id="1"),
            answer(200, b"", x_amz_request_id="1"),
            answer(307, b"", Location="http://127.0.0.1:9/"),
            answer(403, b"<html>Blocked by policy</html>", "text/html"),
            answer(502, b"Bad gateway, says the proxy", "text/plain"),
            answer(511, b"<html>Sign in</html>", "text/html"),
        ],
    )
    def test_are_faults_of_the_network(self, server: FakeServer, make_file: MakeFile, foreign: Reaction) -> None:
        server.will(foreign)
        with pytest.raises(ForeignAnswer) as caught:
            put_file(created(server.url, 10), make_file(10))
        assert isinstance(caught.value, TransportFault)
        assert caught.value.is_transient

    def test_may_say_how_long_to_wait(self, server: FakeServer, make_file: MakeFile) -> None:
        server.will(answer(503, b"Busy", "text/plain", Retry_After="7"))
        with pytest.raises(ForeignAnswer) as caught:
            put_file(created(server.url, 10), make_file(10))
        assert RetryPolicy().wait_seconds(1, caught.value) >= 7


class TestFaults:
    def test_a_connection_that_breaks_underway_is_named(self, server: FakeServer, make_file: MakeFile) -> None:
        server.will(reset_after(MIB))
        with pytest.raises(TransportFault, match=r"PUT to 127\.0\.0\.1:\d+ failed: .*(reset|Broken pipe)"):
            put_file(created(server.url, BIG), make_file(BIG))

    def test_a_connection_that_breaks_before_the_answer_is_named(self, server: FakeServer, make_file: MakeFile) -> None:
        server.will(reset)
        with pytest.raises(TransportFault, match=r"failed: .*reset"):
            put_file(created(server.url, 10), make_file(10))

    def test_a_server_that_is_not_there_is_named(self, make_file: MakeFile) -> None:
        with pytest.raises(TransportFault, match=r"PUT to 127\.0\.0\.1:9 failed: .*refused"):
            put_file(created("http://127.0.0.1:9", 10), make_file(10))

    def test_a_certificate_that_is_not_trusted_is_named(
        self, tls_server: FakeServer, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(UntrustedCertificate, match="AWS_CA_BUNDLE"):
            put_file(created(tls_server.url, 10), make_file(10))

    def test_a_missing_file_is_the_callers_own_error(self, server: FakeServer, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            put_file(created(server.url, 10), tmp_path / "none")
        assert server.requests == []

    def test_a_way_of_sending_that_is_not_known_is_refused(self, server: FakeServer, make_file: MakeFile) -> None:
        with pytest.raises(UnexpectedAnswer, match="requires the method 'multipart', not 'put'"):
            put_file(created(server.url, 10, method="multipart"), make_file(10))


def test_https_carries_the_file_whole(tls_server: FakeServer, make_file: MakeFile) -> None:
    tls_server.will(stored())
    path = make_file(3 * MIB)
    put_file(created(tls_server.url, 3 * MIB), path)
    assert tls_server.requests[0].body == path.read_bytes()


@pytest.mark.parametrize("url", ["https://[::1/x", "http://127.0.0.1:99999", "http://127.0.0.1:9/\u00e9?"])
def test_a_url_that_cannot_be_used_is_an_error_of_the_answer(url: str, make_file: MakeFile) -> None:
    with pytest.raises((UnexpectedAnswer, TransportFault)) as caught:
        put_file(created(url, 256), make_file(256))
    assert "X-Amz-Signature" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a b?", "http://127.0.0.1:9/\x7f?", "http://exa mple/?"])
def test_a_url_with_characters_that_none_has_is_not_shown_and_not_tried_again(url: str, make_file: MakeFile) -> None:
    with pytest.raises(UnexpectedAnswer, match="cannot be sent") as caught:
        put_file(created(url, 256), make_file(256))
    assert "X-Amz-Signature" not in str(caught.value)


@pytest.mark.parametrize("length", ["\u00b2", "many", "-1"])
def test_a_length_that_is_none_is_an_error_of_the_answer(length: str, make_file: MakeFile) -> None:
    with pytest.raises(UnexpectedAnswer, match="Content-Length is "):
        put_file(created("http://127.0.0.1:9", 256, headers={"Content-Length": length}), make_file(256))


def test_a_header_with_a_line_break_is_an_error_of_the_answer(server: FakeServer, make_file: MakeFile) -> None:
    headers = {"Content-Length": "256", "x-amz-meta-a": "b\r\nx-amz-meta-c: d"}
    with pytest.raises(UnexpectedAnswer, match="cannot be sent"):
        put_file(created(server.url, 256, headers=headers), make_file(256))
