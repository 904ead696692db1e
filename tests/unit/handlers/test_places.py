"""The quota of open uploads is exact, also with concurrent requests and crashes."""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.client import AwsError
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import NotOpen, QuotaExceeded
from handlers.domain.plan import Method
from handlers.domain.upload import Status, Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage import places
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.places import CHECKED_HOLDERS, LONGEST_CREATION, MOST_PLACES, Places
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.abort_upload import abort_upload
from tests.support.aws.moto_cloud import CREATED, LATER, OWNER, TABLE, Cloud
from tests.support.handlers.create_uploads import BODY, IN_PARTS, RULES, Api, Stammering, ref_of

EXPIRED = CREATED + timedelta(minutes=16)
"""When a URL of CREATED, and so the place of its upload, is over."""
NEEDY = {
    *((Status.PENDING, method) for method in Method),
    (Status.ABORTED, Method.PUT),
    (Status.ABORTED, Method.POST),
}
"""When bytes can come that an upload does not have."""
ONE_PAGE_BYTES = 1024**2
"""What a Query reads at most. Source: DynamoDB guide, "Pagination"."""


class OneAtATime(Boto3Json):
    """Makes each call atomic, as DynamoDB does; moto alone would not."""

    lock = threading.Lock()

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        with self.lock:
            return super().call(operation, parameters)


HOLDER = ref_of(10_000).upload_id


def hold(cloud: Cloud, numbers: Iterable[int]) -> None:
    """Let an upload that is being created hold places."""
    holder = upload_of(ref_of(10_000))
    store = UploadStore(Boto3Json(cloud.dynamodb), TABLE)
    for number in numbers:
        assert store.places.take(holder._replace(place=number), CREATED, limit=MOST_PLACES) == number


def at_once(count: int, act: Callable[[int], dict[str, Any]]) -> list[dict[str, Any] | None]:
    """Act on as many threads, which start together; None where the quota refused."""
    start = threading.Barrier(count)

    def one(number: int) -> dict[str, Any] | None:
        start.wait()
        try:
            return act(number)
        except QuotaExceeded:
            return None

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


class TestRequestsAtOnce:
    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    @pytest.mark.parametrize("left", [0, 1, 3, 19])
    def test_as_many_get_in_as_there_are_places_left(self, cloud: Cloud, body: dict[str, Any], left: int) -> None:
        api = Api(UploadStore(OneAtATime(cloud.dynamodb), TABLE), rules=RULES._replace(max_open_uploads=25))
        for _ in range(25 - left):
            api.create(body)
        made = at_once(20, lambda number: api.create(body, upload_id=ref_of(100 + number).upload_id))
        assert sum(plan is not None for plan in made) == left
        assert len(set(cloud.places().values())) == len(cloud.places()) == 25

    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    def test_with_the_same_key_they_are_one_upload_in_one_place(self, cloud: Cloud, body: dict[str, Any]) -> None:
        api = Api(UploadStore(OneAtATime(cloud.dynamodb), TABLE), rules=RULES._replace(max_open_uploads=1))
        made = at_once(20, lambda number: api.create(body, key="a-key", upload_id=ref_of(100 + number).upload_id))
        (upload_id,) = {plan["upload_id"] for plan in made if plan}
        assert None not in made
        assert cloud.places() == {0: upload_id}

    @pytest.mark.parametrize("step", [None, "uploaded", "aborted"])
    def test_the_slower_one_keeps_no_place_besides(
        self, cloud: Cloud, api: Api, monkeypatch: pytest.MonkeyPatch, step: str | None
    ) -> None:
        """The other request records the upload before this one does; it may even have been sent by then."""
        record = api.store.record_pending

        def overtaken(upload: Upload, *, delete_at: datetime) -> bool:
            monkeypatch.setattr(api.store, "record_pending", record)
            Api(api.store).create(key="a-key")
            if step == "uploaded":
                api.store.record_uploaded(ref_of(1), CREATED, version_id="v1")
            elif step == "aborted":
                api.store.record_aborted(ref_of(1), CREATED)
            api.store.places.take(upload, CREATED, limit=3)  # as if it was only now
            return record(upload, delete_at=delete_at)

        monkeypatch.setattr(api.store, "record_pending", overtaken)
        if step is None:
            assert api.create(key="a-key")["upload_id"] == ref_of(1).upload_id
        else:
            with pytest.raises(NotOpen):
                api.create(key="a-key")
        assert list(cloud.places().values()) == ([] if step == "uploaded" else [ref_of(1).upload_id])


class TestAReadThatIsLate:
    """Places are read without consistency, which costs half: an answer may be of a moment ago."""

    class Late(OneAtATime):
        seen: dict[str, Any] | None = None

        def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            if operation != "Query" or self.seen is None:
                return super().call(operation, parameters)
            assert not parameters["ConsistentRead"]
            return self.seen

    @pytest.mark.parametrize("left", [0, 1, 3])
    def test_lets_no_more_in_though_it_shows_all_places_free(self, cloud: Cloud, left: int) -> None:
        database = self.Late(cloud.dynamodb)
        api = Api(UploadStore(database, TABLE), rules=RULES._replace(max_open_uploads=25))
        for _ in range(25 - left):
            api.create()
        database.seen = {"Items": []}
        made = at_once(20, lambda number: api.create(upload_id=ref_of(100 + number).upload_id))
        assert sum(plan is not None for plan in made) == left
        assert len(set(cloud.places().values())) == len(cloud.places()) == 25


class TestAPlace:
    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    def test_each_owner_has_as_many_as_the_quota_says(self, api: Api, body: dict[str, Any]) -> None:
        for _ in range(3):
            api.create(body)
        with pytest.raises(QuotaExceeded, match=r"^You have 3 open uploads, which is your quota"):
            api.create(body)
        assert api.create(body, owner="somebody-else")["status"] == "pending"
        assert len(api.multipart.started) == (4 if body is IN_PARTS else 0), "the refused one was never started"

    def test_an_upload_holds_it_until_its_url_expires_or_its_parts_do(self, cloud: Cloud, api: Api) -> None:
        api.create()
        api.create(IN_PARTS)
        ends = {1: CREATED.replace(microsecond=0) + timedelta(minutes=15), 2: CREATED + timedelta(days=14)}
        for count, end in ends.items():
            upload_id = ref_of(count).upload_id
            assert upload_id in cloud.places(end - timedelta(seconds=1)).values()
            assert upload_id not in cloud.places(end + timedelta(seconds=1)).values()

    def test_dynamodb_deletes_it_when_it_is_over(self, cloud: Cloud, api: Api) -> None:
        api.create()
        _, place = cloud.dynamodb.scan(TableName=TABLE)["Items"]
        assert place["delete_at"] == place["held_until"] == {"N": str(int(CREATED.timestamp()) + 900)}

    def test_one_that_was_sent_or_whose_parts_were_aborted_leaves_it_at_once(self, api: Api) -> None:
        for body in (BODY, IN_PARTS, BODY):
            api.create(body)
        api.store.record_uploaded(ref_of(1), CREATED, version_id="v1")
        api.create()
        abort(api, 2)
        api.create()
        with pytest.raises(QuotaExceeded):
            api.create()

    @pytest.mark.parametrize("method", ["put", "post"])
    def test_an_aborted_one_holds_it_until_its_url_or_form_expires(self, cloud: Cloud, api: Api, method: str) -> None:
        for _ in range(3):
            api.create({**BODY, "method": method})
        for count in (1, 2, 3):
            abort(api, count)
            assert not api.store.record_uploaded(ref_of(count), LATER, version_id="v1"), "sent after all, and deleted"
        for _ in range(4):  # it looks at other holders each time
            with pytest.raises(QuotaExceeded):
                api.create(now=LATER + LONGEST_CREATION)
        assert len(cloud.places(LATER)) == 3
        for _ in range(3):
            api.create(now=EXPIRED)

    def test_an_aborted_one_keeps_it_while_its_parts_cannot_be_aborted(
        self, cloud: Cloud, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise AwsError("InternalError", "no", 500, {})

        api.create(IN_PARTS)
        with monkeypatch.context() as failing:
            failing.setattr(api.multipart, "abort_multipart_upload", fail)
            with pytest.raises(AwsError):
                abort(api, 1)
        assert len(cloud.places()) == 1
        abort(api, 1)
        assert cloud.places() == {}

    def test_one_that_can_be_sent_no_more_leaves_it(self, api: Api) -> None:
        for body in (BODY, BODY, IN_PARTS):
            api.create(body)
        api.create(now=EXPIRED)
        api.create(now=EXPIRED)
        with pytest.raises(QuotaExceeded):
            api.create(now=EXPIRED)

    def test_it_is_freed_for_its_own_upload_alone(self, cloud: Cloud, api: Api) -> None:
        """S3's events come again and late: by then another upload may hold the place."""
        api.rules = RULES._replace(max_open_uploads=1)
        api.create()
        assert api.store.record_uploaded(ref_of(1), LATER, version_id="v1")
        api.create()
        assert not api.store.record_uploaded(ref_of(1), LATER, version_id="v1")
        assert cloud.places() == {0: ref_of(2).upload_id}

    def test_an_abort_that_comes_again_frees_no_other_uploads(self, cloud: Cloud, api: Api) -> None:
        api.rules = RULES._replace(max_open_uploads=1)
        api.create(IN_PARTS)
        abort(api, 1)
        api.create()
        abort(api, 1)
        assert cloud.places() == {0: ref_of(2).upload_id}

    def test_it_is_no_upload(self, api: Api) -> None:
        for _ in range(3):
            api.create()
        newest, after = api.store.list_newest(OWNER, limit=10, after=None)
        assert ([upload.ref for upload in newest], after) == ([ref_of(3), ref_of(2), ref_of(1)], None)

    @pytest.mark.parametrize("key", [None, "a-key"])
    def test_answers_that_are_lost_take_no_second_one(self, cloud: Cloud, api: Api, key: str | None) -> None:
        """The light client retries a call without an answer, and then finds its own write."""
        api.store = UploadStore(Stammering(cloud.dynamodb), TABLE)
        api.create(key=key)
        assert list(cloud.places().values()) == [ref_of(1).upload_id]
        assert not api.store.record_uploaded(ref_of(1), LATER, version_id="v1"), "the second call says so"
        assert cloud.places() == {}


class TestWhatACrashLeaves:
    """Only owners at the limit are affected."""

    def test_a_place_that_no_record_speaks_of_is_taken_over_once_no_request_can_record_it(
        self, cloud: Cloud, api: Api
    ) -> None:
        lost = [ref_of(100 + number) for number in range(3)]
        for ref in lost:
            api.store.places.take(upload_of(ref), CREATED, limit=3)
        assert len(cloud.places()) == 3
        with pytest.raises(QuotaExceeded):
            api.create(now=CREATED + LONGEST_CREATION)
        now = CREATED + LONGEST_CREATION + timedelta(seconds=1)
        made = api.create(now=now)["upload_id"]
        assert len(cloud.places(now)) == 3
        assert set(cloud.places(now).values()) - {ref.upload_id for ref in lost} == {made}

    @pytest.mark.parametrize(
        ("status", "method"), [(each, method) for each in Status for method in Method if (each, method) not in NEEDY]
    )
    def test_a_place_that_its_upload_needs_no_longer_is_taken_over_at_once(
        self, cloud: Cloud, api: Api, status: Status, method: Method
    ) -> None:
        for _ in range(3):
            api.create()
        cloud.write_record(ref_of(2), status=status, method=method)
        api.create()
        assert ref_of(2).upload_id not in cloud.places().values()
        with pytest.raises(QuotaExceeded):
            api.create()

    @pytest.mark.parametrize("age", [timedelta(0), timedelta(days=13)])
    def test_a_pending_uploads_place_is_never_taken_over(self, api: Api, age: timedelta) -> None:
        for _ in range(3):
            api.create(IN_PARTS)
        for _ in range(4):
            with pytest.raises(QuotaExceeded):
                api.create(now=CREATED + age)

    def test_a_second_place_of_a_pending_upload_is_taken_over(self, cloud: Cloud, api: Api) -> None:
        for _ in range(2):
            api.create(IN_PARTS)
        record = cloud.record(ref_of(1))
        assert record
        (spare,) = {0, 1, 2} - cloud.places().keys()
        api.store.places.take(upload_of(ref_of(1), method=Method.MULTIPART, place=spare), CREATED, limit=3)
        with pytest.raises(QuotaExceeded):
            api.create()
        now = CREATED + LONGEST_CREATION + timedelta(seconds=1)
        made = api.create(now=now)["upload_id"]
        assert cloud.places(now)[spare] == made

    def test_a_place_that_was_not_freed_is_when_the_event_comes_again(
        self, cloud: Cloud, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: object) -> None:
            raise ConnectionError

        api.create()
        with monkeypatch.context() as crashing:
            crashing.setattr(Places, "release", crash)
            with pytest.raises(ConnectionError):
                api.store.record_uploaded(ref_of(1), LATER, version_id="v1")
        assert (cloud.status(ref_of(1)), len(cloud.places())) == ("uploaded", 1)
        assert not api.store.record_uploaded(ref_of(1), LATER, version_id="v1")
        assert cloud.places() == {}

    def test_a_request_that_comes_again_finds_its_place(self, cloud: Cloud, api: Api) -> None:
        """The first one took a place for its key, and ended before it recorded the upload."""
        for number in range(3):
            api.multipart.failing = True
            with pytest.raises(AwsError):
                api.create(IN_PARTS, key=f"key-{number}")
            api.multipart.failing = False
            api.create(IN_PARTS, key=f"key-{number}")
        assert len(cloud.places()) == 3

    def test_an_upload_that_cannot_be_started_keeps_none(self, cloud: Cloud, api: Api) -> None:
        api.multipart.failing = True
        for _ in range(5):
            with pytest.raises(AwsError):
                api.create(IN_PARTS)
        assert cloud.places() == {}

    def test_of_many_holders_few_are_looked_at(self, cloud: Cloud, api: Api) -> None:
        class Counting(Boto3Json):
            operations: list[str] = []  # noqa: RUF012 - of this test alone

            def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
                self.operations.append(operation)
                return super().call(operation, parameters)

        api.rules = RULES._replace(max_open_uploads=20)
        for _ in range(20):
            api.create()
        counting = Api(UploadStore(Counting(cloud.dynamodb), TABLE), rules=api.rules)
        with pytest.raises(QuotaExceeded):
            counting.create(upload_id=ref_of(100).upload_id)
        assert Counting.operations.count("GetItem") == CHECKED_HOLDERS
        assert Counting.operations.count("Query") == 1


class TestManyPlaces:
    """An owner at the limit of 5,000 would read 735 KB for each upload if all places were read."""

    class Reading(Boto3Json):
        """Remembers how many items each Query has read."""

        read: ClassVar[list[int]]

        def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            answer = super().call(operation, parameters)
            if operation == "Query":
                self.read.append(answer["ScannedCount"])
            return answer

    def test_few_are_read_while_some_are_free_and_all_before_one_is_refused(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(places, "WINDOW", 8)
        self.Reading.read = []
        free = {3, 11, 19, 27, 35, 41}  # one in each window; the last window has two places
        hold(cloud, {*range(42)} - free)
        api = Api(UploadStore(self.Reading(cloud.dynamodb), TABLE), rules=RULES._replace(max_open_uploads=42))
        api.create()
        assert len(self.Reading.read) == 1
        assert self.Reading.read[0] <= 8
        for _ in range(len(free) - 1):
            api.create()
        assert {number for number, upload_id in cloud.places().items() if upload_id != HOLDER} == free
        self.Reading.read.clear()
        with pytest.raises(QuotaExceeded):
            api.create()
        assert len(self.Reading.read) == 2
        assert self.Reading.read[1] == 42


class TestARenewedUrl:
    """An Idempotency-Key that is sent again does not get past the quota."""

    def test_holds_its_place_as_long(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a-key")
        before = cloud.places()
        api.create(key="a-key", now=CREATED + timedelta(minutes=10))
        assert cloud.places(CREATED + timedelta(minutes=24)) == before

    def test_is_no_shorter_than_one_that_was_signed_at_once(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a-key", now=LATER)
        api.create(key="a-key", now=CREATED)
        assert len(cloud.places(LATER + timedelta(minutes=14, seconds=52))) == 1

    def test_takes_another_place_where_its_own_was_lost(self, cloud: Cloud, api: Api) -> None:
        api.create(key="old")
        (lost,) = cloud.places()
        while lost not in cloud.places(EXPIRED):
            api.create(now=EXPIRED)
        open_uploads = len(cloud.places(EXPIRED))
        assert open_uploads < 3, "or the ids are to be others"
        assert api.create(key="old", now=EXPIRED)["upload_id"] == ref_of(1).upload_id
        record = cloud.record(ref_of(1))
        assert record
        assert cloud.places(EXPIRED)[int(record["place"])] == ref_of(1).upload_id
        assert len(cloud.places(EXPIRED)) == open_uploads + 1

    def test_is_refused_where_no_place_is_free(self, cloud: Cloud, api: Api) -> None:
        for count in range(3):
            api.create(key=f"old-{count}")
        for count in range(3):
            api.create(key=f"new-{count}", now=EXPIRED)
        with pytest.raises(QuotaExceeded):
            api.create(key="old-0", now=EXPIRED)
        assert api.create(key="new-0", now=EXPIRED)["upload_id"] == ref_of(4).upload_id
        assert len(cloud.places(EXPIRED)) == 3

    @pytest.mark.parametrize("step", ["uploaded", "aborted"])
    def test_of_an_upload_that_ends_meanwhile_is_not_handed_out(
        self, cloud: Cloud, api: Api, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        api.create(key="a-key")
        renew = api.store.record_renewed

        def overtaken(*arguments: Any, **more: Any) -> Upload:
            if step == "aborted":
                api.store.record_aborted(ref_of(1), LATER)
            else:
                api.store.record_uploaded(ref_of(1), LATER, version_id="v1")
            # What extended the place before may have come only now.
            api.store.places.take(upload_of(ref_of(1), place=0), LATER, limit=3)
            return renew(*arguments, **more)

        monkeypatch.setattr(api.store, "record_renewed", overtaken)
        with pytest.raises(NotOpen) as caught:
            api.create(key="a-key", now=LATER)
        assert caught.value.upload_status == step
        assert cloud.places() == ({} if step == "uploaded" else {0: ref_of(1).upload_id})

    def test_sent_twice_at_once_keeps_one_place(self, cloud: Cloud, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both lost their place; another request gives the upload another one between this one's look and its write."""
        api.create(key="a-key")
        (lost,) = cloud.places()
        others = [place for place in range(3) if place != lost]
        renew = api.store.record_renewed

        def overtaken(upload: Upload, *, place_before: int | None) -> Upload:
            monkeypatch.setattr(api.store, "record_renewed", renew)
            other = next(place for place in others if place != upload.place)
            api.store.places.take(upload_of(ref_of(1), place=other, now=EXPIRED), EXPIRED, limit=3)
            renew(upload._replace(place=other), place_before=place_before)
            return renew(upload, place_before=place_before)

        api.store.places.take(upload_of(ref_of(50), place=lost, now=EXPIRED), EXPIRED, limit=3)
        monkeypatch.setattr(api.store, "record_renewed", overtaken)
        api.create(key="a-key", now=EXPIRED)
        record = cloud.record(ref_of(1))
        assert record
        assert cloud.places(EXPIRED) == {lost: ref_of(50).upload_id, int(record["place"]): ref_of(1).upload_id}

    def test_of_an_upload_from_before_places_takes_one(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a-key")
        cloud.write_record(ref_of(1))
        api.create(key="a-key", now=LATER)
        record = cloud.record(ref_of(1))
        assert record
        assert cloud.places() == {int(record["place"]): ref_of(1).upload_id}


class TestALimitThatIsLowered:
    def test_open_uploads_go_on_and_only_places_below_it_are_given_out(self, cloud: Cloud, api: Api) -> None:
        for _ in range(3):
            api.create(IN_PARTS)
        holders = cloud.places()
        api.rules = RULES._replace(max_open_uploads=1)
        with pytest.raises(QuotaExceeded):
            api.create()
        abort(api, UploadRef(OWNER, holders[2]))
        with pytest.raises(QuotaExceeded):
            api.create()
        abort(api, UploadRef(OWNER, holders[0]))
        made = api.create()["upload_id"]
        assert cloud.places() == {0: made, 1: holders[1]}


class TestAllPlaces:
    def test_fit_one_page_of_a_query(self, cloud: Cloud, api: Api) -> None:
        api.create()
        _, place = cloud.dynamodb.scan(TableName=TABLE)["Items"]
        assert MOST_PLACES * item_bytes(dict[str, Any](place)) < ONE_PAGE_BYTES

    @pytest.mark.parametrize("spare", [0, 1234, MOST_PLACES - 1])
    def test_are_given_out_to_the_last(self, spare: int) -> None:
        class AllButOneHeld:
            def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
                if operation == "Query":
                    return {"Items": [held(number) for number in range(MOST_PLACES) if number != spare]}
                assert operation == "PutItem"
                number = int(parameters["Item"]["upload_id"]["S"].removeprefix("place#"))
                if number != spare:
                    raise AwsError("ConditionalCheckFailedException", "held", 400, {"Item": held(number)})
                return {}

        assert Places(AllButOneHeld(), TABLE).take(upload_of(ref_of(1)), CREATED, limit=MOST_PLACES) == spare


def upload_of(
    ref: UploadRef, *, method: Method = Method.PUT, place: int | None = None, now: datetime = CREATED
) -> Upload:
    """An upload that takes a place past the use case."""
    declared = UploadRequest("a.bin", "application/octet-stream", 5)
    return Upload(ref, Status.PENDING, 1, declared, method, now, now, now + timedelta(minutes=15), place=place)


def abort(api: Api, upload: UploadRef | int) -> None:
    """Abort an upload of the API's, named or by its count."""
    ref = ref_of(upload) if isinstance(upload, int) else upload
    abort_upload(ref, LATER, records=api.store, multipart_start=MultipartStart(api.multipart))


def held(number: int) -> dict[str, Any]:
    """A place that is held for longer than a request can last, by an upload that nobody looks for."""
    return {
        "owner": {"S": OWNER},
        "upload_id": {"S": f"place#{number:04}"},
        "held_by": {"S": f"{number:036}"},
        "held_until": {"N": str(int(EXPIRED.timestamp()))},
        "taken_at": {"N": str(int(CREATED.timestamp()))},
        "delete_at": {"N": str(int(EXPIRED.timestamp()))},
    }


def item_bytes(item: Mapping[str, Mapping[str, str]]) -> int:
    """How DynamoDB counts an item. Source: DynamoDB guide, "DynamoDB item sizes and formats"."""
    return sum(
        len(name) + sum(len(text) if kind == "S" else (len(text) + 1) // 2 + 1 for kind, text in value.items())
        for name, value in item.items()
    )
