"""Folders that tests read or run."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]

TEAM_CODE = PROJECT / "tests/support/deployment/team_code"
"""A platform team's own processor."""

EVERY_RESOURCE = PROJECT / "tests/support/deployment/every_resource"
"""A program with one resource of each type that local mode knows."""

FAULTY_CODE = PROJECT / "tests/support/faults/team_code"
"""A processor that damages its process."""
GITOPS = PROJECT / "gitops"
OVERLAYS = ("dev", "staging", "prod")
"""The folders in gitops/overlays, one for each environment."""
