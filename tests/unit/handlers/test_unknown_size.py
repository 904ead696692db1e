"""An upload that is declared without a size: its client declares it when it completes the upload."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.domain.declaration import Checksum, ChecksumAlgorithm, LateDeclaration, UploadRequest
from handlers.domain.errors import InvalidRequest, QuotaExceeded, SizeMismatch
from handlers.domain.plan import MAX_OBJECT_BYTES, Method, Parts
from handlers.domain.session import Session
from handlers.domain.upload import Multipart, Status, Upload
from handlers.domain.upload_ids import UploadIds
from handlers.entries import complete_upload, create_upload, list_parts, sign_parts
from handlers.storage.multipart_completion import MultipartCompletion
from handlers.storage.upload_store import UploadStore
from handlers.use_cases import sign_parts as use_case
from tests.support.aws.fake_light_clients import KEY
from tests.support.aws.moto_cloud import CREATED, REF, Cloud
from tests.support.each_case import each_case
from tests.support.handlers.multipart_upload import BODIES, UploadInParts, problem_in, session_in
from tests.support.handlers.part_lengths import length_of
from tests.support.handlers.proxy_events import always_the_same, proxy_event

MIB = 1024**2
FILE = {"file_name": "dump.sql", "content_type": "application/sql"}
WHOLE = b"".join(BODIES.values())
LIMIT = 95
STREAM: dict[str, Any] = {"size_bytes": None, "max_size_bytes": LIMIT, "part_growth_bytes": 0}
CHECKSUM = {"algorithm": "sha256", "value": base64.b64encode(hashlib.sha256(WHOLE).digest()).decode()}


def answer_of(answer: dict[str, Any], status: int = 200) -> dict[str, Any]:
    assert answer["statusCode"] == status, answer
    return json.loads(answer["body"])


def complete(**body: object) -> dict[str, Any]:
    return complete_upload.handle(proxy_event(body, upload_id=REF.upload_id), None)


@pytest.fixture
def stream(in_parts: UploadInParts, api_started: None) -> UploadInParts:  # noqa: ARG001
    in_parts.begin(**STREAM)
    return in_parts


class TestDeclaration:
    def test_only_parts_can_be_sent_without_a_size(self) -> None:
        assert UploadRequest.parse({**FILE, "method": "multipart"}, list(Method)).size_bytes is None

    @each_case("more", [{}, {"method": "put"}, {"method": "post"}, {"method": ["multipart"]}, {"method": None}])
    def test_every_other_method_needs_it(self, more: dict[str, object]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            UploadRequest.parse({**FILE, **more}, list(Method))
        assert caught.value.errors[0].startswith("size_bytes is required, except with method multipart")

    @each_case(
        "more", [{"size_bytes": None}, {"size_bytes": 0}, {"checksum": {"algorithm": "crc32", "value": "AAAAAA=="}}]
    )
    def test_no_size_is_no_value_and_has_no_checksum(self, more: dict[str, object]) -> None:
        with pytest.raises(InvalidRequest):
            UploadRequest.parse({**FILE, "method": "multipart", **more}, list(Method))

    @each_case(
        ("body", "late"),
        [
            ({}, LateDeclaration()),
            ({"size_bytes": 5}, LateDeclaration(5)),
            (
                {"size_bytes": 5, "checksum": {"algorithm": "crc32", "value": "AAAAAA=="}},
                LateDeclaration(5, Checksum(ChecksumAlgorithm.CRC32, "AAAAAA==")),
            ),
        ],
    )
    def test_what_can_be_declared_at_completion(self, body: object, late: LateDeclaration) -> None:
        assert LateDeclaration.parse(body) == late

    @each_case(
        "body",
        [
            [],
            {"size_bytes": 0},
            {"size_bytes": "5"},
            {"size_bytes": MAX_OBJECT_BYTES + 1},
            {"checksum": CHECKSUM},
            {"size_bytes": 5, "checksum": "x"},
            {"file_name": "a"},
        ],
    )
    def test_and_what_cannot(self, body: object) -> None:
        with pytest.raises(InvalidRequest):
            LateDeclaration.parse(body)


def upload(size_bytes: int | None = None, checksum: Checksum | None = None) -> Upload:
    declared = UploadRequest("a", "a/b", size_bytes, checksum=checksum)
    multipart = Multipart("m", 10, 0, LIMIT)
    return Upload(REF, Status.PENDING, 1, declared, Method.MULTIPART, CREATED, CREATED, CREATED, multipart)


class TestLateDeclaration:
    CRC = Checksum(ChecksumAlgorithm.CRC32, "AAAAAA==")

    @each_case("checksum", [None, CRC])
    def test_it_is_as_if_it_were_declared_at_first(self, checksum: Checksum | None) -> None:
        late = upload().declared_late(LateDeclaration(LIMIT, checksum))
        assert late == UploadRequest("a", "a/b", LIMIT, checksum=checksum)

    @each_case(
        ("known", "late", "error"),
        [
            (upload(), LateDeclaration(), InvalidRequest),
            (upload(), LateDeclaration(LIMIT + 1), QuotaExceeded),
            (upload(23), LateDeclaration(22), SizeMismatch),
            (upload(23), LateDeclaration(23, CRC), InvalidRequest),
            (upload(23, CRC), LateDeclaration(23, Checksum(ChecksumAlgorithm.CRC32, "AAAAAQ==")), InvalidRequest),
        ],
    )
    def test_what_contradicts_the_record_is_refused(
        self, known: Upload, late: LateDeclaration, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            known.declared_late(late)

    @each_case("late", [LateDeclaration(), LateDeclaration(23), LateDeclaration(23, CRC)])
    def test_the_same_again_changes_nothing(self, late: LateDeclaration) -> None:
        known = upload(23, self.CRC)
        assert known.declared_late(late) == known.declared

    def test_its_checksum_is_none_of_the_parts(self) -> None:
        assert upload(23, self.CRC).part_checksum is None
        assert upload(23, self.CRC)._replace(multipart=Multipart("m", 10)).part_checksum == "crc32"


@pytest.mark.usefixtures("api_started")
class TestCreate:
    def test_the_plan_is_of_the_quota_and_the_record_has_no_size(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert cloud.s3, "The buckets are there."
        monkeypatch.setattr(UploadIds, "new", always_the_same)
        plan = answer_of(create_upload.handle(proxy_event({**FILE, "method": "multipart"}), None), 201)
        longest = Parts.growing(MAX_OBJECT_BYTES)
        assert (plan["method"], plan["max_size_bytes"], plan["part_count"]) == ("multipart", MAX_OBJECT_BYTES, 10_000)
        assert plan["part_sizes"] == [each._asdict() for each in longest.sizes]
        assert plan["part_size_bytes"] == plan["part_sizes"][0]["size_bytes"]
        assert session_in(plan).parts == longest
        record = cloud.record()
        assert record
        assert "size_bytes" not in record
        assert (record["max_size_bytes"], record["part_growth_bytes"]) == (MAX_OBJECT_BYTES, 0)


GROWING = Parts.growing(5 * 1024**4)
SESSION = Session(
    REF.owner, REF.upload_id, "m", GROWING.size_bytes, 16 * MIB, None, 4_000_000_000, GROWING.part_growth_bytes
)


@pytest.mark.usefixtures("api_started")
class TestSign:
    def sign(self, first: int, last: int, **more: Any) -> dict[str, Any]:
        body = {"session": SESSION.token(*KEY), "first_part": first, "last_part": last, **more}
        return sign_parts.handle(proxy_event(body, upload_id=REF.upload_id), None)

    def lengths(self, monkeypatch: pytest.MonkeyPatch, first: int, last: int, **more: Any) -> list[tuple[range, str]]:
        signed: list[tuple[range, str]] = []
        real = use_case.sign_parts

        def note(*args: Any, part_numbers: range, headers: dict[str, str], **rest: Any) -> Any:
            signed.append((part_numbers, headers["Content-Length"]))
            return real(*args, part_numbers=part_numbers, headers=headers, **rest)

        monkeypatch.setattr(use_case, "sign_parts", note)
        assert len(answer_of(self.sign(first, last, **more))["signatures"]) == last - first + 1
        return signed

    def test_each_part_is_held_to_its_planned_length(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.lengths(monkeypatch, 999, 2001) == [
            (range(999, 1001), str(16 * MIB)),
            (range(1001, 2001), str(129 * MIB)),
            (range(2001, 2002), str(242 * MIB)),
        ]

    def test_the_last_one_to_the_length_that_its_client_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.lengths(monkeypatch, 1000, 1003, last_part_size_bytes=7) == [
            (range(1000, 1001), str(16 * MIB)),
            (range(1001, 1003), str(129 * MIB)),
            (range(1003, 1004), "7"),
        ]

    def test_a_part_alone_can_be_the_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.lengths(monkeypatch, 1, 1, last_part_size_bytes=1) == [(range(1, 2), "1")]

    @each_case(("part", "size_bytes"), [(1, 16 * MIB + 1), (1001, 129 * MIB + 1), (GROWING.count, 5 * 1024**3)])
    def test_no_part_is_longer_than_planned(self, part: int, size_bytes: int) -> None:
        assert problem_in(self.sign(part, part, last_part_size_bytes=size_bytes))[:2] == (400, "invalid-request")

    def test_nothing_is_signed_beyond_the_quota(self) -> None:
        last = GROWING.count
        assert self.sign(last, last)["statusCode"] == 200
        assert problem_in(self.sign(last, last + 1))[:2] == (400, "invalid-request")
        over = length_of(GROWING, last) + 1
        assert problem_in(self.sign(last, last, last_part_size_bytes=over))[:2] == (400, "invalid-request")

    @each_case("size_bytes", [0, -1, 1.5, "1", None, True, 5 * 1024**3 + 1])
    def test_what_is_no_length(self, size_bytes: object) -> None:
        assert problem_in(self.sign(1, 1, last_part_size_bytes=size_bytes))[:2] == (400, "invalid-request")


class TestListParts:
    def ask(self) -> dict[str, Any]:
        return answer_of(list_parts.handle(proxy_event(None, upload_id=REF.upload_id), None))

    def test_any_part_can_be_the_last_while_no_size_is_declared(self, stream: UploadInParts) -> None:
        stream.send()
        plan = self.ask()
        assert (plan["max_size_bytes"], plan["part_count"]) == (LIMIT, 10)
        assert plan["part_sizes"] == [{"first_part": 1, "size_bytes": 10}]
        assert session_in(plan).part_growth_bytes == 0

    def test_after_it_the_plan_is_of_the_size(self, stream: UploadInParts) -> None:
        stream.begin(**{**STREAM, "size_bytes": 23, "checksum": CHECKSUM})
        plan = self.ask()
        assert "max_size_bytes" not in plan
        assert "checksum_algorithm" not in plan
        assert (plan["part_count"], session_in(plan).parts) == (3, Parts(23, 10))


class TestComplete:
    def test_the_size_is_recorded_and_the_parts_become_the_object(self, cloud: Cloud, stream: UploadInParts) -> None:
        stream.send()
        assert answer_of(complete(size_bytes=23))["size_bytes"] == 23
        assert stream.object() == WHOLE
        record = cloud.record()
        assert record
        assert (record["size_bytes"], record["version"], "checksum" in record) == (23, 1, False)

    def test_so_is_the_checksum(self, cloud: Cloud, stream: UploadInParts) -> None:
        stream.send()
        assert answer_of(complete(size_bytes=23, checksum=CHECKSUM))
        record = cloud.record()
        assert record
        assert record["checksum"] == CHECKSUM

    @pytest.mark.parametrize("body", [{}, {"size_bytes": 23}])
    def test_repeating_it_changes_nothing(self, stream: UploadInParts, body: dict[str, int]) -> None:
        stream.send()
        assert answer_of(complete(size_bytes=23)) == answer_of(complete(**body))

    @pytest.mark.parametrize("status", ["pending", "completed"])
    def test_another_size_afterwards_is_refused(self, stream: UploadInParts, status: str) -> None:
        stream.begin(**{**STREAM, "status": status, "size_bytes": 23})
        stream.send()
        assert problem_in(complete(size_bytes=13))[:2] == (409, "size-mismatch")
        assert stream.object() is None

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({}, (400, "invalid-request")),
            ({"size_bytes": 10}, (409, "size-mismatch")),
            ({"size_bytes": 13}, (409, "parts-missing")),
            ({"size_bytes": 20}, (409, "size-mismatch")),
            ({"size_bytes": 22}, (409, "parts-missing")),
            ({"size_bytes": 24}, (409, "parts-missing")),
            ({"size_bytes": 31}, (409, "parts-missing")),
            ({"size_bytes": LIMIT + 1}, (403, "quota-exceeded")),
        ],
    )
    def test_a_size_that_is_not_that_of_the_parts_makes_no_object_and_is_not_recorded(
        self, cloud: Cloud, stream: UploadInParts, body: dict[str, int], problem: tuple[int, str]
    ) -> None:
        stream.send()
        assert problem_in(complete(**body))[:2] == problem
        assert stream.object() is None
        record = cloud.record()
        assert record
        assert "size_bytes" not in record
        assert answer_of(complete(size_bytes=23))

    def test_a_short_part_before_the_last_is_missing(self, stream: UploadInParts) -> None:
        stream.send({1: b"short", 2: BODIES[2], 3: BODIES[3]})
        assert problem_in(complete(size_bytes=18))[:2] == (409, "parts-missing")

    def test_another_request_was_first_with_another_size(
        self, stream: UploadInParts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def raced(*args: Any) -> Any:
            stream.write(**{**STREAM, "size_bytes": 13})
            return real(*args)

        real = MultipartCompletion.list_parts
        stream.send()
        monkeypatch.setattr(MultipartCompletion, "list_parts", raced)
        assert problem_in(complete(size_bytes=23))[:2] == (409, "size-mismatch")
        assert stream.object() is None

    def test_it_was_aborted_meanwhile(
        self, cloud: Cloud, stream: UploadInParts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def raced(*args: Any) -> Any:
            stream.write(**{**STREAM, "status": "aborted"})
            return real(*args)

        real = MultipartCompletion.list_parts
        stream.send()
        monkeypatch.setattr(MultipartCompletion, "list_parts", raced)
        assert problem_in(complete(size_bytes=23))[:2] == (409, "not-open")
        assert stream.object() is None
        record = cloud.record()
        assert record
        assert "size_bytes" not in record

    def test_a_size_is_no_part_of_an_upload_that_was_declared_with_another(self, in_parts: UploadInParts) -> None:
        in_parts.send()
        assert problem_in(complete(size_bytes=22))[:2] == (409, "size-mismatch")
        assert answer_of(complete(size_bytes=23))


class TestRecord:
    def test_it_comes_back_as_it_was_recorded(self, store: UploadStore) -> None:
        assert store.record_pending(upload(), delete_at=CREATED)
        assert store.find(REF) == upload()

    def test_the_first_size_stays(self, store: UploadStore) -> None:
        store.record_pending(upload(), delete_at=CREATED)
        assert store.record_size(upload(23)).declared.size_bytes == 23
        assert store.record_size(upload(13)).declared.size_bytes == 23
        assert store.find(REF) == upload(23)

    def test_an_upload_that_is_over_gets_none(self, store: UploadStore) -> None:
        store.record_pending(upload(), delete_at=CREATED)
        store.record_aborted(REF, datetime.now(UTC))
        found = store.record_size(upload(23))
        assert (found.status, found.declared.size_bytes) == (Status.ABORTED, None)
