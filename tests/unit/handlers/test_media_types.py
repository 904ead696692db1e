"""No honest file is refused for its type, and what is plainly another thing is."""

import mimetypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.allowed_types import is_active, is_allowed, media_type
from handlers.domain.media_types import HEAD_BYTES, can_be_checked, contradiction
from tests.support.handlers.file_heads import HEADS

_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"

HONEST = {
    "image/png": ["png"],
    "IMAGE/PNG": ["png"],
    "image/png; q=1": ["png"],
    "image/jpeg": ["jpeg", "jpeg of a camera"],
    "image/jpg": ["jpeg"],
    "image/gif": ["gif"],
    "image/webp": ["webp"],
    "image/x-ms-bmp": ["bmp"],
    "image/tiff": ["tiff", "bigtiff"],
    "image/heic": ["heic of a phone", "heif of another phone"],
    "image/heif": ["heic of a phone", "heif of another phone"],
    "image/avif": ["avif"],
    "image/svg+xml": ["svg", "xml", "gzip"],
    "video/mp4": ["mp4", "mp4 in fragments", "3gp", "mov"],
    "audio/x-m4a": ["m4a"],
    "audio/mp4": ["m4a", "mp4"],
    "video/3gpp": ["3gp"],
    "video/quicktime": ["mov", "mov of long ago", "mp4"],
    "video/webm": ["webm"],
    "audio/webm": ["webm"],
    "video/x-matroska": ["mkv"],
    "video/x-msvideo": ["avi"],
    "video/x-ms-wmv": ["wmv"],
    "application/ogg": ["ogg"],
    "video/ogg": ["ogg"],
    "audio/x-wav": ["wav", "wav over 4 GB"],
    "audio/wav": ["wav"],
    "audio/flac": ["flac", "mp3 with a tag", "ogg"],
    "audio/mpeg": ["mp3", "mp3 with a tag", "mp3 after padding"],
    "audio/aac": ["aac", "mp3 with a tag"],
    "application/pdf": ["pdf", "pdf of letters alone", "pdf after a line"],
    "application/zip": ["zip", "empty zip", "jar", "docx", "epub"],
    "application/x-zip-compressed": ["zip", "docx"],
    f"{_OOXML}.wordprocessingml.document": ["docx", "docx of another program", "encrypted docx", "zip"],
    f"{_OOXML}.spreadsheetml.sheet": ["xlsx", "encrypted docx"],
    f"{_OOXML}.presentationml.presentation": ["pptx"],
    "application/vnd.ms-excel.sheet.macroEnabled.12": ["xlsx"],
    f"{_ODF}.text": ["odt", "zip"],
    f"{_ODF}.text-flat-xml": ["xml"],
    "application/epub+zip": ["epub", "zip"],
    "application/java-archive": ["jar", "jar that is a script"],
    "application/msword": ["doc", "rtf", "html", "docx", "encrypted docx"],
    "application/vnd.ms-excel": ["encrypted docx", "xlsx", "csv of body mass", "html"],
    "application/rtf": ["rtf"],
    "text/rtf": ["rtf"],
    "application/x-tar": ["tar", "gzip", "bzip2", "xz"],
    "application/gzip": ["gzip"],
    "application/x-gzip": ["gzip"],
    "application/x-bzip2": ["bzip2"],
    "application/x-xz": ["xz"],
    "application/zstd": ["zstd"],
    "application/x-7z-compressed": ["7z"],
    "application/vnd.rar": ["rar"],
    "application/vnd.sqlite3": ["sqlite"],
    "font/woff2": ["woff2"],
    "application/wasm": ["wasm"],
    "application/x-msdownload": ["exe"],
    "text/plain": [
        "text",
        "notes on pictures",
        "notes on databases",
        "notes on PDF",
        "notes in the Windows of old",
        "UTF-8 with its mark",
        "UTF-16",
        "a log in colours",
        "zeros",
        "noise",
    ],
    "text/csv": ["csv of body mass", "gzip", "bzip2"],
    "text/csv; charset=utf-8": ["csv of body mass"],
    "text/x-tex": ["TeX"],
    "text/html": ["html"],
    "application/json": ["json", "gzip"],
    "application/geo+json": ["json"],
    "application/xml": ["xml"],
    "application/javascript": ["text"],
    "model/stl": ["stl", "binary stl"],
    "model/x.stl-binary": ["stl", "binary stl"],
    "model/obj": ["obj"],
    "model/mtl": ["obj"],
    "model/ply": ["ply", "binary ply"],
    "model/step": ["step"],
    "model/vrml": ["vrml"],
    "model/gltf+json": ["json"],
    "model/gltf-binary": ["glb"],
    "model/3mf": ["3mf"],
    "model/vnd.usdz+zip": ["usdz"],
    "model/step+zip": ["zip"],
    "model/vnd.dwf": ["noise", "zip"],
    "model/vnd.collada+xml": ["xml"],
    "model/vnd.vtu": ["xml"],
    "application/vnd.ms-package.3dmanufacturing-3dmodel+xml": ["3mf", "xml"],
    "application/vnd.ms-visio.drawing.main+xml": ["docx", "encrypted docx"],
    "image/x-xbitmap": ["xbm"],
    "image/x-xpixmap": ["xpm"],
    "image/vnd.dxf": ["dxf", "noise"],
    "image/x-portable-graymap": ["pgm", "pgm of bytes"],
    "image/fits": ["fits"],
    "image/cgm": ["cgm", "clear-text cgm"],
    "image/openraster": ["openraster"],
    "image/vnd.fpx": ["flashpix"],
    "image/x-coreldraw": ["zip", "noise"],
    "image/x-gzeps": ["gzip"],
    "image/svg+xml-compressed": ["gzip"],
    "audio/x-mpegurl": ["m3u"],
    "audio/x-scpls": ["pls"],
    "audio/x-ms-wax": ["asx"],
    "audio/x-pn-realaudio": ["text", "noise"],
    "audio/amr": ["amr"],
    "video/vnd.mpegurl": ["m3u"],
    "video/x-ms-asf": ["wmv", "asx"],
    "font/ttf": ["ttf"],
    "font/woff": ["woff2"],
    "chemical/x-pdb": ["pdb", "gzip"],
    "chemical/x-mdl-molfile": ["text"],
    "chemical/x-molconn-Z": ["text"],
    "chemical/x-cml": ["cml"],
    "chemical/x-cdx": ["noise"],
    "text/x-markdown": ["text", "html"],
    "text/turtle": ["text"],
    "application/vnd.apple.mpegurl": ["m3u"],
    "application/vnd.recordare.musicxml": ["mxl"],
    "application/vnd.recordare.musicxml+xml": ["xml"],
    f"{_ODF}.spreadsheet": ["ods"],
    f"{_ODF}.graphics": ["odg"],
    f"{_ODF}.text-master": ["odt"],
    "application/vnd.sun.xml.writer": ["odt"],
    "application/x-msexcel": ["xlsx", "csv of body mass", "html"],
    "application/csv": ["csv of body mass"],
    "application/x-gzip-compressed": ["gzip"],
    "application/x-bzip-compressed-tar": ["bzip2"],
    "application/x-x509-ca-cert": ["pem", "der"],
    "application/x-x509-user-cert": ["pem", "der"],
    "application/pkcs7-mime": ["pem", "der"],
    "application/pgp-encrypted": ["pgp", "binary pgp"],
    "application/pgp-keys": ["pgp", "binary pgp"],
    "application/x-ndjson": ["json"],
    "application/jsonl": ["json"],
    "application/toml": ["text"],
    "application/yaml": ["text"],
    "application/sql": ["text"],
    "application/x-bibtex": ["text"],
    "application/vnd.visio": ["encrypted docx", "zip"],
    "application/vnd.ms-project": ["encrypted docx"],
    "application/vnd.ms-outlook": ["encrypted docx"],
    "application/vnd.comicbook-rar": ["rar"],
    "application/vnd.amazon.mobi8-ebook": ["mobi"],
    "application/x-mobipocket-ebook": ["mobi"],
    "application/x-hdf5": ["noise"],
    "application/vnd.apache.parquet": ["noise"],
    "application/vnd.unheard-of": ["zip", "text", "gzip", "encrypted docx", "UTF-16", "png", "noise"],
}
"""What a file may be declared as, of the files that begin so."""

DISHONEST = [
    ("image/png", "text", "text"),
    ("image/png", "jpeg", "image/jpeg"),
    ("image/png", "noise", "data of no known kind"),
    ("image/png", "exe", "application/x-msdownload"),
    ("image/jpeg", "html", "text"),
    ("image/jpeg", "gzip", "application/gzip"),
    ("image/gif", "notes on pictures", "text"),
    ("image/bmp", "csv of body mass", "text"),
    ("image/heic", "jpeg", "image/jpeg"),
    ("image/svg+xml", "png", "image/png"),
    ("application/pdf", "exe", "application/x-msdownload"),
    ("application/pdf", "html", "text"),
    ("application/pdf", "notes on PDF", "text"),
    ("application/pdf", "zip", "application/zip"),
    ("application/zip", "rar", "application/x-rar-compressed"),
    ("application/zip", "text", "text"),
    (f"{_OOXML}.wordprocessingml.document", "pdf", "application/pdf"),
    (f"{_OOXML}.wordprocessingml.document", "text", "text"),
    ("application/msword", "png", "image/png"),
    ("application/vnd.ms-excel", "elf", "application/x-executable"),
    ("application/x-tar", "png", "image/png"),
    ("application/gzip", "zip", "application/zip"),
    ("video/mp4", "text", "text"),
    ("video/mp4", "webm", "video/webm"),
    ("video/quicktime", "exe", "application/x-msdownload"),
    ("audio/mpeg", "text", "text"),
    ("audio/mpeg", "pdf", "application/pdf"),
    ("text/plain", "png", "image/png"),
    ("text/plain", "pdf", "application/pdf"),
    ("text/plain", "pdf of letters alone", "application/pdf"),
    ("text/csv", "xlsx", f"{_OOXML}.spreadsheetml.sheet"),
    ("text/html", "exe", "application/x-msdownload"),
    ("application/json", "sqlite", "application/x-sqlite3"),
    ("application/xml", "zip", "application/zip"),
]

TELLS_NOTHING = ["application/octet-stream", "binary/octet-stream", "application/x-unheard-of", "a/b", "image/x-icon"]


@pytest.mark.parametrize(("declared", "file"), [(declared, each) for declared in HONEST for each in HONEST[declared]])
def test_an_honest_declaration_is_not_contradicted(declared: str, file: str) -> None:
    assert contradiction(declared, HEADS[file][:HEAD_BYTES], []) is None


@pytest.mark.parametrize(("declared", "file", "found"), DISHONEST)
def test_another_file_than_was_declared_is_named(declared: str, file: str, found: str) -> None:
    assert contradiction(declared, HEADS[file][:HEAD_BYTES], []) == found
    assert can_be_checked(declared, [])


@pytest.mark.parametrize("declared", TELLS_NOTHING)
@pytest.mark.parametrize("file", HEADS)
def test_a_type_that_tells_nothing_is_never_contradicted(declared: str, file: str) -> None:
    assert contradiction(declared, HEADS[file], []) is None
    assert not can_be_checked(declared, [])


XML_FORMATS = {"audio/x-ms-wax", "video/x-ms-asf", "chemical/x-cml", "model/vnd.vtu"}
TEXT_FORMATS = [
    *("image/x-xbitmap", "image/x-xpixmap", "image/vnd.dxf", "image/x-portable-graymap", "image/cgm", "image/fits"),
    *("audio/x-mpegurl", "audio/x-scpls", "video/vnd.mpegurl", "image/x-eps", "model/gltf+json", "model/vnd.dwf"),
    *("model/stl", "model/obj", "model/vrml", "model/ply", "chemical/x-pdb", "chemical/x-xyz"),
    *sorted(XML_FORMATS),
]
"""Types of pictures, sounds, films, models and molecules whose files may be text."""


def wildcard_of(content_type: str) -> str:
    return f"{media_type(content_type).partition('/')[0]}/*"


class TestWhereOnlyCertainTypesMayBeDeclared:
    """A type of no signature must not be a way round the list."""

    EXECUTABLES = ("exe", "elf", "wasm", "mach-o", "dex")
    SCRIPTS = (
        "html",
        "svg",
        "svg after a prologue",
        "jar that is a script",
        "php",
        "UTF-16 script",
        "UTF-8 script with its mark",
    )
    ARCHIVES = ("zip", "empty zip", "docx", "jar", "epub", "tar", "gzip", "bzip2", "xz", "zstd", "7z", "rar")
    TEXTS = ("text", "json", "xml", "csv of body mass", "UTF-16", "UTF-8 with its mark", "TeX")

    @pytest.mark.parametrize("declared", ["image/x-whatever", "IMAGE/x-icon; a=b", "audio/x-unheard-of", "font/x"])
    @pytest.mark.parametrize("file", [*EXECUTABLES, *SCRIPTS, *ARCHIVES, *TEXTS])
    def test_under_a_wildcard_it_hides_nothing_that_runs_or_can_be_unpacked_or_read(
        self, declared: str, file: str
    ) -> None:
        allowed = ["application/pdf", wildcard_of(declared)]
        assert can_be_checked(declared, allowed)
        assert contradiction(declared, HEADS[file], allowed)

    @pytest.mark.parametrize(
        "declared", ["image/evil+json", "image/evil+yaml", "image/x-portable-evil", "audio/evil+zip", "text/x-evil"]
    )
    @pytest.mark.parametrize("file", [*EXECUTABLES, *SCRIPTS])
    def test_an_invented_subtype_that_a_pattern_of_the_table_matches_hides_nothing_either(
        self, declared: str, file: str
    ) -> None:
        assert contradiction(declared, HEADS[file], [wildcard_of(declared)])

    @pytest.mark.parametrize("declared", ["application/vnd.unheard-of", "application/evil+json", "application/x-evil"])
    @pytest.mark.parametrize("file", [*EXECUTABLES, *SCRIPTS])
    def test_nor_does_an_unknown_application_hide_what_runs(self, declared: str, file: str) -> None:
        assert contradiction(declared, HEADS[file], ["application/*"])

    @pytest.mark.parametrize(
        "head", [b"!<arch>\ndebian-binary   ", b"\xed\xab\xee\xdb\x03\x00\x00\x00", b"Cr24\x03\x00"]
    )
    def test_nor_a_package_that_installs_a_program(self, head: bytes) -> None:
        assert contradiction("application/vnd.unheard-of", head + bytes(100), ["application/*"])

    @pytest.mark.parametrize("declared", TEXT_FORMATS)
    @pytest.mark.parametrize("file", [*EXECUTABLES, *SCRIPTS])
    @pytest.mark.parametrize("allowed", ["by its wildcard", "by its name", "as all are"])
    def test_a_format_that_is_text_is_no_page_and_no_script(self, declared: str, file: str, allowed: str) -> None:
        lists = {"by its wildcard": [wildcard_of(declared)], "by its name": [declared], "as all are": []}
        assert contradiction(declared, HEADS[file], lists[allowed])

    @pytest.mark.parametrize("declared", sorted(set(TEXT_FORMATS) - XML_FORMATS))
    @pytest.mark.parametrize("file", ["xml", "cml", "UTF-16 XML"])
    def test_a_format_that_is_text_is_no_xml_unless_it_always_is(self, declared: str, file: str) -> None:
        assert contradiction(declared, HEADS[file], [wildcard_of(declared)]) == "XML"

    @pytest.mark.parametrize("filler", [b"<!---->", b"<?a?>", b"<!--", b" "])
    def test_a_prologue_that_fills_the_head_takes_no_time(self, filler: bytes) -> None:
        head = b"<?xml?>" + filler * (HEAD_BYTES // len(filler))
        assert contradiction("application/vnd.unheard-of", head, ["application/*"]) is None

    @pytest.mark.parametrize("declared", ["image/evil+zip", "audio/evil+zip"])
    def test_an_invented_subtype_is_no_archive(self, declared: str) -> None:
        assert contradiction(declared, HEADS["zip"], [wildcard_of(declared)])

    @pytest.mark.parametrize("file", [*EXECUTABLES, *SCRIPTS])
    def test_by_its_name_it_hides_nothing_that_runs(self, file: str) -> None:
        assert contradiction("application/x-foo", HEADS[file], ["Application/X-Foo"])

    @pytest.mark.parametrize("file", [*ARCHIVES, *TEXTS])
    def test_by_its_name_it_may_be_made_of_text_or_files(self, file: str) -> None:
        assert contradiction("application/x-foo", HEADS[file], ["application/x-foo", "application/*"]) is None

    @pytest.mark.parametrize("file", ["png", "jpeg", "tiff", "mp4", "zeros", "noise"])
    def test_pictures_and_data_of_no_known_kind_pass(self, file: str) -> None:
        assert contradiction("image/x-whatever", HEADS[file], ["image/*"]) is None

    @pytest.mark.parametrize("declared", ["application/octet-stream", "application/x-executable", "application/x-perl"])
    @pytest.mark.parametrize("file", HEADS)
    def test_what_is_named_and_may_be_anything_or_runs_anyway_is_the_teams_decision(
        self, declared: str, file: str
    ) -> None:
        assert contradiction(declared, HEADS[file], [declared]) is None

    @pytest.mark.parametrize(
        ("declared", "file"), [(declared, each) for declared in HONEST for each in HONEST[declared]]
    )
    def test_no_honest_declaration_is_contradicted(self, declared: str, file: str) -> None:
        for allowed in ([media_type(declared)], [wildcard_of(declared)]):
            if is_allowed(declared, allowed):
                assert contradiction(declared, HEADS[file], allowed) is None


class TestWildcards:
    ACTIVE = (
        "image/svg+xml",
        "IMAGE/SVG+XML; charset=utf-8",
        "text/html",
        "text/html;charset=utf-8",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "text/javascript",
        "text/javascript1.5",
        "application/javascript",
        "application/x-msdownload",
        "application/x-sh",
        "application/x-lua",
        "application/vnd.appimage",
        "application/vnd.ms-appx",
        "image/svg+xml-compressed",
    )

    @pytest.mark.parametrize("content_type", ACTIVE)
    def test_leave_out_what_can_run_which_is_admitted_by_name(self, content_type: str) -> None:
        assert is_active(content_type)
        assert not is_allowed(content_type, ["application/pdf", wildcard_of(content_type)])
        assert is_allowed(content_type, ["application/pdf", media_type(content_type).upper()])

    @pytest.mark.parametrize("content_type", ["image/png", "text/plain", "text/csv", "application/pdf", "image/x-new"])
    def test_admit_all_else(self, content_type: str) -> None:
        assert is_allowed(content_type, [wildcard_of(content_type).upper()])
        assert not is_allowed(content_type, ["video/*"])

    @pytest.mark.parametrize("content_type", ACTIVE)
    def test_no_list_admits_all(self, content_type: str) -> None:
        assert is_allowed(content_type, [])


@pytest.mark.parametrize(
    ("file_name", "file"),
    [
        ("a.png", "png"),
        ("a.jpg", "jpeg"),
        ("a.csv.gz", "gzip"),
        ("a.tar.gz", "gzip"),
        ("a.tar.xz", "xz"),
        ("a.svgz", "gzip"),
        ("a.docx", "docx"),
        ("a.mp4", "mp4"),
        ("a.wav", "wav"),
        ("a.mov", "mov"),
        ("a.zip", "zip"),
        ("a.jar", "jar"),
        ("a.xls", "encrypted docx"),
    ],
)
def test_what_the_command_declares_by_a_files_name_is_honest(file_name: str, file: str) -> None:
    declared = mimetypes.guess_type(file_name)[0]
    assert declared
    assert contradiction(declared, HEADS[file], []) is None


@given(st.sampled_from(sorted(HONEST)), st.binary(min_size=1, max_size=300))
def test_any_bytes_have_an_answer(declared: str, head: bytes) -> None:
    found = contradiction(declared, head, [])
    assert found is None or (found and found.isprintable())


@given(st.text(min_size=1).filter(lambda text: text.isprintable() and not text.lstrip().startswith("%PDF-")))
def test_text_in_any_script_is_text(text: str) -> None:
    assert contradiction("text/plain", text.encode(), []) is None
    assert contradiction("image/png", text.encode(), []) == "text"
