"""Compares an object's first bytes with its declared type.

An honest file must never be rejected. So the bytes can contradict a type only if the type has a sure signature: formats
share containers, clients use several names for one format, and many formats have no signature.

If the setting `allowedContentTypes` is set, a type that is not in type_families.toml must not be a way round it:

- An executable or a script is rejected under such a type.
- If only a wildcard such as image/* admits the type, text and archives are rejected too. The exception is
  application/*, because it also admits types such as application/json and application/zip.
- A type that the list names is accepted with any content if it may contain anything (application/octet-stream) or can
  run anyway (see allowed_types.py): the team has decided so.

If files of an image, audio, video, model or chemical type are text, they must not contain HTML or a script, and XML
only if the table says so.
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
"""The most that filetype reads (its get_signature_bytes)."""

_SCRIPT = "a script"
_XML = "XML"
_GENERIC_TYPES = frozenset({"application/octet-stream", "binary/octet-stream"})

_MACH_O, _DEX = "application/x-mach-binary", "application/vnd.android.dex"
# For 32 and 64 bits, in both byte orders, and for several processors; Java's classes begin like the last.
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
"""The beginning of files that a shell, PHP or a browser runs. AMR audio begins with #!AMR.
Source: WHATWG MIME Sniffing standard, 7.1.
"""
_PAGE_IN_XML = re.compile(
    rb"\s*<\?xml\b(?>(?:.*?\?>)(?:\s|<!--.*?-->|<\?.*?\?>)*)<(!doctype )?(\w+:)?(html|svg)\b", re.IGNORECASE | re.DOTALL
)
"""XHTML or SVG after a prologue. The group is atomic; otherwise many comments would take exponential time."""

MORE_SIGNATURES = (
    (4, b"ftyp", "video/mp4"),  # filetype knows few brands
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE_STORAGE),
    (0, b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (0, b"RF64", "audio/x-wav"),  # over 4 GB, like the next
    (0, b"BW64", "audio/x-wav"),
    (0, b"II+\x00", "image/tiff"),  # BigTIFF
    (0, b"MM\x00+", "image/tiff"),
    *((0, signature, _MACH_O) for signature in _MACH_O_SIGNATURES),
    (0, b"dex\n", _DEX),
)

_PDF_HEADER = b"%PDF-"
_PDF_HEADER_WITHIN = 1024
"""Readers search so many bytes for the header. Source: PDF Reference 1.7, implementation note 13."""

_BYTES_OF_TEXT = bytes(byte for byte in range(256) if byte >= ord(" ") or byte in b"\t\n\v\f\r\x1a\x1b")
"""The bytes of text in UTF-8 or an encoding with single bytes."""


def can_be_checked(declared: str, allowed: Sequence[str]) -> bool:
    """Return whether first bytes can contradict the type; `allowed` is the list of types, empty if all are allowed."""
    plain = media_type(declared)
    is_known = family_by_name(plain) is not None or family_by_pattern(plain) is not None
    return is_known or _must_not_be_a_way_round(plain, allowed)


def contradiction(declared: str, head: bytes, allowed: Sequence[str]) -> str | None:
    """Return what the object is if it cannot be of its declared type, as part of a sentence; otherwise None."""
    plain = media_type(declared)
    found = _found(head)
    family = family_by_name(plain)
    is_guarded = family is None and _must_not_be_a_way_round(plain, allowed)
    if is_guarded and (running := _running(head, found)):
        return running
    if family is None and (not is_guarded or plain.startswith(("application/", "text/"))):
        family = family_by_pattern(plain)  # for image/x+json it would accept text
    if family is not None:
        may_be = found in family.found or (found == NO_KIND and not family.is_sure)
        return _markup(plain, head, found) if may_be else found
    if is_guarded and not is_named(plain, allowed):
        return _readable(plain, head, found)
    return None


def _must_not_be_a_way_round(plain: str, allowed: Sequence[str]) -> bool:
    """Return whether a type that is not in the table is compared with the list."""
    is_decided = is_named(plain, allowed) and (is_active(plain) or plain in _GENERIC_TYPES)
    return bool(allowed) and not is_decided


def _running(head: bytes, found: str) -> str | None:
    """Return the name of an executable or a script."""
    if found in _EXECUTABLES:
        return found
    return _SCRIPT if _is_script(_start(head)) else None


def _markup(plain: str, head: bytes, found: str) -> str | None:
    """Return the name of a script or XML in a type that may be text, such as image/x-xbitmap."""
    if found not in {TEXT, NO_KIND} or plain.startswith(("application/", "text/")) or is_active(plain):
        return None
    start = _start(head)
    if _is_script(start):
        return _SCRIPT
    return _XML if start.lstrip().startswith(b"<") and not may_be_xml(plain) else None


def _readable(plain: str, head: bytes, found: str) -> str | None:
    """Return the name of text, an archive or a package if the wildcard of the type admits no type for it."""
    if plain.startswith("application/"):  # application/* also admits application/json and application/zip
        return found if is_active(found) else None
    if _utf_16_text(head):
        return TEXT
    return found if found == TEXT or found in ARCHIVES else None


def _is_script(start: bytes) -> bool:
    return bool(_SCRIPT_START.match(start) or _PAGE_IN_XML.match(start))


def _start(head: bytes) -> bytes:
    """Return the first bytes without a byte order mark; text in UTF-16 is returned in UTF-8."""
    return _utf_16_text(head) or head.removeprefix(codecs.BOM_UTF8)


def _utf_16_text(head: bytes) -> bytes:
    """Return text in UTF-16 with a byte order mark as UTF-8; empty for anything else."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):  # for example audio that begins with the same bytes
            text = head[: len(head) // 2 * 2].decode("utf-16").encode()
            if not text.translate(None, _BYTES_OF_TEXT):
                return text
    return b""


def _found(head: bytes) -> str:
    """Return the kind of the bytes, by filetype's name if it has one."""
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(_PDF_HEADER):
        return PDF
    if not head.translate(None, _BYTES_OF_TEXT):  # filetype mistakes letters for signatures: BM, MZ, GIF, ID3, SQLi
        return TEXT
    known: str | None = filetype.guess_mime(head)  # pyright: ignore[reportUnknownMemberType]
    if known:
        return known
    if _PDF_HEADER in head[:_PDF_HEADER_WITHIN]:
        return PDF
    return next((name for at, signature, name in MORE_SIGNATURES if head.startswith(signature, at)), NO_KIND)
