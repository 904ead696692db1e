"""A function gets the code that it runs and the environment that it reads: all of it, and nothing else."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.api.operations import functions
from components.arguments import ArgumentError
from components.compute import code_archive as code_archive_module
from components.compute.code_archive import HANDLERS, OUR_SUFFIXES, code_archive
from handlers.aws.environment import read_environment
from handlers.entries import job_clients, jobs
from handlers.http.operation import OriginsEnvironment
from tests.support.components.examples import NAME, PROCESSING_PIPELINE, SESSION_KEY, TEAM_CODE, UPLOAD_API, Example
from tests.support.components.recording import REGION, Recording, record

LAMBDAS_OWN = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What a Python runtime of Lambda brings along: the SDK and what it imports."""

SHIPPED = {"handlers.processors.inspect": "filetype"}
Installed = Callable[..., None]
FUNCTIONS = [
    *((UPLOAD_API, f"{NAME}-{operation.purpose}") for operation, _ in functions().values()),
    (PROCESSING_PIPELINE, f"{NAME}-process-object"),
    (PROCESSING_PIPELINE, f"{NAME}-reconcile"),
    (SESSION_KEY, f"{NAME}-rotate"),
]


@cache
def recorded(example: Example) -> Recording:
    return record(lambda: example.make() and None)


def function_of(example: Example, name: str) -> dict[str, Any]:
    return recorded(example).inputs(aws.lambda_.Function, name)


def unpack(archive: pulumi.AssetArchive, folder: Path) -> Path:
    """Do with files and texts what the engine does; anything else is none of ours."""
    for name, asset in archive.assets.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        match asset:
            case pulumi.FileAsset():
                target.write_bytes(Path(str(asset.path)).read_bytes())
            case pulumi.StringAsset():
                target.write_text(str(asset.text))
            case pulumi.AssetArchive():
                unpack(asset, target)
            case _:
                raise TypeError(f"{name} is a {type(asset).__name__}")
    return folder


def contents(archive: pulumi.Asset | pulumi.Archive, at: str = "") -> dict[str, bytes]:
    assert isinstance(archive, pulumi.AssetArchive)
    found: dict[str, bytes] = {}
    for name, item in archive.assets.items():
        if isinstance(item, pulumi.FileAsset):
            found[f"{at}{name}"] = Path(str(item.path)).read_bytes()
        else:
            found |= contents(item, f"{at}{name}/")
    return found


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Installs a made-up distribution, and records its files as pip does."""

    def install(*files: str) -> None:
        information = tmp_path / "made_up-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
        for file in files:
            if ".." not in file and not file.endswith(("METADATA", ".json")):
                (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / file).touch()
        (information / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        monkeypatch.syspath_prepend(tmp_path)

    return install


@pytest.fixture(scope="session")
def lambdas_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lambda")
    for name in LAMBDAS_OWN:
        origin = Path(str(importlib.import_module(name).__file__))
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def run_as_in_lambda(code: Path, packages: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script where there is nothing but the standard library, the SDK and the archive."""
    path = f"import sys; sys.path[:0] = [{str(code)!r}, {str(packages)!r}]\n"
    command = [sys.executable, "-I", "-S", "-B", "-c", path + script]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


class TestTheArchiveHasAllThatTheEntryImports:
    @pytest.mark.parametrize(("example", "name"), FUNCTIONS)
    def test_the_entry_is_found_with_nothing_but_the_archive_and_the_sdk(
        self, example: Example, name: str, tmp_path: Path, lambdas_packages: Path
    ) -> None:
        function = function_of(example, name)
        module, entry = function["handler"].rsplit(".", 1)
        processor = function["environment"]["variables"].get("PROCESSOR")
        also = f"from handlers.processors import load_processor; assert callable(load_processor({processor!r}))"

        outcome = run_as_in_lambda(
            unpack(function["code"], tmp_path),
            lambdas_packages,
            f"import importlib; assert callable(importlib.import_module({module!r}).{entry})\n"
            + (also if processor else ""),
        )

        assert outcome.returncode == 0, outcome.stderr

    @pytest.mark.parametrize(("module", "distribution"), SHIPPED.items())
    def test_without_what_is_shipped_it_would_not_be_found(
        self, module: str, distribution: str, tmp_path: Path, lambdas_packages: Path
    ) -> None:
        outcome = run_as_in_lambda(unpack(code_archive([]), tmp_path), lambdas_packages, f"import {module}")

        assert f"No module named '{distribution}'" in outcome.stderr

    def test_a_teams_processor_is_found_in_its_own_folder(self, tmp_path: Path, lambdas_packages: Path) -> None:
        recording = record(
            lambda: PROCESSING_PIPELINE.make(processor="team.process", processor_code=TEAM_CODE) and None
        )
        function = recording.inputs(aws.lambda_.Function, f"{NAME}-process-object")

        outcome = run_as_in_lambda(
            unpack(function["code"], tmp_path),
            lambdas_packages,
            "from handlers.processors import load_processor; assert load_processor('team.process')(None) == {}",
        )

        assert outcome.returncode == 0, outcome.stderr
        assert (tmp_path / "processor" / "team.py").is_file()

    def test_a_teams_processor_may_be_called_as_the_folder_that_it_is_put_into(
        self, tmp_path: Path, lambdas_packages: Path
    ) -> None:
        team = pulumi.AssetArchive({"processor.py": pulumi.StringAsset("def process(job): return {}")})

        outcome = run_as_in_lambda(
            unpack(code_archive(["filetype"], team), tmp_path),
            lambdas_packages,
            "from handlers.processors import load_processor; assert load_processor('processor.process')(None) == {}",
        )

        assert outcome.returncode == 0, outcome.stderr

    @pytest.mark.parametrize(("example", "name"), FUNCTIONS)
    def test_no_distribution_is_shipped_that_the_entry_does_not_import(self, example: Example, name: str) -> None:
        function = function_of(example, name)
        used = {function["handler"].rpartition(".")[0]}
        used.add(function["environment"]["variables"].get("PROCESSOR", "").rpartition(".")[0])

        shipped = {
            re.split(r"[-.]", asset, maxsplit=1)[0] for asset in function["code"].assets if asset.count(".dist-info/")
        }

        assert shipped == {distribution for module, distribution in SHIPPED.items() if module in used}

    def test_licences_are_shipped_with_what_they_license(self) -> None:
        assert [name for name in code_archive(["filetype"]).assets if name.endswith("/LICENSE")]


class TestTheArchiveIsTheSameForTheSameSources:
    @pytest.mark.parametrize(("example", "name"), FUNCTIONS)
    def test_two_builds_are_equal_file_by_file(self, example: Example, name: str, tmp_path: Path) -> None:
        builds = [recorded(example), record(lambda: example.make() and None)]
        one, two = (
            unpack(build.inputs(aws.lambda_.Function, name)["code"], tmp_path / str(number))
            for number, build in enumerate(builds)
        )
        files = {file.relative_to(one): file.read_bytes() for file in one.rglob("*") if file.is_file()}

        assert files == {file.relative_to(two): file.read_bytes() for file in two.rglob("*") if file.is_file()}
        assert files

    def test_every_file_is_named_by_itself_so_that_no_folder_brings_others_along(self) -> None:
        archive = code_archive(["filetype"])

        assert {type(asset) for asset in archive.assets.values()} == {pulumi.FileAsset}

    def test_it_holds_nothing_that_an_installer_or_a_run_wrote(self, installed: Installed) -> None:
        installed(
            "made_up/__init__.py",
            "made_up/py.typed",
            "made_up/__pycache__/__init__.cpython-313.pyc",
            "../../bin/made-up",
            "made_up-1.0.dist-info/METADATA",
            "made_up-1.0.dist-info/licenses/LICENSE",
            "made_up-1.0.dist-info/RECORD",
            "made_up-1.0.dist-info/INSTALLER",
            "made_up-1.0.dist-info/REQUESTED",
            "made_up-1.0.dist-info/direct_url.json",
        )

        assert code_archive(["made-up"]).assets.keys() - code_archive([]).assets.keys() == {
            "made_up/__init__.py",
            "made_up/py.typed",
            "made_up-1.0.dist-info/METADATA",
            "made_up-1.0.dist-info/licenses/LICENSE",
        }

    def test_of_our_own_it_holds_the_handlers_sources_alone(self) -> None:
        names = code_archive([]).assets.keys()

        assert "handlers/entries/create_upload.py" in names
        assert [name for name in names if not re.fullmatch(r"handlers/([a-z_]+/)*\w+\.(py|pem|toml)", name)] == []

    def test_of_our_own_it_holds_nothing_that_an_editor_left(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(HANDLERS, tmp_path / "handlers")
        (tmp_path / "handlers" / ".#create_upload.py").symlink_to("somebody@somewhere.1234:1764000000")
        (tmp_path / "handlers" / "gone.py").symlink_to("nowhere.py")
        for name in (".create_upload.py.swp", "create_upload.py~", "#create_upload.py#"):
            (tmp_path / "handlers" / name).write_text("")
        monkeypatch.setattr(code_archive_module, "HANDLERS", tmp_path / "handlers")

        assert contents(code_archive()) == {
            path.relative_to(HANDLERS.parent).as_posix(): path.read_bytes()
            for suffix in OUR_SUFFIXES
            for path in HANDLERS.rglob(f"*{suffix}")
        }

    def test_of_a_teams_folder_it_holds_all_but_what_is_private_and_what_tools_wrote(self, tmp_path: Path) -> None:
        kept = {"team.py", "model/weights.bin", "certificates/roots.pem", "key.py", "made_up-1.0.dist-info/METADATA"}
        left_out = {
            ".env",
            ".git/config",
            ".venv/lib/x.py",
            ".idea/workspace.xml",
            "model/.cache/weights.bin",
            ".#team.py",
            ".team.py.swp",
            "team.py~",
            "#team.py#",
            "__pycache__/team.cpython-313.pyc",
            "model/__pycache__/a.pyc",
            "node_modules/left-pad/index.js",
            "environment/pyvenv.cfg",
            "environment/lib/python3.13/site-packages/x.py",
            "server.key",
            "certificates/server.pem",
            "certificates/client.p12",
            "certificates/client.pfx",
            "id_rsa",
            "SERVER.KEY",
            "Cert.PFX",
            "deploy.ppk",
            "id_ed25519",
        }
        for name in kept | left_out:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("-----BEGIN CERTIFICATE-----")
        (tmp_path / "certificates/server.pem").write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----")
        (tmp_path / ".#model.py").symlink_to("somebody@somewhere.1234:1764000000")
        (tmp_path / "env").symlink_to(tmp_path / "environment")

        folder = code_archive([], pulumi.FileArchive(str(tmp_path))).assets["processor"]
        within = code_archive([], pulumi.AssetArchive({"src": pulumi.FileArchive(str(tmp_path))})).assets["processor"]

        assert contents(folder).keys() == kept
        assert contents(within).keys() == {f"src/{name}" for name in kept}

    def test_of_a_teams_folder_it_is_the_same_wherever_and_whenever_it_lies(self, tmp_path: Path) -> None:
        for number, folder in enumerate((tmp_path / "here", tmp_path / "else where")):
            folder.mkdir()
            for name in ("b.py", "a.py"):
                (folder / name).write_text(f"{name}\n")
                os.utime(folder / name, (number, number))
            (folder / "__pycache__").mkdir()
            (folder / "__pycache__" / "a.pyc").write_text(str(number))
            (folder / f".#{number}").symlink_to("nowhere")

        one, two = (
            code_archive([], pulumi.FileArchive(str(tmp_path / name))).assets["processor"]
            for name in ("here", "else where")
        )

        assert list(contents(one).items()) == list(contents(two).items()) == [("a.py", b"a.py\n"), ("b.py", b"b.py\n")]

    def test_a_teams_zip_file_is_taken_as_it_is(self, tmp_path: Path) -> None:
        code = pulumi.FileArchive(str(tmp_path / "code.zip"))

        assert code_archive([], code).assets["processor"] is code


class TestWhatCannotBeShippedIsRefused:
    @pytest.mark.parametrize("binary", ["_made_up.cpython-313-x86_64-linux-gnu.so", "made_up.pyd", "made_up.dylib"])
    def test_a_distribution_with_binaries_since_they_are_this_machines(self, installed: Installed, binary: str) -> None:
        installed("made_up/__init__.py", f"made_up/{binary}")

        message = f"the distribution made-up holds made_up/{binary}, so it is not pure Python"
        with pytest.raises(ArgumentError, match=f"^{re.escape(message)}"):
            code_archive(["made-up"])

    def test_a_distribution_that_is_not_installed_with_the_fix(self) -> None:
        message = r"^the distribution no-such-thing is not installed; install it "
        with pytest.raises(ArgumentError, match=message):
            code_archive(["no-such-thing"])


@pytest.mark.parametrize(("example", "name"), FUNCTIONS)
class TestTheEnvironmentIsWhatTheEntryReads:
    def test_variable_by_variable(self, example: Example, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        function = function_of(example, name)
        variables = function["environment"]["variables"]
        module = importlib.import_module(function["handler"].rpartition(".")[0])

        assert variables.keys() == names_read_by(module, variables, monkeypatch)


def names_read_by(module: ModuleType, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What the entry reads of its environment. It may have no other variable."""
    names = {name.upper() for name in OriginsEnvironment._fields} if hasattr(module, "api_operation") else set[str]()

    def read(kind: type[Any]) -> Any:
        names.update(name.upper() for name in kind.__annotations__)
        return read_environment(kind, variables)

    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for each in (module, job_clients, jobs) if hasattr(module, "run_job") else (module,):
        monkeypatch.setattr(each, "read_environment", read, raising=False)
        for made in cached_in(each):
            made.cache_clear()
            made()
            made.cache_clear()
    return names


def cached_in(module: ModuleType) -> list[Any]:
    """The module's own functions that keep their result."""
    cached: list[Any] = [each for each in vars(module).values() if hasattr(each, "cache_clear")]
    return [each for each in cached if each.__module__ == module.__name__]
