"""The client as a package that is installed alone, under its other name."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

import client
from client.__main__ import main
from tests.support.client.fake_portage import FakePortage
from tests.support.paths import PROJECT

CLIENT = PROJECT / "client"
PYPROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    return {requirement.partition(">")[0] for requirement in requirements}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel has in it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=CLIENT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as opened:
        opened.extractall(folder / "site")
    return folder / "site"


SCRIPT = """
import sys
from importlib.metadata import entry_points
(script,) = entry_points(group="console_scripts", name="portage")
sys.exit(script.load()())
"""
NAMES = "import portage_client as package; print(len([getattr(package, name) for name in package.__all__]))"


def test_a_wheel_runs_without_the_repository(
    installed: Path, signed_in: Path, fake: FakePortage, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed))
    put = [sys.executable, "-c", SCRIPT, "put", file]
    ended = subprocess.run(put, cwd=signed_in, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr.count(b"Traceback")) == (0, 0)
    assert fake.only.status == "uploaded"
    named = subprocess.run([sys.executable, "-c", NAMES], cwd=signed_in, capture_output=True, check=True, text=True)
    assert int(named.stdout) == len(client.__all__)


def test_a_wheel_has_the_license_of_the_repository(installed: Path) -> None:
    (text,) = installed.glob("*.dist-info/licenses/LICENSE")
    assert text.read_bytes() == (PROJECT / "LICENSE").read_bytes()


def test_a_wheel_has_types_and_no_other_package(installed: Path) -> None:
    assert (installed / "portage_client" / "py.typed").exists()
    assert (installed / "portage_client/operators/doctor/prices.toml").exists()
    folders = {each.name for each in installed.iterdir() if not each.name.endswith(".dist-info")}
    assert folders == {"portage_client"}
    assert sum(each.stat().st_size for each in (installed / "portage_client").rglob("*.py")) < 500_000


def test_its_version_is_the_projects(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert [each.name for each in installed.glob("*.dist-info")] == [f"portage_client-{version}.dist-info"]
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"portage {version}\n")


def test_what_is_imported_is_declared() -> None:
    imported: set[str] = set()
    for path in CLIENT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    others = imported - sys.stdlib_module_names - {"botocore", "mypy_boto3_sqs"}  # with boto3, and for types
    assert others == names(PYPROJECT["dependencies"]) | names(PYPROJECT["optional-dependencies"]["operator"])
