"""The `portage` command, in this process: signing in."""

import io
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from client.__main__ import main
from tests.support.client.fake_cognito import EMAIL, FakeCognito
from tests.support.client.fake_portage import FakePortage
from tests.support.client.multipart import always

Capture = pytest.CaptureFixture[str]
FROM_INPUT = ["--email", EMAIL, "--password-stdin"]


@pytest.mark.usefixtures("home")
class TestLogin:
    @pytest.mark.usefixtures("signed_in")
    def test_keeps_the_refresh_token_for_its_owner_alone(self, tmp_path: Path) -> None:
        kept = tmp_path / "XDG_CONFIG_HOME" / "portage" / "credentials.json"
        assert json.loads(kept.read_text()) == {"client-1": "r1"}
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    def test_keeps_it_where_the_configuration_says(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = home / "stack" / "credentials.json"
        outputs = json.loads((home / "portage.json").read_text())
        (home / "portage.json").write_text(json.dumps({**outputs, "credentialsFile": str(kept)}))
        monkeypatch.setattr(sys, "stdin", io.StringIO("right\n"))
        assert main(["login", *FROM_INPUT]) == 0
        assert json.loads(kept.read_text()) == {"client-1": "r1"}
        assert not Path(os.environ["XDG_CONFIG_HOME"]).exists()
        assert main(["list"]) == 0

    def test_asks_for_what_was_not_given(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setattr("builtins.input", always(EMAIL))
        monkeypatch.setattr("getpass.getpass", always("right"))
        assert main(["login"]) == 0
        assert f"as {EMAIL}" in capsys.readouterr().out

    def test_refuses_a_wrong_password(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("wrong\n"))
        assert main(["login", "--email", EMAIL, "--password-stdin"]) == 3
        assert "Incorrect username or password" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "given"),
        [([], ""), (["--email", EMAIL], ""), (FROM_INPUT, ""), (FROM_INPUT, "\n")],
    )
    def test_says_what_was_not_given(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture, words: list[str], given: str
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        monkeypatch.setattr("getpass.getpass", input)  # what it comes to where there is no terminal
        assert main(["login", *words]) == 3
        assert " is empty: type it at a terminal, or give --email" in capsys.readouterr().err

    @pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
    def test_says_what_is_not_utf_8(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture, errors: str) -> None:
        piped = io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), encoding="utf-8", errors=errors)
        monkeypatch.setattr(sys, "stdin", piped)
        assert main(["login", *FROM_INPUT]) == 2
        assert "Password is not UTF-8" in capsys.readouterr().err

    def test_takes_no_empty_password_for_a_new_one(
        self, cognito: FakeCognito, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        cognito.must_change = True
        monkeypatch.setattr(sys, "stdin", io.StringIO("right\n"))
        assert main(["login", "--email", EMAIL, "--password-stdin"]) == 3
        assert "New password is empty" in capsys.readouterr().err
        assert cognito.password == "right"

    def test_changes_a_password_that_an_operator_gave(
        self, cognito: FakeCognito, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cognito.must_change = True
        monkeypatch.setattr(sys, "stdin", io.StringIO("right\nbetter\n"))
        assert main(["login", "--email", EMAIL, "--password-stdin"]) == 0
        assert cognito.password == "better"

    @pytest.mark.usefixtures("signed_in")
    def test_keeps_the_token_that_rotation_brings(
        self, tmp_path: Path, cognito: FakeCognito, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = cognito._answer  # noqa: SLF001 - it rotates as it answers  # pyright: ignore[reportPrivateUsage]

        def rotate(operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
            status, content = original(operation, asked)
            content["AuthenticationResult"]["RefreshToken"] = "r2"
            return status, content

        monkeypatch.setattr(cognito, "_answer", rotate)
        assert main(["list"]) == 0
        kept = tmp_path / "XDG_CONFIG_HOME" / "portage" / "credentials.json"
        assert json.loads(kept.read_text()) == {"client-1": "r2"}

    def test_is_needed_by_the_other_commands(self, capsys: Capture) -> None:
        assert main(["list"]) == 3
        assert "run `portage login`" in capsys.readouterr().err

    @pytest.mark.usefixtures("signed_in")
    @pytest.mark.parametrize("content", ["", "[]", '{"client-1": 1}'])
    def test_that_is_damaged_is_named(self, tmp_path: Path, capsys: Capture, content: str) -> None:
        kept = tmp_path / "XDG_CONFIG_HOME" / "portage" / "credentials.json"
        kept.write_text(content)
        assert main(["list"]) == 2
        assert f"{kept} is damaged" in capsys.readouterr().err

    @pytest.mark.usefixtures("signed_in")
    def test_is_needed_again_when_cognito_takes_the_token_no_more(self, cognito: FakeCognito, capsys: Capture) -> None:
        cognito.refresh_tokens.append("other")
        assert main(["list"]) == 3
        assert "no longer valid: run `portage login`" in capsys.readouterr().err

    @pytest.mark.usefixtures("signed_in")
    def test_is_needed_again_when_cognito_takes_the_token_no_more_while_files_are_sent(
        self, cognito: FakeCognito, fake: FakePortage, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        def revoke(_number: int, _tries: int) -> None:
            cognito.refresh_tokens.append("other")
            monkeypatch.setattr("client.auth.cognito.monotonic", lambda: time.monotonic() + 3600)

        fake.on_part = revoke
        assert main(["put", str(file)]) == 3
        assert "no longer valid: run `portage login`" in capsys.readouterr().err
