from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from handlers.uploads.model import Multipart
from handlers.uploads.part_store import PartsGone, PartStore
from handlers.uploads.plan import Parts
from tests.unit.handlers.cloud import INGEST, REF, Cloud
from tests.unit.handlers.upload_in_parts import BODIES, UploadInParts, open_at_s3

MULTIPART = Multipart("of-nobody", Parts(23, 10))
CALLS: dict[str, Callable[[PartStore], object]] = {
    "create_multipart_upload": lambda store: store.open(REF, "a/b"),
    "list_parts": lambda store: store.held(REF, MULTIPART),
    "complete_multipart_upload": lambda store: store.put_together(REF, MULTIPART, []),
    "abort_multipart_upload": lambda store: store.give_up(REF, MULTIPART),
    "list_objects_v2": lambda store: store.has_object(REF),
}


@pytest.fixture
def store(cloud: Cloud) -> PartStore:
    return PartStore(cloud.s3, INGEST)


class TestOpening:
    def test_the_object_will_have_the_declared_type(self, cloud: Cloud, store: PartStore) -> None:
        multipart_id = store.open(REF, "text/csv; charset=utf-8")
        assert open_at_s3(cloud) == [multipart_id]
        upload = UploadInParts(cloud, multipart_id)
        upload.send({1: b"last"})
        multipart = Multipart(multipart_id, Parts(4, 10))
        store.put_together(REF, multipart, store.held(REF, multipart))
        head = cloud.s3.head_object(Bucket=INGEST, Key=REF.object_key)
        assert head["ContentType"] == "text/csv; charset=utf-8"

    def test_no_checksum_is_asked_for_since_clients_would_have_to_send_it_with_each_part(
        self, cloud: Cloud, store: PartStore
    ) -> None:
        sent: list[dict[str, Any]] = []

        def note(params: dict[str, Any], **_: Any) -> None:
            sent.append(dict(params["headers"]))

        events = cloud.s3.meta.events
        events.register("before-call.s3.CreateMultipartUpload", note)
        try:
            store.open(REF, "a/b")
        finally:
            events.unregister("before-call.s3.CreateMultipartUpload", note)
        (headers,) = sent
        assert headers["Content-Type"] == "a/b"
        assert not [name for name in headers if "checksum" in name.lower()]


class TestPuttingTogether:
    def test_an_object_that_is_there_stays(self, cloud: Cloud, store: PartStore, in_parts: UploadInParts) -> None:
        in_parts.send()
        cloud.put_object(body=b"first")
        multipart = Multipart(in_parts.multipart_id, Parts(23, 10))
        with pytest.raises(PartsGone, match="PreconditionFailed"):
            store.put_together(REF, multipart, store.held(REF, multipart))
        assert in_parts.object() == b"first"

    def test_only_the_named_parts_are_taken(self, store: PartStore, in_parts: UploadInParts) -> None:
        in_parts.send()
        multipart = Multipart(in_parts.multipart_id, Parts(23, 10))
        held = store.held(REF, multipart)
        assert [(part.part_number, part.size_bytes) for part in held] == [(1, 10), (2, 10), (3, 3)]
        store.put_together(REF, multipart, [held[0], held[2]])
        assert in_parts.object() == BODIES[1] + BODIES[3]


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

    def test_giving_up_what_is_gone_is_no_fault(self, store: PartStore) -> None:
        store.give_up(REF, MULTIPART)

    @pytest.mark.parametrize("operation", CALLS)
    @pytest.mark.parametrize("code", ["AccessDenied", "InternalError", "NoSuchBucket"])
    def test_any_other_refusal_of_s3_comes_out_as_it_is(
        self, cloud: Cloud, store: PartStore, operation: str, code: str
    ) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error(operation, code)
            with pytest.raises(ClientError, match=code):
                CALLS[operation](store)
