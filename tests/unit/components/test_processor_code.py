"""A processor that is not in its code is refused before anything is made, and one that is there is not."""

import random
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pytest

from components.compute.processor_code import processors_fault
from tests.support.components.examples import TEAM_CODE
from tests.support.each_case import each_case

Team = Callable[[Mapping[str, str | bytes]], pulumi.Archive]

PROCESS = "def process(job):\n    return {}\n"


def processor_fault(processor: str, code: pulumi.Archive | None) -> str | None:
    """Return the error in one processor, without the name of its argument."""
    error = processors_fault({"processor": processor}, code)
    return error and error.removeprefix("processor ")


AARCH64, X86_64 = 0xB7, 0x3E


def elf(machine: int, kind: bytes = b"\x02\x01") -> bytes:
    """The head of a shared library: 64 bits, little-endian, if nothing else is said."""
    return (
        b"\x7fELF" + kind + b"\x01" + bytes(9) + (3).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(44)
    )


@pytest.fixture(params=["folder", "zip"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Team:
    """A team's code, as a folder and as a zip file."""

    def write(files: Mapping[str, str | bytes]) -> pulumi.Archive:
        place = Path(tempfile.mkdtemp(dir=tmp_path))
        if request.param == "zip":
            with zipfile.ZipFile(place / "code.zip", "w") as archive:
                for name, source in files.items():
                    archive.writestr(name, source)
            return pulumi.FileArchive(str(place / "code.zip"))
        for name, source in files.items():
            (place / "code" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "code" / name).write_bytes(source.encode() if isinstance(source, str) else source)
        return pulumi.FileArchive(str(place / "code"))

    return write


class TestAProcessorThatIsThereIsTaken:
    @each_case(
        "source",
        [
            PROCESS,
            "async def process(job): ...",
            "class process: ...",
            "from images import resize as process",
            "from images import process",
            "process = lambda job: {}",
            "process: object = print",
            "try:\n    from fast import process\nexcept ImportError:\n    from slow import process",
            "from installed_elsewhere import *",
            "from .core import *",
            "def __getattr__(name): ...",
            "globals()['process'] = print",
        ],
    )
    def test_however_its_module_comes_by_it(self, team: Team, source: str) -> None:
        assert processor_fault("team.process", team({"team.py": source})) is None

    @each_case("place", ["images/resize.py", "images/resize/__init__.py"])
    def test_in_a_package_too(self, team: Team, place: str) -> None:
        assert processor_fault("images.resize.process", team({place: PROCESS})) is None

    @each_case(
        ("place", "source"),
        [
            ("team.py", "from core import *"),
            ("team/__init__.py", "from .core import *"),
            ("team/__init__.py", "from team.core import *"),
            ("team/__init__.py", "from .steps import *"),
        ],
    )
    def test_from_another_module_of_the_code_that_it_imports_with_a_star(
        self, team: Team, place: str, source: str
    ) -> None:
        code = team(
            {
                place: source,
                "core.py": PROCESS,
                "team/core.py": PROCESS,
                "team/steps/__init__.py": "from ..steps import *\nfrom .. import core\nfrom ..core import *",
            }
        )

        assert processor_fault("team.process", code) is None

    @each_case("module", ["team.abi3.so", "team.cpython-313-aarch64-linux-gnu.so", "team.so"])
    def test_in_native_code(self, team: Team, module: str) -> None:
        assert processor_fault("team.process", team({module: elf(AARCH64)})) is None

    def test_if_it_is_built_in(self) -> None:
        assert processor_fault("handlers.processors.inspect.process", None) is None

    def test_on_trust_where_its_code_is_made_of_assets_that_may_not_exist_yet(self) -> None:
        assert processor_fault("anything.process", TEAM_CODE) is None


class TestAProcessorThatIsNotThereIsRefused:
    @each_case("processor", ["tema.process", "team.sub.process", "code.team.process"])
    def test_for_want_of_its_module(self, team: Team, processor: str) -> None:
        fault = processor_fault(processor, team({"team.py": PROCESS}))

        assert fault is not None
        assert f"is '{processor}', but there is no module {processor.rpartition('.')[0]} in " in fault

    @each_case("source", ["", "def proces(job): ...", "# def process(job): ...", "print(process)"])
    def test_for_want_of_its_function(self, team: Team, source: str) -> None:
        fault = processor_fault("team.process", team({"team.py": source}))

        assert fault is not None
        assert fault.startswith("is 'team.process', but team in ")
        assert " defines no process; " in fault

    @each_case(
        ("processor", "meant"),
        [
            ("handlers.processors.inspekt.process", "handlers.processors.inspect.process"),
            ("handlers.processors.csv_sumary.process", "handlers.processors.csv_summary.process"),
            ("handlers.processors.inspect.proces", "handlers.processors.inspect.process"),
            ("handlers.inspect.process", "handlers.processors.inspect.process"),
            ("handler.processors.inspect.process", "handlers.processors.inspect.process"),
            ("handlers.shrink.run", "handlers.processors.thumbnail.process"),
        ],
    )
    def test_with_the_nearest_that_is_built_in(self, processor: str, meant: str) -> None:
        assert meant in (processor_fault(processor, None) or "")

    @each_case(
        ("processor", "meant"),
        [("tema.process", "team.process"), ("team.proces", "team.process"), ("sub.team.process", "team.process")],
    )
    def test_with_the_nearest_in_its_code(self, team: Team, processor: str, meant: str) -> None:
        fault = processor_fault(processor, team({"team.py": PROCESS, "sub/__init__.py": ""})) or ""

        assert fault.endswith(f"; did you mean {meant}?")

    def test_for_want_of_its_function_in_what_its_module_imports_with_a_star(self, team: Team) -> None:
        code = team(
            {"team/__init__.py": "from .core import *", "team/core.py": "from . import *\ndef proces(job): ..."}
        )

        assert "team in " in (processor_fault("team.process", code) or "")

    @each_case("processor", ["handlers.processors.inspct.process", "handlers.processors.inspect.proces"])
    def test_also_a_mistyped_one_of_ours(self, processor: str) -> None:
        assert processor_fault(processor, None)

    @each_case("source", ["class Team:\n    def process(self, job): ...", "def outer():\n    def process(job): ..."])
    def test_one_that_only_a_class_or_a_function_has(self, team: Team, source: str) -> None:
        assert processor_fault("team.process", team({"team.py": source}))

    @pytest.mark.parametrize("kind", ["missing", "tar", "text"])
    def test_one_in_an_archive_that_cannot_be_read(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / {"missing": "code", "tar": "code.tar.gz", "text": "code.zip"}[kind]
        if kind != "missing":
            path.write_bytes(b"no zip file")

        fault = processor_fault("team.process", pulumi.FileArchive(str(path)))

        assert fault is not None
        assert str(path) in fault


class TestSeveralProcessors:
    def test_each_is_looked_for_in_the_code_that_has_it(self, team: Team) -> None:
        code = team({"team.py": PROCESS})
        good = {"a": "team.process", "b": "handlers.processors.csv_summary.process"}

        assert processors_fault(good, code) is None
        assert (processors_fault({**good, "c": "team.proces"}, code) or "").startswith(
            "c is 'team.proces', but team in "
        )
        assert (processors_fault({**good, "c": "handlers.processors.inspct.process"}, code) or "").startswith("c is ")

    def test_one_of_the_teams_needs_its_code(self) -> None:
        processors = {"a": "handlers.processors.inspect.process", "b": "team.process"}
        assert (processors_fault(processors, None) or "").startswith("b is 'team.process', but its code is missing; ")


class TestModulesThatWouldTakeAnothersPlaceAreRefused:
    @each_case(
        "name",
        [
            "json.py",
            "csv/__init__.py",
            "queue/waiting.py",
            "signal.abi3.so",
            "inspect.py",
            "boto3/__init__.py",
            "botocore/session.py",
            "handlers/__init__.py",
            "handlers.py",
            "filetype.py",
        ],
    )
    def test_those_of_python_lambda_and_our_own(self, team: Team, name: str) -> None:
        fault = processor_fault("team.process", team({"team.py": PROCESS, name: elf(AARCH64) if "so" in name else ""}))

        assert fault is not None
        assert fault.startswith("is 'team.process', but ")
        assert f"{name}, but {re.split('[./]', name)[0]} is " in fault

    @each_case(
        "name",
        [
            "processor.py",
            "team/json.py",
            "email/letter.html",
            "json.md",
            "tests/test_team.py",
            "test/test_team.py",
            "cgi.py",
            "distutils/__init__.py",
            "setup.py",
            "urllib3/__init__.py",
        ],
    )
    def test_and_no_others(self, team: Team, name: str) -> None:
        assert processor_fault("team.process", team({"team/__init__.py": PROCESS, name: ""})) is None

    def test_in_code_made_of_assets_too(self) -> None:
        code = pulumi.AssetArchive({"inner": pulumi.AssetArchive({"a.py": pulumi.StringAsset("")})})
        shadowing = pulumi.AssetArchive({"json": pulumi.AssetArchive({"a.py": pulumi.StringAsset("")})})

        assert processor_fault("inner.a.process", code) is None
        assert "json/a.py, but json is Python's own; rename it." in (processor_fault("json.a.process", shadowing) or "")


THIS_PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"


class TestSourceThatIsNotValidPythonIsRefused:
    @each_case("name", ["team.py", "steps/resize.py"])
    @each_case(
        ("source", "why"),
        [
            ("x = 1\ndef process(job: ...", "line 2, '(' was never closed"),
            ("return 3", "line 1, 'return' outside function"),
            ("x = 1\nprint(f'{x}'", "line 2, '(' was never closed"),
            ("print(f'{x}') y", "line 1, invalid syntax"),
            ("print 'done'", "line 1, Missing parentheses"),
            ("x = 1\0", "null bytes"),
            ("# Übung".encode("latin-1"), "its encoding is neither UTF-8 nor the one that it names"),
            (b"# coding: klingon", "its encoding is neither UTF-8 nor the one that it names"),
            (PROCESS.encode("utf-16"), "its encoding is neither UTF-8 nor the one that it names"),
        ],
    )
    def test_with_the_file_the_line_and_the_error(self, team: Team, name: str, source: str | bytes, why: str) -> None:
        fault = processor_fault("team.process", team({"team.py": PROCESS, name: source}))

        assert fault is not None
        assert f"{name}, which is not valid {THIS_PYTHON}: " in fault
        assert why in fault

    @each_case(
        ("source", "since"),
        [
            ("type Found = dict[str, str]", (3, 12)),
            ("def first[T](items: list[T]) -> T: ...", (3, 12)),
            ("print(f'{names['first']}')", (3, 12)),
            ("class Found[T = str]: ...", (3, 13)),
        ],
    )
    def test_newer_syntax_where_this_python_is_older_with_the_python_to_use(
        self, team: Team, source: str, since: tuple[int, int]
    ) -> None:
        fault = processor_fault("team.process", team({"team.py": PROCESS, "more.py": f"x = 1\n{source}"}))

        if sys.version_info >= since:
            assert fault is None
        else:
            assert fault is not None
            assert f"more.py, which is not valid {THIS_PYTHON}: line 2, " in fault
            assert "run this program with Python 3.13." in fault

    @each_case(
        "source",
        [
            "# Übung",
            "# coding: latin-1\n# Übung".encode("latin-1"),
            "pattern = '\\d'",
        ],
    )
    def test_but_nothing_that_is(self, team: Team, source: str | bytes) -> None:
        more = source if isinstance(source, bytes) else source.encode()

        assert processor_fault("team.process", team({"team.py": PROCESS.encode(), "more.py": more})) is None

    def test_and_nothing_that_a_distribution_installed(self, team: Team) -> None:
        code = team(
            {
                "team.py": PROCESS,
                "made_up/template.py": "def {{ name }}(): ...",
                "made_up-1.0.dist-info/RECORD": "made_up/template.py,sha256=x,20\nmade_up-1.0.dist-info/RECORD,,\n",
            }
        )

        assert processor_fault("team.process", code) is None


class TestNativeCodeIsForTheFunctions:
    @each_case(
        ("name", "content"),
        [
            ("fast.so", elf(X86_64)),
            ("fast.cpython-313-x86_64-linux-gnu.so", elf(X86_64)),
            ("numpy.libs/libopenblas.so.0.3", elf(X86_64)),
            ("fast.so", elf(40, b"\x01\x01")),
            ("fast.so", elf(AARCH64, b"\x02\x02")),
            ("fast.cpython-313-darwin.so", b"\xcf\xfa\xed\xfe" + bytes(60)),
            ("fast.so", b""),
            ("bin/ffmpeg", elf(X86_64)),
            ("fast.cpython-311-aarch64-linux-gnu.so", elf(AARCH64)),
            ("fast.cpython-313t-aarch64-linux-gnu.so", elf(AARCH64)),
            ("fast.pypy310-pp73-aarch64-linux-gnu.so", elf(AARCH64)),
            ("fast.cp313-win_amd64.pyd", b"MZ"),
            ("lib/fast.dylib", b""),
            ("lib/fast.dll", b"MZ"),
        ],
    )
    def test_or_refused_with_the_command_that_gets_the_right_one(self, team: Team, name: str, content: bytes) -> None:
        fault = processor_fault("team.process", team({"team.py": PROCESS, name: content}))

        assert fault is not None
        assert f"{name}, which is not for " in fault
        assert "pip install --platform manylinux2014_aarch64 --python-version 3.13 --only-binary=:all:" in fault

    @each_case(
        "name",
        [
            "fast.cpython-313-aarch64-linux-gnu.so",
            "fast.abi3.so",
            "numpy.libs/libopenblas.so.0.3",
            "bin/ffmpeg",
        ],
    )
    def test_and_then_it_is_taken(self, team: Team, name: str) -> None:
        assert processor_fault("team.process", team({"team.py": PROCESS, name: elf(AARCH64)})) is None


class TestWhatCannotBeShippedIsRefused:
    @pytest.mark.parametrize("target", ["inside", "outside", "nowhere"])
    def test_a_package_that_is_a_link(self, tmp_path: Path, target: str) -> None:
        code = tmp_path / "code"
        for folder in (code / "inside", tmp_path / "outside"):
            folder.mkdir(parents=True)
            (folder / "__init__.py").write_text(PROCESS)
        (code / "team").symlink_to(tmp_path / target if target == "outside" else code / target)

        fault = processor_fault("team.process", pulumi.FileArchive(str(code)))

        assert fault is not None
        assert f"{code} holds team, which is not a file, " in fault

    def test_a_file_that_is_a_link_out_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "team.py").write_text(PROCESS)
        (tmp_path / "code" / "team.py").symlink_to(tmp_path / "team.py")

        assert "holds team.py, which is not a file, " in (
            processor_fault("team.process", pulumi.FileArchive(str(tmp_path / "code"))) or ""
        )

    def test_but_no_link_to_a_file_within_it(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "code")
        (tmp_path / "code" / "core.py").write_text(PROCESS)
        (tmp_path / "code" / "team.py").symlink_to("core.py")

        assert processor_fault("team.process", pulumi.FileArchive(str(tmp_path / "link"))) is None

    def test_a_link_in_a_zip_file(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            entry = zipfile.ZipInfo("team.py")
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "core.py")

        assert "holds team.py, a link; " in (
            processor_fault("team.process", pulumi.FileArchive(str(tmp_path / "code.zip"))) or ""
        )

    @each_case(
        "name",
        [".env", ".git/config", "team/.aws/credentials", "server.key", "id_rsa", "server.pem", "__MACOSX/._team.py"],
    )
    def test_what_is_private_in_a_zip_file_since_it_is_shipped_as_it_is(self, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            archive.writestr("team.py", PROCESS)
            archive.writestr("certificates/roots.pem", "-----BEGIN CERTIFICATE-----\n")
            archive.writestr(name, "-----BEGIN PRIVATE KEY-----\n")

        assert f"holds {name}, which must not be shipped; " in (
            processor_fault("team.process", pulumi.FileArchive(str(tmp_path / "code.zip"))) or ""
        )

    @pytest.mark.parametrize(("kind", "limit"), [("unpacked", r"250\.0"), ("zipped", r"50\.0")])
    def test_code_that_is_too_large_with_both_numbers_and_the_largest_file(
        self, tmp_path: Path, kind: str, limit: str
    ) -> None:
        (tmp_path / "team.py").write_text(PROCESS)
        with (tmp_path / "model.bin").open("wb") as model:
            if kind == "unpacked":
                model.truncate(251 * 1024**2)
            else:
                model.write(random.Random(1).randbytes(51 * 1024**2))

        fault = processor_fault("team.process", pulumi.FileArchive(str(tmp_path))) or ""

        assert re.search(rf"the function's code is (51|251)\.\d MB {kind}, but Lambda takes {limit} MB", fault)
        assert "the largest file is processor/model.bin, " in fault

    def test_a_folder_that_is_far_too_large_without_reading_all_of_it(self, tmp_path: Path) -> None:
        (tmp_path / "team.py").write_text(PROCESS)
        with (tmp_path / "disk.img").open("wb") as image:
            image.truncate(1001 * 1024**2)
        (tmp_path / "later").symlink_to("nothing")

        fault = processor_fault("team.process", pulumi.FileArchive(str(tmp_path))) or ""

        assert "holds more than 1000.0 MB, but Lambda takes 250.0 MB. " in fault
        assert "the largest file is disk.img, " in fault

    @pytest.mark.parametrize("code", ["/dev/zero", "/dev/null", "/proc/self/mem"])
    def test_what_is_neither_a_folder_nor_a_regular_file(self, code: str) -> None:
        assert " must be a folder or a zip file." in (processor_fault("team.process", pulumi.FileArchive(code)) or "")

    def test_but_none_that_is_large_only_unpacked(self, tmp_path: Path) -> None:
        (tmp_path / "team.py").write_text(PROCESS)
        with (tmp_path / "model.bin").open("wb") as model:
            model.truncate(100 * 1024**2)

        assert processor_fault("team.process", pulumi.FileArchive(str(tmp_path))) is None
