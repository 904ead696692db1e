import gzip
import hashlib
import io
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from handlers.processors import Job
from handlers.processors.inspect import process
from handlers.storage.objects import CHUNK_BYTES
from tests.support.each_case import each_case
from tests.support.handlers.jobs import job_of

MIB = 1024**2


def job(chunks: Callable[[], Iterator[bytes]], size_bytes: int, content_type: str = "application/pdf") -> Job:
    return replace(job_of(b"", "a.pdf", content_type), size_bytes=size_bytes, chunks=chunks)


def inspected(*chunks: bytes) -> dict[str, object]:
    return process(job(lambda: iter(chunks), sum(map(len, chunks))))


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text")
    return file.getvalue()


TYPES = {
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06", "image/png"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00", "image/jpeg"),
    "gif": (b"GIF89a\x01\x00\x01\x00\x80\x00\x00", "image/gif"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "application/pdf"),
    "zip": (zipped(), "application/zip"),
    "gzip": (gzip.compress(b"text" * 100), "application/gzip"),
    "mp4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "video/mp4"),
    "plain text": (b"Dear Sir or Madam,\n", None),
    "csv": (b"id;name\n1;Zoe\n", None),
    "zeros": (bytes(100), None),
    "one byte": (b"x", None),
}


class TestResult:
    def test_it_tells_size_hash_and_both_types(self) -> None:
        body = TYPES["png"][0]
        assert inspected(body) == {
            "size_bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "sniffed_type": "image/png",
            "declared_type": "application/pdf",
        }

    def test_the_hash_is_that_of_the_standards_example(self) -> None:
        expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
        assert inspected(b"abc")["sha256"] == expected

    @each_case("kind", TYPES)
    def test_the_type_is_that_of_the_signature_whatever_was_declared(self, kind: str) -> None:
        body, sniffed = TYPES[kind]
        result = process(job(lambda: iter([body]), len(body), content_type="text/made-up"))
        assert (result["sniffed_type"], result["declared_type"]) == (sniffed, "text/made-up")

    @each_case("kind", TYPES)
    def test_the_result_does_not_depend_on_where_the_chunks_end(self, kind: str) -> None:
        body = TYPES[kind][0] + b"tail" * 5000
        bytewise = [body[n : n + 1] for n in range(len(body))]
        assert inspected(*bytewise) == inspected(body) == inspected(body[:3], body[3:9000], body[9000:])

    @given(st.lists(st.binary(max_size=40), min_size=1).filter(any))
    def test_any_bytes_have_a_result(self, chunks: list[bytes]) -> None:
        body = b"".join(chunks)
        result = inspected(*chunks)
        assert (result["size_bytes"], result["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())

    @given(st.sampled_from(sorted(TYPES)), st.integers(1, 64), st.binary(max_size=64))
    def test_a_broken_file_of_a_known_type_has_a_result_too(self, kind: str, kept: int, tail: bytes) -> None:
        body = TYPES[kind][0][:kept] + tail
        assert inspected(body)["size_bytes"] == len(body)


class TestMemory:
    def test_one_gibibyte_is_read_in_the_memory_of_a_few_chunks(self) -> None:
        def chunks() -> Iterator[bytes]:
            for _ in range(1024 * MIB // CHUNK_BYTES):
                yield bytes(CHUNK_BYTES)

        tracemalloc.start()
        try:
            result = process(job(chunks, 1024 * MIB))
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert result["size_bytes"] == 1024**3
        assert result["sha256"] == "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
        assert peak < 8 * MIB
