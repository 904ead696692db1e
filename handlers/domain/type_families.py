"""Which types share their first bytes, as data: a type may be declared of any file that its family lists.

Only types whose signature is sure are here, and types that look like text or an archive. Not here: types that tell
nothing (application/octet-stream), that filetype does not know, or whose files may begin with anything, such as jar
(with a script) and ico (may be PNG).

Sources: the IANA registry of media types, shared-mime-info's sub-class-of entries, Debian's media-types.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

PDF = "application/pdf"
RTF = "application/rtf"
TEXT = "text"
NO_KIND = "data of no known kind"


@dataclass(frozen=True)
class Family:
    """Types that one file may be declared by, and what it may then begin with."""

    declared: tuple[str, ...]
    """Types and patterns, in lower case."""
    found: frozenset[str]
    """Names as media_types.py finds them."""
    is_sure: bool = True
    """Whether every such file has a signature that is known here; otherwise data of no known kind passes as well."""


def _family(declared: str, found: str, *, is_sure: bool = True) -> Family:
    return Family(tuple(declared.split()), frozenset(found.split(", ")), is_sure)


# Names that filetype has for what many types are made of.
_ZIP = (
    "application/zip, application/epub+zip, "
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document, "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, "
    "application/vnd.openxmlformats-officedocument.presentationml.presentation, "
    "application/vnd.oasis.opendocument.text, application/vnd.oasis.opendocument.spreadsheet, "
    "application/vnd.oasis.opendocument.presentation"
)
OLE_STORAGE = "application/x-ole-storage"
_OLE = f"{OLE_STORAGE}, application/msword, application/vnd.ms-excel, application/vnd.ms-powerpoint"
_ISO_MEDIA = "video/mp4, audio/mp4, video/x-m4v, video/quicktime, video/3gpp, image/heic, image/avif"
_COMPRESSED = "application/gzip, application/x-bzip2, application/x-xz, application/x-compress, application/zstd"

# A content type does not name a content encoding: for Python's mimetypes, `a.csv.gz` is text/csv.
_MAYBE_COMPRESSED_TEXT = f"{TEXT}, {RTF}, {_COMPRESSED}"

_ZIP_NAMED_XML = (
    "application/vnd.ms-visio.*+xml application/vnd.openxmlformats-officedocument.*+xml "
    "application/vnd.ms-package.3dmanufacturing-3dmodel+xml"
)
"""Their suffix is that of the zip file's main part."""

_TEXT_BY_NAME = (
    "text/plain text/csv text/tab-separated-values text/markdown text/x-markdown text/css text/calendar text/vcard "
    "application/xml application/json application/jsonl application/x-ndjson application/ndjson application/yaml "
    "application/x-yaml application/toml application/csv application/x-csv application/javascript "
    "application/x-javascript application/sql application/x-sql application/x-sh application/x-tex application/x-latex "
    "application/x-subrip application/x-mpegurl application/vnd.apple.mpegurl application/m3u application/pls "
    "application/pgp-signature application/pgp-keys application/pgp-encrypted application/x-pem-file "
    "application/pem-certificate-chain application/n-triples application/n-quads application/trig application/graphql "
    # Some of the types that follow have a binary form too.
    "image/cgm image/fits image/naplps image/vnd.dxf image/vnd.radiance image/vnd.rn-realpix image/vnd.svf "
    "image/x-applix-graphics image/x-dxf image/x-fig image/x-fits image/x-lws image/x-skencil image/x-xbitmap "
    "image/x-xbm image/x-xfig image/x-xpixmap image/x-xpm "
    # Pixels as numbers in letters, or in bytes.
    "image/x-portable-anymap image/x-portable-arbitrarymap image/x-portable-bitmap image/x-portable-graymap "
    "image/x-portable-pixmap "
    "audio/m3u audio/mpegurl audio/scpls audio/vnd.rn-realaudio audio/x-m3u audio/x-mp3-playlist audio/x-mpegurl "
    "audio/x-pn-realaudio audio/x-scpls "
    "video/vnd.mpegurl video/x-mpegurl "
    "model/gltf+json model/iges model/mesh model/mtl model/obj model/off model/ply model/step model/stl model/vnd.bary "
    "model/vnd.cld model/vnd.gdl model/vnd.gs-gdl model/vnd.gtw model/vnd.mts model/vnd.opengex "
    "model/vnd.parasolid.transmit.text model/vnd.rosette.annotated-data-model model/vnd.usd model/vnd.usda model/vrml "
    "model/x-obj model/x-ply model/x-stl model/x.stl-ascii model/x.stl-binary model/x3d+vrml model/x3d-vrml "
    "chemical/x-alchemy chemical/x-cache chemical/x-cache-csf chemical/x-cactvs-binary chemical/x-cerius "
    "chemical/x-chem3d chemical/x-chemdraw chemical/x-cif chemical/x-cmdf chemical/x-compass chemical/x-crossfire "
    "chemical/x-csml chemical/x-ctx chemical/x-cxf chemical/x-embl-dl-nucleotide chemical/x-fasta "
    "chemical/x-galactic-spc chemical/x-gamess-input chemical/x-gaussian-cube chemical/x-gaussian-input "
    "chemical/x-gaussian-log chemical/x-gcg8-sequence chemical/x-genbank chemical/x-hin chemical/x-isostar "
    "chemical/x-jcamp-dx chemical/x-kinemage chemical/x-macmolecule chemical/x-macromodel-input chemical/x-mdl-molfile "
    "chemical/x-mdl-rdfile chemical/x-mdl-rxnfile chemical/x-mdl-sdfile chemical/x-mdl-tgf chemical/x-mmcif "
    "chemical/x-mol2 chemical/x-molconn-z chemical/x-mopac-graph chemical/x-mopac-input chemical/x-mopac-out "
    "chemical/x-mopac-vib chemical/x-ncbi-asn1 chemical/x-ncbi-asn1-ascii chemical/x-ncbi-asn1-spec chemical/x-pdb "
    "chemical/x-pqr chemical/x-rosdal chemical/x-swissprot chemical/x-vamas-iso14976 chemical/x-vmd chemical/x-xtel "
    "chemical/x-xyz "
)

_XML_BY_NAME = (
    "audio/csound audio/x-amzxml audio/x-ms-asx audio/x-ms-wax chemical/x-cdxml chemical/x-cml "
    "model/vnd.flatland.3dml model/vnd.vtu video/x-ms-asx video/x-ms-wax video/x-ms-wmx video/x-ms-wvx"
)

_FAMILIES = (
    _family(_ZIP_NAMED_XML, f"{_ZIP}, {_OLE}, {TEXT}"),
    _family(_TEXT_BY_NAME, _MAYBE_COMPRESSED_TEXT, is_sure=False),
    _family(_XML_BY_NAME, _MAYBE_COMPRESSED_TEXT, is_sure=False),
    _family(
        "text/* *+xml *+json *+yaml application/vnd.oasis.opendocument.*-flat-xml application/pgp-*",
        _MAYBE_COMPRESSED_TEXT,
        is_sure=False,
    ),
    _family("image/png image/x-png image/apng image/vnd.mozilla.apng", "image/png, image/apng"),
    _family("image/jpeg image/jpg image/pjpeg", "image/jpeg"),
    _family("image/gif", "image/gif"),
    _family("image/webp", "image/webp"),
    _family("image/bmp image/x-bmp image/x-ms-bmp", "image/bmp"),
    # Cameras' raw files, and Photoshop's, are TIFF by structure.
    _family("image/tiff image/tiff-fx", "image/tiff, image/x-canon-cr2"),
    _family("image/openraster", _ZIP),
    _family("image/vnd.fpx image/vnd.mix image/vnd.net-fpx image/x-fpx", _OLE, is_sure=False),
    # The older ones are RIFF files.
    _family(
        "image/x-cdr image/x-coreldraw image/x-coreldrawpattern image/x-coreldrawtemplate image/x-corelphotopaint",
        f"{_ZIP}, {_OLE}",
        is_sure=False,
    ),
    _family("image/x-bzeps image/x-compressed-xcf image/x-gzeps", _COMPRESSED, is_sure=False),
    _family("image/vnd.adobe.photoshop image/x-photoshop application/x-photoshop", "image/vnd.adobe.photoshop"),
    # Brands overlap: a phone's picture and its film differ by four letters, of which new ones come every year.
    _family("image/heic image/heif image/heic-sequence image/heif-sequence image/avif", _ISO_MEDIA),
    _family("video/mp4 audio/mp4 audio/x-m4a audio/m4a video/x-m4v video/3gpp audio/3gpp video/3gpp2", _ISO_MEDIA),
    # Films older than the format's first box begin with any of its others.
    _family("video/quicktime", _ISO_MEDIA, is_sure=False),
    _family("video/webm audio/webm video/x-matroska audio/x-matroska", "video/webm, video/x-matroska"),
    _family("video/x-msvideo video/avi video/msvideo", "video/x-msvideo"),
    _family("video/x-ms-wmv audio/x-ms-wma", "video/x-ms-wmv"),
    # Windows declares its playlists (.asx), which are XML, so too.
    _family("video/x-ms-asf", f"video/x-ms-wmv, {TEXT}"),
    _family("audio/ogg video/ogg application/ogg audio/opus audio/vorbis", "audio/ogg"),
    _family("audio/wav audio/x-wav audio/wave audio/vnd.wave", "audio/x-wav"),
    # A tag (ID3), by which filetype knows MP3, may stand before; and another container may be around.
    _family("audio/flac audio/x-flac", "audio/x-flac, audio/mpeg, audio/ogg"),
    # Frames may begin after any padding.
    _family("audio/mpeg audio/mp3 audio/aac audio/x-aac", "audio/mpeg, audio/aac, audio/x-wav", is_sure=False),
    _family("audio/vnd.presonus.multitrack", _ZIP, is_sure=False),
    _family("model/3mf model/step+zip model/step-xml+zip model/vnd.usdz+zip application/vnd.ms-3mfdocument", _ZIP),
    _family("model/vnd.dwf model/vnd.dwfx model/vnd.pytha.pyox model/vnd.sap.vds", f"{_ZIP}, {TEXT}", is_sure=False),
    _family("application/pdf application/x-pdf", PDF),
    # Documents are zip files with certain files in it, and where they are encrypted, OLE files.
    _family("application/zip application/x-zip application/x-zip-compressed", _ZIP),
    _family("application/epub+zip", _ZIP),
    _family("application/vnd.openxmlformats-officedocument.*", f"{_ZIP}, {_OLE}"),
    _family("application/vnd.ms-*.macroenabled.12", f"{_ZIP}, {_OLE}"),
    _family("application/vnd.oasis.opendocument.* application/vnd.sun.xml.*", _ZIP),
    _family("*+zip application/vnd.google-earth.kmz application/vnd.recordare.musicxml", _ZIP),
    _family(
        "application/vnd.apple.keynote application/vnd.apple.pages application/vnd.apple.numbers", _ZIP, is_sure=False
    ),
    _family("application/rtf application/x-rtf", f"{RTF}, {TEXT}"),
    # Adobe's programs write PDF under this name too, and a binary preview may stand before.
    _family(
        "application/postscript application/illustrator application/eps image/x-eps",
        f"application/postscript, {PDF}, {TEXT}",
        is_sure=False,
    ),
    # Saved by a newer program under the old name, or as RTF or HTML, which is text.
    _family(
        "application/msword application/x-msword application/vnd.ms-word application/vnd.ms-powerpoint "
        "application/mspowerpoint application/x-mspowerpoint",
        f"{_OLE}, {_ZIP}, {RTF}, {TEXT}",
    ),
    # Windows' browsers declare CSV files so, where Excel is installed.
    _family("application/vnd.ms-excel application/msexcel application/x-msexcel", f"{_OLE}, {_ZIP}, {TEXT}"),
    # A tar file is hardly ever sent as it is: `a.tar.gz` is application/x-tar to Python's mimetypes.
    _family("application/x-tar application/x-gtar", f"application/x-tar, {_COMPRESSED}", is_sure=False),
    _family(
        "application/gzip application/x-gzip application/x-gzip-compressed application/gzip-compressed "
        "application/gzipped application/x-gunzip",
        "application/gzip",
    ),
    _family("application/x-bzip2 application/x-bzip application/bzip2", "application/x-bzip2"),
    _family("application/x-xz", "application/x-xz"),
    _family("application/zstd application/x-zstd", "application/zstd"),
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

ARCHIVES = frozenset(
    {
        *_ZIP.split(", "),
        *_COMPRESSED.split(", "),
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

_BY_NAME = {name: family for family in _FAMILIES for name in family.declared if "*" not in name}
_BY_PATTERN = [(pattern, family) for family in _FAMILIES for pattern in family.declared if "*" in pattern]
_XML_TYPES = frozenset((*_XML_BY_NAME.split(), "video/x-ms-asf"))


def family_by_name(declared: str) -> Family | None:
    """Return the family of a type that the table names."""
    return _BY_NAME.get(declared)


def family_by_pattern(declared: str) -> Family | None:
    """Return the family of a type by the patterns of the table, which also match subtypes that do not exist."""
    return next((family for pattern, family in _BY_PATTERN if fnmatchcase(declared, pattern)), None)


def may_be_xml(declared: str) -> bool:
    """Whether a text type may be XML: any that is not an image, audio, video, model or chemical type, and some."""
    return declared.startswith(("application/", "text/")) or declared.endswith("+xml") or declared in _XML_TYPES
