"""The first steps of the demo and of local mode that stays."""

import itertools
from contextlib import ExitStack
from pathlib import Path

from local.calls import RefusedError
from local.deployer import Deployment, UnknownTypeError, deploy
from local.display import Step
from local.emulator import Emulator
from local.faults import LocalModeError

_PROJECT = Path(__file__).resolve().parent.parent


def start_emulator(step: Step, held: ExitStack) -> Emulator:
    """Start an AWS of our own, which ends with `held`."""
    emulator = held.enter_context(Emulator())
    step.outcome = f"MiniStack at {emulator.endpoint}"
    return emulator


def deploy_program(step: Step, emulator: Emulator) -> Deployment:
    """Deploy the stack `local`, which is `__main__.py` with Pulumi.local.yaml, counting its resources."""
    numbers = itertools.count(1)

    def count(_: object) -> None:
        step.outcome = f"{next(numbers)} resources so far"

    try:
        deployment = deploy(emulator, project_dir=_PROJECT, on_resource=count)
    except (ValueError, RefusedError, UnknownTypeError) as error:  # config and arguments raise ValueErrors
        where: list[str] = getattr(error, "__notes__", [])
        raise LocalModeError("\n".join((str(error), *where))) from error
    step.outcome = f"{len(deployment.resources)} resources, with IAM enforced"
    return deployment
