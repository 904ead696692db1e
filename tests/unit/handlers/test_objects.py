import json
from types import MappingProxyType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from handlers.uploads.objects import CHUNK_BYTES, ObjectStore, ObjectVersion
from tests.unit.handlers.cloud import INGEST, REF, RESULTS, Cloud

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
        objects.store_result(REF.result_key, {"b": [1, None], "a": "é"})
        answer = cloud.s3.get_object(Bucket=RESULTS, Key=REF.result_key)
        assert answer["ContentType"] == "application/json"
        assert answer["Body"].read() == b'{"a": "\\u00e9", "b": [1, null]}'

    def test_the_same_result_is_the_same_bytes_whatever_its_order(self, cloud: Cloud, objects: ObjectStore) -> None:
        objects.store_result(REF.result_key, {"a": 1, "b": 2})
        objects.store_result(REF.result_key, {"b": 2, "a": 1})
        first, second = cloud.results()[REF.result_key]
        assert first == second

    @pytest.mark.parametrize(
        "result",
        [{"a": b"bytes"}, {"a": {1, 2}}, {"a": object()}, {b"a": 1}, {"a": 1, 2: 3}],
        ids=["bytes", "set", "object", "bytes as key", "keys of two types"],
    )
    def test_what_is_not_json_is_refused_and_not_stored(
        self, cloud: Cloud, objects: ObjectStore, result: dict[str, object]
    ) -> None:
        with pytest.raises(TypeError):
            objects.store_result(REF.result_key, result)
        assert cloud.results() == {}

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_a_number_that_json_does_not_have_is_refused(
        self, cloud: Cloud, objects: ObjectStore, number: float
    ) -> None:
        with pytest.raises(ValueError, match="JSON"):
            objects.store_result(REF.result_key, {"mean": number})
        assert cloud.results() == {}

    @pytest.mark.parametrize("result", [None, [], "text", 5, {1, 2}])
    def test_what_is_no_mapping_is_refused_by_the_name_of_its_type(
        self, cloud: Cloud, objects: ObjectStore, result: Any
    ) -> None:
        sentence = f"^The processor returned {type(result).__name__}, but must return a mapping.$"
        with pytest.raises(TypeError, match=sentence):
            objects.store_result(REF.result_key, result)
        assert cloud.results() == {}

    def test_a_mapping_that_is_no_dict_is_stored(self, cloud: Cloud, objects: ObjectStore) -> None:
        objects.store_result(REF.result_key, MappingProxyType({"a": 1}))
        assert json.loads(cloud.results()[REF.result_key][0]) == {"a": 1}
