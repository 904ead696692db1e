"""S3 in the embedded AWS: policies are asked about a request with all that S3 knows of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from handlers.aws.presign import Bucket, Credentials, presign, presign_post
from local.emulator.process import Emulator

BUCKET = "policed"
SSE = "x-amz-server-side-encryption"
KEY_ARN = "arn:aws:kms:us-east-1:000000000000:key/0f5e2f0c-5f0b-4a3e-9d1c-2b7c1a9e8d47"
NAMED_KEY = {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": KEY_ARN}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.client("s3").create_bucket(Bucket=BUCKET)
        yield running


def by_header(emulator: Emulator, **more: Any) -> str:
    return _code(emulator, "put_object", Key="a", Body=b"1", **more)


def by_url(
    emulator: Emulator,
    *,
    age_seconds: int = 0,
    expires_in_seconds: int = 900,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> str:
    bucket, credentials = _signer(emulator)
    signed_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
    url = presign(
        "PUT", bucket, "a", credentials, headers=headers, expires_in_seconds=expires_in_seconds, now=signed_at
    )
    return _code_of(urllib3.request("PUT", url, body=b"1", headers=headers))


def by_form(emulator: Emulator, *, age_seconds: int = 0, headers: Mapping[str, str] = MappingProxyType({})) -> str:
    """Fields take the place of headers."""
    bucket, credentials = _signer(emulator)
    form = presign_post(
        bucket,
        "a",
        credentials,
        fields=headers,
        size_range=(1, 1),
        expires_in_seconds=900,
        now=datetime.now(UTC) - timedelta(seconds=age_seconds),
    )
    return _code_of(urllib3.request("POST", form.url, fields={**form.fields, "file": ("a", b"1")}))


def by_copy(emulator: Emulator) -> str:
    return _code(emulator, "copy_object", Key="a", CopySource=f"{BUCKET}/source")


def the_start(emulator: Emulator) -> str:
    return _code(emulator, "create_multipart_upload", Key="a")


def a_part(emulator: Emulator) -> str:
    return _code(emulator, "upload_part", Key="a", UploadId="unknown", PartNumber=1, Body=b"1")


def the_completion(emulator: Emulator) -> str:
    parts = {"Parts": [{"PartNumber": 1, "ETag": "e"}]}
    return _code(emulator, "complete_multipart_upload", Key="a", UploadId="unknown", MultipartUpload=parts)


def _signer(emulator: Emulator) -> tuple[Bucket, Credentials]:
    operator = emulator.operator
    return (
        Bucket.at(BUCKET, emulator.region, emulator.endpoint),
        Credentials(operator.access_key_id, operator.secret_access_key),
    )


def _code(emulator: Emulator, call: str, **arguments: Any) -> str:
    try:
        getattr(emulator.client("s3"), call)(Bucket=BUCKET, **arguments)
    except ClientError as refusal:
        response: Any = refusal.response
        return response["Error"]["Code"]
    return "done"


def _code_of(answer: urllib3.BaseHTTPResponse) -> str:
    text = answer.data.decode()
    if "expired" in text:
        return "expired"
    return "done" if answer.status < 300 else text.partition("<Code>")[2].partition("</Code>")[0]


def _how(how: str) -> dict[str, Any]:
    return {"StringEquals": {"s3:authType": how}}


def _old(milliseconds: int) -> dict[str, Any]:
    return {"NumericGreaterThan": {"s3:signatureAge": str(milliseconds)}}


UNCONDITIONAL = {"Null": {"s3:if-none-match": "true"}}
MAKES_AN_OBJECT = {"Bool": {"s3:ObjectCreationOperation": "true"}}
MAKES_NONE = {"Bool": {"s3:ObjectCreationOperation": "false"}}
NAMES_A_KEY = {"StringEquals": {f"s3:{SSE}-aws-kms-key-id": KEY_ARN}}
DENIED, DONE, EXPIRED, NO_UPLOAD = "AccessDenied", "done", "expired", "NoSuchUpload"

CASES: list[tuple[dict[str, Any], Callable[..., str], dict[str, Any], str]] = [
    (_how("REST-HEADER"), by_header, {}, DENIED),
    (_how("REST-HEADER"), by_url, {}, DONE),
    (_how("REST-HEADER"), by_form, {}, DONE),
    (_how("REST-QUERY-STRING"), by_header, {}, DONE),
    (_how("REST-QUERY-STRING"), by_url, {}, DENIED),
    (_how("REST-QUERY-STRING"), by_form, {}, DONE),
    (_how("POST"), by_header, {}, DONE),
    (_how("POST"), by_url, {}, DONE),
    (_how("POST"), by_form, {}, DENIED),
    (_old(60_000), by_url, {"age_seconds": 30}, DONE),
    (_old(60_000), by_url, {"age_seconds": 70}, DENIED),
    (_old(60_000), by_url, {"age_seconds": 70, "expires_in_seconds": 60}, EXPIRED),
    (_old(60_000), by_form, {"age_seconds": 30}, DONE),
    (_old(60_000), by_form, {"age_seconds": 70}, DENIED),
    (_old(-1), by_header, {}, DONE),
    (UNCONDITIONAL, by_header, {}, DENIED),
    (UNCONDITIONAL, by_header, {"IfNoneMatch": "*"}, "PreconditionFailed"),
    (UNCONDITIONAL, by_url, {}, DENIED),
    (UNCONDITIONAL, by_form, {}, DENIED),
    (MAKES_AN_OBJECT, by_header, {}, DENIED),
    (MAKES_AN_OBJECT, by_form, {}, DENIED),
    (MAKES_AN_OBJECT, by_copy, {}, DENIED),
    (MAKES_AN_OBJECT, the_completion, {}, DENIED),
    (MAKES_AN_OBJECT, the_start, {}, DONE),
    (MAKES_AN_OBJECT, a_part, {}, NO_UPLOAD),
    (MAKES_NONE, by_url, {}, DONE),
    (MAKES_NONE, the_completion, {}, NO_UPLOAD),
    (MAKES_NONE, the_start, {}, DENIED),
    (MAKES_NONE, a_part, {}, DENIED),
    (NAMES_A_KEY, by_url, {}, DONE),
    (NAMES_A_KEY, by_url, {"headers": NAMED_KEY}, DENIED),
    (NAMES_A_KEY, by_form, {"headers": NAMED_KEY}, DENIED),
]


@pytest.mark.parametrize(
    ("condition", "send", "how", "outcome"),
    CASES,
    ids=[f"{json.dumps(condition)}-{send.__name__}-{how}" for condition, send, how, _ in CASES],
)
def test_a_policy_refuses_what_its_condition_describes(
    emulator: Emulator, condition: dict[str, Any], send: Callable[..., str], how: dict[str, Any], outcome: str
) -> None:
    s3 = emulator.client("s3")
    s3.delete_bucket_policy(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"1")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": condition,
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    assert send(emulator, **how) == outcome


class TestAnObjectMayNameAwsKmsWithoutAKey:
    @pytest.fixture(autouse=True)
    def without_policy(self, emulator: Emulator) -> None:
        emulator.client("s3").delete_bucket_policy(Bucket=BUCKET)

    @pytest.mark.parametrize("send", [by_url, by_form])
    def test_and_is_encrypted_with_it(self, emulator: Emulator, send: Callable[..., str]) -> None:
        assert send(emulator, headers={SSE: "aws:kms"}) == DONE

        stored = emulator.client("s3").head_object(Bucket=BUCKET, Key="a")
        assert (stored["ServerSideEncryption"], stored.get("SSEKMSKeyId")) == ("aws:kms", None)

    def test_but_not_with_the_clients_key_as_well(self, emulator: Emulator) -> None:
        assert by_url(emulator, headers={SSE: "aws:kms", f"{SSE}-customer-algorithm": "AES256"}) == "InvalidArgument"

    def test_nor_with_the_clients_key_at_all_where_the_bucket_blocks_that(self, emulator: Emulator) -> None:
        clients_key = {
            f"{SSE}-customer-algorithm": "AES256",
            f"{SSE}-customer-key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            f"{SSE}-customer-key-MD5": "hRasmdxgYDKV3nvbahU1MA==",
        }
        assert by_url(emulator, headers=clients_key) == DONE

        default = {"SSEAlgorithm": "aws:kms"}
        blocked = {"EncryptionType": ["SSE-C"]}
        rule = {"ApplyServerSideEncryptionByDefault": default, "BlockedEncryptionTypes": blocked}
        s3 = emulator.client("s3")
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        try:
            assert by_url(emulator, headers=clients_key) == "AccessDenied"
            assert by_url(emulator, headers={SSE: "aws:kms"}) == DONE
        finally:
            s3.delete_bucket_encryption(Bucket=BUCKET)

    def test_a_key_that_is_named_is_kept(self, emulator: Emulator) -> None:
        assert by_url(emulator, headers=NAMED_KEY) == DONE

        assert emulator.client("s3").head_object(Bucket=BUCKET, Key="a").get("SSEKMSKeyId") == KEY_ARN


BODY = bytes(range(100))


@pytest.fixture(scope="module")
def first_version(emulator: Emulator) -> Mapping[str, str]:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    version_id = s3.put_object(Bucket="versions", Key="a", Body=BODY)["VersionId"]
    s3.put_object(Bucket="versions", Key="a", Body=b"later")
    return {"Bucket": "versions", "Key": "a", "VersionId": version_id}


class TestARangeOfAVersion:
    @pytest.mark.parametrize(("asked", "first", "last"), [("10-19", 10, 19), ("90-", 90, 99), ("0-8191", 0, 99)])
    def test_holds_these_bytes_alone(
        self, emulator: Emulator, first_version: Mapping[str, str], asked: str, first: int, last: int
    ) -> None:
        answer = emulator.client("s3").get_object(**first_version, Range=f"bytes={asked}")

        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["ContentRange"] == f"bytes {first}-{last}/100"
        assert answer["Body"].read() == BODY[first : last + 1]

    def test_behind_the_end_is_refused(self, emulator: Emulator, first_version: Mapping[str, str]) -> None:
        with pytest.raises(ClientError, match="InvalidRange"):
            emulator.client("s3").get_object(**first_version, Range="bytes=100-")
