"""The light S3 client: what it sends is signed as botocore signs, and what S3 says is understood."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.client import AwsError, NoAnswer, Request, sign
from handlers.aws.presign import Bucket, Credentials
from handlers.aws.s3_client import AwsS3
from handlers.domain.upload import Multipart
from handlers.storage.multipart_start import MultipartStart
from local.emulator.process import Emulator
from tests.support.aws.connected_client import NOW
from tests.support.aws.moto_cloud import ENVIRONMENT, REF
from tests.support.aws.scripted_server import ScriptedServer, Step, answer, scripted_server

BEGAN = b"""<?xml version="1.0" encoding="UTF-8"?>
<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>2~K.x9_-</UploadId></InitiateMultipartUploadResult>"""
ROLE = Credentials("ASIAEXAMPLE", "secret/with+reserved=", "token/with+reserved==")


@contextmanager
def connected(*steps: Step) -> Generator[tuple[ScriptedServer, AwsS3, list[float]]]:
    waits: list[float] = []
    with scripted_server(*steps) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        bucket = Bucket.at("ingest", "eu-central-1", server.url)
        client = AwsS3(bucket, clock=lambda: NOW, sleep=waits.append, jitter=lambda: 1.0)
        yield server, client, waits
        client.close()


def refused(code: str, status: int) -> Step:
    document = f"<Error><Code>{code}</Code><Message>Not &lt;now&gt;</Message><RequestId>r</RequestId></Error>"
    return answer(document.encode(), status=status)


class TestBeginning:
    def test_it_says_what_the_object_will_be_and_returns_s3s_id(self) -> None:
        with connected(answer(BEGAN)) as (server, client, _):
            assert client.create_multipart_upload("uploads/o/ü 1", {"Content-Type": "a/b"}) == "2~K.x9_-"
        (request,) = server.requests
        assert request.head == "POST /ingest/uploads/o/%C3%BC%201?uploads= HTTP/1.1"
        assert (request.headers["Content-Type"], request.body) == ("a/b", b"")

    def test_an_answer_without_an_id_is_none(self) -> None:
        with connected(answer(b"<html>")) as (_server, client, _), pytest.raises(NoAnswer, match="UploadId"):
            client.create_multipart_upload("key", {})


class TestGivingUp:
    def test_it_names_the_upload(self) -> None:
        with connected(answer(b"", status=204)) as (server, client, _):
            client.abort_multipart_upload("key", "2~K.x9_-+/=")
        assert server.requests[0].head == "DELETE /ingest/key?uploadId=2~K.x9_-%2B%2F%3D HTTP/1.1"

    @pytest.mark.parametrize(("code", "is_raised"), [("NoSuchUpload", False), ("AccessDenied", True)])
    def test_what_is_gone_already_is_as_good(self, code: str, is_raised: bool) -> None:
        with connected(refused(code, 404)) as (_server, client, _):
            start, multipart = MultipartStart(client), Multipart("m", 10)
            if is_raised:
                with pytest.raises(AwsError, match=code):
                    start.abort(REF, multipart)
            else:
                start.abort(REF, multipart)


class TestRefusals:
    def test_code_and_sentence_are_s3s(self) -> None:
        with connected(refused("NoSuchBucket", 404)) as (_server, client, _), pytest.raises(AwsError) as caught:
            client.create_multipart_upload("key", {})
        assert (caught.value.code, caught.value.message, caught.value.status) == ("NoSuchBucket", "Not <now>", 404)

    def test_a_refusal_without_a_document_is_named_by_its_status(self) -> None:
        with connected(answer(b"", status=403)) as (_server, client, _), pytest.raises(AwsError) as caught:
            client.create_multipart_upload("key", {})
        assert (caught.value.code, caught.value.message) == ("403", "no message")

    @pytest.mark.parametrize(("code", "status"), [("SlowDown", 503), ("InternalError", 500)])
    def test_what_may_pass_is_tried_again(self, code: str, status: int) -> None:
        with connected(refused(code, status), refused(code, status), answer(BEGAN)) as (server, client, waits):
            assert client.create_multipart_upload("key", {})
        assert (len(server.requests), len(waits)) == (3, 2)


keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
header_names = st.sampled_from(["content-type", "x-amz-meta-a", "x-amz-checksum-type"])
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)


class TestTheSignature:
    @given(
        keys, st.dictionaries(st.sampled_from(["content-type", "x-amz-meta-a", "x-amz-checksum-type"]), header_values)
    )
    def test_is_botocores(self, key: str, headers: dict[str, str]) -> None:
        bucket = Bucket.at("ingest", "eu-central-1")
        target = f"{bucket.path_to(key)}?uploads="
        theirs = AWSRequest(method="POST", url=f"{bucket.origin}{target}", headers={**headers, "Host": bucket.host})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(NOW, UTC))
            credentials = BotocoreCredentials(ROLE.access_key_id, ROLE.secret_access_key, ROLE.session_token)
            S3SigV4Auth(credentials, "s3", "eu-central-1").add_auth(theirs)
        request = Request("POST", target, {"Host": bucket.host, **headers}, b"")
        ours = sign(request, ROLE, service="s3", region="eu-central-1", now=NOW)
        lower: dict[str, Any] = {name.lower(): value for name, value in ours.items()}
        assert lower == {name.lower(): value for name, value in theirs.headers.items()}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.client("s3").create_bucket(Bucket="ingest")
        yield running


def test_the_embedded_aws_takes_it(emulator: Emulator) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", emulator.operator.access_key_id)
        patch.setenv("AWS_SECRET_ACCESS_KEY", emulator.operator.secret_access_key)
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        client = AwsS3(Bucket.at("ingest", emulator.region, emulator.endpoint))
        headers = {"Content-Type": "a/b", "x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "COMPOSITE"}
        multipart_id = client.create_multipart_upload("uploads/o/ü 1", headers)
        s3 = emulator.client("s3")
        (opened,) = s3.list_multipart_uploads(Bucket="ingest")["Uploads"]
        assert (opened.get("Key"), opened.get("UploadId")) == ("uploads/o/ü 1", multipart_id)
        client.abort_multipart_upload("uploads/o/ü 1", multipart_id)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket="ingest")
        with pytest.raises(AwsError, match="NoSuchUpload"):
            client.abort_multipart_upload("uploads/o/ü 1", multipart_id)
        client.close()
