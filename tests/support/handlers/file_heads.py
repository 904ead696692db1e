"""The first bytes of files as programs write them, made by those programs or taken from their formats' definitions."""

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import wave
import zipfile
from collections.abc import Mapping


def zipped(*files: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files:
            archive.writestr(name, text)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return file.getvalue()


def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(100))
    return file.getvalue()


def sqlite() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE a (b)")
        return database.serialize()


def box(brand: bytes, *compatible: bytes) -> bytes:
    brands = brand + bytes(4) + b"".join(compatible)
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + b"\x00\x00\x00\x08free"


def _office(folder: str) -> bytes:
    return zipped(("[Content_Types].xml", "<Types/>"), ("_rels/.rels", "<R/>"), (f"{folder}/document.xml", "<a/>"))


TEXT = b"Dear Sir or Madam,\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08"

HEADS: Mapping[str, bytes] = {
    "text": TEXT,
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00",
    "apng": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x08acTL\x00\x00\x00\x02\x00\x00\x00\x00",
    "photoshop": b"8BPS\x00\x01" + bytes(20),
    "raw of a camera": b"II*\x00\x10\x00\x00\x00CR\x02\x00",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
    "jpeg of a camera": b"\xff\xd8\xff\xe1\x12\x34Exif\x00\x00II*\x00\x08\x00\x00\x00",
    "gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00",
    "webp": b"RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00",
    "bmp": b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00",
    "tiff": b"II*\x00\x08\x00\x00\x00\x0e\x00\xfe\x00",
    "bigtiff": b"II+\x00\x08\x00\x00\x00\x10\x00\x00\x00",
    "heic of a phone": box(b"heic", b"mif1", b"MiHE", b"miaf", b"heic"),
    "heif of another phone": box(b"mif1", b"mif1", b"miaf", b"hevc"),
    "avif": box(b"avif", b"avif", b"mif1", b"miaf"),
    "mp4": box(b"isom", b"isom", b"iso2", b"avc1", b"mp41"),
    "mp4 in fragments": box(b"iso6", b"iso6", b"dash"),
    "m4a": box(b"M4A ", b"M4A ", b"mp42", b"isom"),
    "3gp": box(b"3gp4", b"3gp4"),
    "mov": box(b"qt  ", b"qt  "),
    "mov of long ago": b"\x00\x00\x00\x08wide\x00\x12\x34\x56mdat",
    "webm": EBML + b"\x42\x82\x84webm",
    "mkv": EBML + b"\x42\x82\x88matroska",
    "avi": b"RIFF\x24\x00\x00\x00AVI LIST\xc0\x00\x00\x00hdrl",
    "wmv": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(8),
    "ogg": b"OggS\x00\x02" + bytes(8),
    "wav": wav(),
    "wav over 4 GB": b"RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00",
    "flac": b"fLaC\x00\x00\x00\x22",
    "mp3 with a tag": b"ID3\x04\x00\x00\x00\x00\x00\x23",
    "mp3": b"\xff\xfb\x90\x64\x00\x00",
    "mp3 after padding": bytes(20) + b"\xff\xfb\x90\x64",
    "aac": b"\xff\xf1\x50\x80\x02\x1f",
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "pdf of letters alone": b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "pdf after a line": b"\x00\x01junk\n%PDF-1.3\n",
    "zip": zipped(("a.txt", "text")),
    "empty zip": zipped(),
    "docx": _office("word"),
    "xlsx": _office("xl"),
    "pptx": _office("ppt"),
    "docx of another program": zipped(("word/document.xml", "<a/>"), ("[Content_Types].xml", "<Types/>")),
    "odt": zipped(("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", "<a/>")),
    "epub": zipped(("mimetype", "application/epub+zip"), ("META-INF/container.xml", "<a/>")),
    "jar": zipped(("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")),
    "jar that is a script": b"#!/bin/bash\nexec java -jar $0\n",
    "doc": OLE + b"\xec\xa5\xc1\x00" + bytes(100),
    "encrypted docx": OLE + bytes(100),
    "rtf": b"{\\rtf1\\ansi Dear Sir or Madam\\par}",
    "rtf with bytes": b"{\\rtf1\\ansi \x00\x01}",
    "PostScript": b"%!PS-Adobe-3.0\n",
    "PostScript with bytes": b"%!PS-Adobe-3.0\n\x00\x01",
    "doc of Word": OLE[:512].ljust(512, b"\x00") + b"\xec\xa5\xc1\x00",
    "tar": tarred(),
    "gzip": gzip.compress(TEXT),
    "bzip2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
    "zstd": b"\x28\xb5\x2f\xfd\x24\x13\x99\x00\x00Dear",
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04",
    "rar": b"Rar!\x1a\x07\x01\x00",
    "sqlite": sqlite(),
    "woff2": b"wOF2\x00\x01\x00\x00",
    "wasm": b"\x00asm\x01\x00\x00\x00",
    "exe": b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff",
    "mach-o": bytes.fromhex("cffaedfe0c00000100000000"),
    "dex": b"dex\n035\x00" + bytes(8),
    "elf": b"\x7fELF\x02\x01\x01" + bytes(50),
    "xml": b'<?xml version="1.0"?>\n<a/>\n',
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "json": b'{"a": [1, null]}\n',
    "html": b"<!DOCTYPE html>\n<table></table>\n",
    "php": b"<?php echo 1;\n",
    "UTF-16 script": "  <script>alert(1)</script>".encode("utf-16"),
    "UTF-16 XML": '<?xml version="1.0"?><a/>'.encode("utf-16"),
    "UTF-8 script with its mark": b"\xef\xbb\xbf\n#!/bin/sh\n",
    "csv of body mass": b"BMI;age\n22.5;31\n",
    "notes on pictures": b"GIF and BMP are old.\n",
    "notes on databases": b"SQLite keeps a database in a file.\n",
    "notes on PDF": b"A file begins with\n%PDF-1.7\n",
    "notes in the Windows of old": "MZ steht für Mark Zbikowski, größtenteils.\n".encode("cp1252"),
    "TeX": b"%!TEX program = xelatex\n\\documentclass{article}\n",
    "UTF-8 with its mark": b"\xef\xbb\xbfid;name\n",
    "UTF-16": "id;name\n".encode("utf-16"),
    "a log in colours": b"\x1b[31mERROR\x1b[0m no\n",
    "stl": b"solid cube\nfacet normal 0 0 1\n  outer loop\n",
    "binary stl": b"solid exported".ljust(80) + (12).to_bytes(4, "little") + bytes(50),
    "obj": b"# Blender 4.2\nmtllib cube.mtl\no Cube\nv 1.0 1.0 -1.0\n",
    "ply": b"ply\nformat ascii 1.0\nelement vertex 8\n",
    "binary ply": b"ply\nformat binary_little_endian 1.0\nend_header\n" + bytes(12),
    "glb": b"glTF\x02\x00\x00\x00\x10\x00\x00\x00",
    "step": b"ISO-10303-21;\nHEADER;\n",
    "vrml": b"#VRML V2.0 utf8\n",
    "usdz": zipped(("scene.usdc", "PXR-USDC")),
    "3mf": zipped(("[Content_Types].xml", "<Types/>"), ("3D/3dmodel.model", "<model/>")),
    "mxl": zipped(("META-INF/container.xml", "<container/>"), ("score.xml", "<score-partwise/>")),
    "ods": zipped(("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", "<a/>")),
    "odp": zipped(("mimetype", "application/vnd.oasis.opendocument.presentation"), ("content.xml", "<a/>")),
    "odg": zipped(("mimetype", "application/vnd.oasis.opendocument.graphics"), ("content.xml", "<a/>")),
    "openraster": zipped(("mimetype", "image/openraster"), ("stack.xml", "<image/>")),
    "flashpix": OLE,
    "xbm": b"#define a_width 16\n#define a_height 7\nstatic char a_bits[] = {\n",
    "xpm": b"/* XPM */\nstatic char *a[] = {\n",
    "dxf": b"  0\nSECTION\n  2\nHEADER\n",
    "pgm": b"P2\n# a feather\n24 7\n15\n",
    "pgm of bytes": b"P5\n2 2\n255\n\x00\x01\x02\x03",
    "fits": b"SIMPLE  =                    T / conforms to FITS standard".ljust(2_880),
    "clear-text cgm": b"BEGMF 'example';\nMFVERSION 1;\n",
    "cgm": b"\x00\x21\x00\x00\x10\x22\x00\x01",
    "m3u": b"#EXTM3U\n#EXT-X-VERSION:3\n",
    "pls": b"[playlist]\nNumberOfEntries=1\n",
    "asx": b'<asx version="3.0">\n<entry/>\n</asx>\n',
    "amr": b"#!AMR\n\x3c\x91\x17",
    "pdb": b"HEADER    PLANT PROTEIN                           30-APR-81   1CRN\n",
    "cml": b'<?xml version="1.0"?>\n<molecule xmlns="http://www.xml-cml.org/schema"/>\n',
    "pem": b"-----BEGIN CERTIFICATE-----\nMIIB\n",
    "der": bytes.fromhex("30820122300d0609"),
    "pgp": b"-----BEGIN PGP MESSAGE-----\n\n",
    "binary pgp": bytes.fromhex("85010c03d1e2f3a4b5c6d7e8010800"),
    "ttf": b"\x00\x01\x00\x00\x00\x0f\x00\x80\x00\x03\x00\x70",
    "mobi": b"A Book".ljust(60, b"\0") + b"BOOKMOBI",
    "svg after a prologue": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "zeros": bytes(100),
    "noise": bytes.fromhex("8f0b1c9de36602f7a18844"),
}
