"""Requirements files become layers with the libraries for the functions' processor and Python."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pulumi
import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.compute import libraries
from components.compute.code_archive import HANDLERS, MAX_UNPACKED_BYTES
from components.compute.libraries import layer_archive, libraries_fault, requirements_files
from tests.support.components.examples import NAME, PROCESSING_PIPELINE, TEAM_CODE
from tests.support.components.recording import record
from tests.support.each_case import each_case

pytestmark = pytest.mark.variant

THUMBNAIL = HANDLERS / "processors" / "requirements" / "thumbnail.txt"
ELF_ARM64 = b"\x7fELF\x02\x01" + b"\0" * 12 + b"\xb7\x00"
ELF_X86_64 = b"\x7fELF\x02\x01" + b"\0" * 12 + b"\x3e\x00"
TAG = "cp313-cp313-manylinux_2_28_aarch64"

Lock = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def here(_name: str) -> Path:
        return tmp_path / "cache"

    monkeypatch.setattr(platformdirs, "user_cache_path", here)
    layer_archive.cache_clear()
    return tmp_path / "cache" / "libraries"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def lock(tmp_path: Path, wheels: Path) -> Lock:
    """Makes a wheel of each library, and the requirements file with their hashes."""

    def write(*, tag: str = TAG, marker: str = "", name: str = "lock.txt", **files: dict[str, bytes]) -> Path:
        lines: list[str] = []
        for library, content in files.items():
            wheel = wheels / f"{library}-1.0-{tag}.whl"
            information = f"{library}-1.0.dist-info"
            with zipfile.ZipFile(wheel, "w") as package:
                for path, data in content.items():
                    package.writestr(path, data)
                package.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {library}\nVersion: 1.0\n")
                package.writestr(f"{information}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
                package.writestr(f"{information}/RECORD", "")
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines.append(f"{library}==1.0{marker} \\\n    --hash=sha256:{digest}\n    # via a comment\n")
        path = tmp_path / name
        path.write_text("".join(lines))
        return path

    return write


def names_in(layer: pulumi.AssetArchive) -> set[str]:
    return {name for name in layer.assets if ".dist-info/" not in name}


class TestTheLayer:
    def test_holds_native_code_for_the_functions(self, lock: Lock) -> None:
        path = lock(fast={"fast/__init__.py": b"", "fast/core.cpython-313-aarch64-linux-gnu.so": ELF_ARM64})
        assert names_in(layer_archive(path)) == {
            "python/fast/__init__.py",
            "python/fast/core.cpython-313-aarch64-linux-gnu.so",
        }

    def test_has_no_file_that_differs_between_machines(self, lock: Lock) -> None:
        layer = layer_archive(lock(fast={"fast.py": b"", "fast-1.0.data/scripts/fast": b"#!python\n"}))
        assert set(layer.assets) == {
            "python/fast.py",
            "python/fast-1.0.dist-info/METADATA",
            "python/fast-1.0.dist-info/WHEEL",
        }

    def test_of_an_unchanged_file_needs_no_index(self, lock: Lock, wheels: Path) -> None:
        path = lock(fast={"fast.py": b""})
        first = layer_archive(path)
        for each in wheels.iterdir():
            each.unlink()
        layer_archive.cache_clear()
        assert layer_archive(path).assets.keys() == first.assets.keys()

    def test_leaves_out_what_the_functions_do_not_need(self, lock: Lock, tmp_path: Path) -> None:
        path = lock(fast={"fast.py": b""})
        other = tmp_path / "more.txt"
        other.write_text(f"{path.read_text()}colorama==0.4.6 ; sys_platform == 'win32' --hash=sha256:{'0' * 64}\n")
        assert names_in(layer_archive(other)) == {"python/fast.py"}

    def test_leaves_nothing_behind_when_pip_fails(self, lock: Lock, own_cache: Path) -> None:
        with pytest.raises(ArgumentError):
            layer_archive(lock(fast={"fast.py": b""}, tag="cp313-cp313-win_amd64"))
        assert not list(own_cache.iterdir())


class TestRefused:
    @each_case(
        ("line", "named"),
        [
            ("numpy", "'numpy'"),
            ("numpy>=1", "'numpy>=1'"),
            ("numpy==1.0", "'numpy==1.0'"),
            ("-r other.txt", "'-r other.txt'"),
            ("https://example.com/a.whl", "'https://example.com/a.whl'"),
        ],
    )
    def test_a_line_without_exact_version_and_hash(self, line: str, named: str, tmp_path: Path) -> None:
        path = tmp_path / "lock.txt"
        path.write_text(f"# a comment\n\n{line}\n")
        fault = libraries_fault([path], None, [])
        assert fault is not None
        assert str(path) in fault
        assert named in fault
        assert "--generate-hashes" in fault

    def test_another_hash_than_the_wheels(self, lock: Lock, wheels: Path) -> None:
        path = lock(fast={"fast.py": b""})
        with zipfile.ZipFile(next(wheels.iterdir()), "a") as package:
            package.writestr("more.py", "")
        assert "do not match" in (libraries_fault([path], None, []) or "").lower()

    @pytest.mark.parametrize("tag", ["cp311-cp311-manylinux_2_28_aarch64", "cp313-cp313-manylinux_2_28_x86_64"])
    def test_a_library_without_a_wheel_for_the_functions(self, lock: Lock, tag: str) -> None:
        fault = libraries_fault([lock(fast={"fast.py": b""}, tag=tag)], None, [])
        assert fault is not None
        assert "python3.13 on arm64" in fault
        assert "fast==1.0" in fault

    @each_case(
        ("content", "named"),
        [
            ({"boto3/__init__.py": b""}, "boto3/__init__.py"),
            ({"json.py": b""}, "json.py"),
            ({"fast.so": ELF_X86_64}, "fast.so"),
        ],
    )
    def test_a_file_that_functions_cannot_use(self, lock: Lock, content: dict[str, bytes], named: str) -> None:
        assert named in (libraries_fault([lock(fast=content)], None, []) or "")

    def test_two_files_with_the_same_library(self, lock: Lock) -> None:
        one, two = lock(fast={"fast.py": b""}), lock(fast={"fast.py": b""}, name="another.txt")
        fault = libraries_fault([one, two], None, []) or ""
        assert str(one) in fault
        assert str(two) in fault

    def test_more_bytes_than_lambda_takes(self, lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
        path = lock(fast={"fast.py": b""})

        def half(_archive: pulumi.Archive) -> int:
            return MAX_UNPACKED_BYTES // 2 + 1

        monkeypatch.setattr(libraries, "unpacked_bytes", half)
        assert "250.0 MB" in (libraries_fault([path], None, []) or "")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        assert str(tmp_path / "no.txt") in (libraries_fault([tmp_path / "no.txt"], None, []) or "")


class TestThePipeline:
    def test_brings_a_teams_libraries_to_its_function_alone(self, lock: Lock) -> None:
        path = lock(fast={"fast.py": b""})
        recording = record(
            lambda: (
                PROCESSING_PIPELINE.make(
                    processor="team.process", processor_code=TEAM_CODE, processor_requirements=str(path)
                )
                and None
            )
        )
        layer = recording.inputs(aws.lambda_.LayerVersion, f"{NAME}-processor-libraries")
        assert (layer["compatibleArchitectures"], layer["compatibleRuntimes"]) == (["arm64"], ["python3.13"])
        assert recording.inputs(aws.lambda_.Function, f"{NAME}-process-object")["layers"]
        assert "layers" not in recording.inputs(aws.lambda_.Function, f"{NAME}-reconcile")

    def test_brings_the_libraries_of_a_built_in_processor(self) -> None:
        found = requirements_files(
            ["handlers.processors.thumbnail.process", "handlers.processors.inspect.process"], None
        )
        assert found == [THUMBNAIL]
        assert libraries_fault(found, None, []) is None
