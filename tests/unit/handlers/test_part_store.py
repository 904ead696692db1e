from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from handlers.domain.declaration import Checksum, ChecksumAlgorithm, UploadRequest
from handlers.domain.errors import SizeMismatch
from handlers.domain.plan import Method, Parts
from handlers.domain.upload import Multipart, Status, Upload
from handlers.storage.multipart import PartsBusy, PartsGone, PartStore
from tests.support.aws.moto_cloud import CREATED, INGEST, REF, Cloud
from tests.support.each_case import each_case
from tests.support.handlers.multipart_upload import BODIES, UploadInParts

MULTIPART = Multipart("of-nobody", Parts(23, 10))
UPLOAD = Upload(
    REF,
    Status.PENDING,
    1,
    UploadRequest("a", "a/b", 23),
    Method.MULTIPART,
    CREATED,
    CREATED,
    CREATED,
    multipart=MULTIPART,
)
CALLS: dict[str, Callable[[PartStore], object]] = {
    "list_parts": lambda store: store.held(UPLOAD, MULTIPART),
    "complete_multipart_upload": lambda store: store.put_together(UPLOAD, MULTIPART, []),
    "list_objects_v2": lambda store: store.has_object(REF),
}


@pytest.fixture
def store(cloud: Cloud) -> PartStore:
    return PartStore(cloud.s3, INGEST)


class TestPuttingTogether:
    def test_an_object_that_is_there_stays(self, cloud: Cloud, store: PartStore, in_parts: UploadInParts) -> None:
        in_parts.send()
        cloud.put_object(body=b"first")
        multipart = Multipart(in_parts.multipart_id, Parts(23, 10))
        with pytest.raises(PartsGone, match="PreconditionFailed"):
            store.put_together(UPLOAD, multipart, store.held(UPLOAD, multipart))
        assert in_parts.object() == b"first"

    def test_only_the_named_parts_are_taken(self, store: PartStore, in_parts: UploadInParts) -> None:
        in_parts.send()
        multipart = Multipart(in_parts.multipart_id, Parts(23, 10))
        held = store.held(UPLOAD, multipart)
        assert [(part.part_number, part.size_bytes) for part in held] == [(1, 10), (2, 10), (3, 3)]
        store.put_together(UPLOAD, multipart, [held[0], held[2]])
        assert in_parts.object() == BODIES[1] + BODIES[3]


class TestChecksums:
    @pytest.mark.parametrize("algorithm", ChecksumAlgorithm)
    def test_those_of_the_parts_come_back_and_go_into_the_object(
        self, cloud: Cloud, store: PartStore, algorithm: ChecksumAlgorithm
    ) -> None:
        """By a stub: moto lists parts without their checksums."""
        name = f"Checksum{algorithm.upper()}"
        listed = [{"PartNumber": n, "Size": 10, "ETag": f"e{n}", name: f"sum-{n}"} for n in (1, 2)]
        where = {"Bucket": INGEST, "Key": REF.object_key, "UploadId": MULTIPART.multipart_id}
        completed = [{"PartNumber": n, "ETag": f"e{n}", name: f"sum-{n}"} for n in (1, 2)]
        checked = UPLOAD._replace(declared=UPLOAD.declared._replace(checksum=Checksum(algorithm, "whole")))
        with Stubber(cloud.s3) as stubber:
            stubber.add_response("list_parts", {"Parts": listed}, where)
            stubber.add_response(
                "complete_multipart_upload",
                {},
                {**where, "MultipartUpload": {"Parts": completed}, "IfNoneMatch": "*", "MpuObjectSize": 23},
            )
            held = store.held(checked, MULTIPART)
            store.put_together(checked, MULTIPART, held)
        assert [part.checksum for part in held] == ["sum-1", "sum-2"]

    def test_nobody_looks_at_them_where_the_file_was_declared_without(self, cloud: Cloud, store: PartStore) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_response("list_parts", {"Parts": [{"PartNumber": 1, "ETag": "e", "ChecksumCRC32": "sum"}]})
            assert [part.checksum for part in store.held(UPLOAD, MULTIPART)] == [None]


class TestWhetherTheObjectIsThere:
    @pytest.mark.parametrize(
        ("key", "there"),
        [(None, False), (REF.object_key, True), (f"{REF.object_key}0", False), (REF.object_key[:-1], False)],
    )
    def test_exactly_its_own_key_counts(self, cloud: Cloud, store: PartStore, key: str | None, there: bool) -> None:
        if key:
            cloud.s3.put_object(Bucket=INGEST, Key=key, Body=b"x")
        assert store.has_object(REF) is there


class TestFaults:
    @pytest.mark.parametrize(
        ("operation", "code"),
        [
            ("list_parts", "NoSuchUpload"),
            ("complete_multipart_upload", "NoSuchUpload"),
            ("complete_multipart_upload", "PreconditionFailed"),
        ],
    )
    def test_parts_that_are_gone_are_told_from_other_faults(
        self, cloud: Cloud, store: PartStore, operation: str, code: str
    ) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error(operation, code)
            with pytest.raises(PartsGone, match=code):
                CALLS[operation](store)

    def test_a_completion_beside_another_request_says_so(self, cloud: Cloud, store: PartStore) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error("complete_multipart_upload", "ConditionalRequestConflict", http_status_code=409)
            with pytest.raises(PartsBusy):
                store.put_together(UPLOAD, MULTIPART, [])

    def test_a_size_that_s3_counts_otherwise_is_told_from_other_invalid_requests(
        self, cloud: Cloud, store: PartStore
    ) -> None:
        message = "The provided 'x-amz-mp-object-size' header value 23 does not match what was computed: 22"
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error("complete_multipart_upload", "InvalidRequest", message, http_status_code=400)
            with pytest.raises(SizeMismatch):
                store.put_together(UPLOAD, MULTIPART, [])

    @each_case(
        "operation",
        CALLS,
    )
    @each_case(
        "code",
        ["AccessDenied", "InternalError", "InvalidRequest", "NoSuchBucket"],
    )
    def test_any_other_refusal_of_s3_comes_out_as_it_is(
        self, cloud: Cloud, store: PartStore, operation: str, code: str
    ) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error(operation, code)
            with pytest.raises(ClientError, match=code):
                CALLS[operation](store)
