"""Whether an object's first bytes can be of the type that was declared.

An honest file must never be refused, so a type is held against the bytes only where its signature is sure: formats
share containers, clients call the same format by several names, and many formats have no signature at all.

Where only certain types may be declared, a type that is not in the table here must not be a way round the list:
an executable or a script is refused under it, and where only a wildcard such as image/* admits the type, an archive
or text as well. A type that the list names itself and that may hold anything (application/octet-stream) or runs
anyway (see allowed_types.py) is taken as the team's own decision.
"""

import codecs
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

import filetype  # pyright: ignore[reportMissingTypeStubs]

from handlers.uploads.allowed_types import is_active, is_named, media_type

HEAD_BYTES = 8192
"""What filetype looks at, at the most (its get_signature_bytes)."""

_PDF = "application/pdf"
_RTF = "application/rtf"
_TEXT = "text"
_NO_KIND = "data of no known kind"
_SCRIPT = "a script"

_GENERIC_TYPES = frozenset({"application/octet-stream", "binary/octet-stream"})


@dataclass(frozen=True)
class _Family:
    """Types that one file may be declared by, and what it may then begin with."""

    declared: tuple[str, ...]
    """Patterns, in lower case."""
    found: frozenset[str]
    is_sure: bool = True
    """Whether every such file has a signature that is known here; otherwise data of no known kind passes as well."""


def _family(declared: str, found: str, *, is_sure: bool = True) -> _Family:
    return _Family(tuple(declared.split()), frozenset(found.split(", ")), is_sure)


# Names that filetype has for what many types are made of.
_ZIP = (
    "application/zip, application/epub+zip, "
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document, "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, "
    "application/vnd.openxmlformats-officedocument.presentationml.presentation, "
    "application/vnd.oasis.opendocument.text, application/vnd.oasis.opendocument.spreadsheet, "
    "application/vnd.oasis.opendocument.presentation"
)
_OLE = "application/x-ole-storage, application/msword, application/vnd.ms-excel, application/vnd.ms-powerpoint"
_ISO_MEDIA = "video/mp4, audio/mp4, video/x-m4v, video/quicktime, video/3gpp, image/heic, image/avif"
_COMPRESSED = "application/gzip, application/x-bzip2, application/x-xz, application/x-compress, application/zstd"

_ENCODED = frozenset(_COMPRESSED.split(", "))
"""A content type says nothing of a content encoding: `a.csv.gz` is text/csv to Python's mimetypes, say."""

_TEXT_TYPES = (
    "text/*",
    "text/plain",
    "text/csv",
    "text/tab-separated-values",
    "text/markdown",
    "text/css",
    "text/calendar",
    "text/vcard",
    "*+xml",
    "*+json",
    "*+yaml",
    "application/xml",
    "application/json",
    "application/jsonl",
    "application/x-ndjson",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/javascript",
    "application/x-javascript",
    "application/sql",
    "application/x-sh",
    "application/x-tex",
    "application/x-latex",
    "application/vnd.oasis.opendocument.*-flat-xml",
    "application/x-subrip",
    "application/x-mpegurl",
    "application/vnd.apple.mpegurl",
    "audio/x-mpegurl",
    "audio/mpegurl",
    "application/pgp-*",
    "application/x-pem-file",
    "application/pem-certificate-chain",
    "application/n-triples",
    "application/n-quads",
    "application/trig",
    "application/graphql",
    "image/x-xbitmap",
    "image/x-xpixmap",
    "image/vnd.dxf",
    "image/x-dxf",
)

_FAMILIES = (
    _family("image/png image/x-png image/apng image/vnd.mozilla.apng", "image/png, image/apng"),
    _family("image/jpeg image/jpg image/pjpeg", "image/jpeg"),
    _family("image/gif", "image/gif"),
    _family("image/webp", "image/webp"),
    _family("image/bmp image/x-bmp image/x-ms-bmp", "image/bmp"),
    # Cameras' raw files, and Photoshop's, are TIFF by structure.
    _family("image/tiff image/tiff-fx", "image/tiff, image/x-canon-cr2"),
    # Pixels as numbers in letters, or in bytes.
    _family(
        "image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap image/x-portable-anymap "
        "image/x-portable-arbitrarymap",
        _TEXT,
        is_sure=False,
    ),
    _family("image/openraster", _ZIP),
    _family("image/vnd.adobe.photoshop image/x-photoshop application/x-photoshop", "image/vnd.adobe.photoshop"),
    # Brands overlap: a phone's picture and its film differ by four letters, of which new ones come every year.
    _family("image/heic image/heif image/heic-sequence image/heif-sequence image/avif", _ISO_MEDIA),
    _family("video/mp4 audio/mp4 audio/x-m4a audio/m4a video/x-m4v video/3gpp audio/3gpp video/3gpp2", _ISO_MEDIA),
    # Films older than the format's first box begin with any of its others.
    _family("video/quicktime", _ISO_MEDIA, is_sure=False),
    _family("video/webm audio/webm video/x-matroska audio/x-matroska", "video/webm, video/x-matroska"),
    _family("video/x-msvideo video/avi video/msvideo", "video/x-msvideo"),
    _family("video/x-ms-wmv video/x-ms-asf audio/x-ms-wma", "video/x-ms-wmv"),
    _family("audio/ogg video/ogg application/ogg audio/opus audio/vorbis", "audio/ogg"),
    _family("audio/wav audio/x-wav audio/wave audio/vnd.wave", "audio/x-wav"),
    # A tag (ID3), by which filetype knows MP3, may stand before; and another container may be around.
    _family("audio/flac audio/x-flac", "audio/x-flac, audio/mpeg, audio/ogg"),
    # Frames may begin after any padding.
    _family("audio/mpeg audio/mp3 audio/aac audio/x-aac", "audio/mpeg, audio/aac, audio/x-wav", is_sure=False),
    _family("application/pdf application/x-pdf", _PDF),
    # Documents are zip files with certain files in it, and where they are encrypted, OLE files.
    _family("application/zip application/x-zip application/x-zip-compressed", _ZIP),
    _family("application/epub+zip", _ZIP),
    _family("application/vnd.openxmlformats-officedocument.*", f"{_ZIP}, {_OLE}"),
    _family("application/vnd.ms-*.macroenabled.12", f"{_ZIP}, {_OLE}"),
    _family(
        "application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.spreadsheet "
        "application/vnd.oasis.opendocument.presentation",
        _ZIP,
    ),
    _family("*+zip application/vnd.google-earth.kmz", _ZIP),
    _family(
        "application/vnd.apple.keynote application/vnd.apple.pages application/vnd.apple.numbers", _ZIP, is_sure=False
    ),
    _family("application/rtf application/x-rtf", f"{_RTF}, {_TEXT}"),
    # Adobe's programs write PDF under this name too, and a binary preview may stand before.
    _family(
        "application/postscript application/illustrator application/eps image/x-eps",
        f"application/postscript, {_PDF}, {_TEXT}",
        is_sure=False,
    ),
    # Saved by a newer program under the old name, or as RTF or HTML, which is text.
    _family("application/msword application/vnd.ms-powerpoint", f"{_OLE}, {_ZIP}, {_RTF}, {_TEXT}"),
    # Windows' browsers declare CSV files so, where Excel is installed.
    _family("application/vnd.ms-excel", f"{_OLE}, {_ZIP}, {_TEXT}"),
    # A tar file is hardly ever sent as it is: `a.tar.gz` is application/x-tar to Python's mimetypes.
    _family("application/x-tar application/x-gtar", f"application/x-tar, {_COMPRESSED}", is_sure=False),
    _family("application/gzip application/x-gzip", "application/gzip"),
    _family("application/x-bzip2 application/x-bzip", "application/x-bzip2"),
    _family("application/x-xz", "application/x-xz"),
    _family("application/zstd", "application/zstd"),
    _family("application/x-7z-compressed", "application/x-7z-compressed"),
    _family("application/vnd.rar application/x-rar application/x-rar-compressed", "application/x-rar-compressed"),
    _family("application/vnd.sqlite3 application/x-sqlite3", "application/x-sqlite3"),
    _family("font/woff font/woff2 application/font-woff", "application/font-woff"),
    _family("application/wasm", "application/wasm"),
    _family(
        "application/x-msdownload application/x-dosexec application/vnd.microsoft.portable-executable",
        "application/x-msdownload",
    ),
)
"""Not here: types that tell nothing (application/octet-stream), that filetype does not know, or whose files may begin
with anything, such as jar (with a script) and ico (may be PNG)."""

_TYPES_BY_NAME = frozenset(
    each for each in (*_TEXT_TYPES, *(name for family in _FAMILIES for name in family.declared)) if "*" not in each
)

_MACH_O, _DEX = "application/x-mach-binary", "application/vnd.android.dex"
# Of 32 and 64 bits, in either order of bytes, and of several processors; the last begins Java's classes as well.
_MACH_O_SIGNATURES = tuple(
    bytes.fromhex(each) for each in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabf", "cafebabe")
)

_EXECUTABLES = frozenset(
    {
        "application/x-executable",
        "application/x-msdownload",
        "application/wasm",
        "application/x-shockwave-flash",
        _MACH_O,
        _DEX,
    }
)
_ARCHIVES = frozenset(
    {
        *_ZIP.split(", "),
        *_ENCODED,
        *_OLE.split(", "),  # an installer (.msi) is one
        "application/x-tar",
        "application/x-rar-compressed",
        "application/x-7z-compressed",
        "application/x-brotli",
        "application/x-lz4",
        "application/x-lzip",
        "application/x-lzop",
        "application/x-deb",
        "application/x-rpm",
        "application/x-unix-archive",
        "application/x-google-chrome-extension",
        "application/vnd.ms-cab-compressed",
    }
)

_SCRIPT_START = re.compile(
    rb"\s*(#!|<\?php|<\?=|<%|<!--|"
    rb"<(!doctype html|html|head|body|script|style|iframe|svg|math|table|title|h1|div|font|a|b|br|p)\b)",
    re.IGNORECASE,
)
"""What a shell, PHP or a browser runs. Source: WHATWG MIME Sniffing standard, 7.1."""

_MORE_SIGNATURES = (
    (4, b"ftyp", "video/mp4"),  # filetype knows few brands
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (0, b"RF64", "audio/x-wav"),  # over 4 GB, and so the next
    (0, b"BW64", "audio/x-wav"),
    (0, b"II+\x00", "image/tiff"),  # BigTIFF
    (0, b"MM\x00+", "image/tiff"),
    *((0, signature, _MACH_O) for signature in _MACH_O_SIGNATURES),
    (0, b"dex\n", _DEX),
)

_PDF_HEADER = b"%PDF-"
_PDF_HEADER_WITHIN = 1024
"""Readers look for it so far into the file. Source: PDF Reference 1.7, implementation note 13."""

_BYTES_OF_TEXT = bytes(byte for byte in range(256) if byte >= ord(" ") or byte in b"\t\n\v\f\r\x1a\x1b")
"""Of text in any script, in UTF-8 or any encoding of single bytes."""


def can_be_checked(declared: str, allowed: Sequence[str] = ()) -> bool:
    """Tell whether the first bytes can contradict a type at all, where only certain types may be declared, or all."""
    plain = media_type(declared)
    return _is_text(plain) or _family_of(plain) is not None or _must_not_be_a_way_round(plain, allowed)


def contradiction(declared: str, head: bytes, allowed: Sequence[str] = ()) -> str | None:
    """Return what an object is that is not of its declared type, as part of a sentence; None where it may be."""
    plain = media_type(declared)
    found = _found(head)
    # A pattern of the tables, such as *+json, matches subtypes that nobody knows.
    is_guarded = plain not in _TYPES_BY_NAME and _must_not_be_a_way_round(plain, allowed)
    if is_guarded and (running := _running(head, found)):
        return running
    is_in_tables = plain.startswith(("application/", "text/")) or not is_guarded  # image/x+json is no text
    if is_in_tables and _is_text(plain):
        return None if found in {_TEXT, _RTF, _NO_KIND, *_ENCODED} else found
    family = _family_of(plain) if is_in_tables else None
    if family is not None:
        return None if found in family.found or (found == _NO_KIND and not family.is_sure) else found
    if is_guarded and not is_named(plain, allowed):
        return _readable(head, found)
    return None


def _must_not_be_a_way_round(plain: str, allowed: Sequence[str]) -> bool:
    """Whether a type that is not in the table is held against a list."""
    is_decided = is_named(plain, allowed) and (is_active(plain) or plain in _GENERIC_TYPES)
    return bool(allowed) and not is_decided


def _running(head: bytes, found: str) -> str | None:
    """Name an executable or a script."""
    if found in _EXECUTABLES:
        return found
    return _SCRIPT if _SCRIPT_START.match(_utf_16_text(head) or head.removeprefix(codecs.BOM_UTF8)) else None


def _readable(head: bytes, found: str) -> str | None:
    """Name text or an archive."""
    if _utf_16_text(head):
        return _TEXT
    return found if found == _TEXT or found in _ARCHIVES else None


def _utf_16_text(head: bytes) -> bytes:
    """Return text in UTF-16 with its mark as UTF-8; nothing of anything else."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):  # such as audio, which may begin with the same bytes
            text = head[: len(head) // 2 * 2].decode("utf-16").encode()
            if not text.translate(None, _BYTES_OF_TEXT):
                return text
    return b""


def _is_text(declared: str) -> bool:
    return any(fnmatchcase(declared, pattern) for pattern in _TEXT_TYPES)


def _family_of(declared: str) -> _Family | None:
    matching = (each for each in _FAMILIES if any(fnmatchcase(declared, pattern) for pattern in each.declared))
    return next(matching, None)


def _found(head: bytes) -> str:
    """Name what the bytes are, preferably as filetype does."""
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(_PDF_HEADER):
        return _PDF
    if not head.translate(None, _BYTES_OF_TEXT):  # filetype takes letters for signatures: BM, MZ, GIF, ID3, SQLi
        return _TEXT
    known: str | None = filetype.guess_mime(head)  # pyright: ignore[reportUnknownMemberType]
    if known:
        return known
    if _PDF_HEADER in head[:_PDF_HEADER_WITHIN]:
        return _PDF
    return next((name for at, signature, name in _MORE_SIGNATURES if head.startswith(signature, at)), _NO_KIND)
