"""Local mode's deployment by the real engine, for `make local ENGINE=pulumi`."""

import shutil
from pathlib import Path

from pulumi.automation.errors import CommandError

from local.deployer import DeployedResource, Deployment, not_emulated
from local.display import Step
from local.emulator import Emulator
from local.engine.stacks import EngineStack, ResourceStep
from local.faults import LocalModeError
from local.provider import Resource
from local.resources import TABLE

_PROJECT = Path(__file__).resolve().parents[2]
_HOME = _PROJECT / ".local" / "engine"
_STACK = "local"


def deploy_program(step: Step, emulator: Emulator, *, home: Path = _HOME) -> Deployment:
    """Deploy the stack `local`, counting its resources.

    The CLI's state begins empty, as the embedded AWS does; it stays in `home` for whoever wants to look into it.
    """
    shutil.rmtree(home, ignore_errors=True)
    project = home / "project"
    project.mkdir(parents=True)
    for name in ("Pulumi.yaml", f"Pulumi.{_STACK}.yaml"):  # the CLI rewrites them
        shutil.copy(_PROJECT / name, project)
    step.outcome = "starting the Pulumi engine"
    resources: list[DeployedResource] = []

    def count(made: ResourceStep) -> None:
        if made.type in TABLE:
            resources.append(DeployedResource(made.type, made.name, made.urn, made.id))
            step.outcome = f"{len(resources)} resources so far"

    stack = EngineStack(project_dir=project, name=_STACK, program_dir=_PROJECT, home=home, emulator=emulator)
    try:
        run = stack.up(count)
    except CommandError as error:
        raise LocalModeError(f"The Pulumi engine could not deploy the stack {_STACK}:\n{error}") from error
    step.outcome = f"{len(resources)} resources by the Pulumi engine, with IAM enforced"
    outputs = {name: output.value for name, output in stack.outputs().items()}
    inert = [
        each
        for made in run.steps
        if made.type in TABLE
        for each in not_emulated(Resource(made.type, made.name), made.inputs)
    ]
    return Deployment(outputs, tuple(resources), tuple(inert))
