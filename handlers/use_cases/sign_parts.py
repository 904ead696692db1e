"""The use case behind POST /uploads/{upload_id}/parts: signatures for a range of parts, from the session alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self, cast

from handlers.aws.presign import Bucket, Credentials, PartChecksums, sign_parts
from handlers.domain.declaration import Check, ChecksumAlgorithm, checked_fields, shown, whole_number_fault
from handlers.domain.errors import MOST_FAULTS, InvalidRequest
from handlers.domain.plan import MAX_PARTS
from handlers.domain.session import Session
from handlers.domain.upload import UploadRef, iso, url_expiry


class PartRange(NamedTuple):
    """The parts that a client wants to send, and its permission for it."""

    session: str
    first_part: int
    last_part: int
    checksums: Sequence[str] | None = None
    """One a part, in their order; only where the upload was declared with a checksum, and always there."""

    @classmethod
    def parse(cls, body: object) -> Self:
        """Check a decoded JSON body; raises InvalidRequest with all errors, not only the first."""
        checks: dict[str, Check] = {
            "session": lambda value: None if isinstance(value, str) else "the session that was handed out",
            "first_part": lambda value: whole_number_fault(value, 1, MAX_PARTS),
            "last_part": lambda value: whole_number_fault(value, 1, MAX_PARTS),
            "checksums": _checksums_fault,
        }
        return cls(**checked_fields(body, checks, required=("session", "first_part", "last_part")))

    def within(self, part_count: int) -> range:
        """Return the part numbers; raises InvalidRequest for a range that the plan has not."""
        if not 1 <= self.first_part <= self.last_part <= part_count:
            asked = f"first_part is {self.first_part} and last_part is {self.last_part}"
            raise InvalidRequest([f"{asked}, but must be a range from 1 to {part_count}, the upload's last part."])
        return range(self.first_part, self.last_part + 1)

    def checked_by(self, algorithm: str | None) -> PartChecksums | None:
        """Return what each part is to be checked by; raises InvalidRequest where that is not as it was declared."""
        if algorithm is None:
            if self.checksums is not None:
                raise InvalidRequest(["checksums are of no use: the upload was declared without a checksum."])
            return None
        declared = ChecksumAlgorithm(algorithm)
        count = self.last_part - self.first_part + 1
        if self.checksums is None or len(self.checksums) != count:
            raise InvalidRequest(
                [f"checksums has {len(self.checksums or ())}, but must have one {declared} for each of {count} parts."]
            )
        faults = [
            f"checksums[{index}] is {shown(checksum)}, but must be {fault}."
            for index, checksum in enumerate(self.checksums)
            if (fault := declared.fault(checksum))
        ]
        if faults:
            raise InvalidRequest(faults[:MOST_FAULTS])
        return PartChecksums(declared.header, self.checksums)


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
    numbers = wanted.within(session.parts.count)
    checksums = wanted.checked_by(session.checksum_algorithm)
    signed = [
        sign_parts(
            bucket,
            ref.object_key,
            credentials,
            multipart_id=session.multipart_id,
            part_numbers=each,
            headers={"Content-Length": str(session.parts.length(each[0]))},
            checksums=checksums and PartChecksums(checksums.header, [checksums.values[n - numbers[0]] for n in each]),
            expires_in_seconds=expires_in_seconds,
            now=now,
        )
        for each in _of_one_length(numbers, session.parts.count)
    ]
    return {
        "url_prefix": signed[0].url_prefix,
        "url_suffix": signed[0].url_suffix,
        "signatures": [signature for each in signed for signature in each.signatures],
        "first_part": wanted.first_part,
        "expires_at": iso(url_expiry(now, expires_in_seconds)),
    }


def _of_one_length(numbers: range, last: int) -> list[range]:
    """Divide a range of parts where the last part of all, which may be shorter, is among others."""
    if numbers[-1] == last and len(numbers) > 1:
        return [numbers[:-1], numbers[-1:]]
    return [numbers]


def _checksums_fault(value: object) -> str | None:
    if isinstance(value, list) and len(cast("list[object]", value)) <= MAX_PARTS:
        return None
    return f"a list of at most {MAX_PARTS} checksums, one a part"
