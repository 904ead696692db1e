"""The use case behind POST /uploads/{upload_id}/parts: signatures for a range of parts, from the session alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from handlers.uploads.model import Check, InvalidRequest, UploadRef, checked_fields, iso, whole_number_fault
from handlers.uploads.plan import MAX_PARTS
from handlers.uploads.presign import Bucket, Credentials, sign_parts
from handlers.uploads.session import Session


@dataclass(frozen=True)
class PartRange:
    """The parts that a client wants to send, and its permission for it."""

    session: str
    first_part: int
    last_part: int

    @classmethod
    def parse(cls, body: object) -> Self:
        """Check a decoded JSON body; raises InvalidRequest with every fault found, not only the first."""
        checks: dict[str, Check] = {
            "session": lambda value: None if isinstance(value, str) else "the session that was handed out",
            "first_part": lambda value: whole_number_fault(value, 1, MAX_PARTS),
            "last_part": lambda value: whole_number_fault(value, 1, MAX_PARTS),
        }
        return cls(**checked_fields(body, checks, required=tuple(checks)))

    def within(self, part_count: int) -> range:
        """Return the part numbers; raises InvalidRequest for a range that the plan has not."""
        if not 1 <= self.first_part <= self.last_part <= part_count:
            asked = f"first_part is {self.first_part} and last_part is {self.last_part}"
            raise InvalidRequest([f"{asked}, but must be a range from 1 to {part_count}, the upload's last part."])
        return range(self.first_part, self.last_part + 1)


def sign_part_range(
    body: object,
    *,
    ref: UploadRef,
    keys: Mapping[str, bytes],
    bucket: Bucket,
    credentials: Credentials,
    expires_in_seconds: int,
    now: datetime,
) -> dict[str, Any]:
    """Return the URLs of a range of parts in compact form; raises InvalidRequest or InvalidSession.

    An upload that is over is not refused here: S3 takes no part of it.
    """
    wanted = PartRange.parse(body)
    session = Session.open(wanted.session, keys, ref=ref, now=now)
    signed = sign_parts(
        bucket,
        ref.object_key,
        credentials,
        multipart_id=session.multipart_id,
        part_numbers=wanted.within(session.parts.count),
        headers={},
        expires_in_seconds=expires_in_seconds,
        now=now,
    )
    return {
        "url_prefix": signed.url_prefix,
        "url_suffix": signed.url_suffix,
        "signatures": signed.signatures,
        "headers": {},
        "first_part": wanted.first_part,
        # A signature's own time has no fraction of a second.
        "expires_at": iso(now.replace(microsecond=0) + timedelta(seconds=expires_in_seconds)),
    }
