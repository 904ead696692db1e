"""The real Pulumi engine deploys the program to an embedded AWS, by the plugin that is local mode's type table."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.emulator.process import Emulator
from tests.support.deployment.engine_project import Project
from tests.support.paths import PROJECT

MakeProject = Callable[..., Project]


@pytest.fixture(scope="module")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeProject]:
    """Makes a project, by default of this repository's files, with an embedded AWS of its own."""
    with ExitStack() as held:

        def make(region: str = "eu-central-1", *, program_dir: Path = PROJECT, name: str | None = None) -> Project:
            folder = tmp_path_factory.mktemp("project") / "copy"
            return Project(folder, held.enter_context(Emulator(region)), program_dir=program_dir, name=name)

        yield make


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A project of this repository's files."""
    return make_project()


def pytest_configure(config: pytest.Config) -> None:
    """Ignore what the automation API leaves open after a failed run: its event loop, with sockets and a coroutine."""
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")
