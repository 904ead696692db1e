"""The TypeScript example, compiled with an SDK that is generated from the package's schema."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.paths import PROJECT

_EXAMPLE = PROJECT / "examples" / "typescript"
_INSTALLED = PROJECT / ".local" / "typescript"
_LOCK = "package-lock.json"


class TypeScriptConsumer:
    """A copy of the example, with what its lock file names and the SDK in node_modules."""

    def __init__(self, folder: Path) -> None:
        """Generate the SDK and compile it."""
        self._node, self._folder = _tool("node"), folder
        _install()
        shutil.copytree(_EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "bin", "sdks"))
        (folder / "node_modules").mkdir()
        for each in (_INSTALLED / "node_modules").iterdir():
            (folder / "node_modules" / each.name).symlink_to(each)
        sdk = folder / "node_modules" / "@portage" / "portage"
        _run([_tool("go"), "run", "./sdk", PROJECT / "docs" / "schema.json", sdk], PROJECT / "tests" / "engine")
        assert self._compile(sdk) == ""

    def edit(self, before: str, after: str) -> None:
        path = self._folder / "index.ts"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def errors(self) -> str:
        """What the compiler prints about the program; empty if it is right."""
        return self._compile(self._folder, "--noEmit")

    def _compile(self, folder: Path, *options: str) -> str:
        compiler = _INSTALLED / "node_modules" / "typescript" / "bin" / "tsc"
        command = [self._node, str(compiler), "--project", str(folder), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _install() -> None:
    """Install what the lock file names, unless that has been done."""
    if (_INSTALLED / _LOCK).is_file() and (_INSTALLED / _LOCK).read_bytes() == (_EXAMPLE / _LOCK).read_bytes():
        return
    shutil.rmtree(_INSTALLED, ignore_errors=True)
    (_INSTALLED / "installing").mkdir(parents=True)
    for name in ("package.json", _LOCK):
        shutil.copy(_EXAMPLE / name, _INSTALLED / "installing")
    _run([_tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], _INSTALLED / "installing")
    for each in (_INSTALLED / "installing").iterdir():
        each.rename(_INSTALLED / each.name)


def _run(command: Sequence[str | Path], folder: Path) -> None:
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{command}: {run.stdout}{run.stderr}"


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"There is no {name}, which compiles the TypeScript example (https://nodejs.org, https://go.dev).")
    return found
