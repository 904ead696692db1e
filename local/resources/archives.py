"""Packs Pulumi's assets and archives, as its engine does, into zip files that depend on their contents alone."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip file
_READABLE_BY_ALL = 0o100644 << 16  # Lambda runs the code as another user than the one who wrote it


def zipped(archive: pulumi.Archive) -> bytes:
    """Return the archive as a zip file, with the same bytes for the same files, regardless of times and modes."""
    return packed(unpacked(archive))


def unpacked(archive: pulumi.Archive) -> dict[str, bytes]:
    """Return the archive's files."""
    return dict(_files("", archive))


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return files as a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _READABLE_BY_ALL
            package.writestr(entry, content)
    return buffer.getvalue()


def _files(name: str, item: Any) -> Iterator[tuple[str, bytes]]:
    match item:
        case pulumi.StringAsset():
            yield name, str(item.text).encode()
        case pulumi.FileAsset():
            yield name, Path(str(item.path)).read_bytes()
        case pulumi.AssetArchive():
            for inner, content in item.assets.items():
                yield from _files(_joined(name, inner), content)
        case pulumi.FileArchive():
            for inner, content in _unpacked_file(Path(str(item.path))):
                yield _joined(name, inner), content
        case _:
            raise TypeError(f"{name or 'the archive'} is a {type(item).__name__}; use a file or text on this machine")


def _unpacked_file(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                yield file.relative_to(path).as_posix(), file.read_bytes()
        return
    with zipfile.ZipFile(path) as package:
        for entry in package.infolist():
            if not entry.is_dir():
                yield entry.filename, package.read(entry)


def _joined(folder: str, name: str) -> str:
    return "/".join(part for part in (folder, name) if part not in ("", "."))
