"""Our signer compared with boto3: one URL, and the signatures of many parts."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config

from benchmarks.bench import Bench
from benchmarks.measuring import interleaved, measurements
from benchmarks.table import Row, at_least
from handlers.aws.presign import Bucket, Credentials, presign, sign_parts

_BUCKET, _REGION = "portage-ingest", "eu-west-1"
_KEY = "uploads/6c1f1b0e-7d3c-4c39-9a43-0d5a3b0f9e11/01985c2e-5a00-7000-8000-000000000001"
_SECONDS = 900
_MULTIPART_ID = "2~" + "x" * 110
_PARTS = 1000
_OURS_MORE = 10

CREDENTIALS = Credentials("ASIAIOSFODNN7EXAMPLE", "x" * 40, "IQoJb3JpZ2lu" + "aB/+9=" * 148)
"""Credentials of a role. The session token has 900 characters, as a Lambda's has."""

_HEADERS = {
    "Content-Length": "1048576",
    "Content-Type": "application/pdf",
    "If-None-Match": "*",
    "x-amz-server-side-encryption": "aws:kms",
}
_PARAMETERS = {
    "Bucket": _BUCKET,
    "Key": _KEY,
    "ContentLength": 1_048_576,
    "ContentType": "application/pdf",
    "IfNoneMatch": "*",
    "ServerSideEncryption": "aws:kms",
}


def measure(bench: Bench) -> list[Row]:
    """Compare microseconds per URL."""
    client = boto3.client(
        "s3",
        region_name=_REGION,
        aws_access_key_id=CREDENTIALS.access_key_id,
        aws_secret_access_key=CREDENTIALS.secret_access_key,
        aws_session_token=CREDENTIALS.session_token,
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )
    bucket = Bucket.at(_BUCKET, _REGION)

    def our_put() -> str:
        now = datetime.now(UTC)
        return presign("PUT", bucket, _KEY, CREDENTIALS, headers=_HEADERS, expires_in_seconds=_SECONDS, now=now)

    def boto3_put() -> str:
        return client.generate_presigned_url("put_object", Params=_PARAMETERS, ExpiresIn=_SECONDS)

    def our_parts() -> object:
        return sign_parts(
            bucket,
            _KEY,
            CREDENTIALS,
            multipart_id=_MULTIPART_ID,
            part_numbers=range(1, _PARTS + 1),
            headers={},
            expires_in_seconds=_SECONDS,
            now=datetime.now(UTC),
        )

    def boto3_part() -> object:
        part = {"Bucket": _BUCKET, "Key": _KEY, "UploadId": _MULTIPART_ID, "PartNumber": 7}
        return client.generate_presigned_url("upload_part", Params=part, ExpiresIn=_SECONDS)

    if _signed(our_put()) != _signed(boto3_put()):
        raise AssertionError(f"Not the same is signed: {our_put()} and {boto3_put()}.")
    urls = bench.amounts.urls
    measures = {
        "our put": lambda: _each(our_put, urls * _OURS_MORE),
        "boto3's put": lambda: _each(boto3_put, urls),
        "our part": lambda: _each(our_parts, 1) / _PARTS,
        "boto3's part": lambda: _each(boto3_part, urls),
    }
    bench.expect(measurements(measures, rounds=bench.amounts.signing_rounds))
    taken = interleaved(measures, rounds=bench.amounts.signing_rounds, tick=bench.tick)
    return [
        Row.compared(what, taken[ours], taken[peer], peer_name=peer_name, show=_microseconds, goal=at_least(times))
        for what, ours, peer, peer_name, times in (
            ("one presigned PUT, 5 headers signed", "our put", "boto3's put", "boto3, s3v4", 15),
            ("one part's signature, of 1,000", "our part", "boto3's part", "boto3, upload_part", 80),
        )
    ]


def _each(act: Callable[[], object], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - begun) / times


def _signed(url: str) -> list[str]:
    return parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"]


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us"
