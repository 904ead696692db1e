import base64
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pypdfium2  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest
from PIL import ExifTags, Image

from handlers.processors import Unprocessable, thumbnail
from handlers.processors.thumbnail import MAX_PDF_BYTES, SIDE_PIXELS, process
from handlers.storage.object_reader import open_object
from tests.support.each_case import each_case
from tests.support.handlers.jobs import job_of

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp", "TIFF": "image/tiff"}
RED, BLUE = (255, 0, 0), (0, 0, 255)


def image_file(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def half_red(width: int, height: int) -> Image.Image:
    """The upper half is red, the lower one blue."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width, height // 2))
    return image


def picture_in(result: dict[str, Any]) -> Image.Image:
    shown = result["thumbnail"]
    assert shown["content_type"] == "image/webp"
    picture = Image.open(io.BytesIO(base64.b64decode(shown["data"])), formats=["WEBP"])
    assert picture.size == (shown["width"], shown["height"])
    return picture


def is_red(picture: Image.Image, place: tuple[int, int]) -> bool:
    colour = picture.convert("RGB").getpixel(place)
    assert isinstance(colour, tuple)
    return colour[0] > colour[2]


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims this size, without its pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def pdf_of(*sizes: tuple[int, int]) -> bytes:
    document: Any = pypdfium2.PdfDocument.new()
    for size in sizes:
        document.new_page(*size)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


class TestImages:
    @pytest.mark.parametrize("kind", TYPES)
    def test_the_size_and_a_smaller_picture_in_the_same_proportion(self, kind: str) -> None:
        result = process(job_of(image_file(half_red(1200, 600), kind), "a", TYPES[kind]))
        picture = picture_in(result)
        assert {**result, "thumbnail": None} == {"format": kind, "width": 1200, "height": 600, "thumbnail": None}
        assert picture.size == (SIDE_PIXELS, SIDE_PIXELS // 2)
        assert (is_red(picture, (9, 9)), is_red(picture, (9, 150))) == (True, False)

    def test_a_small_image_is_not_enlarged(self) -> None:
        assert picture_in(process(job_of(image_file(half_red(20, 10), "PNG"), "a", "image/png"))).size == (20, 10)

    def test_a_photo_is_turned_as_the_camera_noted(self) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6  # turned by 90 degrees clockwise to be shown
        result = process(job_of(image_file(half_red(800, 400), "JPEG", exif=exif), "a", "image/jpeg"))
        picture = picture_in(result)
        assert (result["width"], result["height"]) == (400, 800)
        assert (is_red(picture, (picture.width - 5, 50)), is_red(picture, (5, 50))) == (True, False)

    def test_no_metadata_is_kept(self) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Artist] = "Ada"
        exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
        picture = picture_in(process(job_of(image_file(half_red(40, 40), "JPEG", exif=exif), "a", "image/jpeg")))
        assert not dict(picture.getexif())

    @each_case("mode", ["P", "1", "L", "LA", "RGBA", "CMYK", "I;16"])
    def test_every_kind_of_pixel_is_shown(self, mode: str) -> None:
        image = half_red(400, 400).convert("L").convert(mode) if mode == "I;16" else half_red(400, 400).convert(mode)
        body = image_file(image, "TIFF")
        assert picture_in(process(job_of(body, "a", "image/tiff"))).size == (SIDE_PIXELS, SIDE_PIXELS)

    def test_what_is_transparent_stays_so(self) -> None:
        image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
        picture = picture_in(process(job_of(image_file(image, "PNG"), "a", "image/png")))
        assert picture.convert("RGBA").getpixel((20, 20)) == (0, 0, 0, 0)


class TestPdf:
    def test_its_first_page_and_how_many_there_are(self) -> None:
        result = process(job_of(pdf_of((612, 792), (100, 100), (100, 100)), "a.pdf", "application/pdf"))
        assert {**result, "thumbnail": None} == {
            "format": "PDF",
            "width": 612,
            "height": 792,
            "pages": 3,
            "thumbnail": None,
        }
        assert picture_in(result).height == SIDE_PIXELS

    @each_case("content_type", ["Application/PDF", "application/pdf; version=1.7"])
    def test_its_type_may_have_parameters_and_capital_letters(self, content_type: str) -> None:
        assert process(job_of(pdf_of((10, 10)), "a.pdf", content_type))["format"] == "PDF"

    @each_case("size", [(1, 14_400), (14_400, 14_400)])
    def test_a_page_of_any_size_is_rendered_small(self, size: tuple[int, int]) -> None:
        picture = picture_in(process(job_of(pdf_of(size), "a.pdf", "application/pdf")))
        assert max(picture.size) == SIDE_PIXELS


class TestRefused:
    @each_case(
        "body",
        [
            png_of(60_000, 60_000),
            png_of(2**31 - 1, 2**31 - 1),
            png_of(10, 10),
            b"GIF89a",
            image_file(half_red(400, 400), "JPEG")[:900],
            b"%!PS-Adobe-3.0 EPSF-3.0\n",
            b"",
        ],
    )
    def test_an_image_that_is_too_large_damaged_or_none(self, body: bytes) -> None:
        with pytest.raises(Unprocessable) as refused:
            process(job_of(body, "a.png", "image/png"))
        assert str(refused.value).endswith(".")

    def test_more_pixels_than_the_limit_name_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(thumbnail, "MAX_PIXELS", 99)
        body = image_file(half_red(10, 10), "PNG")
        with pytest.raises(Unprocessable, match="10 x 10 pixels; at most 99"):
            process(job_of(body, "a.png", "image/png"))

    @each_case("body", [b"%PDF-1.7", pdf_of((9, 9))[:200], pdf_of()])
    def test_a_pdf_that_is_damaged_or_empty(self, body: bytes) -> None:
        with pytest.raises(Unprocessable):
            process(job_of(body, "a.pdf", "application/pdf"))

    def test_a_pdf_over_the_limit_is_not_read(self) -> None:
        job = replace(job_of(b"", "a.pdf", "application/pdf"), size_bytes=MAX_PDF_BYTES + 1)
        with pytest.raises(Unprocessable, match="104,857,600"):
            process(job)


@each_case(
    ("body", "content_type"),
    [(image_file(half_red(400, 400), "PNG"), "image/png"), (pdf_of((9, 9)), "application/pdf")],
)
def test_an_error_of_s3_is_not_one_of_the_file(body: bytes, content_type: str) -> None:
    def read(_first: int, _last: int) -> Any:
        raise ConnectionResetError("the line is cut")

    read_range: Callable[[int, int], Any] = read
    job = replace(job_of(body, "a", content_type), open=lambda: open_object(read_range, len(body)))
    with pytest.raises(ConnectionResetError):
        process(job)
