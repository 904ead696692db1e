"""Fault injection: errors on the way, on the embedded AWS. Each case ends with a count of its uploads.

`make test-faults` runs the cases with few uploads, `make soak` with many. The table at the end is also in
.local/faults.json.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from rich.table import Table

from local.emulator.process import Emulator
from local.engine.built_in.deployer import deploy
from tests.support.deployment.system import System
from tests.support.faults.crowd import Count, count
from tests.support.paths import FAULTY_CODE, PROJECT

REPORT = PROJECT / ".local" / "faults.json"

CONFIG: dict[str, object] = {
    "aws:region": "us-east-1",
    "deletionProtection": False,
    "allowSignUp": True,
    "maxOpenUploads": 5_000,
    "throttleRate": 5_000,
    "throttleBurst": 5_000,
    "processingMaxConcurrency": 8,
    "processingTimeoutSeconds": 15,
    "processor": "faulty_processor.process",
    "processorCode": str(FAULTY_CODE),
}

DeployWith = Callable[..., System]
Counted = Callable[[System, list[str], float], Count]

_counts = pytest.StashKey[dict[str, Count]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="many uploads in each case")
    parser.addoption("--seed", type=int, default=None, help="repeats the random choices of a run")


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Chooses between the number of uploads in CI and in the soak."""
    return lambda few, many: many if request.config.getoption("--soak") else few


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    given = request.config.getoption("--seed")
    return time.time_ns() % 1_000_000 if given is None else given


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def deploy_with(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> DeployWith:
    """Deploys the program as a stack of its own."""

    def deploy_stack(name: str, **config: object) -> System:
        project = tmp_path_factory.mktemp(name)
        description = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
        (project / "Pulumi.yaml").write_text(yaml.safe_dump(description | {"name": "faults", "main": str(PROJECT)}))
        (project / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": CONFIG | config}))
        return System(emulator, deploy(emulator, project_dir=project, stack=name))

    return deploy_stack


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Counted:
    """Waits for the uploads of a case to end, counts them for the table, and checks that none is lost or done twice."""
    began_at = time.monotonic()

    def count_all(system: System, upload_ids: list[str], seconds: float) -> Count:
        found = count(system, upload_ids, began_at, seconds)
        request.config.stash.setdefault(_counts, {})[_title(request.node.name)] = found
        assert found.is_whole, found
        return found

    return count_all


def pytest_report_header(config: pytest.Config) -> str:
    return f"uploads: {'many (--soak)' if config.getoption('--soak') else 'few'}"


def pytest_terminal_summary(config: pytest.Config) -> None:
    if not (counts := config.stash.get(_counts, dict[str, Count]())):
        return
    table = Table(title="Uploads", title_justify="left")
    table.add_column("case")
    names = [field.name for field in fields(Count)]
    for name in names:
        table.add_column(name, justify="right")
    for case, found in counts.items():
        table.add_row(case, *(f"{getattr(found, name):,}" for name in names))
    Console(width=200).print(table)
    write_report(REPORT, counts)


def _title(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ").replace("[", " ").removesuffix("]")


def write_report(path: Path, counts: dict[str, Count]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({case: asdict(found) for case, found in counts.items()}, indent=2) + "\n")
