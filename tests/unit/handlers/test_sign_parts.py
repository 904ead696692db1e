import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.presign import Bucket, Credentials, PartChecksums, PartSignatures, presign, sign_parts
from tests.support.aws import botocore_signer as peer
from tests.support.aws.botocore_signer import (
    KEY,
    LOCAL,
    NAME,
    NOW,
    PLAIN,
    REGION,
    STRANGE_KEYS,
    TEMPORARY,
    boto3_url,
    botocore_url,
)
from tests.support.each_case import each_case

MULTIPART_ID = "2~K.x9/a+b=_-" * 8
EVERY_LENGTH = [1, 2, 9, 10, 99, 100, 999, 1000, 9999, 10_000]
SHA256 = "x-amz-checksum-sha256"

part_numbers = st.lists(st.integers(1, 10_000), max_size=4)


def digests(count: int) -> list[str]:
    return [base64.b64encode(hashlib.sha256(str(n).encode()).digest()).decode() for n in range(count)]


def own_parts(
    parts: Sequence[int] = EVERY_LENGTH,
    *,
    key: str = KEY,
    endpoint: str | None = None,
    credentials: Credentials = PLAIN,
    multipart_id: str = MULTIPART_ID,
    headers: dict[str, str] | None = None,
    checksums: PartChecksums | None = None,
    seconds: int = 900,
    now: datetime = NOW,
) -> PartSignatures:
    return sign_parts(
        Bucket.at(NAME, REGION, endpoint),
        key,
        credentials,
        multipart_id=multipart_id,
        part_numbers=parts,
        headers=headers or {},
        checksums=checksums,
        expires_in_seconds=seconds,
        now=now,
    )


def urls(signed: PartSignatures, parts: Sequence[int] = EVERY_LENGTH) -> list[str]:
    """As a client puts them together."""
    pairs = zip(parts, signed.signatures, strict=True)
    return [f"{signed.url_prefix}{part}{signed.url_suffix}{signature}" for part, signature in pairs]


def boto3_part(
    part: int, *, key: str = KEY, endpoint: str | None = None, credentials: Credentials = PLAIN, **others: Any
) -> str:
    asked = {"Key": key, "UploadId": MULTIPART_ID, "PartNumber": part, **others}
    return boto3_url(peer.client(endpoint, credentials), "upload_part", asked)


class TestEqualToBoto3ByteForByte:
    @each_case("key", STRANGE_KEYS)
    @each_case("endpoint", [None, LOCAL])
    def test_for_any_key(self, key: str, endpoint: str | None) -> None:
        theirs = [boto3_part(part, key=key, endpoint=endpoint) for part in EVERY_LENGTH]
        assert urls(own_parts(key=key, endpoint=endpoint)) == theirs

    @each_case("credentials", [PLAIN, TEMPORARY])
    def test_with_a_checksum_for_each_part(self, credentials: Credentials) -> None:
        values = digests(len(EVERY_LENGTH))
        signed = own_parts(credentials=credentials, checksums=PartChecksums("X-Amz-Checksum-SHA256", values))
        assert urls(signed) == [
            boto3_part(part, credentials=credentials, ChecksumSHA256=value)
            for part, value in zip(EVERY_LENGTH, values, strict=True)
        ]

    def test_with_common_headers_before_and_after_the_checksum(self) -> None:
        headers = {"X-Amz-Request-Payer": "requester", "Content-Length": "8388608"}
        signed = own_parts([7], headers=headers, checksums=PartChecksums("x-amz-checksum-crc32", ["AAAAAA=="]))
        theirs = boto3_part(7, ContentLength=8_388_608, RequestPayer="requester", ChecksumCRC32="AAAAAA==")
        assert urls(signed, [7]) == [theirs]

    @given(
        parts=part_numbers,
        key=peer.keys,
        multipart_id=peer.text,
        headers=peer.headers,
        credentials=peer.credential_sets,
        seconds=peer.lifetimes,
        now=peer.moments,
    )
    def test_whatever_the_parts_and_the_headers(
        self,
        *,
        parts: list[int],
        key: str,
        multipart_id: str,
        headers: dict[str, str],
        credentials: Credentials,
        seconds: int,
        now: datetime,
    ) -> None:
        signed = own_parts(
            parts,
            key=key,
            multipart_id=multipart_id,
            headers=headers,
            credentials=credentials,
            seconds=seconds,
            now=now,
        )
        assert urls(signed, parts) == [
            botocore_url(
                "PUT",
                Bucket.at(NAME, REGION),
                key,
                credentials,
                headers=headers,
                query={"uploadId": multipart_id, "partNumber": str(part)},
                seconds=seconds,
                now=now,
            )
            for part in parts
        ]

    @given(peer.header_names, st.lists(peer.header_values, min_size=1, max_size=4), peer.headers, peer.endpoints)
    def test_whatever_the_values_of_a_header(
        self, header: str, values: list[str], headers: dict[str, str], endpoint: str | None
    ) -> None:
        parts = range(1, len(values) + 1)
        signed = own_parts(parts, headers=headers, checksums=PartChecksums(header, values), endpoint=endpoint)
        assert urls(signed, parts) == [
            botocore_url(
                "PUT",
                Bucket.at(NAME, REGION, endpoint),
                KEY,
                PLAIN,
                headers={**headers, header: value},
                query={"uploadId": MULTIPART_ID, "partNumber": str(part)},
                seconds=900,
            )
            for part, value in zip(parts, values, strict=True)
        ]


def test_each_url_is_the_one_that_presign_makes() -> None:
    bucket = Bucket.at(NAME, REGION)
    assert urls(own_parts(credentials=TEMPORARY)) == [
        presign(
            "PUT",
            bucket,
            KEY,
            TEMPORARY,
            headers={},
            query={"uploadId": MULTIPART_ID, "partNumber": str(part)},
            expires_in_seconds=900,
            now=NOW,
        )
        for part in EVERY_LENGTH
    ]


def test_signatures_are_in_the_order_of_the_parts() -> None:
    forwards, backwards = own_parts([1, 2, 3]), own_parts([3, 2, 1])
    assert forwards.signatures == backwards.signatures[::-1]
    assert len(set(forwards.signatures)) == 3


def test_a_part_s_own_checksum_goes_before_a_common_one() -> None:
    checksums = PartChecksums(SHA256, digests(len(EVERY_LENGTH)))
    assert own_parts(headers={SHA256.upper(): "common"}, checksums=checksums) == own_parts(checksums=checksums)


@each_case("count", [0, 1, 3])
def test_checksums_that_do_not_match_the_parts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} checksums for 2 parts"):
        own_parts([1, 2], checksums=PartChecksums(SHA256, digests(count)))


def test_ten_thousand_parts_of_a_lambda_role_fit_one_answer() -> None:
    signed = own_parts(range(1, 10_001), credentials=TEMPORARY)
    assert len(set(signed.signatures)) == 10_000
    assert len(json.dumps(signed._asdict(), separators=(",", ":"))) <= 800_000
