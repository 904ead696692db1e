"""The program, deployed once to an embedded AWS with IAM enforced; tests come in by HTTP, as signed-in users.

There are three deployments on it: one like the `local` stack that `make local` runs, one with a team's own processor,
two tries, and URLs that live for two seconds, for what would take too long otherwise, and one that is strict about who
sends what and how much at once. A test module that needs yet another has `deploy_with` make it. All are stacks of a
project that was made from the template under a name of its own.
"""

from collections.abc import Callable, Generator, Iterator

import pytest
import yaml

from client import Portage
from local.emulator.process import Emulator
from local.engine.built_in.deployer import deploy
from tests.support.deployment.system import OPEN_UPLOADS, URL_SECONDS, System, User
from tests.support.paths import PROJECT, TEAM_CODE

CONFIG: dict[str, object] = {
    "aws:region": "us-east-1",
    "deletionProtection": False,
    "allowSignUp": True,
    "allowedOrigins": ["http://localhost:8000", "http://127.0.0.1:8000"],
    "maxUploadBytes": 10_000 * 16 * 1024**2,
    "urlExpiresInSeconds": 60,
    "throttleRate": 500,
    "throttleBurst": 1_000,
    "processingTimeoutSeconds": 60,
    "processingMaxConcurrency": 5,
    "logLevel": "DEBUG",
}
"""Beside Pulumi.local.yaml, which is the user's to change."""

DeployWith = Callable[..., System]


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def system(deploy_with: DeployWith) -> System:
    return deploy_with("local")


@pytest.fixture(scope="session")
def deploy_with(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> DeployWith:
    """Deploys the same program as a stack of the name given, which says what CONFIG does, or otherwise."""

    def deploy_stack(name: str, **config: object) -> System:
        project = tmp_path_factory.mktemp(name)
        description = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
        description |= {"name": "media-uploads", "main": str(PROJECT)}
        (project / "Pulumi.yaml").write_text(yaml.safe_dump(description))
        (project / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": CONFIG | config}))
        return System(emulator, deploy(emulator, project_dir=project, stack=name))

    return deploy_stack


@pytest.fixture(scope="session")
def team_system(deploy_with: DeployWith) -> System:
    return deploy_with(
        "team",
        processor="team_processor.process",
        processors=[
            {"processor": "handlers.processors.csv_summary.process", "file_names": ["*.csv"]},
            {"processor": "team_processor.list_archive", "content_types": ["application/zip"]},
            {"processor": "handlers.processors.thumbnail.process", "content_types": ["image/jpeg"]},
            {"processor": "team_processor.describe_picture", "content_types": ["image/*"]},
        ],
        processorCode=str(TEAM_CODE),
        processingMaxAttempts=2,
        processingTimeoutSeconds=10,
        processorDistributions=["packaging"],
        processorEnvironment={"TEAM_SECRET": "team-secret"},
        processorStatements=[
            {"actions": ["secretsmanager:GetSecretValue"], "resources": ["arn:aws:secretsmanager:*:*:secret:team-*"]}
        ],
        urlExpiresInSeconds=URL_SECONDS,
    )


@pytest.fixture(scope="session")
def deploy_one_try(deploy_with: DeployWith) -> DeployWith:
    """Deploys with one try an upload. A message that is not deleted comes again after a second instead of a minute."""

    def deploy_stack(name: str, **config: object) -> System:
        code = {"processor": "team_processor.process", "processorCode": str(TEAM_CODE)}
        system = deploy_with(name, **code, processingMaxAttempts=1, processingTimeoutSeconds=10, **config)
        system.emulator.client("sqs").set_queue_attributes(
            QueueUrl=system.outputs["queueUrl"], Attributes={"VisibilityTimeout": "1"}
        )
        return system

    return deploy_stack


@pytest.fixture(scope="session")
def guarded_system(deploy_with: DeployWith) -> System:
    return deploy_with(
        "guarded",
        allowedSourceCidrs=["127.0.0.0/8"],
        allowedSourceVpcIds=["vpc-0a1b2c3d4e5f60718"],
        malwareScan=True,
        rejectedObjects="delete",
        processingMaxAttempts=1,
        maxOpenUploads=OPEN_UPLOADS,
    )


@pytest.fixture(scope="session")
def user(system: System) -> User:
    return system.new_user()


@pytest.fixture(scope="session")
def team_user(team_system: System) -> User:
    return team_system.new_user()


@pytest.fixture(scope="session")
def guarded_user(guarded_system: System) -> User:
    return guarded_system.new_user()


@pytest.fixture
def portage(system: System, user: User) -> Generator[Portage]:
    with Portage(system.outputs["apiUrl"], user.session.id_token) as client:
        yield client
