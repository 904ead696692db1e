"""What the demo and local mode that stays have in common: how they begin, and how they fail."""

import itertools
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pulumi
from botocore.exceptions import BotoCoreError, ClientError

from client import PortageError
from local import PROJECT_DIR
from local.display import Step
from local.emulator.process import DEFAULT_REGION, Emulator, EmulatorError
from local.engine.built_in.deployer import Deployment, deploy, key_fault
from local.engine.provider import UnknownTypeError
from local.engine.stack_config import StackConfigError, read_stack_config
from local.errors import LocalModeError
from local.resources.calls import RefusedError
from local.resources.parameters import InvalidInputError

_STACK = "local"


@contextmanager
def explained() -> Generator[None]:
    """Take as LocalModeErrors what other parties explain well enough; anything else shows where it comes from."""
    try:
        yield
    except (EmulatorError, PortageError, ClientError, BotoCoreError) as error:
        raise LocalModeError(str(error)) from error


def check_config(project_dir: Path = PROJECT_DIR) -> None:
    """Refuse, before anything is started, files of the stack `local` that cannot be what local mode deploys."""
    try:
        config = read_stack_config(project_dir, _STACK)
    except StackConfigError as error:
        raise LocalModeError(str(error)) from error
    aws_keys = [key for key in config.values if key.startswith("aws:")]
    faults = [f"{key} {fault}" for key in aws_keys if (fault := key_fault(key))]
    regions = {"aws:region": config.values.get("aws:region"), "region": config.own("region")}
    given = {key: region for key, region in regions.items() if region}
    if not given:
        faults.append(f"aws:region is missing; write `aws:region: {DEFAULT_REGION}`")
    faults += [
        f"{key} is {region}, but the embedded AWS is in {DEFAULT_REGION}; write `{key}: {DEFAULT_REGION}`"
        for key, region in given.items()
        if region != DEFAULT_REGION
    ]
    if config.own("userPoolArn"):
        faults.append("userPoolArn is set, but local mode makes its own user pool; remove it")
    if config.own("allowSignUp") != "true":
        faults.append("allowSignUp is false, but local mode signs a user up; write `allowSignUp: true`")
    if faults:
        raise LocalModeError("Pulumi.local.yaml cannot be deployed locally:\n  " + "\n  ".join(faults))


def start_emulator(step: Step, held: ExitStack) -> Emulator:
    """Start an AWS of our own, which ends with `held`."""
    emulator = held.enter_context(Emulator())
    step.outcome = f"MiniStack at {emulator.endpoint}"
    return emulator


def deploy_program(step: Step, emulator: Emulator) -> Deployment:
    """Deploy the stack `local`, which is `__main__.py` with Pulumi.local.yaml, counting its resources."""
    step.outcome = "reading __main__.py and Pulumi.local.yaml"
    numbers = itertools.count(1)

    def count(_: object) -> None:
        step.outcome = f"{next(numbers)} resources so far"

    try:
        deployment = deploy(emulator, project_dir=PROJECT_DIR, stack=_STACK, on_resource=count)
    except (pulumi.RunError, StackConfigError, InvalidInputError, RefusedError, UnknownTypeError) as error:
        where: list[str] = getattr(error, "__notes__", [])
        raise LocalModeError("\n".join((str(error), *where))) from error
    step.outcome = f"{len(deployment.resources)} resources, with IAM enforced"
    return deployment
