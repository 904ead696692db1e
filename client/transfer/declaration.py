"""The declaration of a file for the API, with the checks that the API would fail."""

import codecs
import mimetypes
import re
import unicodedata
from dataclasses import dataclass

from ..errors import EmptyFile, WrongDeclaration
from .source import Source
from .state import Unfinished

HEAD_BYTES = 4096
"""How much of a file its type is read from."""

_UNKNOWN_TYPE = "application/octet-stream"  # RFC 2046, 4.5.1
_COMPRESSED_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}

_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"  # RFC 6838, 4.2
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}(; ?[A-Za-z0-9-]+=[A-Za-z0-9._-]+)*")
_PARAMETER = re.compile(r'[ \t]*;[ \t]*([A-Za-z0-9-]+)="?([A-Za-z0-9._-]+)"?')
_MAX_TYPE_CHARACTERS = 255  # as in the contract's CreateUploadRequest
_MAX_NAME_CHARACTERS = 255  # as above
# Slashes, control characters, and those that change the reading direction: as above.
_NOT_IN_NAMES = re.compile("[/\\\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_ISO_BRANDS = {
    b"avif": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"M4A ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (b"OggS\x00", "audio/ogg"),
    *((b"ID3" + bytes([version]), "audio/mpeg") for version in (2, 3, 4)),
    *((signature, "image/tiff") for signature in (b"II*\x00", b"MM\x00*")),
)
_SURE_IMAGES = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/heic", "image/avif"}
)
"""Types of images with a signature of their own. Raw photos of cameras begin like TIFF."""
_WITH_ID3 = frozenset({"audio/aac", "audio/flac"})
"""Types of audio that may have the tags of MP3 before their own first bytes."""
_FAMILIES = (
    frozenset({"video/x-matroska", "video/webm", "audio/webm", "audio/x-matroska"}),
    frozenset({"audio/ogg", "video/ogg"}),
    frozenset({"video/mp4", "video/quicktime", "video/x-m4v", "audio/mp4", "video/3gpp", "image/heic", "image/avif"}),
)
"""Types with the same first bytes: the name decides."""


@dataclass(frozen=True)
class Declaration:
    """A file as it is declared. Raises EmptyFile or WrongDeclaration if the API would reject it."""

    source: Source
    file_name: str
    content_type: str
    checksum: str | None
    """Algorithm of the checksum to declare."""
    method: str | None
    """How the bytes are sent. None: the API chooses."""

    def __post_init__(self) -> None:
        if not self.source.size_bytes:
            raise EmptyFile(f"{self.source.name} has 0 bytes: give a file of at least 1 byte")
        if error := _name_error(self.file_name):
            raise WrongDeclaration(
                f"the file name {self.file_name!r} {error}: rename the file, or give another with --name"
            )
        if len(self.content_type) > _MAX_TYPE_CHARACTERS or not _MEDIA_TYPE.fullmatch(self.content_type):
            raise WrongDeclaration(
                f"content type is {self.content_type!r}: give a media type of at most {_MAX_TYPE_CHARACTERS} "
                "characters, such as application/pdf or text/plain; charset=utf-8, with letters, digits, dots, "
                "underscores and hyphens in parameters"
            )

    def is_of(self, begun: Unfinished) -> bool:
        """Whether an unfinished upload of this file was declared in the same way."""
        return (begun.file_name, begun.content_type, begun.checksum) == (
            self.file_name,
            self.content_type,
            self.checksum,
        ) and self.method in {None, begun.method}


def plain_type(content_type: str) -> str:
    """Return a media type as the API accepts it: with parameters that are not quoted."""
    kind, semicolon, _ = content_type.partition(";")
    parameters = content_type[len(kind) :]
    if not semicolon or _PARAMETER.sub("", parameters):
        return content_type  # Declaration says what is wrong with it
    return "; ".join([kind.strip(), *(f"{name}={value}" for name, value in _PARAMETER.findall(parameters))])


def guessed_type(file_name: str, head: bytes = b"") -> str:
    """Return the media type for a file. First bytes that have a sure signature count more than the name.

    For `report.pdf.gz`, this is gzip and not PDF. The API rejects a file if its bytes contradict its type.
    """
    by_name = _type_by_name(file_name)
    by_bytes = _type_by_bytes(head)
    is_readable = by_name.startswith(("image/", "audio/", "video/", "text/")) or by_name in {
        _UNKNOWN_TYPE,
        "application/pdf",
    }
    return by_name if by_bytes is None or not is_readable or _may_begin_so(by_name, by_bytes) else by_bytes


def _may_begin_so(by_name: str, by_bytes: str) -> bool:
    """Whether the bytes do not contradict the name."""
    match by_bytes:
        case "image/tiff":
            return by_name not in _SURE_IMAGES
        case "audio/mpeg":
            return by_name in _WITH_ID3
        case "text/plain":
            return by_name.startswith("text/")
        case _:
            return any({by_name, by_bytes} <= family for family in _FAMILIES)


def _type_by_name(file_name: str) -> str:
    if file_name.lower().endswith(".csv"):
        return "text/csv"  # Windows with Excel says application/vnd.ms-excel
    kind, encoding = mimetypes.guess_type(file_name)
    if encoding is not None:
        return _COMPRESSED_TYPES.get(encoding, _UNKNOWN_TYPE)
    return kind or _UNKNOWN_TYPE


def _type_by_bytes(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return _ISO_BRANDS.get(head[8:12], "video/mp4")
    if head.startswith(b"RIFF"):
        return {b"WEBP": "image/webp", b"WAVE": "audio/x-wav", b"AVI ": "video/x-msvideo"}.get(head[8:12])
    if head.startswith(b"BM") and head[6:10] == bytes(4):  # its reserved bytes: text may begin with BM
        return "image/bmp"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and _is_utf_16(head):
        return "text/plain"
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def _is_utf_16(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-16")().decode(head)  # it may end within a character
    except UnicodeDecodeError:
        return False
    return all(each.isprintable() or each.isspace() for each in text)


def _name_error(name: str) -> str | None:
    """Return what is wrong with a file name, or None."""
    if not name:
        return "is empty"
    if len(name) > _MAX_NAME_CHARACTERS:
        return f"has {len(name)} characters, but may have {_MAX_NAME_CHARACTERS}"
    if any("\ud800" <= each <= "\udfff" for each in name):
        return "is not UTF-8"
    if found := _NOT_IN_NAMES.search(name):
        character = unicodedata.name(found[0], "a control character").lower()
        return f"has the character U+{ord(found[0]):04X} ({character}), which is not allowed in names"
    return None
