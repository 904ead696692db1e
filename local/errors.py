"""The error that a command of local mode prints."""


class LocalModeError(Exception):
    """The message is all that the command prints: what happened, and what to do."""
