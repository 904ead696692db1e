"""A processor that is not in its code is refused before anything is made, and one that is there is not."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pytest

from components.processor_code import processor_fault
from tests.unit.components.examples import TEAM_CODE

Team = Callable[[Mapping[str, str]], pulumi.Archive]

PROCESS = "def process(job):\n    return {}\n"


@pytest.fixture(params=["folder", "zip"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Team:
    """A team's code, as a folder and as a zip file."""

    def write(files: Mapping[str, str]) -> pulumi.Archive:
        if request.param == "zip":
            with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
                for name, source in files.items():
                    archive.writestr(name, source)
            return pulumi.FileArchive(str(tmp_path / "code.zip"))
        for name, source in files.items():
            (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "code" / name).write_text(source)
        return pulumi.FileArchive(str(tmp_path / "code"))

    return write


class TestAProcessorThatIsThereIsTaken:
    @pytest.mark.parametrize(
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
        ],
    )
    def test_however_its_module_comes_by_it(self, team: Team, source: str) -> None:
        assert processor_fault("team.process", team({"team.py": source})) is None

    @pytest.mark.parametrize("place", ["images/resize.py", "images/resize/__init__.py"])
    def test_in_a_package_too(self, team: Team, place: str) -> None:
        assert processor_fault("images.resize.process", team({place: PROCESS})) is None

    def test_if_it_is_built_in(self) -> None:
        assert processor_fault("handlers.processors.inspect.process", None) is None

    def test_on_trust_where_its_code_is_made_of_assets_that_may_not_exist_yet(self) -> None:
        assert processor_fault("anything.process", TEAM_CODE) is None


class TestAProcessorThatIsNotThereIsRefused:
    @pytest.mark.parametrize("processor", ["tema.process", "team.sub.process", "code.team.process"])
    def test_for_want_of_its_module(self, team: Team, processor: str) -> None:
        fault = processor_fault(processor, team({"team.py": PROCESS}))

        assert fault is not None
        assert f"processor is '{processor}', but there is no module {processor.rpartition('.')[0]} in " in fault

    @pytest.mark.parametrize("source", ["", "def proces(job): ...", "# def process(job): ...", "print(process)"])
    def test_for_want_of_its_function(self, team: Team, source: str) -> None:
        fault = processor_fault("team.process", team({"team.py": source}))

        assert fault is not None
        assert fault.startswith("processor is 'team.process', but team in ")
        assert fault.endswith(" defines no process.")

    @pytest.mark.parametrize("processor", ["handlers.processors.inspct.process", "handlers.processors.inspect.proces"])
    def test_also_a_mistyped_one_of_ours(self, processor: str) -> None:
        assert processor_fault(processor, None)

    @pytest.mark.parametrize(
        "source", ["class Team:\n    def process(self, job): ...", "def outer():\n    def process(job): ..."]
    )
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


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "def process(job: ...",
            id="no Python",
        ),
        pytest.param(
            "type Found = dict[str, str]\n\n\ndef process(job) -> Found: ...",
            id="Python 3.12, which Lambda reads and this machine may not",
        ),
    ],
)
def test_source_that_cannot_be_read_here_does_not_break_the_program(team: Team, source: str) -> None:
    fault = processor_fault("team.process", team({"team.py": source}))

    assert fault is None or fault.startswith("processor is 'team.process', but ")
