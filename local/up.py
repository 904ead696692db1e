"""`up`: deploys the program and keeps it running until a signal."""

import json
import shlex
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from client import UserPool
from local import run_file
from local.compute import project_with
from local.display import Step, open_display, print_facts, print_text
from local.emulator.function_logs import FailedCall, FunctionLogs
from local.emulator.process import Emulator
from local.engine.deployment import Deployment
from local.interruption import check_stopped
from local.startup import User, check_config, check_outputs, explained, sign_up, start_emulator

_START = "Start an embedded AWS"
_DEPLOY = "Deploy the program"
_SIGN_UP = "Sign a user up"
_LOOK_SECONDS = 1.0


class Deploy(Protocol):
    """Deploys the stack `local` of a project."""

    def __call__(self, step: Step, emulator: Emulator, *, project_dir: Path) -> Deployment:
        """Deploy it, and show in the step how far it is."""
        ...


def up(deploy: Deploy, compute: str | None = None) -> None:
    """Start, deploy, print how to use it, and run until a signal ends this process.

    With a `compute`, it takes the place of the stack's.
    """
    with run_file.held(run_file.PATH), explained(), project_with(compute) as project_dir, ExitStack() as held:
        check_config(project_dir)
        with open_display((_START, _DEPLOY, _SIGN_UP)) as display:
            with display.step(_START) as step:
                emulator = start_emulator(step, held)
            with display.step(_DEPLOY) as step:
                deployment = deploy(step, emulator, project_dir=project_dir)
                check_outputs(deployment.outputs)
            with display.step(_SIGN_UP) as step:
                user = _demo_user(emulator, deployment.outputs)
                step.outcome = f"{user.email}, confirmed by mailed code"
        _print_usage(emulator, deployment, user)
        run_until_signal(emulator)


def _demo_user(emulator: Emulator, outputs: Mapping[str, Any]) -> User:
    with UserPool(outputs["userPoolClientId"], outputs["region"], emulator.endpoint) as user_pool:
        return sign_up(emulator, user_pool)


def _print_usage(emulator: Emulator, deployment: Deployment, user: User) -> None:
    config = write_config(emulator.endpoint, deployment.outputs)
    outputs = {name: output_text(value) for name, value in sorted(deployment.outputs.items())}
    print_text("Checked like everything else, but not emulated", not_emulated_text(deployment))
    print_facts("Stack outputs", outputs)
    print_facts("A user to sign in as", {"email": user.email, "password": user.password})
    print_text("Ask the API", curl_example(emulator.endpoint, outputs, user))
    print_text("Send a file", client_example(emulator.endpoint, outputs, user))
    print_text("The same with the portage command", command_example(config, user))
    print_text("Look around as the operator, with boto3 or the AWS CLI", operator_example(emulator, outputs))
    print_text("It stays until Ctrl-C, or `make down` in another terminal. What fails is shown here.")


def output_text(value: object) -> str:
    """Return an output as `pulumi stack output` prints it."""
    return value if isinstance(value, str) else json.dumps(value)


def curl_example(endpoint: str, outputs: Mapping[str, str], user: User) -> str:
    """Return shell lines that sign the user in and declare an upload."""
    sign_in = {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": outputs["userPoolClientId"],
        "AuthParameters": {"USERNAME": user.email, "PASSWORD": user.password},
    }
    upload = {"file_name": "hello.txt", "content_type": "text/plain", "size_bytes": 6}
    pick = 'import json, sys; print(json.load(sys.stdin)["AuthenticationResult"]["IdToken"])'
    return "\n".join(
        (
            f"TOKEN=$(curl -s {endpoint}/ -H 'Content-Type: application/x-amz-json-1.1' \\",
            "  -H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' \\",
            f"  -d {shlex.quote(json.dumps(sign_in))} | python3 -c {shlex.quote(pick)})",
            f'curl -i {outputs["apiUrl"]}/uploads -H "Authorization: Bearer $TOKEN" \\',
            f"  -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(upload))}",
        )
    )


def write_config(endpoint: str, outputs: Mapping[str, object]) -> Path:
    """Write the portage command's configuration: the outputs, Cognito's endpoint, and where to store sign-ins."""
    files = run_file.client_files(run_file.PATH)
    content = {**outputs, "cognitoEndpoint": endpoint, "credentialsFile": str(files.credentials)}
    files.config.write_text(json.dumps(content, indent=2))
    return files.config


def command_example(config: Path, user: User) -> str:
    """Return shell lines that sign in and send a file with the portage command."""
    portage = f"PORTAGE_CONFIG={shlex.quote(str(config))} .venv/bin/python -m client"
    return "\n".join(
        (
            f"echo {shlex.quote(user.password)} | {portage} login --email {user.email} --password-stdin",
            f"{portage} put README.md --wait",
        )
    )


def client_example(endpoint: str, outputs: Mapping[str, str], user: User) -> str:
    """Return shell lines that send a file with the Python client and wait for its end."""
    return "\n".join(
        (
            ".venv/bin/python - README.md <<'END'",
            "import sys",
            "from client import Portage, UserPool",
            f"pool = UserPool({outputs['userPoolClientId']!r}, {outputs['region']!r}, {endpoint!r})",
            f"session = pool.sign_in({user.email!r}, {user.password!r})",
            f"portage = Portage({outputs['apiUrl']!r}, session)",
            "print(portage.wait(portage.upload(sys.argv[1]).upload_id, timeout_seconds=30))",
            "END",
        )
    )


def operator_example(emulator: Emulator, outputs: Mapping[str, str]) -> str:
    """Return shell lines that let boto3 and the AWS CLI act as the operator, and that read the dead-letter queue."""
    export = (
        f"export AWS_ENDPOINT_URL={emulator.endpoint} AWS_DEFAULT_REGION={emulator.region} "
        f"AWS_ACCESS_KEY_ID={emulator.operator.access_key_id} "
        f"AWS_SECRET_ACCESS_KEY={emulator.operator.secret_access_key}"
    )
    dead_letters = _aws(emulator.endpoint, "sqs", "receive-message", "--queue-url", outputs["deadLetterQueueUrl"])
    return f"{export}\n{dead_letters}"


def failure_text(endpoint: str, failed: FailedCall) -> str:
    """Return the errors of a failed call, and the shell line that prints its log."""
    command = _aws(
        endpoint,
        *("logs", "filter-log-events", "--log-group-name", failed.log_group, "--log-stream-names", failed.log_stream),
        *("--query", "events[].[message]", "--output", "text"),
    )
    return "\n".join((*failed.errors, f"Its log: {command}"))


def _aws(endpoint: str, *words: str) -> str:
    """Return a command of the AWS CLI; version 1 sends some services' calls to AWS in spite of AWS_ENDPOINT_URL."""
    return shlex.join(("aws", "--endpoint-url", endpoint, *words))


def not_emulated_text(deployment: Deployment) -> str:
    """Return a line for each reason, with its inputs."""
    subjects: dict[str, set[str]] = {}
    for each in deployment.not_emulated:
        subject = f"{each.type.rpartition(':')[2]} {each.property}".strip()
        subjects.setdefault(each.reason, set()).add(subject)
    return "\n".join(f"{', '.join(sorted(subjects[reason]))}: {reason}" for reason in sorted(subjects)) or "nothing"


def run_until_signal(emulator: Emulator) -> None:
    """Show failed functions until a signal ends this process."""
    logs = FunctionLogs(emulator)
    while True:
        for failed in logs.new_failures():
            print_text(f"{failed.function} failed", failure_text(emulator.endpoint, failed))
        time.sleep(_LOOK_SECONDS)
        check_stopped()
