from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from handlers.domain.declaration import Checksum, ChecksumAlgorithm, UploadRequest
from handlers.domain.errors import SizeMismatch
from handlers.domain.plan import Method
from handlers.domain.upload import Multipart, Status, Upload
from handlers.storage.multipart_completion import MultipartCompletion, PartsBusy, PartsGone
from tests.support.aws.moto_cloud import CREATED, INGEST, REF, Cloud
from tests.support.each_case import each_case
from tests.support.handlers.multipart_upload import BODIES, UploadInParts

MULTIPART = Multipart("of-nobody", 10)
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
CALLS: dict[str, Callable[[MultipartCompletion], object]] = {
    "list_parts": lambda completion: completion.list_parts(UPLOAD, MULTIPART),
    "complete_multipart_upload": lambda completion: completion.complete(UPLOAD, MULTIPART, []),
    "list_objects_v2": lambda completion: completion.has_object(REF),
}


@pytest.fixture
def completion(cloud: Cloud) -> MultipartCompletion:
    return MultipartCompletion(cloud.s3, INGEST)


class TestPuttingTogether:
    def test_an_object_that_is_there_stays(
        self, cloud: Cloud, completion: MultipartCompletion, in_parts: UploadInParts
    ) -> None:
        in_parts.send()
        cloud.put_object(body=b"first")
        multipart = Multipart(in_parts.multipart_id, 10)
        with pytest.raises(PartsGone, match="PreconditionFailed"):
            completion.complete(UPLOAD, multipart, completion.list_parts(UPLOAD, multipart))
        assert in_parts.object() == b"first"

    def test_only_the_named_parts_are_taken(self, completion: MultipartCompletion, in_parts: UploadInParts) -> None:
        in_parts.send()
        multipart = Multipart(in_parts.multipart_id, 10)
        stored = completion.list_parts(UPLOAD, multipart)
        assert [(part.part_number, part.size_bytes) for part in stored] == [(1, 10), (2, 10), (3, 3)]
        completion.complete(UPLOAD, multipart, [stored[0], stored[2]])
        assert in_parts.object() == BODIES[1] + BODIES[3]


class TestChecksums:
    @pytest.mark.parametrize("algorithm", ChecksumAlgorithm)
    def test_those_of_the_parts_come_back_and_go_into_the_object(
        self, cloud: Cloud, completion: MultipartCompletion, algorithm: ChecksumAlgorithm
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
            stored = completion.list_parts(checked, MULTIPART)
            completion.complete(checked, MULTIPART, stored)
        assert [part.checksum for part in stored] == ["sum-1", "sum-2"]

    def test_nobody_looks_at_them_where_the_file_was_declared_without(
        self, cloud: Cloud, completion: MultipartCompletion
    ) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_response("list_parts", {"Parts": [{"PartNumber": 1, "ETag": "e", "ChecksumCRC32": "sum"}]})
            assert [part.checksum for part in completion.list_parts(UPLOAD, MULTIPART)] == [None]


class TestWhetherTheObjectIsThere:
    @pytest.mark.parametrize(
        ("key", "there"),
        [(None, False), (REF.object_key, True), (f"{REF.object_key}0", False), (REF.object_key[:-1], False)],
    )
    def test_exactly_its_own_key_counts(
        self, cloud: Cloud, completion: MultipartCompletion, key: str | None, there: bool
    ) -> None:
        if key:
            cloud.s3.put_object(Bucket=INGEST, Key=key, Body=b"x")
        assert completion.has_object(REF) is there


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
        self, cloud: Cloud, completion: MultipartCompletion, operation: str, code: str
    ) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error(operation, code)
            with pytest.raises(PartsGone, match=code):
                CALLS[operation](completion)

    @pytest.mark.parametrize(("code", "status"), [("ConditionalRequestConflict", 409), ("InvalidPart", 400)])
    def test_a_completion_beside_another_request_says_so(
        self, cloud: Cloud, completion: MultipartCompletion, code: str, status: int
    ) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error("complete_multipart_upload", code, http_status_code=status)
            with pytest.raises(PartsBusy):
                completion.complete(UPLOAD, MULTIPART, [])

    def test_a_size_that_s3_counts_otherwise_is_told_from_other_invalid_requests(
        self, cloud: Cloud, completion: MultipartCompletion
    ) -> None:
        message = "The provided 'x-amz-mp-object-size' header value 23 does not match what was computed: 22"
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error("complete_multipart_upload", "InvalidRequest", message, http_status_code=400)
            with pytest.raises(SizeMismatch):
                completion.complete(UPLOAD, MULTIPART, [])

    @each_case(
        "operation",
        CALLS,
    )
    @each_case(
        "code",
        ["AccessDenied", "InternalError", "InvalidRequest", "NoSuchBucket"],
    )
    def test_any_other_refusal_of_s3_comes_out_as_it_is(
        self, cloud: Cloud, completion: MultipartCompletion, operation: str, code: str
    ) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error(operation, code)
            with pytest.raises(ClientError, match=code):
                CALLS[operation](completion)
