"""The code that goes into Lambda, file by file, so that equal sources always make an equal archive.

A FileArchive of a folder would take __pycache__ along, whose content changes without the sources, and Pulumi would
plan a new version for nothing.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pulumi

from components.arguments import ArgumentError

HANDLERS = Path(__file__).parents[1] / "handlers"

INSTALLERS_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""What an installer writes into a .dist-info: it differs from machine to machine. METADATA and licences are shipped."""

TEAM_FOLDER = "processor"
"""Where a team's own code goes; handlers/processors imports from there."""


def code_archive(distributions: Sequence[str] = (), team_code: pulumi.Archive | None = None) -> pulumi.AssetArchive:
    """Our handlers, the named installed pure-Python distributions, and a team's own code in a folder of its own.

    Raises ArgumentError for a distribution that is not installed, or that is not pure Python: its binaries would be
    this machine's, not Lambda's.
    """
    assets: dict[str, pulumi.Asset | pulumi.Archive] = {
        path.relative_to(HANDLERS.parent).as_posix(): pulumi.FileAsset(str(path))
        for path in sorted(HANDLERS.rglob("*.py"))
    }
    for distribution in distributions:
        assets |= _files_of(distribution)
    if team_code is not None:
        assets[TEAM_FOLDER] = _without_bytecode(team_code)
    return pulumi.AssetArchive(assets)


def _without_bytecode(code: pulumi.Archive) -> pulumi.Archive:
    """List a folder's files, since its __pycache__ changes when the code has run."""
    if not isinstance(code, pulumi.FileArchive) or not (folder := Path(str(code.path))).is_dir():
        return code
    return pulumi.AssetArchive(
        {
            path.relative_to(folder).as_posix(): pulumi.FileAsset(str(path))
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
    )


def _files_of(distribution: str) -> Mapping[str, pulumi.Asset]:
    try:
        listed = files(distribution)
    except PackageNotFoundError:
        listed = None
    if listed is None:
        raise ArgumentError(f"{distribution} is not installed: run pip install -r requirements.txt.")
    shipped = {
        entry.as_posix(): entry
        for entry in listed
        if entry.suffix != ".pyc" and ".." not in entry.parts and entry.name not in INSTALLERS_FILES
    }
    if binaries := [name for name in shipped if name.endswith((".so", ".pyd", ".dylib"))]:
        raise ArgumentError(f"{distribution} is not pure Python ({binaries[0]}), so it cannot be shipped from here.")
    return {name: pulumi.FileAsset(str(entry.locate())) for name, entry in sorted(shipped.items())}
