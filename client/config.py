"""The configuration of the `portage` command: the outputs of the stack (`pulumi stack output --json`)."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from client.answers import Fields
from client.errors import UnexpectedAnswer, WrongConfig, reason
from client.transport import checked_url

FILE_NAME = "portage.json"
VARIABLE = "PORTAGE_CONFIG"


@dataclass(frozen=True)
class Config:
    """The stack's outputs that a client needs."""

    api_url: str
    user_pool_client_id: str
    region: str
    cognito_endpoint: str | None
    """Used instead of Cognito's own endpoint in local mode."""
    credentials_file: Path | None = None
    """Where to store sign-ins; None for the user's configuration folder. Local mode deletes its file when it stops."""
    queue_url: str | None = None
    dead_letter_queue_url: str | None = None
    """Only operators need the queues."""


def config_folder() -> Path:
    """Return the platform's folder for a user's settings."""
    return user_config_path("portage", appauthor=False)


def load_config(given: Path | None) -> Config:
    """Read the given file, or the one in PORTAGE_CONFIG, or the first default that exists. Raises WrongConfig."""
    path = _chosen(given)
    try:
        content: object = json.loads(path.read_bytes())
    except OSError as error:
        raise WrongConfig(f"{path} cannot be read: {reason(error)}") from error
    except ValueError as error:
        raise WrongConfig(f"{path} is not JSON: write it with `pulumi stack output --json > {FILE_NAME}`") from error
    try:
        fields = Fields(content, str(path))
        if "apiUrl" in fields and "userPoolClientId" not in fields:
            raise WrongConfig(
                f"{path} has no userPoolClientId, since the stack uses a pool made elsewhere (userPoolArn). Name a "
                "client of that pool: `pulumi config set userPoolClientId ID`, then `pulumi up` and "
                f"`pulumi stack output --json > {FILE_NAME}`"
            )
        return Config(
            api_url=checked_url(fields.text("apiUrl"), "apiUrl"),
            user_pool_client_id=fields.text("userPoolClientId"),
            region=fields.text("region"),
            cognito_endpoint=fields.text("cognitoEndpoint") if "cognitoEndpoint" in fields else None,
            credentials_file=Path(fields.text("credentialsFile")) if "credentialsFile" in fields else None,
            queue_url=fields.text("queueUrl") if "queueUrl" in fields else None,
            dead_letter_queue_url=fields.text("deadLetterQueueUrl") if "deadLetterQueueUrl" in fields else None,
        )
    except (UnexpectedAnswer, ValueError) as error:
        raise WrongConfig(f"{error}: write the file with `pulumi stack output --json > {FILE_NAME}`") from error


def _chosen(given: Path | None) -> Path:
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    places = (Path(FILE_NAME), config_folder() / FILE_NAME)
    for place in places:
        if place.exists():
            return place
    raise WrongConfig(
        f"there is neither {places[0].absolute()} nor {places[1]}: write one with "
        f"`pulumi stack output --json > {FILE_NAME}`, or name another with --config or {VARIABLE}"
    )
