"""What `make` would run in a checkout, before and after an installation."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import PROJECT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(PROJECT / "Makefile", tmp_path)
    (tmp_path / "requirements-dev.txt").touch()
    return tmp_path


def planned(checkout: Path, target: str) -> str:
    """The commands, which are not run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", "--directory", str(checkout), target]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def installed(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").touch()
    (checkout / ".venv" / ".requirements-dev").touch()


def test_down_installs_nothing(checkout: Path) -> None:
    assert "pip" not in planned(checkout, "down")
    assert "python3 -m local down" in planned(checkout, "down")
    installed(checkout)
    os.utime(checkout / ".venv" / ".requirements-dev", (0, 0))
    assert "pip" not in planned(checkout, "down")
    assert ".venv/bin/python -m local down" in planned(checkout, "down")


def test_an_update_is_not_announced_as_an_installation(checkout: Path) -> None:
    assert "Installing" in planned(checkout, "install")
    installed(checkout)
    os.utime(checkout / ".venv" / ".requirements-dev", (0, 0))
    update = planned(checkout, "install")
    assert "Updating" in update
    assert "Installing" not in update


def test_clean_keeps_the_built_cli(checkout: Path) -> None:
    for name in ("bin", "engine"):
        (checkout / ".local" / name).mkdir(parents=True)
    words = planned(checkout, "clean").split()
    assert ".venv" in words
    assert ".local/engine" in words
    assert not {".local", ".local/bin"} & set(words)


@pytest.mark.parametrize(("given", "code"), [("COMPUTE=eks", 0), ("compute=eks", 2), ("TARGET=x", 2)])
def test_a_variable_that_has_no_effect_is_refused(checkout: Path, given: str, code: int) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", "--directory", str(checkout), "demo", given]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert (f"{given.partition('=')[0]} is not a variable" in run.stderr) == bool(code)
