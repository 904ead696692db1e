"""The code of a Lambda function, file by file, so that equal sources always make an equal archive.

A FileArchive of a folder would ship all files in it: .git, .env, and __pycache__, which changes although the sources do
not, so that Pulumi would plan a new version. These files of a folder are left out:

- private files: names in _PRIVATE, and each *.pem that holds a private key;
- files that tools write: names in _WRITTEN_BY_TOOLS, and virtual environments (folders with a pyvenv.cfg).

A zip file is shipped as it is. A zip file that holds a private file is rejected.
"""

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, PackagePath, distribution
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import pulumi

from components.arguments import ArgumentError

HANDLERS = Path(__file__).parents[2] / "handlers"
OUR_SUFFIXES = frozenset({".py", ".pem", ".toml"})
"""Modules, root certificates, and tables."""

INSTALLERS_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Files of a .dist-info that differ between machines. METADATA and licences are shipped."""

TEAM_FOLDER = "processor"
"""The folder of a team's own code in the archive; handlers/processors imports from it."""

MAX_UNPACKED_BYTES, MAX_ZIPPED_BYTES = 250 * 1024**2, 50 * 1024**2
"""Lambda's limits for a function's code, unpacked, and zipped in the request (Lambda quotas)."""

_UNREAD_BYTES = 4 * MAX_UNPACKED_BYTES
"""A folder with more is not read to its end."""

_PRIVATE = (
    ".*",  # such as .env and .git
    "*.key",
    "*.p12",
    "*.pfx",
    "*.p8",
    "*.ppk",
    "*.jks",
    "*.keystore",
    "id_dsa",
    "id_rsa",
    "id_ecdsa",
    "id_ed25519",
)
_ELF = b"\x7fELF"
"""The first bytes of a Linux program or library."""
_WRITTEN_BY_TOOLS = ("__pycache__", "*.pyc", "*.swp", "*~", "#*#", "node_modules")
_ZIP_MODE_BITS = 16
"""The position of the Unix mode in a zip entry's attributes, above those of MS-DOS."""
_ZIP_BYTES_PER_FILE = 92
"""Size of a zip file's headers for each file, without two copies of its name."""


@dataclass(frozen=True)
class File:
    """One file in an archive."""

    size_bytes: int
    open: Callable[[], IO[bytes]]

    def read(self, size: int = -1) -> bytes:
        """Return the first `size` bytes, or all."""
        with self.open() as stream:
            return stream.read(size)


def code_archive(distributions: Sequence[str] = (), team_code: pulumi.Archive | None = None) -> pulumi.AssetArchive:
    """Return an archive of our handlers, installed pure-Python distributions, and a team's code in its own folder.

    Raises ArgumentError for a distribution that is not installed or has binaries, which are for this machine and not
    for Lambda; and for a team's code with links, private files in a zip file, or more bytes than Lambda accepts.
    """
    assets: dict[str, pulumi.Asset | pulumi.Archive] = {
        f"{HANDLERS.name}/{name}": pulumi.FileAsset(path) for name, path in _our_files(HANDLERS)
    }
    for name in distributions:
        assets |= files_of(name)
    if team_code is not None:
        assets[TEAM_FOLDER] = shipped(team_code)
    archive = pulumi.AssetArchive(assets)
    check_size(archive)
    return archive


@cache
def _our_files(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return names and paths of our own code, which stays the same while the program runs."""
    found = _files_in(folder)
    return tuple((name, str(path)) for name, path in found if path.suffix in OUR_SUFFIXES and path.is_file())


def shipped(code: pulumi.Archive) -> pulumi.Archive:
    """Return a team's code with the files of each folder listed; raises ArgumentError for a file that must not ship."""
    if isinstance(code, pulumi.AssetArchive):
        listed = {
            name: shipped(item) if isinstance(item, pulumi.Archive) else item for name, item in code.assets.items()
        }
        return pulumi.AssetArchive(listed)
    if not isinstance(code, pulumi.FileArchive):
        return code
    place = Path(str(code.path))
    if place.is_dir():
        return pulumi.AssetArchive({name: pulumi.FileAsset(str(path)) for name, path in _team_files(place).items()})
    if is_zip_file(place):
        _check_zip_file(place)
    return code


def files_by_name(archive: pulumi.Archive, stack: ExitStack) -> dict[str, File]:
    """List an archive's files, readable while the stack is open; files that are remote or missing are left out."""
    found: dict[str, File] = {}
    match archive:
        case pulumi.AssetArchive():
            for name, item in archive.assets.items():
                if isinstance(item, pulumi.Archive):
                    found |= {f"{name}/{inner}": file for inner, file in files_by_name(item, stack).items()}
                elif isinstance(item, pulumi.StringAsset):
                    content = str(item.text).encode()
                    found[name] = File(len(content), partial(BytesIO, content))
                elif isinstance(item, pulumi.FileAsset) and (path := Path(str(item.path))).is_file():
                    found[name] = File(path.stat().st_size, partial(path.open, "rb"))
        case pulumi.FileArchive() if is_zip_file(path := Path(str(archive.path))):
            package = stack.enter_context(zipfile.ZipFile(path))
            for entry in package.infolist():
                if not entry.is_dir():
                    found[entry.filename] = File(entry.file_size, partial(package.open, entry))
        case _:
            pass
    return found


def _files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield names and paths of a folder's files, but no excluded ones; a link to a folder counts as a file."""
    for path, folders, names in os.walk(folder):
        here = Path(path)
        kept = {each for each in folders if not _is_left_out(here / each) and not (here / each / "pyvenv.cfg").exists()}
        links = {each for each in kept if (here / each).is_symlink()}
        folders[:] = sorted(kept - links)
        for name in sorted([*names, *links]):
            if not _is_left_out(here / name):
                yield (here / name).relative_to(folder).as_posix(), here / name


def _team_files(folder: Path) -> Mapping[str, Path]:
    """Return a team's files by name. It ends early for a folder that is a whole disk by mistake."""
    found: dict[str, Path] = {}
    size_bytes, place = 0, folder.resolve()
    try:
        for name, path in _files_in(folder):
            if not path.is_file() or not path.resolve().is_relative_to(place):
                raise ArgumentError(
                    f"{folder} holds {name}, which is not a file, or is a link to a folder, to nothing, or out of "
                    f"{folder}; replace it with a copy, or remove it."
                )
            found[name] = path
            size_bytes += path.stat().st_size
            if size_bytes > _UNREAD_BYTES:
                largest = max(found, key=lambda each: found[each].stat().st_size)
                raise ArgumentError(
                    f"{folder} holds more than {mb(_UNREAD_BYTES)}, but Lambda takes {mb(MAX_UNPACKED_BYTES)}. "
                    f"{_leave_out(largest, found[largest].stat().st_size)}"
                )
    except OSError as error:
        raise ArgumentError(
            f"{folder} holds a file that cannot be read ({error}); remove it, or let this user read it."
        ) from None
    return found


def is_zip_file(path: Path) -> bool:
    """Return whether a path is a regular file with a zip archive; a device such as /dev/zero would be read for ever."""
    return path.is_file() and zipfile.is_zipfile(path)


def _is_left_out(path: Path) -> bool:
    is_tools = any(fnmatchcase(path.name, pattern) for pattern in _WRITTEN_BY_TOOLS)
    return is_tools or _is_private(path.name, lambda: path.read_bytes() if path.is_file() else b"")


def _is_private(name: str, read: Callable[[], bytes]) -> bool:
    lower = name.lower()
    return any(fnmatchcase(lower, pattern) for pattern in _PRIVATE) or (
        lower.endswith(".pem") and b"PRIVATE KEY-----" in read()
    )


def _check_zip_file(place: Path) -> None:
    with zipfile.ZipFile(place) as package:
        for entry in package.infolist():
            parts = PurePosixPath(entry.filename).parts
            if any(_is_private(part, partial(package.read, entry)) for part in parts):
                raise ArgumentError(
                    f"{place} holds {entry.filename}, which must not be shipped; remove it from the zip file."
                )
            if stat.S_ISLNK(entry.external_attr >> _ZIP_MODE_BITS):
                raise ArgumentError(f"{place} holds {entry.filename}, a link; replace it with a copy.")


def check_size(archive: pulumi.Archive, what: str = "the function's code") -> None:
    """Raise ArgumentError if Lambda does not accept an archive of this size."""
    with ExitStack() as stack:
        listed = files_by_name(archive, stack)
        unpacked = sum(file.size_bytes for file in listed.values())
        if unpacked <= MAX_ZIPPED_BYTES:
            return
        largest = max(listed, key=lambda name: listed[name].size_bytes)
        fix = _leave_out(largest, listed[largest].size_bytes)
        if unpacked > MAX_UNPACKED_BYTES:
            raise ArgumentError(f"{what} is {mb(unpacked)} unpacked, but Lambda takes {mb(MAX_UNPACKED_BYTES)}. {fix}")
        zipped = _zipped_bytes(listed)
    if zipped > MAX_ZIPPED_BYTES:
        raise ArgumentError(
            f"{what} is {mb(zipped)} zipped, but Lambda takes {mb(MAX_ZIPPED_BYTES)} in a request. {fix}"
        )


def _leave_out(largest: str, size_bytes: int) -> str:
    return f"Leave out what is not needed; the largest file is {largest}, {mb(size_bytes)}."


def unpacked_bytes(archive: pulumi.Archive) -> int:
    """Return the size of an archive's files, without those that are remote or missing."""
    with ExitStack() as stack:
        return sum(file.size_bytes for file in files_by_name(archive, stack).values())


def _zipped_bytes(listed: Mapping[str, File]) -> int:
    total = 0
    for name, file in listed.items():
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        total += _ZIP_BYTES_PER_FILE + 2 * len(name.encode())
        with file.open() as stream:
            chunks: Iterable[bytes] = iter(partial(stream.read, 1024**2), b"")
            total += sum(len(compressor.compress(chunk)) for chunk in chunks)
        total += len(compressor.flush())
    return total


def mb(size_bytes: int) -> str:
    """Return a size as an error names it."""
    return f"{size_bytes / 1024**2:.1f} MB"


def files_of(name: str) -> Mapping[str, pulumi.Asset]:
    """Return the files of an installed, pure-Python distribution; raises ArgumentError if it cannot be shipped."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise ArgumentError(
            f"the distribution {name} is not installed; install it where the Pulumi program runs."
        ) from None
    if '"editable": true' in (installed.read_text("direct_url.json") or ""):
        raise ArgumentError(f"the distribution {name} is installed in editable mode; install it without --editable.")
    if installed.files is None:
        raise ArgumentError(f"the distribution {name} has no list of its files (RECORD); install it again with pip.")
    kept = {
        entry.as_posix(): entry
        for entry in installed.files
        if entry.suffix != ".pyc" and ".." not in entry.parts and entry.name not in INSTALLERS_FILES
    }
    for path, entry in kept.items():
        if wrong := _wrong_in_distribution(entry):
            raise ArgumentError(f"the distribution {name} holds {path}, {wrong}")
    return {path: pulumi.FileAsset(str(entry.locate())) for path, entry in sorted(kept.items())}


def _wrong_in_distribution(entry: PackagePath) -> str | None:
    if entry.is_absolute():
        return "which is outside of its folder; install it again with pip."
    place = Path(str(entry.locate()))
    if not place.is_file():
        return "which is missing; install it again with pip."
    with place.open("rb") as stream:
        is_binary = stream.read(len(_ELF)) == _ELF
    if is_binary or entry.name.endswith((".so", ".pyd", ".dylib")):
        return "so it is not pure Python, and is for this machine; name it in processorRequirements instead."
    if any(_is_private(part, place.read_bytes) for part in entry.parts):
        return "which must not be shipped."
    return None
