"""Objects are held against their declarations, in as few bytes as that takes."""

import base64
import hashlib
import tracemalloc
import zlib
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from handlers.domain.declaration import Checksum, ChecksumAlgorithm, UploadRequest
from handlers.domain.rejection import Rejection
from handlers.storage.objects import CHUNK_BYTES, ObjectFacts, ObjectStore, ObjectVersion
from handlers.use_cases.verification import verify
from tests.support.aws.moto_cloud import INGEST, REF, RESULTS, Cloud
from tests.support.handlers.file_heads import HEADS

VERSION = ObjectVersion(INGEST, REF.object_key, "v1")
SHA256, CRC32 = ChecksumAlgorithm.SHA256, ChecksumAlgorithm.CRC32
CSV = b"id;name\n1;Zoe\n" * 200_000
"""Some chunks long."""
PNG = HEADS["png"] + bytes(2 * CHUNK_BYTES)


def checksum_of(body: bytes, algorithm: ChecksumAlgorithm) -> Checksum:
    digest = hashlib.sha256(body).digest() if algorithm is SHA256 else zlib.crc32(body).to_bytes(4, "big")
    return Checksum(algorithm, base64.b64encode(digest).decode())


def declared(body: bytes, content_type: str, algorithm: ChecksumAlgorithm | None = None) -> UploadRequest:
    checksum = checksum_of(body, algorithm) if algorithm else None
    return UploadRequest("a", content_type, len(body), checksum=checksum)


@dataclass
class Reads(ObjectStore):
    """An object, with or without checksums from S3. Records what is read of it."""

    body: bytes
    checksums: dict[ChecksumAlgorithm, str] = field(default_factory=dict[ChecksumAlgorithm, str])
    content_type: str = "text/csv"
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    reads: list[str] = field(default_factory=list[str])

    def describe(self, version: ObjectVersion) -> ObjectFacts:
        assert version == VERSION
        return ObjectFacts(len(self.body), self.checksums, self.content_type, self.metadata)

    def head(self, version: ObjectVersion, size_bytes: int) -> bytes:
        assert version == VERSION
        self.reads.append("head")
        return self.body[:size_bytes]

    def chunks(self, version: ObjectVersion, first: int = 0, last: int | None = None) -> Generator[bytes]:
        assert (version, first, last) == (VERSION, 0, None)
        self.reads.append("whole")
        try:
            for start in range(0, len(self.body), CHUNK_BYTES):
                yield self.body[start : start + CHUNK_BYTES]
        finally:
            self.reads.append("closed")


class TestAsDeclared:
    @pytest.mark.parametrize(
        ("content_type", "algorithm", "is_known", "reads"),
        [
            ("application/octet-stream", None, False, []),
            ("application/octet-stream", SHA256, True, []),
            ("text/csv", None, False, ["head"]),
            ("text/csv", CRC32, True, ["head"]),
            ("application/octet-stream", CRC32, False, ["whole", "closed"]),
            ("text/csv", SHA256, False, ["whole", "closed"]),
        ],
    )
    def test_no_more_is_read_than_is_needed_and_nothing_twice(
        self, content_type: str, algorithm: ChecksumAlgorithm | None, *, is_known: bool, reads: list[str]
    ) -> None:
        known = {algorithm: checksum_of(CSV, algorithm).value} if algorithm and is_known else {}
        objects = Reads(CSV, known, content_type)
        assert verify(objects, VERSION, declared(CSV, content_type, algorithm), allowed_content_types=[]) is None
        assert objects.reads == reads

    def test_a_checksum_of_another_algorithm_is_none_of_the_declared_one(self) -> None:
        objects = Reads(CSV, {CRC32: "wrong"})
        assert verify(objects, VERSION, declared(CSV, "text/csv", SHA256), allowed_content_types=[]) is None
        assert objects.reads == ["whole", "closed"]


class TestOtherwise:
    def test_another_size_names_both_and_nothing_is_read(self) -> None:
        objects = Reads(CSV)
        rejection = verify(
            objects, VERSION, declared(CSV, "text/csv", SHA256)._replace(size_bytes=7), allowed_content_types=[]
        )
        sentence = f"The object has {len(CSV)} bytes, but 7 were declared."
        assert rejection == Rejection("size-mismatch", sentence)
        assert objects.reads == []

    @pytest.mark.parametrize("algorithm", ChecksumAlgorithm)
    @pytest.mark.parametrize("is_known", [True, False])
    def test_another_checksum_names_both_whether_s3_computed_it_or_we(
        self, algorithm: ChecksumAlgorithm, *, is_known: bool
    ) -> None:
        found, expected = checksum_of(CSV, algorithm), checksum_of(b"other", algorithm)
        objects = Reads(CSV, {algorithm: found.value} if is_known else {})
        rejection = verify(
            objects, VERSION, declared(CSV, "text/csv")._replace(checksum=expected), allowed_content_types=[]
        )
        sentence = f"The object's {algorithm} is {found.value}, but {expected.value} was declared."
        assert rejection == Rejection("checksum-mismatch", sentence)
        assert objects.reads == ([] if is_known else ["whole", "closed"])

    def test_a_byte_that_differs_anywhere_is_found(self) -> None:
        for place in (0, CHUNK_BYTES - 1, CHUNK_BYTES, len(CSV) - 1):
            body = CSV[:place] + b"!" + CSV[place + 1 :]
            rejection = verify(Reads(body), VERSION, declared(CSV, "text/csv", CRC32), allowed_content_types=[])
            assert rejection
            assert rejection.code == "checksum-mismatch"

    @pytest.mark.parametrize("algorithm", [None, SHA256])
    def test_another_type_names_both(self, algorithm: ChecksumAlgorithm | None) -> None:
        rejection = verify(Reads(PNG), VERSION, declared(PNG, "text/csv", algorithm), allowed_content_types=[])
        assert rejection == Rejection("type-mismatch", "The object is image/png, but text/csv was declared.")

    def test_a_stream_of_another_type_is_left_at_its_first_chunk(self) -> None:
        pulled: list[int] = []

        class Counted(Reads):
            def chunks(self, version: ObjectVersion, first: int = 0, last: int | None = None) -> Generator[bytes]:
                for chunk in super().chunks(version, first, last):
                    pulled.append(len(chunk))
                    yield chunk

        assert verify(Counted(PNG), VERSION, declared(PNG, "text/csv", SHA256), allowed_content_types=[])
        assert pulled == [CHUNK_BYTES]

    def test_a_stream_that_breaks_is_no_answer(self) -> None:
        class Broken(Reads):
            def chunks(self, version: ObjectVersion, first: int = 0, last: int | None = None) -> Generator[bytes]:
                assert (version, first, last) == (VERSION, 0, None)
                yield self.body[:CHUNK_BYTES]
                raise ConnectionError

        with pytest.raises(ConnectionError):
            verify(Broken(CSV), VERSION, declared(CSV, "text/csv", SHA256), allowed_content_types=[])


class TestMetadata:
    """Metadata that S3 stores with the bytes, and returns."""

    @pytest.mark.parametrize("algorithm", [None, SHA256])
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Content-Encoding", "gzip"),
            ("Content-Disposition", 'inline; filename="a.html"'),
            ("Cache-Control", "public, max-age=31536000"),
            ("Content-Language", "de"),
            ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
            ("x-amz-website-redirect-location", "https://elsewhere.example"),
            ("x-amz-meta-a", "b"),
        ],
    )
    def test_that_was_not_declared_names_header_and_value_and_nothing_is_read(
        self, algorithm: ChecksumAlgorithm | None, name: str, value: str
    ) -> None:
        objects = Reads(CSV, metadata={name: value})
        rejection = verify(objects, VERSION, declared(CSV, "text/csv", algorithm), allowed_content_types=[])
        assert rejection
        assert rejection.code == "metadata-mismatch"
        assert name in rejection.detail
        assert value in rejection.detail
        assert objects.reads == []

    def test_of_another_type_names_both(self) -> None:
        rejection = verify(
            Reads(CSV, content_type="text/html"), VERSION, declared(CSV, "text/csv"), allowed_content_types=[]
        )
        assert rejection
        assert rejection.code == "metadata-mismatch"
        assert "text/html" in rejection.detail
        assert "text/csv" in rejection.detail

    def test_of_the_declared_type_in_more_spaces_or_other_letters_is_none(self) -> None:
        objects = Reads(CSV, content_type="Text/CSV;  charset=utf-8 ")
        assert verify(objects, VERSION, declared(CSV, "text/csv; charset=utf-8"), allowed_content_types=[]) is None

    def test_a_value_is_shown_safely_and_cut(self) -> None:
        objects = Reads(CSV, metadata={"x-amz-meta-a": "\u202e\n" + "x" * 2000})
        rejection = verify(objects, VERSION, declared(CSV, "text/csv"), allowed_content_types=[])
        assert rejection
        assert rejection.detail.isascii()
        assert rejection.detail.isprintable()
        assert len(rejection.detail) < 200


class TestWhereOnlyCertainTypesMayBeDeclared:
    @pytest.mark.parametrize("algorithm", [None, SHA256])
    def test_a_type_that_is_not_known_is_held_against_the_bytes_as_well(
        self, algorithm: ChecksumAlgorithm | None
    ) -> None:
        body, content_type = HEADS["elf"] + bytes(CHUNK_BYTES), "image/x-whatever"
        request = declared(body, content_type, algorithm)
        assert verify(Reads(body, content_type=content_type), VERSION, request, allowed_content_types=[]) is None
        objects = Reads(body, content_type=content_type)
        rejection = verify(objects, VERSION, request, allowed_content_types=["image/*"])
        assert rejection
        assert rejection.code == "type-mismatch"
        assert "application/x-executable" in rejection.detail


class TestMemory:
    def test_a_gibibyte_is_hashed_in_the_memory_of_a_few_chunks(self) -> None:
        class Large(Reads):
            def describe(self, version: ObjectVersion) -> ObjectFacts:
                del version
                return ObjectFacts(1024**3, {}, "a/b", {})

            def chunks(self, version: ObjectVersion, first: int = 0, last: int | None = None) -> Generator[bytes]:
                assert (version, first, last) == (VERSION, 0, None)
                for _ in range(1024**3 // CHUNK_BYTES):
                    yield bytes(CHUNK_BYTES)

        request = UploadRequest("a", "a/b", 1024**3, checksum=Checksum(CRC32, "none"))
        tracemalloc.start()
        try:
            rejection = verify(Large(b""), VERSION, request, allowed_content_types=[])
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert rejection
        assert rejection.detail == "The object's crc32 is W2TCsA==, but none was declared."
        assert peak < 8 * 1024**2


class TestS3:
    """The same on what S3 says of itself."""

    @pytest.fixture
    def objects(self, cloud: Cloud) -> ObjectStore:
        return ObjectStore(cloud.s3, RESULTS)

    def put(self, cloud: Cloud, body: bytes, **more: Any) -> ObjectVersion:
        answer = cloud.s3.put_object(
            Bucket=INGEST,
            Key=REF.object_key,
            Body=body,
            **{"ContentType": "text/csv", **more},  # pyright: ignore[reportArgumentType]
        )
        return ObjectVersion(INGEST, REF.object_key, answer["VersionId"])

    @pytest.mark.parametrize("algorithm", ChecksumAlgorithm)
    def test_a_checksum_that_s3_computed_is_what_it_tells(
        self, cloud: Cloud, objects: ObjectStore, algorithm: ChecksumAlgorithm
    ) -> None:
        version = self.put(cloud, CSV, ChecksumAlgorithm=algorithm.upper())
        facts = objects.describe(version)
        assert facts.size_bytes == len(CSV)
        assert facts.checksums[algorithm] == checksum_of(CSV, algorithm).value

    @pytest.mark.parametrize("content_encoding", ["aws-chunked", "AWS-Chunked,"])
    def test_nothing_is_stored_with_what_was_only_declared(
        self, cloud: Cloud, objects: ObjectStore, content_encoding: str
    ) -> None:
        """The coding of a transfer, which SDKs name in the same header, is none of the object."""
        for more in ({}, {"ContentEncoding": content_encoding}):
            facts = objects.describe(self.put(cloud, CSV, **more))
            assert (facts.content_type, facts.metadata) == ("text/csv", {})

    def test_all_that_is_stored_with_it_is_told_by_the_names_of_its_headers(
        self, cloud: Cloud, objects: ObjectStore
    ) -> None:
        stored: dict[str, Any] = {
            "CacheControl": "no-cache",
            "ContentDisposition": "inline",
            "ContentEncoding": "gzip, aws-chunked",
            "ContentLanguage": "de",
            "WebsiteRedirectLocation": "/b",
            "Metadata": {"a": "b"},
        }
        assert objects.describe(self.put(cloud, CSV, **stored)).metadata == {
            "Cache-Control": "no-cache",
            "Content-Disposition": "inline",
            "Content-Encoding": "gzip",
            "Content-Language": "de",
            "x-amz-website-redirect-location": "/b",
            "x-amz-meta-a": "b",
        }

    @pytest.mark.parametrize("expires", ["Thu, 01 Jan 2099 00:00:00 GMT", "never"])
    def test_an_expiry_is_told_as_it_is_stored_though_it_be_no_date(self, expires: str) -> None:
        class Client:
            def head_object(self, **_parameters: str) -> dict[str, object]:
                return {"ContentLength": 5, "ContentType": "a/b", "ExpiresString": expires}

        store = ObjectStore(Client(), RESULTS)  # pyright: ignore[reportArgumentType]
        assert store.describe(VERSION).metadata == {"Expires": expires}

    @pytest.mark.parametrize(("value", "kind"), [("abcd-2", None), ("abcd", "COMPOSITE")])
    def test_a_composite_checksum_is_known_by_its_form_or_by_its_type(self, value: str, kind: str | None) -> None:
        class Client:
            def head_object(self, **_parameters: str) -> dict[str, object]:
                told: dict[str, object] = {"ContentLength": 5, "ChecksumSHA256": value, "ChecksumCRC32": value}
                return told | {"ContentType": "a/b"} | ({"ChecksumType": kind} if kind else {})

        store = ObjectStore(Client(), RESULTS)  # pyright: ignore[reportArgumentType]
        assert store.describe(VERSION).checksums == {}

    def test_the_version_that_is_named_is_verified_though_a_later_one_exists(
        self, cloud: Cloud, objects: ObjectStore
    ) -> None:
        first = self.put(cloud, CSV)
        self.put(cloud, PNG)
        for algorithm in (None, SHA256):
            assert verify(objects, first, declared(CSV, "text/csv", algorithm), allowed_content_types=[]) is None

    def test_the_head_is_no_longer_than_asked_for_or_than_the_object(self, cloud: Cloud, objects: ObjectStore) -> None:
        version = self.put(cloud, b"12345")
        assert [objects.head(version, size) for size in (1, 5, 99)] == [b"1", b"12345", b"12345"]
