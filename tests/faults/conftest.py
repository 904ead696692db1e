"""Fault injection: errors on the way, on the embedded AWS. Each case ends with a count of its uploads.

`make test-faults` runs the cases with few uploads, `make soak` with many. The table at the end is also in
.local/faults.json.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace

import pytest
import yaml
from rich.console import Console
from rich.table import Table

from local.emulator.process import Emulator
from local.engine.built_in.deployer import deploy
from tests.support.deployment.system import System
from tests.support.faults.crowd import Count, count
from tests.support.faults.worker_memory import WorkerMemory
from tests.support.paths import FAULTY_CODE, PROJECT

REPORT = PROJECT / ".local" / "faults.json"

CONFIG: dict[str, object] = {
    "aws:region": "us-east-1",
    "deletionProtection": False,
    "allowSignUp": True,
    "maxOpenUploads": 5_000,
    "throttleRate": 5_000,
    "throttleBurst": 5_000,
    "processingTimeoutSeconds": 15,
    "processor": "faulty_processor.process",
    "processorCode": str(FAULTY_CODE),
}

COMPUTES: dict[str, dict[str, object]] = {
    "lambda": {"processingMaxConcurrency": 8},
    "step-functions": {"compute": "step-functions", "processingMaxConcurrency": 8},
    "step-functions-efs": {"compute": "step-functions", "workspace": "efs", "processingMaxConcurrency": 8},
    "fargate": {
        "compute": "fargate",
        "workerImage": f"000000000000.dkr.ecr.us-east-1.amazonaws.com/worker@sha256:{'3' * 64}",
        "fargateCpu": 2_048,
        "fargateMemoryMb": 5_120,
    },
}
"""The settings that choose each compute, or its shared workspace, with about as many jobs at once."""

DeployWith = Callable[..., System]
Counted = Callable[[System, list[str]], Count]


@dataclass
class Report:
    """What a run is repeated with, and how each case ended."""

    seed: int
    compute: str
    is_soak: bool
    cases: dict[str, Count] = field(default_factory=dict[str, Count])


_report = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="many uploads in each case")
    parser.addoption("--compute", choices=sorted(COMPUTES), default="lambda", help="the compute that runs the jobs")
    parser.addoption("--seed", type=int, default=None, help="repeats the random choices of a run")


def pytest_configure(config: pytest.Config) -> None:
    given: int | None = config.getoption("--seed")
    seed = time.time_ns() % 1_000_000 if given is None else given
    config.stash[_report] = Report(seed, str(config.getoption("--compute")), bool(config.getoption("--soak")))


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Chooses between the number of uploads in CI and in the soak."""
    is_soak = request.config.stash[_report].is_soak
    return lambda few, many: many if is_soak else few


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    return request.config.stash[_report].seed


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def deploy_with(
    request: pytest.FixtureRequest, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> DeployWith:
    """Deploys the program as a stack of its own."""
    chosen = COMPUTES[request.config.stash[_report].compute]

    def deploy_stack(name: str, **config: object) -> System:
        project = tmp_path_factory.mktemp(name)
        description = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
        (project / "Pulumi.yaml").write_text(yaml.safe_dump(description | {"name": "faults", "main": str(PROJECT)}))
        (project / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": CONFIG | chosen | config}))
        return System(emulator, deploy(emulator, project_dir=project, stack=name))

    return deploy_stack


@pytest.fixture
def counted(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Counted]:
    """Waits for the uploads of a case to end, counts them for the table, and checks that none is lost or done twice."""
    began_at = time.monotonic()
    cases = request.config.stash[_report].cases

    with WorkerMemory(emulator.data_dir) as memory:

        def count_all(system: System, upload_ids: list[str]) -> Count:
            found = replace(
                count(system, upload_ids, began_at),
                worker_mb=memory.most_mb,
                mb_at_start=memory.mb_after(0),
                mb_at_quarter=memory.mb_after(0.25),
                mb_at_half=memory.mb_after(0.5),
                mb_at_end=memory.mb_after(1),
            )
            cases[_title(request.node.name)] = found
            assert found.is_whole, found
            return found

        yield count_all


def pytest_report_header(config: pytest.Config) -> str:
    report = config.stash[_report]
    uploads = "many (--soak)" if report.is_soak else "few"
    return f"compute: {report.compute}; uploads: {uploads}; repeat with --seed {report.seed}"


def pytest_terminal_summary(config: pytest.Config) -> None:
    report = config.stash[_report]
    if not report.cases:
        return
    table = Table(title=f"Uploads on {report.compute}, seed {report.seed}", title_justify="left")
    table.add_column("case")
    names = [each.name for each in fields(Count)]
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for case, found in report.cases.items():
        table.add_row(case, *(f"{getattr(found, name):,}" for name in names))
    Console(width=200).print(table)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(asdict(report), indent=2) + "\n")


def _title(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ").replace("[", " ").removesuffix("]")
