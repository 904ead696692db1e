"""Operators' commands without boto3, which is optional: an error that says what to install."""

import sys
from pathlib import Path

import pytest

from client.__main__ import main
from client.cli.exit_codes import ExitCode
from client.conformance.operator import Operator, Resources
from client.errors import WrongConfig


@pytest.fixture(autouse=True)
def without_boto3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("boto3", "botocore", "botocore.config", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("PORTAGE_CONFIG", raising=False)


def test_the_doctor_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--region", "eu-central-1"]) == ExitCode.USAGE
    written = capsys.readouterr()
    assert written.out == ""
    assert "pip install boto3" in written.err


def test_the_suite_does_not_begin() -> None:
    with pytest.raises(WrongConfig, match="pip install boto3"):
        Operator(Resources("eu-central-1", "pool", "ingest", "results", "queue")).check()
