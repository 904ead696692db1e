"""The Pulumi CLI is taken from PATH if it is new enough, else built; without Go the message says what to install."""

from pathlib import Path

import pytest

from local.engine.pulumi_cli import cli
from local.errors import LocalModeError

PINNED = cli.pinned_version()


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; nothing has been built here."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(cli, "_BUILT", tmp_path / "built" / "pulumi")
    return folder


def install(folder: Path, name: str, script: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("version", [f"v{PINNED}", f"v{PINNED.major}.{PINNED.minor}.0", f"v{PINNED.bump_minor()}"])
def test_a_cli_of_the_pinned_minor_version_or_newer_is_taken(on_path: Path, version: str) -> None:
    assert cli.find() is None
    installed = install(on_path, "pulumi", f"echo {version}")

    assert cli.require() == installed


@pytest.mark.parametrize("version", [f"v{PINNED.major}.{PINNED.minor - 1}.9", f"v{PINNED.bump_major()}", ""])
def test_any_other_cli_is_left_alone(on_path: Path, version: str) -> None:
    install(on_path, "pulumi", f"echo {version}")

    assert cli.find() is None
    with pytest.raises(LocalModeError, match="make pulumi"):
        cli.require()


def test_without_go_nothing_is_built(on_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not (on_path / "go").exists()
    assert cli.main() == 1
    assert "https://go.dev/doc/install" in capsys.readouterr().err


def test_the_pinned_version_is_built_once(on_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(on_path, "go", f'printf \'#!/bin/sh\\necho v{PINNED}\\n\' > "$4"; /bin/chmod +x "$4"')

    assert cli.main() == 0
    assert "Building the Pulumi CLI" in capsys.readouterr().out
    assert cli.main() == 0
    assert capsys.readouterr().out == ""


def test_a_failed_build_is_an_error(on_path: Path) -> None:
    install(on_path, "go", "exit 3")

    assert cli.main() == 1
