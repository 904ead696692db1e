"""Whether an object's first bytes can be of the type that was declared.

An honest file must never be refused, so a type is held against the bytes only where its signature is sure: formats
share containers, clients call the same format by several names, and many formats have no signature at all.

Where only certain types may be declared, a type that is not in type_families.py must not be a way round the list:
an executable or a script is rejected under it, and where only a wildcard such as image/* admits the type, text or an
archive as well. The wildcard application/* admits text and archives under names of their own, so there an unknown type
may hold them too. A type that the list names itself and that may hold anything (application/octet-stream) or runs
anyway (see allowed_types.py) is taken as the team's own decision.

An image, audio, video, model or chemical type whose files are text must not hold HTML or a script, nor XML, unless its
files are XML.
"""

import codecs
import re
from collections.abc import Sequence
from contextlib import suppress

import filetype  # pyright: ignore[reportMissingTypeStubs]

from handlers.domain.allowed_types import is_active, is_named, media_type
from handlers.domain.type_families import (
    ARCHIVES,
    NO_KIND,
    OLE_STORAGE,
    PDF,
    TEXT,
    family_by_name,
    family_by_pattern,
    may_be_xml,
)

HEAD_BYTES = 8192
"""What filetype looks at, at the most (its get_signature_bytes)."""

_SCRIPT = "a script"
_XML = "XML"
_GENERIC_TYPES = frozenset({"application/octet-stream", "binary/octet-stream"})

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

_SCRIPT_START = re.compile(
    rb"\s*(#!(?!AMR)|<\?php|<\?=|<%|<!--|"
    rb"<(!doctype html|!doctype svg|html|head|body|script|style|iframe|svg|math|table|title|h1|div|font|a|b|br|p)\b)",
    re.IGNORECASE,
)
"""What a shell, PHP or a browser runs. Source: WHATWG MIME Sniffing standard, 7.1. AMR audio begins with #!AMR."""
_PAGE_IN_XML = re.compile(
    rb"\s*<\?xml\b(?>(?:.*?\?>)(?:\s|<!--.*?-->|<\?.*?\?>)*)<(!doctype )?(\w+:)?(html|svg)\b", re.IGNORECASE | re.DOTALL
)
"""XHTML or SVG after a prologue. The group is atomic: otherwise many comments would take exponential time."""

_MORE_SIGNATURES = (
    (4, b"ftyp", "video/mp4"),  # filetype knows few brands
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE_STORAGE),
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


def can_be_checked(declared: str, allowed: Sequence[str]) -> bool:
    """Whether the first bytes can contradict a type at all; `allowed` is the list of types, empty if all are."""
    plain = media_type(declared)
    is_known = family_by_name(plain) is not None or family_by_pattern(plain) is not None
    return is_known or _must_not_be_a_way_round(plain, allowed)


def contradiction(declared: str, head: bytes, allowed: Sequence[str]) -> str | None:
    """Return what an object is that is not of its declared type, as part of a sentence; None where it may be."""
    plain = media_type(declared)
    found = _found(head)
    family = family_by_name(plain)
    is_guarded = family is None and _must_not_be_a_way_round(plain, allowed)
    if is_guarded and (running := _running(head, found)):
        return running
    if family is None and (not is_guarded or plain.startswith(("application/", "text/"))):
        family = family_by_pattern(plain)  # it would take image/x+json for text
    if family is not None:
        may_be = found in family.found or (found == NO_KIND and not family.is_sure)
        return _markup(plain, head, found) if may_be else found
    if is_guarded and not is_named(plain, allowed):
        return _readable(plain, head, found)
    return None


def _must_not_be_a_way_round(plain: str, allowed: Sequence[str]) -> bool:
    """Whether a type that is not in the table is held against a list."""
    is_decided = is_named(plain, allowed) and (is_active(plain) or plain in _GENERIC_TYPES)
    return bool(allowed) and not is_decided


def _running(head: bytes, found: str) -> str | None:
    """Name an executable or a script."""
    if found in _EXECUTABLES:
        return found
    return _SCRIPT if _is_script(_start(head)) else None


def _markup(plain: str, head: bytes, found: str) -> str | None:
    """Name a script or XML in what may be text, such as an image of type image/x-xbitmap."""
    if found not in {TEXT, NO_KIND} or plain.startswith(("application/", "text/")) or is_active(plain):
        return None
    start = _start(head)
    if _is_script(start):
        return _SCRIPT
    return _XML if start.lstrip().startswith(b"<") and not may_be_xml(plain) else None


def _readable(plain: str, head: bytes, found: str) -> str | None:
    """Name text, an archive or a package that the wildcard of a type does not admit under any name."""
    if plain.startswith("application/"):  # application/* also admits application/json and application/zip
        return found if is_active(found) else None
    if _utf_16_text(head):
        return TEXT
    return found if found == TEXT or found in ARCHIVES else None


def _is_script(start: bytes) -> bool:
    return bool(_SCRIPT_START.match(start) or _PAGE_IN_XML.match(start))


def _start(head: bytes) -> bytes:
    """Return the first bytes of text without the mark of its encoding, in UTF-8 if they are in UTF-16."""
    return _utf_16_text(head) or head.removeprefix(codecs.BOM_UTF8)


def _utf_16_text(head: bytes) -> bytes:
    """Return text in UTF-16 with its mark as UTF-8; nothing of anything else."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):  # such as audio, which may begin with the same bytes
            text = head[: len(head) // 2 * 2].decode("utf-16").encode()
            if not text.translate(None, _BYTES_OF_TEXT):
                return text
    return b""


def _found(head: bytes) -> str:
    """Name what the bytes are, preferably as filetype does."""
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(_PDF_HEADER):
        return PDF
    if not head.translate(None, _BYTES_OF_TEXT):  # filetype takes letters for signatures: BM, MZ, GIF, ID3, SQLi
        return TEXT
    known: str | None = filetype.guess_mime(head)  # pyright: ignore[reportUnknownMemberType]
    if known:
        return known
    if _PDF_HEADER in head[:_PDF_HEADER_WITHIN]:
        return PDF
    return next((name for at, signature, name in _MORE_SIGNATURES if head.startswith(signature, at)), NO_KIND)
