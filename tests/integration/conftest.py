"""The program, deployed once to an embedded AWS with IAM enforced; tests come in by HTTP, as signed-in users.

There are two deployments on it: the `local` stack as `make local` runs it, and one with a team's own processor, two
tries, and URLs that live for two seconds, for what would take too long otherwise.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import yaml

from client import Portage
from local.deployer import deploy
from local.emulator import Emulator
from tests.integration.system import URL_SECONDS, System, User

PROJECT = Path(__file__).parents[2]
TEAM_CODE = Path(__file__).parent / "team_code"


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def system(emulator: Emulator) -> System:
    return System(emulator, deploy(emulator, project_dir=PROJECT, stack="local"))


@pytest.fixture(scope="session")
def team_system(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> System:
    """The same program, from a project whose stack says otherwise."""
    project = tmp_path_factory.mktemp("team")
    description = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    stack = yaml.safe_load((PROJECT / "Pulumi.local.yaml").read_text())
    stack["config"] |= {
        "portage:processor": "team_processor.process",
        "portage:processorCode": str(TEAM_CODE),
        "portage:processingMaxAttempts": 2,
        "portage:processingTimeoutSeconds": 10,
        "portage:urlExpiresInSeconds": URL_SECONDS,
    }
    (project / "Pulumi.yaml").write_text(yaml.safe_dump(description | {"main": str(PROJECT)}))
    (project / "Pulumi.team.yaml").write_text(yaml.safe_dump(stack))
    return System(emulator, deploy(emulator, project_dir=project, stack="team"))


@pytest.fixture(scope="session")
def user(system: System) -> User:
    return system.new_user()


@pytest.fixture(scope="session")
def team_user(team_system: System) -> User:
    return team_system.new_user()


@pytest.fixture
def portage(system: System, user: User) -> Generator[Portage]:
    with Portage(system.outputs["apiUrl"], user.session.id_token) as client:
        yield client
