"""The built-in processor for pictures: the size of an image or of a PDF's first page, and a small picture of it.

It needs the libraries in requirements/thumbnail.txt, which the ProcessingPipeline brings into a layer.
"""

import base64
import io
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pypdfium2  # pyright: ignore[reportMissingTypeStubs] - it has none
from PIL import ExifTags, Image, ImageOps

from handlers.domain.allowed_types import media_type
from handlers.processors import Job, Unprocessable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_PIXELS = 40_000_000
"""An image with more is not decoded, because a file of some kilobytes can hold gigabytes of one colour.

At 4 bytes a pixel these are 160 MB, a third of the memory that a function has by default.
"""

MAX_PDF_BYTES = 100 * 1024**2
"""A larger PDF is not read: PDFium has no limit for the memory that a page needs."""

SIDE_PIXELS = 320
"""The longer side of the thumbnail, at most."""

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")
"""Formats that cameras, scanners and browsers write, and that Pillow decodes without another program."""

_RESIZABLE = frozenset({"RGB", "RGBA", "L", "LA", "CMYK", "YCbCr"})
"""Pillow's modes in which it computes the mean of pixels. In others, such as palettes, it takes single ones."""

_ON_ITS_SIDE = range(5, 9)
"""Values of Exif's orientation that exchange width and height."""

_PDF = "application/pdf"


def process(job: Job) -> dict[str, Any]:
    """Return format, width, height, for a PDF its pages, and the thumbnail.

    The size is in pixels, as a viewer shows the image, and of a PDF in points (1/72 inch). The thumbnail has
    content_type, width, height and data in base64. It has no metadata of the file, such as the place of a photo.

    Raises Unprocessable for a file that is damaged, larger than the limits above, protected by a password, or neither
    a PDF nor an image of a known format.
    """
    with _decoding(job) as file:
        facts, picture = _first_page(file, job.size_bytes) if media_type(job.content_type) == _PDF else _image(file)
        data = io.BytesIO()
        picture.save(data, "WEBP", quality=80, icc_profile=b"")
    thumbnail = {
        "content_type": "image/webp",
        "width": picture.width,
        "height": picture.height,
        "data": base64.b64encode(data.getvalue()).decode(),
    }
    return {**facts, "thumbnail": thumbnail}


def _image(file: io.BufferedReader) -> tuple[dict[str, Any], Image.Image]:
    Image.MAX_IMAGE_PIXELS = None  # Pillow warns at its limit and raises at twice of it; below is one limit instead
    with Image.open(file, formats=_FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise Unprocessable(f"The image has {width} x {height} pixels; at most {MAX_PIXELS:,} are decoded.")
        name = image.format
        image.draft("RGB", (2 * SIDE_PIXELS, 2 * SIDE_PIXELS))  # a JPEG is decoded at a fraction of its size
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        small = image if image.mode in _RESIZABLE else image.convert(_mode(image))
        small.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
        shown = ImageOps.exif_transpose(small)
        if orientation in _ON_ITS_SIDE:
            width, height = height, width
        return {"format": name, "width": width, "height": height}, shown.convert(_mode(shown))


def _mode(image: Image.Image) -> str:
    return "RGBA" if image.has_transparency_data else "RGB"


def _first_page(file: io.BufferedReader, size_bytes: int) -> tuple[dict[str, Any], Image.Image]:
    if size_bytes > MAX_PDF_BYTES:
        raise Unprocessable(f"The PDF has {size_bytes:,} bytes; at most {MAX_PDF_BYTES:,} are read.")
    document: Any = pypdfium2.PdfDocument(file)
    with document:
        pages, page = len(document), document[0]
        width, height = page.get_size()
        picture: Image.Image = page.render(scale=SIDE_PIXELS / max(width, height)).to_pil()
        picture.thumbnail((SIDE_PIXELS, SIDE_PIXELS))  # the render rounds up
        return {"format": "PDF", "width": round(width), "height": round(height), "pages": pages}, picture


class _Source(io.RawIOBase):
    """An object's file that ends at its first error and notes it.

    Decoders would handle the error like one of the content, and PDFium cannot pass it on.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, origin: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, origin)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        try:
            return self._file.readinto(buffer)
        except Exception as error:  # noqa: BLE001 - raised by _decoding
            self.error = error
            return 0


@contextmanager
def _decoding(job: Job) -> Generator[io.BufferedReader]:
    """Open the object for decoders. Raises Unprocessable for all their errors except a lack of memory.

    Decoders raise errors of many kinds for damaged files, such as SyntaxError and IndexError. An error of reading the
    object is raised instead, so that the job is tried again.
    """
    with job.open() as file:
        source = _Source(file)
        try:
            yield io.BufferedReader(source)
        except (Unprocessable, MemoryError):
            raise
        except Exception as error:
            if source.error is None:
                detail = str(error).rstrip(".") or type(error).__name__
                raise Unprocessable(f"The file cannot be shown: {detail}.") from error
        if source.error is not None:
            raise source.error
