"""The first steps of `demo` and `up`: check the config, start the embedded AWS, deploy, sign up a user."""

import itertools
import json
import re
import secrets
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import urllib3
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, EndpointConnectionError

from client import PortageError, UserPool
from local import PROJECT_DIR
from local.display import Step
from local.emulator.process import DEFAULT_REGION, Emulator, EmulatorError
from local.engine.built_in.deployer import deploy, key_error
from local.engine.deployment import Deployment
from local.engine.provider import UnknownTypeError
from local.engine.stack_config import StackConfigError, read_stack_config
from local.errors import LocalModeError
from local.resources.calls import RefusedError
from local.resources.parameters import InvalidInputError

_STACK = "local"
_EMAIL = "ada@example.com"
_CODE = re.compile(r"\b\d{6}\b")
_TIMEOUT_SECONDS = 5.0
_OUTPUTS = (
    *("apiUrl", "deadLetterQueueUrl", "ingestBucket", "queueUrl", "region", "resultsBucket"),
    *("uploadsTable", "userPoolClientId", "userPoolId"),
)


@contextmanager
def explained() -> Generator[None]:
    """Raise errors that explain themselves as LocalModeError; others keep their traceback."""
    try:
        yield
    except (EndpointConnectionError, ConnectionClosedError) as error:
        raise LocalModeError("The embedded AWS has ended by itself. Start it again with `make local`.") from error
    except (EmulatorError, PortageError, ClientError, BotoCoreError) as error:
        raise LocalModeError(str(error)) from error


def check_config(project_dir: Path = PROJECT_DIR) -> None:
    """Check the files of the stack `local` before anything is started."""
    try:
        config = read_stack_config(project_dir, _STACK)
    except StackConfigError as error:
        raise LocalModeError(str(error)) from error
    aws_keys = [key for key in config.values if key.startswith("aws:")]
    errors = [f"{key} {error}" for key in aws_keys if (error := key_error(key))]
    regions = {"aws:region": config.values.get("aws:region"), "region": config.own("region")}
    given = {key: region for key, region in regions.items() if region}
    if not given:
        errors.append(f"aws:region is missing; write `aws:region: {DEFAULT_REGION}`")
    errors += [
        f"{key} is {region}, but the embedded AWS is in {DEFAULT_REGION}; write `{key}: {DEFAULT_REGION}`"
        for key, region in given.items()
        if region != DEFAULT_REGION
    ]
    if config.own("userPoolArn"):
        errors.append("userPoolArn is set, but local mode makes its own user pool; remove it")
    if config.own("allowSignUp") != "true":
        errors.append("allowSignUp is false, but local mode signs a user up; write `allowSignUp: true`")
    if errors:
        raise LocalModeError("Pulumi.local.yaml cannot be deployed locally:\n  " + "\n  ".join(errors))


def start_emulator(step: Step, held: ExitStack) -> Emulator:
    """Start the embedded AWS; closing `held` stops it."""
    emulator = held.enter_context(Emulator())
    step.outcome = f"MiniStack at {emulator.endpoint}"
    return emulator


def deploy_program(step: Step, emulator: Emulator, *, project_dir: Path = PROJECT_DIR) -> Deployment:
    """Deploy the stack `local`, which is `__main__.py` with Pulumi.local.yaml, and count its resources."""
    step.outcome = "reading __main__.py and Pulumi.local.yaml"
    numbers = itertools.count(1)

    def count(_: object) -> None:
        step.outcome = f"{next(numbers)} resources so far"

    try:
        deployment = deploy(emulator, project_dir=project_dir, stack=_STACK, on_resource=count)
    except (pulumi.RunError, StackConfigError, InvalidInputError, RefusedError, UnknownTypeError) as error:
        where: list[str] = getattr(error, "__notes__", [])
        raise LocalModeError("\n".join((str(error), *where))) from error
    compute = read_stack_config(project_dir, _STACK).own("compute")
    step.outcome = f"{len(deployment.resources)} resources, with IAM enforced, compute {compute}"
    return deployment


def check_outputs(outputs: Mapping[str, object]) -> None:
    """Check that the program exports what the demo and the printed commands use."""
    if missing := [name for name in _OUTPUTS if name not in outputs]:
        raise LocalModeError(
            f"the program has no output {', '.join(missing)}, which local mode needs; export it as __main__.py of "
            'Portage does: pulumi.export("apiUrl", api.url)'
        )


@dataclass(frozen=True)
class User:
    """A user who can sign in."""

    email: str
    password: str = field(repr=False)


def sign_up(emulator: Emulator, users: UserPool) -> User:
    """Sign up a new user, and confirm them with the code from Cognito's mail, which the embedded AWS keeps."""
    user = User(_EMAIL, _password())
    if not users.sign_up(user.email, user.password):
        users.confirm_sign_up(user.email, _mailed_code(emulator, user.email))
    return user


def _password() -> str:
    """Return a password with every kind of character that a Cognito password policy can require."""
    return f"Aa1-{secrets.token_urlsafe(12)}"


def _mailed_code(emulator: Emulator, email: str) -> str:
    url = f"{emulator.endpoint}/_ministack/ses/messages"
    response = urllib3.request("GET", url, timeout=_TIMEOUT_SECONDS)
    messages = json.loads(response.data)["messages"].get(emulator.account_id, [])
    for message in reversed(messages):
        if email in message["To"] and (code := _CODE.search(message["BodyText"] or message["BodyHtml"])):
            return code[0]
    raise LocalModeError(f"none of the {len(messages)} mails at {url} has a code for {email}")
