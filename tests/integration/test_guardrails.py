"""What was not declared does not get in, even from somebody who may write to the bucket and goes past the API."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from handlers.aws.presign import Bucket, Credentials, presign, presign_post
from tests.integration.conftest import DeployWith
from tests.support.deployment.system import Answer, System, User, http, put

WEEK_SECONDS = 604_800
ONCE = {"If-None-Match": "*"}
SSE = "x-amz-server-side-encryption"
CLIENTS_KEY = {
    f"{SSE}-customer-algorithm": "AES256",
    f"{SSE}-customer-key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    f"{SSE}-customer-key-MD5": "hRasmdxgYDKV3nvbahU1MA==",
}


class Writer:
    """The operator of the embedded AWS, an IAM user who may do anything, with tools of their own."""

    def __init__(self, system: System) -> None:
        operator = system.emulator.operator
        self.s3 = system.emulator.client("s3")
        self.bucket_name = system.outputs["ingestBucket"]
        self._bucket = Bucket.at(self.bucket_name, system.emulator.region, system.emulator.endpoint)
        self._credentials = Credentials(operator.access_key_id, operator.secret_access_key)

    def key(self, prefix: str = "uploads") -> str:
        return f"{prefix}/somebody/{secrets.token_hex(8)}"

    def put_by_url(self, key: str, headers: Mapping[str, str], *, age_seconds: float = 0) -> Answer:
        """Send to a URL signed that long ago, which is good for a week."""
        signed_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
        url = presign(
            "PUT",
            self._bucket,
            key,
            self._credentials,
            headers=headers,
            expires_in_seconds=WEEK_SECONDS,
            now=signed_at,
        )
        return http("PUT", url, b"12345", headers)

    def put_by_form(self, key: str, *, age_seconds: float = 0) -> Answer:
        """Send with a form signed that long ago, which is good for a week."""
        signed_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
        form = presign_post(
            self._bucket,
            key,
            self._credentials,
            fields={},
            size_range=(5, 5),
            expires_in_seconds=WEEK_SECONDS,
            now=signed_at,
        )
        body, content_type = urllib3.encode_multipart_formdata({**form.fields, "file": ("a.bin", b"12345")})
        return http("POST", form.url, body, {"Content-Type": content_type})

    def refusal(self, call: str, **arguments: Any) -> str:
        """The code with which S3 refuses a call signed in its header."""
        with pytest.raises(ClientError) as caught:
            getattr(self.s3, call)(Bucket=self.bucket_name, **arguments)
        response: Any = caught.value.response
        return response["Error"]["Code"]


@pytest.fixture
def writer(guarded_system: System) -> Writer:
    """Where creations wait for a scan, so that nobody tries to process what nobody has declared."""
    return Writer(guarded_system)


class TestAnObjectIsWrittenOnce:
    def test_a_url_without_the_condition_writes_nothing(self, writer: Writer) -> None:
        key = writer.key()

        assert_denied(writer.put_by_url(key, {}))

        assert writer.put_by_url(key, ONCE).status == 200
        assert writer.put_by_url(key, ONCE).status == 412

    def test_nor_does_a_request_signed_in_its_header(self, writer: Writer) -> None:
        assert writer.refusal("put_object", Key=writer.key(), Body=b"12345") == "AccessDenied"

    def test_nor_does_a_copy(self, writer: Writer) -> None:
        source = writer.key()
        writer.s3.put_object(Bucket=writer.bucket_name, Key=source, Body=b"12345", IfNoneMatch="*")

        code = writer.refusal("copy_object", Key=writer.key(), CopySource=f"{writer.bucket_name}/{source}")

        assert code == "AccessDenied"

    def test_parts_need_none_but_their_completion_does(self, writer: Writer) -> None:
        upload = {"Key": (key := writer.key())}
        upload["UploadId"] = writer.s3.create_multipart_upload(Bucket=writer.bucket_name, Key=key)["UploadId"]
        part = writer.s3.upload_part(Bucket=writer.bucket_name, PartNumber=1, Body=b"12345", **upload)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}

        assert writer.refusal("complete_multipart_upload", MultipartUpload=parts, **upload) == "AccessDenied"

        writer.s3.complete_multipart_upload(Bucket=writer.bucket_name, MultipartUpload=parts, IfNoneMatch="*", **upload)

    def test_a_form_needs_none_as_it_can_have_none(self, writer: Writer) -> None:
        assert writer.put_by_form(writer.key()).status == 204

    def test_outside_of_the_uploads_nothing_is_asked(self, writer: Writer) -> None:
        assert writer.put_by_url(writer.key("elsewhere"), {}).status == 200


class TestAnOldSignatureIsRefusedWhateverExpiryItNames:
    """The stack's URLs live for 60 seconds."""

    def test_in_a_url(self, writer: Writer) -> None:
        assert_denied(writer.put_by_url(writer.key(), ONCE, age_seconds=70))
        assert writer.put_by_url(writer.key(), ONCE, age_seconds=30).status == 200

    def test_in_a_form(self, writer: Writer) -> None:
        assert_denied(writer.put_by_form(writer.key(), age_seconds=70))
        assert writer.put_by_form(writer.key(), age_seconds=30).status == 204


class TestEncryptionIsTheBuckets:
    @pytest.mark.parametrize(
        "headers",
        [
            {SSE: "AES256"},
            {SSE: "aws:kms:dsse"},
            CLIENTS_KEY,
        ],
        ids=["S3's", "twice", "the client's key"],
    )
    def test_any_other_is_refused(self, writer: Writer, headers: dict[str, str]) -> None:
        assert_denied(writer.put_by_url(writer.key(), {**ONCE, **headers}))

    @pytest.mark.parametrize("headers", [{}, {SSE: "aws:kms"}], ids=["unnamed", "named"])
    def test_its_own_is_taken(self, writer: Writer, headers: dict[str, str]) -> None:
        key = writer.key()

        assert writer.put_by_url(key, {**ONCE, **headers}).status == 200

        stored = writer.s3.head_object(Bucket=writer.bucket_name, Key=key)
        assert stored["ServerSideEncryption"] == "aws:kms"

    def test_parts_of_an_upload_that_named_another_never_begin(self, writer: Writer) -> None:
        code = writer.refusal("create_multipart_upload", Key=writer.key(), ServerSideEncryption="AES256")

        assert code == "AccessDenied"


Send = Callable[[System, User], Answer]


def send_whole(system: System, user: User) -> Answer:
    return put(system.create(user, 5), b"12345")


def send_a_part(system: System, user: User) -> Answer:
    """As far as to the bucket, everything is granted: our functions sign in their headers."""
    declared = {"file_name": "a.bin", "content_type": "application/octet-stream", "size_bytes": 5}
    plan = system.call("POST", "/uploads", {**declared, "method": "multipart"}, token=user.token).json
    asked = {"session": plan["session"], "first_part": 1, "last_part": 1}
    signed = system.call("POST", f"/uploads/{plan['upload_id']}/parts", asked, token=user.token).json
    url = f"{signed['url_prefix']}1{signed['url_suffix']}{signed['signatures'][0]}"
    return http("PUT", url, b"12345")


@pytest.fixture(scope="module")
def elsewhere(deploy_with: DeployWith) -> System:
    """A deployment that means other networks than that of the tests, which is loopback."""
    return deploy_with(
        "elsewhere", allowedSourceCidrs=["203.0.113.0/24"], allowedSourceVpcIds=["vpc-0a1b2c3d4e5f60718"]
    )


class TestFilesComeFromAllowedNetworks:
    @pytest.mark.parametrize("send", [send_whole, send_a_part])
    def test_from_one_of_them_they_get_in(self, guarded_system: System, guarded_user: User, send: Send) -> None:
        assert send(guarded_system, guarded_user).status == 200

    @pytest.mark.parametrize("send", [send_whole, send_a_part])
    def test_from_elsewhere_nothing_gets_in(self, elsewhere: System, send: Send) -> None:
        assert_denied(send(elsewhere, elsewhere.new_user()))

    def test_from_elsewhere_no_form_gets_in_either(self, elsewhere: System) -> None:
        writer = Writer(elsewhere)

        assert_denied(writer.put_by_form(writer.key()))

    def test_who_signs_in_the_header_is_not_meant(self, elsewhere: System) -> None:
        writer = Writer(elsewhere)

        writer.s3.put_object(Bucket=writer.bucket_name, Key=writer.key(), Body=b"12345", IfNoneMatch="*")


def assert_denied(answer: Answer) -> None:
    assert answer.status == 403, answer.text
    assert "<Code>AccessDenied</Code>" in answer.text
