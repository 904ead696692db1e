"""Programs in other languages that use the components as a package: by the Pulumi CLI, on an embedded AWS."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.emulator.process import Emulator
from local.engine.pulumi_cli import cli
from local.engine.pulumi_cli.plugin import environment
from tests.support.paths import PROJECT

_BUILT = PROJECT / ".local" / "bin"
HOSTS = PROJECT / "tests" / "support" / "deployment" / "hosts"
_AWS = PROJECT / "local" / "engine" / "pulumi_cli" / "bin"
_RANDOM = re.compile(r"\b[0-9a-f]{7,}\b")
_YAML_HOST = "pulumi-language-yaml"


class Consumer:
    """A folder with a program, and a CLI with a state of its own."""

    def __init__(self, folder: Path, home: Path, emulator: Emulator, **variables: str) -> None:
        self._folder = folder
        path = (HOSTS, _AWS, _yaml_host().parent, Path(os.environ["PATH"]))
        self._environment = {
            **environment(emulator),
            "HOME": str(home),
            "PATH": os.pathsep.join(map(str, path)),
            "PORTAGE_PLUGIN_PYTHON": sys.executable,
            "PULUMI_BACKEND_URL": f"file://{home}",
            "PULUMI_CONFIG_PASSPHRASE": "local",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(home / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(PROJECT),
            **variables,
        }

    def run(self, *arguments: str | Path) -> str:
        """Run the CLI; returns what it prints."""
        run = self._run(*arguments)
        assert run.returncode == 0, f"{arguments}: {run.stdout}{run.stderr}"
        return run.stdout

    def run_to_an_error(self, *arguments: str | Path) -> str:
        """Run the CLI, which must fail; returns what it prints."""
        run = self._run(*arguments)
        assert run.returncode != 0, f"{arguments}: {run.stdout}"
        return run.stdout + run.stderr

    def edit(self, before: str, after: str) -> None:
        """Change the program."""
        path = self._folder / "Pulumi.yaml"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def _run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [cli.require(), "--non-interactive", "--color=never", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def state(self) -> Mapping[str, Any]:
        """The stack's state, with secrets decrypted."""
        return json.loads(self.run("stack", "export", "--show-secrets"))["deployment"]


def described(state: Mapping[str, Any], places: Mapping[Path, str]) -> dict[str, str]:
    """What the program has registered, by URN, with other names for places, and without what is chosen at random."""
    resources = [each for each in state["resources"] if each["type"].startswith(("aws:", "portage:"))]
    names: dict[str, str] = {}
    for urn, known in sorted((each["urn"], each.get("id")) for each in resources if each.get("id")):
        names.setdefault(known, urn)  # a bucket's policy has the bucket's id
    by_length = sorted(names, key=len, reverse=True)

    def fixed(each: Mapping[str, Any]) -> str:
        text = json.dumps([each.get("parent"), each.get("inputs", {})], sort_keys=True)
        for known in by_length:
            text = text.replace(known, names[known])
        for place, instead in places.items():
            text = text.replace(str(place), instead)
        return _RANDOM.sub("RANDOM", text)

    return {each["urn"]: fixed(each) for each in resources}


def _yaml_host() -> Path:
    """Return the host on PATH, or one that is built from its Go module, once."""
    found = shutil.which(_YAML_HOST, path=os.pathsep.join((os.environ["PATH"], str(_BUILT))))
    if found is not None:
        return Path(found)
    go = shutil.which("go")
    if go is None:
        pytest.skip(f"There is neither {_YAML_HOST} nor Go to build it (https://go.dev/doc/install).")
    subprocess.run(
        [go, "build", "-o", _BUILT / _YAML_HOST, f"github.com/pulumi/pulumi-yaml/cmd/{_YAML_HOST}"],
        cwd=PROJECT / "tests" / "engine" / "yaml",
        check=True,
    )
    return _BUILT / _YAML_HOST
