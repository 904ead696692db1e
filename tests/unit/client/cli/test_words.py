"""The `portage` command, in this process: its arguments, and the places of its configuration."""

import json
from pathlib import Path

import pytest

from client.__main__ import main
from tests.support.client.fake_portage import FakePortage


class TestConfiguration:
    def test_is_looked_for_where_it_is_told(self, signed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (signed_in / "portage.json").rename(signed_in / "other.json")
        assert main(["list"]) == 2
        assert main(["list", "--config", "other.json"]) == 0
        monkeypatch.setenv("PORTAGE_CONFIG", "other.json")
        assert main(["list"]) == 0

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"apiUrl": "x", "userPoolClientId": "c", "region": "r"}'])
    def test_that_is_wrong_is_told_with_the_way_to_write_it(
        self, signed_in: Path, capsys: pytest.CaptureFixture[str], content: str
    ) -> None:
        (signed_in / "portage.json").write_text(content)
        assert main(["list"]) == 2
        assert "pulumi stack output --json > portage.json" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("key", "value"),
        [("region", "eu west"), ("region", ""), ("cognitoEndpoint", "https://a b"), ("cognitoEndpoint", "")],
    )
    def test_names_no_host_by_what_no_host_can_have(
        self, signed_in: Path, capsys: pytest.CaptureFixture[str], key: str, value: str
    ) -> None:
        path = signed_in / "portage.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
        assert main(["login", "--email", "ada@example.com", "--password-stdin"]) == 2
        assert key in capsys.readouterr().err

    def test_of_a_stack_whose_pool_was_given_lacks_its_client_and_tells_which_setting_to_add(
        self, signed_in: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (signed_in / "portage.json").write_text('{"apiUrl": "https://a.example", "region": "r"}')
        assert main(["list"]) == 2
        assert "`pulumi config set userPoolClientId ID`" in capsys.readouterr().err


def test_help_tells_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n  {code} " in shown for code in (0, 1, 2, 3, 4, 5, 6, 7, 130))


@pytest.mark.usefixtures("signed_in")
class TestWords:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["put", ""], "argument FILE: must not be empty"),
            (["put", "a", "--name", ""], "argument --name: must not be empty"),
            (["put", "a", "--type", ""], "argument --type: must not be empty"),
            (["put", "a", "--timeout", "0"], "argument --timeout: 0 must be greater than 0"),
            (["put", "a", "--timeout", "nan"], "argument --timeout: nan must be greater than 0"),
            (["put", "a", "--timeout", "soon"], "argument --timeout: 'soon' is not a number of seconds"),
            (["list", "--limit", "x"], "argument --limit: 'x' is not a whole number"),
            (["list", "--limit", "0"], "argument --limit: 0 must be 1 or more"),
            (["status", ""], "argument ID: '' is not an upload ID. Give a UUID that `portage list` shows."),
            (["abort", "film.mp4"], "argument ID: 'film.mp4' is not an upload ID"),
            (["get", "../x"], "argument ID: '../x' is not an upload ID"),
            (["login", "--email", "caf\udce9"], r"argument --email: 'caf\udce9' is not UTF-8"),
            (["resume", "a", "--id", "u1"], "argument --id: 'u1' is not an upload ID"),
        ],
    )
    def test_that_cannot_be_meant_are_refused_before_any_call(
        self, fake: FakePortage, capsys: pytest.CaptureFixture[str], words: list[str], told: str
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert told in capsys.readouterr().err
        assert fake.calls == []

    def test_may_ask_for_all_uploads_by_any_number(self) -> None:
        assert main(["list", "--limit", "9" * 30]) == 0

    def test_may_give_an_id_in_capitals(self, fake: FakePortage, file: Path) -> None:
        fake.id_format = "abcdef00-0000-7000-8000-{:012}"
        assert main(["put", str(file)]) == 0
        assert main(["status", "ABCDEF00-0000-7000-8000-000000000001"]) == 0
