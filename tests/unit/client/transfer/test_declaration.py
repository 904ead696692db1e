import json
import mimetypes
import re
from pathlib import Path

import pytest

from client import EmptyFile, WrongDeclaration
from client.transfer.declaration import Declaration, guessed_type
from client.transfer.source import SourceFile
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import InvalidRequest
from handlers.domain.media_types import contradiction
from handlers.domain.plan import Method
from tests.support.paths import PROJECT

GOOD = ["application/pdf", "text/plain; charset=utf-8", "text/plain;charset=utf-8", "a/b+c; x=1; y=2", f"a/{'b' * 253}"]
BAD = ["", "pdf", "text/", "/plain", "text/plain;", "text/plain; charset", 'a/b; c="d"', "a/b\n", f"a/{'b' * 254}"]


@pytest.fixture
def source(tmp_path: Path) -> SourceFile:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    return SourceFile.at(path)


@pytest.mark.parametrize("content_type", GOOD)
def test_a_media_type_that_the_api_takes_is_declared(source: SourceFile, content_type: str) -> None:
    declared = Declaration(source, "a", content_type, None, None)
    UploadRequest.parse({"file_name": "a", "content_type": declared.content_type, "size_bytes": 1}, list(Method))


@pytest.mark.parametrize("content_type", BAD)
def test_what_is_no_media_type_is_refused_as_the_api_would(source: SourceFile, content_type: str) -> None:
    with pytest.raises(WrongDeclaration, match="give a media type"):
        Declaration(source, "a", content_type, None, None)
    with pytest.raises(InvalidRequest):
        UploadRequest.parse({"file_name": "a", "content_type": content_type, "size_bytes": 1}, list(Method))


def test_an_empty_file_is_refused(source: SourceFile) -> None:
    source.path.write_bytes(b"")
    with pytest.raises(EmptyFile, match="has 0 bytes: give a file of at least 1 byte"):
        Declaration(SourceFile.at(source.path), "a", "a/b", None, None)


class TestNames:
    """What the API refuses by a pattern, with a sentence."""

    def test_are_refused_as_the_contract_refuses_them(self, source: SourceFile) -> None:
        schema = json.loads((PROJECT / "docs/openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]
        pattern = re.compile(schema["CreateUploadRequest"]["properties"]["file_name"]["pattern"])
        for number in range(0x10000):
            if not 0xD800 <= number <= 0xDFFF:  # halves of characters: not UTF-8
                assert _is_declared(source, f"a{chr(number)}b") == bool(pattern.search(f"a{chr(number)}b")), hex(number)

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("a/b", r"U\+002F \(solidus\)"),
            ("photo\u202egnp.exe", r"U\+202E \(right-to-left override\)"),
            ("a\x1b[31m", r"U\+001B \(a control character\)"),
            ("a\udcff", "is not UTF-8"),
            ("", "is empty"),
            ("a" * 256, "has 256 characters, but may have 255"),
        ],
    )
    def test_are_refused_with_the_reason(self, source: SourceFile, name: str, told: str) -> None:
        with pytest.raises(WrongDeclaration, match=told):
            Declaration(source, name, "text/plain", None, None)


def _is_declared(source: SourceFile, name: str) -> bool:
    try:
        Declaration(source, name, "text/plain", None, None)
    except WrongDeclaration:
        return False
    return True


RIFF = b"RIFF\x00\x00\x00\x00"
BMP = b"BM\x36\x00\x00\x00" + bytes(4)


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "head", "declared"),
        [
            ("a.jpg", RIFF + b"WEBPVP8 ", "image/webp"),
            ("a.png", b"\xff\xd8\xff\xe0", "image/jpeg"),
            ("a.jpg", b"\x89PNG\r\n\x1a\n", "image/png"),
            ("a.jpg", b"\x00\x00\x00\x18ftypheic", "image/heic"),
            ("a.mov", b"\x00\x00\x00\x18ftypisom", "video/quicktime"),
            ("a.mp4", b"\x00\x00\x00\x18ftypisom", "video/mp4"),
            ("a", b"\x00\x00\x00\x18ftypM4A ", "audio/mp4"),
            ("a.webm", b"\x1a\x45\xdf\xa3", "video/webm"),
            ("a.mp4", b"\x1a\x45\xdf\xa3", "video/x-matroska"),
            ("scan", b"%PDF-1.7", "application/pdf"),
            ("scan.txt", b"%PDF-1.7", "application/pdf"),
            ("a.csv", "a,b\n".encode("utf-16"), "text/csv"),
            ("a.jpg", "a,b\n".encode("utf-16"), "text/plain"),
            ("A.CSV", b"a,b\n", "text/csv"),
            ("a.csv.gz", b"\x1f\x8b", "application/gzip"),
            ("a.docx", b"PK\x03\x04", mimetypes.guess_type("a.docx")[0] or "application/octet-stream"),
            ("a.jpg", b"\xff\xfe\x00\xd8\x00\x01", "image/jpeg"),
            ("a.jpg", BMP, "image/bmp"),
            ("a.txt", b"BM25 and more", "text/plain"),
            ("a.jpg", b"II*\x00\x08\x00", "image/tiff"),
            ("a.nef", b"II*\x00\x08\x00", mimetypes.guess_type("a.nef")[0] or "application/octet-stream"),
            ("a.mp3", b"OggS\x00\x02", "audio/ogg"),
            ("a.ogv", b"OggS\x00\x02", "video/ogg"),
            ("a.wav", b"ID3\x03\x00", "audio/mpeg"),
            ("a.flac", b"ID3\x03\x00", mimetypes.guess_type("a.flac")[0] or "audio/mpeg"),
            ("a.csv", b"ID3,ID4\n", "text/csv"),
            ("a.jpg", b"", "image/jpeg"),
            ("a.unknown-to-all", b"\x00\x01", "application/octet-stream"),
        ],
    )
    def test_follow_from_the_first_bytes_before_the_name(self, name: str, head: bytes, declared: str) -> None:
        assert guessed_type(name, head) == declared

    @pytest.mark.parametrize(
        ("name", "head"),
        [
            ("a.jpg", RIFF + b"WEBPVP8 "),
            ("a.png", b"\xff\xd8\xff\xe0" + bytes(100)),
            ("a.jpg", b"\x00\x00\x00\x18ftypheic" + bytes(100)),
            ("a.csv", "a,b\n1,2\n".encode("utf-16")),
            ("a.jpg", "a,b\n1,2\n".encode("utf-16")),
            ("a.txt", b"%PDF-1.7\n"),
            *(
                (f"a.{ending}", head + bytes(100))
                for ending in (
                    "jpg",
                    "png",
                    "webp",
                    "heic",
                    "mp3",
                    "wav",
                    "m4a",
                    "flac",
                    "mp4",
                    "mov",
                    "mkv",
                    "avi",
                    "pdf",
                )
                for head in (
                    b"\xff\xd8\xff\xe0",
                    b"\x89PNG\r\n\x1a\n",
                    b"GIF89a",
                    BMP,
                    RIFF + b"WEBPVP8 ",
                    RIFF + b"WAVEfmt ",
                    RIFF + b"AVI LIST",
                    b"\x00\x00\x00\x18ftypisom",
                    b"\x00\x00\x00\x18ftypheic",
                    b"\x00\x00\x00\x18ftypM4A ",
                    b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska",
                    b"fLaC\x00",
                    b"ID3\x03\x00",
                    b"OggS\x00\x02",
                )
            ),
            *((f"a.{ending}", b"II*\x00\x08\x00\x00\x00" + bytes(100)) for ending in ("jpg", "png", "tif", "nef")),
        ],
    )
    def test_are_none_that_the_api_rejects(self, name: str, head: bytes) -> None:
        assert contradiction(guessed_type(name, head), head, ()) is None
