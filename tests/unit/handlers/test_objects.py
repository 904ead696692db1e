import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from handlers.storage.objects import CHUNK_BYTES, ObjectStore, ObjectVersion
from tests.support.aws.moto_cloud import INGEST, REF, RESULTS, Cloud

KEY = REF.object_key


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


class TestResults:
    def test_a_result_is_stored_as_json(self, cloud: Cloud, objects: ObjectStore) -> None:
        objects.store_result(REF.result_key, '{"a": "é"}')
        answer = cloud.s3.get_object(Bucket=RESULTS, Key=REF.result_key)
        assert answer["ContentType"] == "application/json"
        assert answer["Body"].read() == '{"a": "é"}'.encode()
