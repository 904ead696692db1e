import json
import shlex
import socket
from collections.abc import Mapping

import pytest

from local.emulator.clients import Clients, Credentials
from local.emulator.process import Emulator
from local.engine.deployment import Deployment, NotEmulated
from local.errors import LocalModeError
from local.startup import User, explained
from local.up import client_example, curl_example, not_emulated_text, output_text, run_until_signal

ENDPOINT = "http://127.0.0.1:4566"
OUTPUTS: Mapping[str, str] = {
    "apiUrl": f"{ENDPOINT}/api/v1",
    "region": "us-east-1",
    "userPoolClientId": "client-1",
}
USER = User("ada@example.com", 'Aa1-it\'s "so" $HOME')


@pytest.fixture
def words() -> list[str]:
    """What a shell makes of the example, without its substitution."""
    return shlex.split(curl_example(ENDPOINT, OUTPUTS, USER).replace("TOKEN=$(", "").replace(")\ncurl", "\ncurl"))


def test_the_curl_example_signs_in_with_that_password(words: list[str]) -> None:
    assert f"{ENDPOINT}/" in words
    sent = json.loads(words[words.index("-d") + 1])
    assert sent["ClientId"] == "client-1"
    assert sent["AuthParameters"] == {"USERNAME": USER.email, "PASSWORD": USER.password}


def test_the_curl_example_declares_an_upload(words: list[str]) -> None:
    assert f"{ENDPOINT}/api/v1/uploads" in words
    assert json.loads(words[-1]) == {"file_name": "hello.txt", "content_type": "text/plain", "size_bytes": 6}


def test_the_client_example_is_a_program() -> None:
    first, *program, last = client_example(ENDPOINT, OUTPUTS, USER).splitlines()
    assert first.endswith("<<'END'")
    assert last == "END"
    compile("\n".join(program), "example", "exec")
    assert f"sign_in('{USER.email}', {USER.password!r})" in "\n".join(program)


def test_what_is_not_emulated_is_told_once_for_each_reason() -> None:
    def stored(kind: str, name: str, input_path: str, reason: str) -> NotEmulated:
        return NotEmulated(f"aws:x/{kind}:{kind}", name, input_path, reason)

    deployment = Deployment(
        outputs={},
        resources=(),
        not_emulated=(
            stored("Stage", "one", "xrayTracingEnabled", "no traces are recorded"),
            stored("Function", "two", "tracingConfig", "no traces are recorded"),
            stored("Function", "three", "tracingConfig", "no traces are recorded"),
            stored("WebAcl", "four", "", "requests are not filtered"),
        ),
    )
    assert not_emulated_text(deployment).splitlines() == [
        "Function tracingConfig, Stage xrayTracingEnabled: no traces are recorded",
        "WebAcl: requests are not filtered",
    ]


def test_an_output_that_is_no_text_is_shown_as_json() -> None:
    assert output_text("upload-api-ingest") == "upload-api-ingest"
    assert (
        output_text({"allowForms": True, "allowedContentTypes": []})
        == '{"allowForms": true, "allowedContentTypes": []}'
    )


def test_that_everything_is_emulated_is_told_too() -> None:
    assert not_emulated_text(Deployment({}, (), ())) == "nothing"


def test_an_embedded_aws_that_has_ended_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator = Emulator()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    clients = Clients(f"http://127.0.0.1:{port}", emulator.region, Credentials("key", "secret"))
    monkeypatch.setattr(emulator, "client", clients)
    with pytest.raises(LocalModeError, match="`make local`"), explained():
        run_until_signal(emulator)
