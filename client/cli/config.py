"""The configuration of the `portage` command: the outputs of the stack (`pulumi stack output --json`)."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from platformdirs import user_config_path

from ..conformance.stack import UploadRules
from ..errors import UnexpectedAnswer, WrongConfig, reason
from ..transport import checked_url, read

FILE_NAME = "portage.json"
VARIABLE = "PORTAGE_CONFIG"


class Config(msgspec.Struct, frozen=True, rename="camel"):
    """The stack's outputs that a client needs."""

    api_url: str
    user_pool_client_id: str
    region: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]+$")]
    """Becomes a part of Cognito's host name."""
    cognito_endpoint: str | None = None
    """Used instead of Cognito's own endpoint in local mode."""
    credentials_file: str | None = None
    """Where to store sign-ins; None for the user's configuration folder. Local mode deletes its file when it stops."""
    queue_url: str = ""
    dead_letter_queue_url: str = ""
    """Only operators need the queues, and what follows."""
    user_pool_id: str = ""
    ingest_bucket: str = ""
    results_bucket: str = ""
    quarantine_bucket: str = ""
    upload_rules: UploadRules = UploadRules()
    """What `portage verify` expects."""

    @property
    def credentials_path(self) -> Path:
        """Where to store sign-ins."""
        return Path(self.credentials_file) if self.credentials_file else config_folder() / "credentials.json"


def config_folder() -> Path:
    """Return the platform's folder for a user's settings."""
    return user_config_path("portage", appauthor=False)


def load_config(given: Path | None) -> Config:
    """Read the given file, or the one in PORTAGE_CONFIG, or the first default that exists. Raises WrongConfig."""
    path = config_path(given)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongConfig(f"{path} cannot be read: {reason(error)}") from error
    advice = f"write it with `pulumi stack output --json > {FILE_NAME}`"
    try:
        known = read(content, dict[str, msgspec.Raw], str(path))
        if "apiUrl" in known and "userPoolClientId" not in known:
            raise WrongConfig(
                f"{path} has no userPoolClientId, since the stack uses a pool made elsewhere (userPoolArn). Name a "
                "client of that pool: `pulumi config set userPoolClientId ID`, then `pulumi up` and "
                f"`pulumi stack output --json > {FILE_NAME}`"
            )
        config = read(content, Config, str(path))
        if config.cognito_endpoint is not None:
            checked_url(config.cognito_endpoint, "cognitoEndpoint")
        return msgspec.structs.replace(config, api_url=checked_url(config.api_url, "apiUrl"))
    except (UnexpectedAnswer, ValueError) as error:
        raise WrongConfig(f"{error}: {advice}") from error


def config_path(given: Path | None) -> Path:
    """Return the given file, or the one in PORTAGE_CONFIG, or the first default that exists. Raises WrongConfig."""
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
