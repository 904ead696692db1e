"""No honest file is rejected for its type, and a file that is plainly of another type is.

A test collects all pairs of type and file with a wrong answer, so that a failure shows each of them.
"""

import mimetypes
from collections.abc import Iterable, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.allowed_types import is_active, is_allowed, media_type
from handlers.domain.media_types import HEAD_BYTES, can_be_checked, contradiction
from handlers.domain.type_families import FAMILIES, NO_KIND, family_by_name, family_by_pattern
from tests.support.handlers.file_heads import HEADS

_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"

HONEST = {
    "image/png": ["png", "apng"],
    "image/vnd.adobe.photoshop": ["photoshop"],
    "IMAGE/PNG": ["png"],
    "image/png; q=1": ["png"],
    "image/jpeg": ["jpeg", "jpeg of a camera"],
    "image/jpg": ["jpeg"],
    "image/gif": ["gif"],
    "image/webp": ["webp"],
    "image/x-ms-bmp": ["bmp"],
    "image/tiff": ["tiff", "bigtiff", "raw of a camera"],
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
    "audio/mpeg": ["mp3", "mp3 with a tag", "mp3 after padding", "wav"],
    "audio/vnd.presonus.multitrack": ["zip"],
    "audio/aac": ["aac", "mp3 with a tag"],
    "application/pdf": ["pdf", "pdf of letters alone", "pdf after a line"],
    "application/zip": ["zip", "empty zip", "jar", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"],
    "application/vnd.apple.keynote": ["zip"],
    "application/x-zip-compressed": ["zip", "docx"],
    f"{_OOXML}.wordprocessingml.document": ["docx", "docx of another program", "encrypted docx", "zip"],
    f"{_OOXML}.spreadsheetml.sheet": ["xlsx", "encrypted docx"],
    f"{_OOXML}.presentationml.presentation": ["pptx"],
    "application/vnd.ms-excel.sheet.macroEnabled.12": ["xlsx", "encrypted docx"],
    f"{_ODF}.text": ["odt", "zip"],
    f"{_ODF}.text-flat-xml": ["xml"],
    "application/epub+zip": ["epub", "zip"],
    "application/java-archive": ["jar", "jar that is a script"],
    "application/msword": ["doc", "doc of Word", "rtf", "rtf with bytes", "html", "docx", "encrypted docx"],
    "application/vnd.ms-excel": ["encrypted docx", "xlsx", "csv of body mass", "html"],
    "application/rtf": ["rtf", "rtf with bytes"],
    "application/postscript": ["PostScript", "PostScript with bytes", "pdf"],
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
        "xz",
        "zstd",
        "rtf with bytes",
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
    "model/vnd.dwf": ["noise", "zip", "text"],
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
    "image/x-coreldraw": ["zip", "encrypted docx", "noise"],
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

DISHONEST = {
    ("image/png", "text"): "text",
    ("image/png", "jpeg"): "image/jpeg",
    ("image/png", "noise"): "data of no known kind",
    ("image/png", "exe"): "application/x-msdownload",
    ("image/jpeg", "html"): "text",
    ("image/jpeg", "gzip"): "application/gzip",
    ("image/gif", "notes on pictures"): "text",
    ("image/bmp", "csv of body mass"): "text",
    ("image/heic", "jpeg"): "image/jpeg",
    ("image/svg+xml", "png"): "image/png",
    ("application/pdf", "exe"): "application/x-msdownload",
    ("application/pdf", "html"): "text",
    ("application/pdf", "notes on PDF"): "text",
    ("application/pdf", "zip"): "application/zip",
    ("application/zip", "rar"): "application/x-rar-compressed",
    ("application/zip", "text"): "text",
    (f"{_OOXML}.wordprocessingml.document", "pdf"): "application/pdf",
    (f"{_OOXML}.wordprocessingml.document", "text"): "text",
    ("application/msword", "png"): "image/png",
    ("application/vnd.ms-excel", "elf"): "application/x-executable",
    ("application/x-tar", "png"): "image/png",
    ("application/gzip", "zip"): "application/zip",
    ("video/mp4", "text"): "text",
    ("video/mp4", "webm"): "video/webm",
    ("video/quicktime", "exe"): "application/x-msdownload",
    ("audio/mpeg", "text"): "text",
    ("audio/mpeg", "pdf"): "application/pdf",
    ("text/plain", "png"): "image/png",
    ("text/plain", "pdf"): "application/pdf",
    ("text/plain", "pdf of letters alone"): "application/pdf",
    ("text/csv", "xlsx"): f"{_OOXML}.spreadsheetml.sheet",
    ("text/html", "exe"): "application/x-msdownload",
    ("application/json", "sqlite"): "application/x-sqlite3",
    ("application/xml", "zip"): "application/zip",
}
"""What a file is, by the type that it is declared by and its first bytes."""

TELLS_NOTHING = ["application/octet-stream", "binary/octet-stream", "application/x-unheard-of", "a/b", "image/x-icon"]


UNKNOWN = {
    *("application/java-archive", "application/pkcs7-mime", "application/vnd.amazon.mobi8-ebook"),
    *("application/vnd.apache.parquet", "application/vnd.comicbook-rar", "application/vnd.ms-outlook"),
    *("application/vnd.ms-project", "application/vnd.unheard-of", "application/vnd.visio", "application/x-bibtex"),
    *("application/x-bzip-compressed-tar", "application/x-hdf5", "application/x-mobipocket-ebook"),
    *("application/x-x509-ca-cert", "application/x-x509-user-cert", "audio/amr", "chemical/x-cdx", "font/ttf"),
    *("image/svg+xml-compressed", "model/gltf-binary"),
}
"""Types of HONEST that are not in the table."""

UNSURE = {
    *("application/csv", "application/geo+json", "application/javascript", "application/json", "application/jsonl"),
    *("application/pgp-encrypted", "application/pgp-keys", "application/postscript", "application/sql"),
    *("application/toml", "application/vnd.apple.keynote", "application/vnd.apple.mpegurl"),
    *("application/vnd.oasis.opendocument.text-flat-xml", "application/vnd.recordare.musicxml+xml"),
    *("application/x-ndjson", "application/x-tar", "application/xml", "application/yaml", "audio/aac", "audio/mpeg"),
    *("audio/vnd.presonus.multitrack", "audio/x-mpegurl", "audio/x-ms-wax", "audio/x-pn-realaudio", "audio/x-scpls"),
    *("chemical/x-cml", "chemical/x-mdl-molfile", "chemical/x-molconn-Z", "chemical/x-pdb", "image/cgm"),
    *("image/fits", "image/svg+xml", "image/vnd.dxf", "image/vnd.fpx", "image/x-coreldraw", "image/x-gzeps"),
    *("image/x-portable-graymap", "image/x-xbitmap", "image/x-xpixmap", "model/gltf+json", "model/mtl", "model/obj"),
    *("model/ply", "model/step", "model/stl", "model/vnd.collada+xml", "model/vnd.dwf", "model/vnd.vtu"),
    *("model/vrml", "model/x.stl-binary", "text/csv", "text/csv; charset=utf-8", "text/html", "text/plain"),
    *("text/rtf", "text/turtle", "text/x-markdown", "text/x-tex", "video/quicktime", "video/vnd.mpegurl"),
}
"""Types of HONEST without a sure signature."""


def found(
    declared: Iterable[str], files: Iterable[str], allowed: Sequence[str] | None = None
) -> dict[tuple[str, str], str | None]:
    """What each file is found to be under each type; `allowed` is the list of types, None the type's own wildcard."""
    return {
        (each, file): contradiction(each, HEADS[file][:HEAD_BYTES], [wildcard_of(each)] if allowed is None else allowed)
        for each, file in product(declared, files)
    }


def accepted(answers: dict[tuple[str, str], str | None]) -> list[tuple[str, str]]:
    return [pair for pair, answer in answers.items() if answer is None]


def wildcard_of(content_type: str) -> str:
    return f"{media_type(content_type).partition('/')[0]}/*"


def honest(allowed_by: str) -> dict[tuple[str, str], str | None]:
    answers: dict[tuple[str, str], str | None] = {}
    for declared, files in HONEST.items():
        allowed = {"all": [], "name": [media_type(declared)], "wildcard": [wildcard_of(declared)]}[allowed_by]
        if is_allowed(declared, allowed):
            answers |= found([declared], files, allowed)
    return answers


@pytest.mark.parametrize("allowed_by", ["all", "name", "wildcard"])
def test_an_honest_declaration_is_not_contradicted(allowed_by: str) -> None:
    answers = honest(allowed_by)

    assert answers.keys() - accepted(answers) == set()
    assert len(answers) > 200


def test_another_file_than_was_declared_is_named() -> None:
    assert {pair: contradiction(pair[0], HEADS[pair[1]][:HEAD_BYTES], []) for pair in DISHONEST} == DISHONEST
    assert [declared for declared, _ in DISHONEST if not can_be_checked(declared, [])] == []


def test_a_program_is_found_under_every_type_that_the_table_knows() -> None:
    """Without a family, a type would accept it."""
    unknown = {declared for declared, _ in accepted(found(HONEST, ["elf"], []))}

    assert unknown == {declared for declared in HONEST if not can_be_checked(declared, [])} == UNKNOWN


def test_data_of_no_known_kind_is_accepted_for_types_without_a_sure_signature() -> None:
    answers = found(sorted(HONEST.keys() - UNKNOWN), ["noise"], [])

    assert {declared for declared, _ in accepted(answers)} == UNSURE
    assert {answer for answer in answers.values() if answer} == {NO_KIND}


def test_every_family_has_an_honest_file() -> None:
    plain = [media_type(declared) for declared in HONEST]
    used = [family_by_name(each) or family_by_pattern(each) for each in plain]

    assert [family.declared for family in FAMILIES if family not in used] == []


def test_a_type_that_says_nothing_is_never_contradicted() -> None:
    answers = found(TELLS_NOTHING, HEADS, [])

    assert len(accepted(answers)) == len(answers) == len(TELLS_NOTHING) * len(HEADS)
    assert [declared for declared in TELLS_NOTHING if can_be_checked(declared, [])] == []


XML_FORMATS = {"audio/x-ms-wax", "video/x-ms-asf", "chemical/x-cml", "model/vnd.vtu"}
TEXT_FORMATS = [
    *("image/x-xbitmap", "image/x-xpixmap", "image/vnd.dxf", "image/x-portable-graymap", "image/cgm", "image/fits"),
    *("audio/x-mpegurl", "audio/x-scpls", "video/vnd.mpegurl", "image/x-eps", "model/gltf+json", "model/vnd.dwf"),
    *("model/stl", "model/obj", "model/vrml", "model/ply", "chemical/x-pdb", "chemical/x-xyz"),
    *sorted(XML_FORMATS),
]
"""Types of images, sounds, films, models and molecules that may be text."""

EXECUTABLES = ("exe", "elf", "wasm", "mach-o", "dex")
SCRIPTS = (
    *("html", "svg", "svg after a prologue", "jar that is a script", "php"),
    *("UTF-16 script", "UTF-8 script with its mark"),
)
ACTIVE_FILES = (*EXECUTABLES, *SCRIPTS)
ARCHIVES = ("zip", "empty zip", "docx", "jar", "epub", "tar", "gzip", "bzip2", "xz", "zstd", "7z", "rar")
TEXTS = ("text", "json", "xml", "csv of body mass", "UTF-16", "UTF-8 with its mark", "TeX")


class TestWhereOnlyCertainTypesMayBeDeclared:
    """A type without a signature must not be a way round the list."""

    def test_under_a_wildcard_it_hides_nothing_that_runs_or_can_be_unpacked_or_read(self) -> None:
        declared = ["image/x-whatever", "IMAGE/x-icon; a=b", "audio/x-unheard-of", "font/x"]

        assert accepted(found(declared, (*ACTIVE_FILES, *ARCHIVES, *TEXTS))) == []
        assert [each for each in declared if not can_be_checked(each, [wildcard_of(each)])] == []

    def test_an_invented_subtype_that_a_pattern_of_the_table_matches_hides_nothing_that_runs(self) -> None:
        declared = ["image/evil+json", "image/evil+yaml", "image/x-portable-evil", "audio/evil+zip", "text/x-evil"]

        assert accepted(found(declared, ACTIVE_FILES)) == []

    def test_an_unknown_application_hides_nothing_that_runs(self) -> None:
        declared = ["application/vnd.unheard-of", "application/evil+json", "application/x-evil"]

        assert accepted(found(declared, ACTIVE_FILES)) == []

    def test_an_unknown_application_hides_no_package_that_installs_a_program(self) -> None:
        heads = [b"!<arch>\ndebian-binary   ", b"\xed\xab\xee\xdb\x03\x00\x00\x00", b"Cr24\x03\x00"]

        assert all(contradiction("application/vnd.unheard-of", each + bytes(100), ["application/*"]) for each in heads)

    @pytest.mark.parametrize("allowed_by", ["wildcard", "name", "all"])
    def test_a_format_that_is_text_is_no_page_and_no_script(self, allowed_by: str) -> None:
        lists = {"wildcard": None, "name": TEXT_FORMATS, "all": list[str]()}

        assert accepted(found(TEXT_FORMATS, ACTIVE_FILES, lists[allowed_by])) == []

    def test_a_format_that_is_text_is_no_xml_unless_it_may_be_xml(self) -> None:
        declared = sorted(set(TEXT_FORMATS) - XML_FORMATS)

        assert set(found(declared, ["xml", "cml", "UTF-16 XML"]).values()) == {"XML"}

    @pytest.mark.parametrize("filler", [b"<!---->", b"<?a?>", b"<!--", b" "])
    def test_a_prologue_that_fills_the_head_takes_no_time(self, filler: bytes) -> None:
        head = b"<?xml?>" + filler * (HEAD_BYTES // len(filler))
        assert contradiction("application/vnd.unheard-of", head, ["application/*"]) is None

    def test_an_invented_subtype_is_no_archive(self) -> None:
        assert accepted(found(["image/evil+zip", "audio/evil+zip"], ["zip"])) == []

    def test_by_its_name_it_hides_nothing_that_runs(self) -> None:
        assert accepted(found(["application/x-foo"], ACTIVE_FILES, ["Application/X-Foo"])) == []

    def test_by_its_name_it_may_be_made_of_text_or_files(self) -> None:
        answers = found(["application/x-foo"], (*ARCHIVES, *TEXTS), ["application/x-foo", "application/*"])

        assert set(answers.values()) == {None}

    def test_images_and_data_of_no_known_kind_are_accepted(self) -> None:
        answers = found(["image/x-whatever"], ["png", "jpeg", "tiff", "mp4", "zeros", "noise"])

        assert set(answers.values()) == {None}

    def test_a_named_type_that_may_be_anything_or_runs_anyway_is_the_teams_decision(self) -> None:
        named = ["application/octet-stream", "application/x-executable", "application/x-perl"]

        assert set(found(named, HEADS, named).values()) == {None}


class TestWildcards:
    ACTIVE = (
        *("image/svg+xml", "IMAGE/SVG+XML; charset=utf-8", "image/svg+xml-compressed"),
        *("text/html", "text/html;charset=utf-8", "text/xml", "text/javascript", "text/javascript1.5"),
        *("application/xhtml+xml", "application/xml", "application/javascript", "application/x-msdownload"),
        *("application/x-sh", "application/x-lua", "application/vnd.appimage", "application/vnd.ms-appx"),
    )

    def test_leave_out_types_that_can_run_which_are_admitted_by_name(self) -> None:
        assert [each for each in self.ACTIVE if not is_active(each)] == []
        assert [each for each in self.ACTIVE if is_allowed(each, ["application/pdf", wildcard_of(each)])] == []
        assert [each for each in self.ACTIVE if not is_allowed(each, ["a/b", media_type(each).upper()])] == []

    def test_admit_all_other_types(self) -> None:
        for each in ("image/png", "text/plain", "text/csv", "application/pdf", "image/x-new"):
            assert is_allowed(each, [wildcard_of(each).upper()]), each
            assert not is_allowed(each, ["video/*"]), each

    def test_no_list_admits_all(self) -> None:
        assert [each for each in self.ACTIVE if not is_allowed(each, [])] == []


def test_the_type_that_the_command_declares_by_a_files_name_is_honest() -> None:
    files = {
        "a.png": "png",
        "a.jpg": "jpeg",
        "a.csv.gz": "gzip",
        "a.tar.gz": "gzip",
        "a.tar.xz": "xz",
        "a.svgz": "gzip",
        "a.docx": "docx",
        "a.mp4": "mp4",
        "a.wav": "wav",
        "a.mov": "mov",
        "a.zip": "zip",
        "a.jar": "jar",
        "a.xls": "encrypted docx",
    }
    declared = {name: str(mimetypes.guess_type(name)[0]) for name in files}

    assert "None" not in declared.values()
    assert {name: contradiction(declared[name], HEADS[file], []) for name, file in files.items()} == dict.fromkeys(
        files
    )


@given(st.sampled_from(sorted(HONEST)), st.binary(min_size=1, max_size=300))
def test_any_bytes_have_an_answer(declared: str, head: bytes) -> None:
    found = contradiction(declared, head, [])
    assert found is None or (found and found.isprintable())


@given(st.text(min_size=1).filter(lambda text: text.isprintable() and not text.lstrip().startswith("%PDF-")))
def test_text_in_any_script_is_text(text: str) -> None:
    assert contradiction("text/plain", text.encode(), []) is None
    assert contradiction("image/png", text.encode(), []) == "text"
