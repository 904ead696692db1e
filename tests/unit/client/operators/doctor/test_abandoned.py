"""Parts that nobody completes, and what they cost by owner."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from client.operators.doctor import abandoned
from client.operators.doctor.abandoned import Listing, OwnerShare, Started
from client.operators.doctor.account import NotRead
from client.operators.doctor.prices import Price
from tests.support.client.fake_account import fake_account

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=3)
GIB = 1024**3
STORAGE = Price(usd=2.0, per=1.0, unit="GB-months", source="https://aws.example")


def test_an_owner_pays_for_all_parts_of_uploads_older_than_a_day() -> None:
    uploads = [
        Started("ada", OLD, GIB),
        Started("ada", NOW - timedelta(days=1, seconds=1), 2 * GIB),
        Started("ada", NOW - timedelta(hours=23), 100 * GIB),
        Started("bob", OLD, 5 * GIB),
        Started("cy", NOW, GIB),
    ]
    assert abandoned.by_owner(uploads, STORAGE, NOW) == [
        OwnerShare("bob", 1, 5 * GIB, OLD, 10.0),
        OwnerShare("ada", 2, 3 * GIB, OLD, 6.0),
    ]


def listed(has_time: Callable[[], bool] = lambda: True) -> tuple[Listing, list[int]]:
    uploads = [{"Key": f"uploads/owner-{n}/id-{n}", "UploadId": f"s3-{n}", "Initiated": OLD} for n in range(3)]

    def parts(request: dict[str, str], _: str) -> Any:
        number = int(request["UploadId"][-1])
        return {"Parts": [{"Size": 10 + number}] * number}

    answers = {("s3", "list_multipart_uploads"): {"Uploads": uploads}, ("s3", "list_parts"): parts}
    progress: list[int] = []
    account = fake_account(answers)
    listing = abandoned.read(account, "bucket", before=NOW, has_time=has_time, on_progress=progress.append)
    return listing, progress


def test_parts_are_added_up_by_upload_with_the_owner_of_the_key() -> None:
    listing, progress = listed()
    assert listing == Listing(
        (Started("owner-0", OLD, 0), Started("owner-1", OLD, 11), Started("owner-2", OLD, 24)), is_complete=True
    )
    assert progress == [1, 2, 3]


def test_a_listing_ends_with_its_time_and_says_so() -> None:
    left = iter([True, False])
    listing, _ = listed(lambda: next(left))
    assert len(listing.uploads) == 1
    assert not listing.is_complete


def test_an_upload_that_ends_while_the_parts_are_listed_is_left_out() -> None:
    uploads = [{"Key": f"uploads/owner/{n}", "UploadId": f"{n}", "Initiated": OLD} for n in range(2)]

    def parts(request: dict[str, str], _: str) -> Any:
        return "NoSuchUpload" if request["UploadId"] == "0" else {"Parts": [{"Size": 5}]}

    answers = {("s3", "list_multipart_uploads"): {"Uploads": uploads}, ("s3", "list_parts"): parts}
    account = fake_account(answers, pages=True)
    listing = abandoned.read(account, "bucket", before=NOW, has_time=lambda: True, on_progress=lambda _: None)
    assert listing == Listing((Started("owner", OLD, 5),), is_complete=True)


def test_parts_of_uploads_that_are_not_old_are_not_listed() -> None:
    answers = {
        ("s3", "list_multipart_uploads"): {"Uploads": [{"Key": "uploads/ada/1", "UploadId": "1", "Initiated": OLD}]},
        ("s3", "list_parts"): "AccessDenied",
    }
    account = fake_account(answers)
    listing = abandoned.read(account, "bucket", before=OLD, has_time=lambda: True, on_progress=lambda _: None)
    assert listing == Listing((Started("ada", OLD, 0),), is_complete=True)


def test_a_bucket_that_may_not_be_listed_is_an_error_with_the_permission() -> None:
    with pytest.raises(NotRead, match="s3:ListBucketMultipartUploads"):
        abandoned.read(fake_account({}), "bucket", before=NOW, has_time=lambda: True, on_progress=lambda _: None)
