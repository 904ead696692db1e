"""What is between this machine and AWS: proxies, authorities, sign-in pages of networks, and lines that fail."""

import base64
import json
import ssl
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from client import ForeignAnswer, Portage, UntrustedCertificate, UserPool, WrongConfig
from client.__main__ import main
from client.transfer.single_request import send_file
from client.transport import CA_VARIABLES, Trust, proxy_for, retry_after
from tests.support.client.fake_cognito import FakeCognito
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import StoredUpload, refused
from tests.support.client.fake_server import FakeServer, answer, reset
from tests.support.client.multipart import ALONE, PART, QUICK, Open, assert_arrived
from tests.support.client.proxy import Proxy
from tests.support.faults.faulty_line import FaultyLine, Line

SIGN_IN_PAGE = answer(200, b"<html>Sign in to this Wi-Fi</html>", "text/html")
HERE = "portage.localhost"


class TestProxies:
    @pytest.mark.parametrize("method", ["put", "post", "multipart"])
    def test_carry_all_requests(
        self, either: FakePortage, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, method: str
    ) -> None:
        fake, scheme = either, urlsplit(either.url).scheme
        with Proxy(fake.url) as proxy:
            fake.url = f"{scheme}://{HERE}"
            monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("//", "//ada:secret@"))
            with Portage(fake.url, "token", state_folder=tmp_path / "state", config=ALONE) as portage:
                portage.upload(file, method=method)
            if method == "multipart":
                assert_arrived(fake, file)
            else:
                assert fake.only.parts[0].crc32 == zlib.crc32(file.read_bytes())
        assert len(proxy.heads) >= 2  # the API, and S3
        for head in proxy.heads:
            assert HERE in head.splitlines()[0]
            assert head.startswith("CONNECT ") == (scheme == "https")
            assert "proxy-authorization: basic ywrhonnly3jlda==" in head.lower()

    def test_lead_to_cognito(self, cognito: FakeCognito, monkeypatch: pytest.MonkeyPatch) -> None:
        with Proxy(cognito.url) as proxy, UserPool("client-1", "eu-west-1", f"http://{HERE}") as pool:
            monkeypatch.setenv("http_proxy", proxy.url)
            assert pool.sign_in("ada@example.com", "right").id_token()
        assert proxy.heads

    @pytest.mark.parametrize(
        ("variables", "url", "proxy"),
        [
            ({"https_proxy": "http://proxy:3128"}, "https://s3.example", "http://proxy:3128"),
            ({"https_proxy": "proxy:3128"}, "https://s3.example", "http://proxy:3128"),
            ({"all_proxy": "http://proxy:3128"}, "https://s3.example", "http://proxy:3128"),
            ({"http_proxy": "http://proxy:3128"}, "https://s3.example", None),
            ({"https_proxy": "http://proxy:3128", "no_proxy": "other,.example"}, "https://s3.example", None),
            ({"https_proxy": "http://proxy:3128", "no_proxy": "*"}, "https://s3.example", None),
            ({"http_proxy": "http://proxy:3128"}, "http://localhost:4566", None),
            ({"http_proxy": "http://proxy:3128"}, "http://127.0.0.1:4566", None),
            ({"http_proxy": "http://proxy:3128"}, "http://[::1]:4566", None),
        ],
    )
    def test_are_named_by_the_environment(
        self, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        found = proxy_for(urlsplit(url))
        assert (found.url if found is not None else None) == proxy

    @pytest.mark.parametrize(
        ("user", "login"),
        [
            ("ada:secret", "ada:secret"),
            ("ada", "ada:"),
            ("ada%40example.com:p%40ss%3Aw%25rd", "ada@example.com:p@ss:w%rd"),
            ("ada:%E2%82%AC", "ada:\u20ac"),
            ("ada:\u20ac", "ada:\u20ac"),
        ],
    )
    def test_get_the_user_and_password_without_percent_encoding(
        self, monkeypatch: pytest.MonkeyPatch, user: str, login: str
    ) -> None:
        monkeypatch.setenv("https_proxy", f"http://{user}@proxy:3128")
        found = proxy_for(urlsplit("https://s3.example"))
        assert found is not None
        kind, _, encoded = found.headers["Proxy-Authorization"].partition(" ")
        assert (kind, base64.b64decode(encoded).decode()) == ("Basic", login)

    def test_that_want_a_password_are_a_definite_error_that_names_the_setting(
        self, server: FakeServer, file: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
    ) -> None:
        with Proxy(server.url) as proxy, Portage(f"https://{HERE}", "token") as portage:
            proxy.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            monkeypatch.setenv("https_proxy", proxy.url)
            with pytest.raises(WrongConfig, match="HTTPS_PROXY"):
                portage.get("u1")
            with pytest.raises(WrongConfig, match="HTTPS_PROXY"):
                send_file("PUT", f"https://{HERE}", {"Content-Length": str(file.stat().st_size)}, file)
            assert len(proxy.heads) == 2
        assert pauses == []

    def test_of_another_kind_are_a_wrong_setting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", "socks5://proxy:1080")
        with pytest.raises(WrongConfig, match="HTTPS_PROXY"):
            proxy_for(urlsplit("https://s3.example"))


class TestAuthorities:
    @pytest.fixture
    def trusted(self, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The file of the authority, which no variable names."""
        assert tls
        monkeypatch.delenv("SSL_CERT_FILE")
        return tmp_path / "authority.pem"

    @pytest.mark.parametrize("variable", CA_VARIABLES)
    def test_are_named_by_the_environment(
        self, tls: ssl.SSLContext, trusted: Path, file: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv(variable, str(trusted))
        with (
            FakePortage(tls) as fake,
            Portage(fake.url, "token", state_folder=trusted / "none", config=ALONE) as portage,
        ):
            portage.upload(file)
            assert_arrived(fake, file)

    @pytest.mark.parametrize("method", ["put", "post", "multipart"])
    def test_are_loaded_once_for_all_requests_of_a_client(
        self, either: FakePortage, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, method: str
    ) -> None:
        loaded: list[ssl.SSLContext] = []
        make = ssl.create_default_context

        def note(**given: Any) -> ssl.SSLContext:
            loaded.append(make(**given))
            return loaded[-1]

        monkeypatch.setattr(ssl, "create_default_context", note)
        with Portage(either.url, "token", state_folder=tmp_path / "state", config=ALONE) as portage:
            for name in ("a", "b"):
                portage.upload(file, method=method, file_name=name)
        assert len(loaded) == int(either.url.startswith("https"))

    @pytest.mark.usefixtures("trusted")
    def test_that_are_unknown_are_a_definite_error_that_names_the_setting(
        self, tls: ssl.SSLContext, pauses: list[float]
    ) -> None:
        with FakeServer(tls) as server, Portage(server.url, "token") as portage:
            with pytest.raises(UntrustedCertificate, match="AWS_CA_BUNDLE"):
                portage.get("u1")
            assert pauses == []

    @pytest.mark.usefixtures("trusted")
    def test_that_are_unknown_end_the_command_at_once(
        self, tls: ssl.SSLContext, signed_in: Path, capsys: pytest.CaptureFixture[str], pauses: list[float]
    ) -> None:
        with FakeServer(tls) as server:
            outputs = json.loads((signed_in / "portage.json").read_text())
            (signed_in / "portage.json").write_text(json.dumps({**outputs, "apiUrl": server.url}))
            assert main(["list"]) == 2
        assert "AWS_CA_BUNDLE" in capsys.readouterr().err
        assert pauses == []

    def test_may_be_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict[str, Any]] = []
        make = ssl.create_default_context

        def note(**given: Any) -> ssl.SSLContext:
            asked.append(given)
            return make(**given)

        monkeypatch.setattr(ssl, "create_default_context", note)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path))
        assert Trust().context
        assert asked == [{"capath": str(tmp_path)}]

    @pytest.mark.parametrize("content", [None, "no certificate"])
    def test_that_cannot_be_read_are_a_definite_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
    ) -> None:
        bundle = tmp_path / "bundle.pem"
        if content is not None:
            bundle.write_text(content)
        monkeypatch.setenv("CURL_CA_BUNDLE", str(bundle))
        with Portage("https://127.0.0.1:9", "token") as portage, pytest.raises(WrongConfig, match="CURL_CA_BUNDLE"):
            portage.get("u1")

    def test_of_another_network_are_used_for_s3_too(
        self, tls: ssl.SSLContext, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The API is reached, and then a proxy breaks S3's TLS open."""
        strange = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(strange)
        with FakePortage(tls) as fake, FakeServer(strange) as proxy:

            def to_the_proxy(_: StoredUpload) -> dict[str, Any]:
                return {"url": f"{proxy.url}/x", "headers": {"Content-Length": str(file.stat().st_size)}}

            monkeypatch.setattr(fake, "permission_to_put", to_the_proxy)
            with (
                Portage(fake.url, "token", state_folder=tmp_path / "state", config=QUICK) as portage,
                pytest.raises(UntrustedCertificate),
            ):
                portage.upload(file, method="put")
            assert proxy.requests == []


class TestASignInPage:
    @pytest.mark.parametrize("page", [SIGN_IN_PAGE, answer(302, b"", Location="http://wifi.test/")])
    def test_instead_of_the_api_is_waited_out(
        self, fake: FakePortage, open_portage: Open, file: Path, page: object
    ) -> None:
        fake.will(page, page)  # pyright: ignore[reportArgumentType] - a reaction
        open_portage(ALONE).upload(file)
        assert_arrived(fake, file)

    def test_that_stays_is_an_error_of_the_network(
        self, signed_in: Path, fake: FakePortage, pauses: list[float]
    ) -> None:
        assert signed_in
        fake.will(*[SIGN_IN_PAGE] * 10)
        assert main(["list"]) == 5
        assert len(pauses) == 9

    def test_instead_of_cognito_is_no_refused_sign_in(self, server: FakeServer, pauses: list[float]) -> None:
        server.will(*[SIGN_IN_PAGE] * 10)
        with UserPool("client-1", "eu-west-1", server.url) as pool, pytest.raises(ForeignAnswer):
            pool.sign_in("ada@example.com", "pw")
        assert len(pauses) == 9


@pytest.mark.usefixtures("pauses")
class TestOneBudget:
    """Ten requests for each step, whichever of the API, Cognito and S3 does not answer."""

    @pytest.mark.parametrize("outage", [answer(503), answer(500), answer(429), reset, SIGN_IN_PAGE])
    def test_is_the_apis(
        self, signed_in: Path, fake: FakePortage, outage: object, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert signed_in
        fake.requests.clear()
        fake.will(*[outage] * 100)  # pyright: ignore[reportArgumentType] - a reaction
        assert main(["list"]) == 5
        assert len(fake.requests) == 10
        assert capsys.readouterr().err.count(": trying again\n") == 1  # a user must not take the wait for a hang

    @pytest.mark.parametrize("method", ["put", "multipart"])
    def test_is_s3s(
        self, signed_in: Path, fake: FakePortage, file: Path, method: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert signed_in
        file.write_bytes(b"x" * PART)
        fake.on_part = lambda _number, _tries: refused(503, "SlowDown")
        assert main(["put", str(file), "--method", method]) == 5
        assert fake.tries.total() == 10
        assert capsys.readouterr().err.count(": trying again\n") == 1

    def test_is_that_of_a_download(
        self, signed_in: Path, fake: FakePortage, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert signed_in
        fake.requests.clear()
        link = {"url": f"{fake.url}/bucket/u1.json", "expires_at": "2999-01-01T00:00:00Z"}
        fake.will(answer(200, link), *[answer(503, x_amz_request_id="r")] * 100)
        assert main(["get", "00000000-0000-7000-8000-000000000001"]) == 5
        assert len(fake.requests) == 11
        assert capsys.readouterr().err.count(": trying again\n") == 1

    def test_is_that_of_a_part_and_its_signature_together(self, signed_in: Path, fake: FakePortage, file: Path) -> None:
        assert signed_in
        sign = fake._post_parts  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

        def sign_at_first(upload: object, body: object) -> object:
            return sign(upload, body) if not fake.tries else (503, {**PROBLEM})  # pyright: ignore[reportArgumentType]

        fake._post_parts = sign_at_first  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
        fake.on_part = lambda _number, _tries: refused(403, "AccessDenied", "Request has expired")
        file.write_bytes(b"x" * PART)
        assert main(["put", str(file)]) == 5
        assert fake.tries[1] == 10
        assert fake.calls.count("POST /parts") == 11  # the first one, and one after each answer of S3

    def test_lets_a_stored_file_wait_for_its_state(
        self, signed_in: Path, fake: FakePortage, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The same command again finds what S3 has stored, and names the upload."""
        assert signed_in
        fake.threshold_bytes = 10**9

        def outage_after_storing(_number: int, _tries: int) -> None:
            fake.will(*[answer(503)] * 9, answer(503))

        fake.on_part = outage_after_storing
        fake.will(fake.serve, fake.serve)
        assert main(["put", str(file)]) == 5
        assert f"Upload {fake.only.upload_id} is not finished" in capsys.readouterr().err
        fake.on_part = lambda _number, _tries: None
        fake.only.status = "uploaded"
        assert main(["put", str(file)]) == 0
        assert fake.only.upload_id in capsys.readouterr().out
        assert fake.stored == [0]

    def test_lets_the_same_command_find_a_stored_file_before_its_event(
        self, signed_in: Path, fake: FakePortage, file: Path
    ) -> None:
        assert signed_in
        fake.threshold_bytes = 10**9
        fake.on_part = lambda _number, _tries: reset
        assert main(["put", str(file)]) == 5
        fake.on_part = lambda _number, _tries: refused(412, "PreconditionFailed")
        assert main(["put", str(file)]) == 0
        assert len(fake.uploads) == 1


def test_a_faulty_line_delays_an_upload_and_changes_no_byte(fake: FakePortage, open_portage: Open, file: Path) -> None:
    line = Line(throttled=0.15, slow=0.1, slow_seconds=0.01, reset=0.15)
    with FaultyLine(fake.url, line, seed=3) as faulty:
        fake.url = faulty.endpoint
        open_portage(url=faulty.endpoint).upload(file)
        assert sum(faulty.happened.values()) > 0
    assert_arrived(fake, file)


PROBLEM = {"type": "urn:portage:problem:unavailable", "title": "x", "status": 503, "detail": "no", "request_id": "r"}


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        ("Thu, 01 Jan 2026 00:00:07 GMT", 7),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("\xb2", None),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
    ],
)
def test_a_server_may_ask_for_a_wait_in_seconds_or_until_a_time(asked: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": asked, "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}) == seconds
