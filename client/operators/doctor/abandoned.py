"""Parts of uploads that nobody completes. S3 charges for them until the bucket's lifecycle rule deletes them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .account import Account, Gone
from .cost import GIB
from .prices import Price

ABANDONED_AFTER = timedelta(days=1)
"""An upload that was started earlier is taken for abandoned, although its client may still continue it."""


@dataclass(frozen=True)
class Started:
    """An upload in parts that is not completed."""

    owner: str
    initiated: datetime
    size_bytes: int
    """Of all its parts. 0 if its parts were not listed."""


@dataclass(frozen=True)
class Listing:
    """What was read of a bucket."""

    uploads: tuple[Started, ...]
    is_complete: bool
    """Whether the time was enough for all."""


@dataclass(frozen=True)
class OwnerShare:
    """What one owner has abandoned."""

    owner: str
    uploads: int
    size_bytes: int
    oldest: datetime
    monthly_usd: float


def read(
    account: Account,
    bucket: str,
    *,
    before: datetime,
    has_time: Callable[[], bool],
    on_progress: Callable[[int], None],
) -> Listing:
    """List the uploads in parts, and add up the parts of those that were started before a time.

    The others can be very many, and each is a request. Stops when there is no time left. Uploads that end meanwhile are
    left out. Raises NotRead, or Gone without the bucket.
    """
    found: list[Started] = []
    for upload in _uploads(account, bucket):
        if not has_time():
            return Listing(tuple(found), is_complete=False)
        with suppress(Gone):
            size = _size(account, bucket, upload) if upload["Initiated"] < before else 0
            found.append(Started(_owner(upload["Key"]), upload["Initiated"], size))
            on_progress(len(found))
    return Listing(tuple(found), is_complete=True)


def by_owner(uploads: Iterable[Started], storage: Price, now: datetime) -> list[OwnerShare]:
    """Return what each owner has abandoned, the largest first."""
    groups: dict[str, list[Started]] = {}
    for each in uploads:
        if each.initiated < now - ABANDONED_AFTER:
            groups.setdefault(each.owner, []).append(each)
    shares: list[OwnerShare] = []
    for owner, theirs in groups.items():
        size = sum(each.size_bytes for each in theirs)
        oldest = min(each.initiated for each in theirs)
        shares.append(OwnerShare(owner, len(theirs), size, oldest, storage.of(size / GIB)))
    return sorted(shares, key=lambda share: (-share.size_bytes, share.owner))


def _uploads(account: Account, bucket: str) -> Iterator[Any]:
    for page in account.pages("s3", "list_multipart_uploads", Bucket=bucket, Prefix="uploads/"):
        yield from page.get("Uploads") or ()


def _size(account: Account, bucket: str, upload: Any) -> int:
    which = {"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
    return sum(part["Size"] for page in account.pages("s3", "list_parts", **which) for part in page.get("Parts") or ())


def _owner(key: str) -> str:
    """Return the owner in a key, `uploads/{owner}/{upload_id}`."""
    return key.split("/")[1] if key.count("/") > 1 else key
