"""`make local` with a team's processor that raises an exception, started once for all tests."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from local.emulator.clients import Clients, Credentials
from tests.support.paths import PROJECT, TEAM_CODE

pytestmark = pytest.mark.variant

LAST_LINE = "It stays until Ctrl-C"


@dataclass(frozen=True)
class Local:
    """A running local mode."""

    process: "subprocess.Popen[str]"
    folder: Path
    environment: dict[str, str]
    printed: list[str]

    def read_to(self, mark: str) -> str:
        """Read its output to the line with the mark, and return that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            if mark in line:
                return line
        pytest.fail(f"local mode ended before {mark!r}:\n{''.join(self.printed)}")

    def shell(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Run printed lines."""
        return subprocess.run(
            ["/bin/sh", "-c", script.replace(".venv/bin/python", shlex.quote(sys.executable))],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """Local mode after its last printed line, for all tests here; the last one stops it."""
    tmp_path = tmp_path_factory.mktemp("local")
    copy = tmp_path / "copy"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    stack = yaml.safe_load((copy / "Pulumi.local.yaml").read_text())
    settings = {
        "processor": "team_processor.process",
        "processorCode": str(TEAM_CODE),
        "processingMaxAttempts": 2,
    }
    kept = {key: value for key, value in stack["config"].items() if key.rpartition(":")[2] not in settings}
    (copy / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": kept | settings}))
    folders = {name: tmp_path / name for name in ("TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    folders["TMPDIR"].mkdir()
    environment = {**os.environ, **{name: str(path) for name, path in folders.items()}}
    with subprocess.Popen(
        [sys.executable, "-m", "local", "up"],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            local = Local(process, copy, environment, [])
            local.read_to(LAST_LINE)
            yield local
        finally:
            process.kill()


def test_lines_to_paste_come_last_and_name_the_endpoint_for_the_aws_cli(local: Local) -> None:
    text = "".join(local.printed)

    order = ["not emulated", "Stack outputs", "Ask the API", "python -m client login", "export AWS_", LAST_LINE]
    assert [text.index(mark) for mark in order] == sorted(text.index(mark) for mark in order)
    endpoint = operator(text)["AWS_ENDPOINT_URL"]
    commands = [line.split() for line in text.splitlines() if line.startswith("aws ")]
    assert commands
    assert all(command[1:3] == ["--endpoint-url", endpoint] for command in commands)


def test_a_second_one_in_the_checkout_is_refused(local: Local) -> None:
    second = local.shell(".venv/bin/python -m local up")
    assert second.returncode == 1
    assert f"process {local.process.pid}" in second.stderr
    assert "`make down`" in second.stderr


def test_a_processor_that_raises_is_shown_with_its_log_and_stopping_leaves_nothing(local: Local) -> None:
    text = "".join(local.printed)
    login, put = re.findall(r"^.*python -m client (?:login|put) .*$", text, re.MULTILINE)
    (local.folder / "raises.bin").write_bytes(b"12345")

    signed_in = local.shell(login)
    assert signed_in.returncode == 0, signed_in.stderr
    sent = local.shell(put.replace("README.md", "raises.bin"))

    assert sent.returncode == 1, sent.stderr
    assert "processing-failed" in sent.stdout
    for attempt in ("1 of 2", "2 of 2"):
        assert "processing-process-object" in local.read_to(" failed")
        local.read_to("RuntimeError: a secret of the processor")
        assert attempt in local.read_to("JobFailed")
        command = local.read_to("aws ").partition(": ")[2]
        assert "RuntimeError: a secret of the processor" in messages(text, command)

    local.process.send_signal(signal.SIGTERM)
    assert local.process.stdout is not None
    assert "RuntimeError" not in local.process.stdout.read(), "each failed call is shown once"
    assert local.process.wait(30) == 0
    assert [*(local.folder / ".local").iterdir()] == []
    assert not Path(local.environment["XDG_CONFIG_HOME"]).exists()


def operator(text: str) -> dict[str, str]:
    """The variables of the printed export line."""
    (line,) = re.findall(r"^export (.+)$", text, re.MULTILINE)
    return dict(word.split("=", 1) for word in shlex.split(line))


def messages(text: str, command: str) -> list[str]:
    """What the printed command of the AWS CLI prints, by botocore."""
    words = shlex.split(command)
    given = dict(pairwise(words))
    variables = operator(text)
    credentials = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    clients = Clients(given["--endpoint-url"], variables["AWS_DEFAULT_REGION"], credentials)
    found = clients("logs").filter_log_events(
        logGroupName=given["--log-group-name"], logStreamNames=[given["--log-stream-names"]]
    )
    clients.close()
    return [event["message"] for event in found["events"]]
