"""The declaration of a file for the API, with the checks that the API would fail."""

import mimetypes
import re
from dataclasses import dataclass

from ..errors import EmptyFile, WrongDeclaration
from .source import SourceFile

_UNKNOWN_TYPE = "application/octet-stream"  # RFC 2046, 4.5.1
_COMPRESSED_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}

_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"  # RFC 6838, 4.2
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}(; ?[A-Za-z0-9-]+=[A-Za-z0-9._-]+)*")
_MAX_TYPE_CHARACTERS = 255  # as in the contract's CreateUploadRequest


@dataclass(frozen=True)
class Declaration:
    """A file as it is declared. Raises EmptyFile or WrongDeclaration if the API would reject it."""

    source: SourceFile
    file_name: str
    content_type: str
    checksum: str | None
    """Algorithm of the checksum to declare."""
    method: str | None
    """How the bytes are sent. None: the API chooses."""

    def __post_init__(self) -> None:
        if not self.source.size_bytes:
            raise EmptyFile(f"{self.source.path} has 0 bytes: give a file of at least 1 byte")
        if len(self.content_type) > _MAX_TYPE_CHARACTERS or not _MEDIA_TYPE.fullmatch(self.content_type):
            raise WrongDeclaration(
                f"content type is {self.content_type!r}: give a media type of at most {_MAX_TYPE_CHARACTERS} "
                "characters, such as application/pdf or text/plain; charset=utf-8"
            )


def guessed_type(file_name: str) -> str:
    """Return the media type for a file name. For `report.pdf.gz`, this is gzip and not PDF."""
    kind, encoding = mimetypes.guess_type(file_name)
    if encoding is not None:
        return _COMPRESSED_TYPES.get(encoding, _UNKNOWN_TYPE)
    return kind or _UNKNOWN_TYPE
