from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ResponseStreamingError
from botocore.response import StreamingBody

from handlers.storage import objects as objects_module
from handlers.storage.objects import CHUNK_BYTES, RESUME_DELAYS_SECONDS, ObjectStore, ObjectVersion
from tests.support.aws.moto_cloud import ENVIRONMENT, INGEST, REF, RESULTS, Cloud
from tests.support.aws.scripted_server import ScriptedServer, Step, raw, scripted_server

KEY = REF.object_key
VERSION = ObjectVersion(INGEST, KEY, "v1")


@pytest.fixture
def objects(cloud: Cloud) -> ObjectStore:
    return ObjectStore(cloud.s3, RESULTS)


class TestChunks:
    @pytest.mark.parametrize("size_bytes", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
    def test_an_object_comes_whole_and_in_order_in_chunks_of_one_size(
        self, cloud: Cloud, objects: ObjectStore, size_bytes: int
    ) -> None:
        body = (bytes(range(251)) * (size_bytes // 251 + 1))[:size_bytes]
        chunks = list(objects.chunks(ObjectVersion(INGEST, KEY, cloud.put_object(body=body))))
        assert b"".join(chunks) == body
        assert all(len(chunk) == CHUNK_BYTES for chunk in chunks[:-1])
        assert 0 < len(chunks[-1]) <= CHUNK_BYTES

    def test_the_named_version_is_read_though_a_later_one_exists(self, cloud: Cloud, objects: ObjectStore) -> None:
        first, second = cloud.put_object(body=b"first"), cloud.put_object(body=b"second")
        assert b"".join(objects.chunks(ObjectVersion(INGEST, KEY, first))) == b"first"
        assert b"".join(objects.chunks(ObjectVersion(INGEST, KEY, second))) == b"second"

    def test_the_named_version_is_read_though_the_object_was_deleted(self, cloud: Cloud, objects: ObjectStore) -> None:
        version = cloud.put_object(body=b"first")
        cloud.s3.delete_object(Bucket=INGEST, Key=KEY)
        assert b"".join(objects.chunks(ObjectVersion(INGEST, KEY, version))) == b"first"

    def test_a_version_that_does_not_exist_is_an_error(self, cloud: Cloud, objects: ObjectStore) -> None:
        cloud.put_object()
        with pytest.raises(ClientError, match="NoSuchVersion"):
            list(objects.chunks(ObjectVersion(INGEST, KEY, "11111111-1111-1111-1111-111111111111")))

    def test_nothing_is_requested_before_the_first_chunk_is(self, objects: ObjectStore) -> None:
        objects.chunks(ObjectVersion("bucket-of-nobody", KEY, "v"))

    def test_a_reader_that_stops_early_closes_the_connection(
        self, cloud: Cloud, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed: list[bool] = []
        version = cloud.put_object(body=b"x" * (2 * CHUNK_BYTES))
        chunks = objects.chunks(ObjectVersion(INGEST, KEY, version))
        next(chunks)

        def close(_body: StreamingBody) -> None:
            closed.append(True)

        monkeypatch.setattr(StreamingBody, "close", close)
        chunks.close()  # pyright: ignore[reportAttributeAccessIssue] - a generator, typed as what readers need
        assert closed == [True]


class TestAFile:
    def test_it_is_the_named_version(self, cloud: Cloud, objects: ObjectStore) -> None:
        first = ObjectVersion(INGEST, KEY, cloud.put_object(body=b"0123456789"))
        cloud.put_object(body=b"later bytes")
        with objects.open(first, 10) as file:
            file.seek(7)
            assert file.read() == b"789"
            file.seek(2)
            assert file.read(3) == b"234"


def broken_off(body: bytes, sent: int) -> Step:
    """Promise a body, and close the connection after some bytes of it."""
    return raw(f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:sent])


def store_of(server: ScriptedServer) -> ObjectStore:
    once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    client: Any = boto3.client("s3", endpoint_url=server.url, config=once)
    return ObjectStore(client, RESULTS)


class TestAStreamThatBreaksOff:
    @pytest.fixture(autouse=True)
    def sleeps(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        slept: list[float] = []
        monkeypatch.setattr(objects_module.time, "sleep", slept.append)
        monkeypatch.setattr(objects_module, "CHUNK_BYTES", 2)
        return slept

    def test_is_continued_with_its_next_byte(self, sleeps: list[float]) -> None:
        body = b"0123456789"
        with scripted_server(broken_off(body, 4), broken_off(body[4:], 2), broken_off(body[6:], 4)) as server:
            assert b"".join(store_of(server).chunks(VERSION)) == body
        assert [request.headers.get("Range") for request in server.requests] == [None, "bytes=4-9", "bytes=6-9"]
        assert sleeps == [RESUME_DELAYS_SECONDS[0]] * 2, "each brought new bytes"

    def test_is_an_error_when_it_brings_no_more_bytes(self, sleeps: list[float]) -> None:
        tries = 1 + len(RESUME_DELAYS_SECONDS)
        with scripted_server(*[broken_off(b"0123", 0)] * tries) as server, pytest.raises(ResponseStreamingError):
            list(store_of(server).chunks(VERSION))
        assert len(server.requests) == tries
        assert sleeps == list(RESUME_DELAYS_SECONDS)

    def test_keeps_to_its_range(self) -> None:
        with scripted_server(broken_off(b"3456", 2), broken_off(b"56", 2)) as server:
            assert b"".join(store_of(server).chunks(VERSION, 3, 6)) == b"3456"
        assert [request.headers["Range"] for request in server.requests] == ["bytes=3-6", "bytes=5-6"]


class TestResults:
    def test_a_result_is_stored_as_json(self, cloud: Cloud, objects: ObjectStore) -> None:
        objects.store_result(REF.result_key, '{"a": "é"}')
        answer = cloud.s3.get_object(Bucket=RESULTS, Key=REF.result_key)
        assert answer["ContentType"] == "application/json"
        assert answer["Body"].read() == '{"a": "é"}'.encode()
