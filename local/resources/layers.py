"""The content of layers, with libraries that run on this machine.

AWS: a layer has native code for the functions' processor and Python. Here functions run on this machine, so the
libraries of such a layer come from the environment of local mode, in the same versions.
"""

import re
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pulumi

from local.resources.archives import packed, unpacked
from local.resources.parameters import Given

_METADATA = re.compile(r"python/(?P<name>[^/]+?)-(?P<version>[^/-]+)\.dist-info/METADATA")
_ELF = b"\x7fELF"


def content(archive: Given) -> Mapping[str, Any]:
    """Return PublishLayerVersion's Content; refuses libraries that are not installed here in the same version."""
    if not isinstance(archive.value, pulumi.Archive):
        raise archive.refuse("must be an archive (pulumi.AssetArchive, pulumi.FileArchive)")
    files = unpacked(archive.value)
    if any(each.startswith(_ELF) for each in files.values()):
        libraries = [found.group("name", "version") for found in map(_METADATA.fullmatch, files) if found]
        files = {path: each for name in libraries for path, each in _installed(archive, *name).items()}
    return {"Content": {"ZipFile": packed(files)}}


def _installed(archive: Given, name: str, version: str) -> dict[str, bytes]:
    try:
        installed: Distribution | None = distribution(name)
    except PackageNotFoundError:
        installed = None
    if installed is None or installed.version != version or installed.files is None:
        raise archive.refuse(
            f"must have libraries that are installed here, because local mode runs functions on this machine; run: "
            f"pip install {name}=={version}"
        )
    places = {each.as_posix(): Path(str(each.locate())) for each in installed.files if ".." not in each.parts}
    return {f"python/{path}": place.read_bytes() for path, place in places.items() if place.is_file()}
