"""Local mode: the whole program on this machine, with no AWS account, no Docker and no Pulumi CLI."""

from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
"""The folder of the Pulumi project, which is the repository's root."""
