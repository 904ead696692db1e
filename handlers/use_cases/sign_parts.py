"""The use case behind POST /uploads/{upload_id}/parts: signatures for a range of parts, from the session alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from handlers.aws.presign import Bucket, Credentials, PartChecksums, sign_parts
from handlers.domain.session import PartRange, Session
from handlers.domain.times import url_expiry
from handlers.domain.upload_ref import UploadRef


class SignedParts(NamedTuple):
    """The URLs of a range of parts in compact form: part n's is `url_prefix` + n + `url_suffix` + n's signature.

    The names are the API's.
    """

    url_prefix: str
    url_suffix: str
    signatures: list[str]
    first_part: int
    expires_at: datetime


def sign_part_range(
    ref: UploadRef,
    wanted: PartRange,
    *,
    keys: Mapping[str, bytes],
    bucket: Bucket,
    credentials: Credentials,
    expires_in_seconds: int,
    now: datetime,
) -> SignedParts:
    """Sign a range of parts; raises InvalidRequest or InvalidSession.

    An upload that is over is not rejected here, because S3 accepts no part of it.
    """
    session = Session.open(wanted.session, keys, ref=ref, now=now)
    runs = wanted.runs(session)
    header, checksums = wanted.checksum_header(session.checksum_algorithm), wanted.checksums or ()
    signed = [
        sign_parts(
            bucket,
            ref.object_key,
            credentials,
            multipart_id=session.multipart_id,
            part_numbers=numbers,
            headers={"Content-Length": str(length)},
            checksums=PartChecksums(header, [checksums[number - wanted.first_part] for number in numbers])
            if header
            else None,
            expires_in_seconds=expires_in_seconds,
            now=now,
        )
        for numbers, length in runs
    ]
    return SignedParts(
        url_prefix=signed[0].url_prefix,
        url_suffix=signed[0].url_suffix,
        signatures=[signature for each in signed for signature in each.signatures],
        first_part=wanted.first_part,
        expires_at=url_expiry(now, expires_in_seconds),
    )
