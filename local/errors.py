"""What keeps a command of local mode from doing what it promises."""


class LocalModeError(Exception):
    """The message says all that its reader needs: what happened, and what to do about it."""
