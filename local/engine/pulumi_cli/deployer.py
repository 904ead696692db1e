"""Local mode's deployment by the real engine, for `make local ENGINE=pulumi`."""

import shutil
from pathlib import Path

from pulumi.automation.errors import CommandError

from local import PROJECT_DIR
from local.display import Step
from local.emulator.process import Emulator
from local.engine.deployment import DeployedResource, Deployment, not_emulated
from local.engine.images import build_images
from local.engine.provider import KNOWN, Resource
from local.engine.pulumi_cli.stacks import EngineStack, ResourceStep
from local.engine.stack_config import read_stack_config
from local.errors import LocalModeError

_HOME = PROJECT_DIR / ".local" / "engine"
_STACK = "local"


def deploy_program(
    step: Step, emulator: Emulator, *, home: Path = _HOME, project_dir: Path = PROJECT_DIR
) -> Deployment:
    """Deploy the stack `local` of a project, counting its resources.

    The CLI's state begins empty, as the embedded AWS does; it stays in `home` for inspection.
    """
    shutil.rmtree(home, ignore_errors=True)
    project = home / "project"
    project.mkdir(parents=True)
    for name in ("Pulumi.yaml", f"Pulumi.{_STACK}.yaml"):  # the CLI rewrites them
        shutil.copy(project_dir / name, project)
    config = read_stack_config(project_dir, _STACK)
    build_images(emulator.data_dir, config)
    step.outcome = "starting the Pulumi engine"
    resources: list[DeployedResource] = []

    def count(made: ResourceStep) -> None:
        if made.type in KNOWN:
            resources.append(DeployedResource(made.type, made.name, made.urn, made.id, made.inputs))
            step.outcome = f"{len(resources)} resources so far"

    stack = EngineStack(project_dir=project, name=_STACK, program_dir=PROJECT_DIR, home=home, emulator=emulator)
    try:
        run = stack.up(count)
    except CommandError as error:
        raise LocalModeError(f"The Pulumi engine could not deploy the stack {_STACK}:\n{error}") from error
    step.outcome = f"{len(resources)} resources by the Pulumi engine, compute {config.own('compute')}"
    outputs = {name: output.value for name, output in stack.outputs().items()}
    inert = [
        each
        for made in run.steps
        if made.type in KNOWN
        for each in not_emulated(Resource(made.type, made.name), made.inputs)
    ]
    return Deployment(outputs, tuple(resources), tuple(inert))
