import base64
import contextlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from handlers.aws.client import AwsError
from handlers.aws.json_client import Calls, Service
from handlers.aws.presign import Bucket, Credentials, presign
from handlers.domain.declaration import ChecksumAlgorithm
from handlers.domain.upload_ids import UploadIds
from handlers.domain.upload_ref import UploadRef
from handlers.entries import clients, create_upload
from handlers.storage.upload_signer import SENT_HEADERS
from tests.support.aws.fake_light_clients import KEY, light_calls
from tests.support.aws.moto_cloud import ENVIRONMENT, INGEST, OWNER, REGION, Cloud
from tests.support.aws.scripted_server import answer as scripted
from tests.support.aws.scripted_server import scripted_server
from tests.support.handlers.multipart_upload import SETTINGS, SHOP, checksum_of, problem_in
from tests.support.handlers.proxy_events import REQUEST_ID, always_the_same, proxy_event
from tests.support.paths import PROJECT

BODY: dict[str, Any] = {"file_name": "scan.pdf", "content_type": "application/pdf", "size_bytes": 5}
HEADERS = {
    "Content-Length": "5",
    "Content-Type": "application/pdf",
    "x-amz-server-side-encryption": "aws:kms",
    "If-None-Match": "*",
}
LIMITS = {"MAX_UPLOAD_BYTES": "1000", "MULTIPART_THRESHOLD_BYTES": "1000"}

pytestmark = pytest.mark.usefixtures("api_started")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, api_started: None) -> None:  # noqa: ARG001 - comes first
    for name, value in LIMITS.items():
        monkeypatch.setenv(name, value)


def post(body: object = BODY, **parts: Any) -> dict[str, Any]:
    return create_upload.handle(proxy_event(body, **parts), None)


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def plan_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["statusCode"] == 201
    return json.loads(answer["body"])


class TestCreated:
    def test_the_answer_is_the_plan_and_where_the_upload_can_be_followed(self, cloud: Cloud) -> None:
        answer = post(headers={"origin": SHOP})
        plan = plan_of(answer)
        ref = UploadRef(OWNER, plan["upload_id"])
        assert answer["headers"]["Location"] == f"uploads/{ref.upload_id}", (
            "relative: the stage or a domain's base path comes before it"
        )
        assert answer["headers"]["Access-Control-Allow-Origin"] == SHOP
        assert set(plan) == {"upload_id", "status", "method", "url", "headers", "expires_at", "expires_in_seconds"}
        assert cloud.status(ref) == plan["status"] == "pending"

    def test_each_upload_has_an_id_of_its_own_and_later_ones_sort_behind(self) -> None:
        ids = [plan_of(post())["upload_id"] for _ in range(20)]
        assert {UUID(upload_id).version for upload_id in ids} == {7}
        assert ids == sorted(set(ids))

    def test_times_are_now(self, cloud: Cloud) -> None:
        before = datetime.now(UTC) - timedelta(milliseconds=1)
        plan = plan_of(post())
        record = cloud.record(UploadRef(OWNER, plan["upload_id"]))
        assert record
        assert before <= datetime.fromisoformat(record["created_at"]) <= datetime.now(UTC)

    def test_the_upload_belongs_to_the_signed_in_user(self, cloud: Cloud) -> None:
        plan = plan_of(post(owner="somebody-else"))
        assert cloud.status(UploadRef("somebody-else", plan["upload_id"])) == "pending"
        assert cloud.status(UploadRef(OWNER, plan["upload_id"])) is None

    def test_an_id_that_exists_already_is_an_error_and_no_url(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = cloud.write_record(status="processing")
        monkeypatch.setattr(UploadIds, "new", always_the_same)
        with pytest.raises(RuntimeError, match="is the id of an upload already"):
            post()
        assert cloud.record() == record

    def test_a_table_that_fails_gives_no_answer_with_a_url(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UPLOADS_TABLE", "of-nobody")
        with pytest.raises(AwsError, match="ResourceNotFoundException"):
            post()


class TestTheUrl:
    def expected(self, plan: dict[str, Any], credentials: Credentials, endpoint: str | None = None) -> str:
        """Sign what the plan promises, at the moment that its URL names."""
        stamp = query_of(plan["url"])["X-Amz-Date"][0]
        return presign(
            "PUT",
            Bucket.at(INGEST, REGION, endpoint),
            UploadRef(OWNER, plan["upload_id"]).object_key,
            credentials,
            headers=HEADERS,
            expires_in_seconds=900,
            now=datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
        )

    def role(self, **changes: str) -> Credentials:
        found = {**ENVIRONMENT, **changes}
        return Credentials(found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], found["AWS_SESSION_TOKEN"])

    def test_it_puts_exactly_the_declared_length_and_type_once_with_the_roles_credentials(self) -> None:
        plan = plan_of(post())
        assert plan["headers"] == HEADERS
        assert plan["url"] == self.expected(plan, self.role())

    def test_renewed_credentials_are_used_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        post()
        renewed = {"AWS_ACCESS_KEY_ID": "ASIANEW", "AWS_SECRET_ACCESS_KEY": "new", "AWS_SESSION_TOKEN": "newer"}
        for name, value in renewed.items():
            monkeypatch.setenv(name, value)
        plan = plan_of(post())
        assert plan["url"] == self.expected(plan, self.role(**renewed))

    @pytest.mark.parametrize(
        ("variables", "endpoint"),
        [
            ({}, None),
            ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "http://127.0.0.1:4566"),
            ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000"),
            (
                {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
                "http://127.0.0.1:9000",
            ),
            ({"AWS_ENDPOINT_URL": ""}, None),
        ],
    )
    def test_it_leads_to_the_endpoint_that_aws_tools_would_use(
        self, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint: str | None
    ) -> None:
        post()  # makes the table's client, which keeps moto's endpoint
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        plan = plan_of(post())
        assert plan["url"] == self.expected(plan, self.role(), endpoint)

    def test_it_works_until_the_moment_that_the_plan_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> "Clock":
                return cls(2026, 2, 28, 12, 0, 0, 999_000, tzinfo=tz)

        monkeypatch.setattr(create_upload, "datetime", Clock)
        plan = plan_of(post())
        query = query_of(plan["url"])
        signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        dies_at = signed + timedelta(seconds=int(query["X-Amz-Expires"][0]))
        assert datetime.fromisoformat(plan["expires_at"]) <= dies_at


class TestWhatIsSigned:
    KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/mine"

    @pytest.mark.parametrize("algorithm", ChecksumAlgorithm)
    def test_a_declared_checksum_is_a_header(self, algorithm: ChecksumAlgorithm) -> None:
        value = checksum_of(algorithm, b"bytes")
        plan = plan_of(post({**BODY, "checksum": {"algorithm": str(algorithm), "value": value}}))
        assert plan["headers"] == {**HEADERS, algorithm.header: value}
        assert {name.lower() for name in plan["headers"]} - {"content-length"} <= set(SENT_HEADERS), "or browsers fail"
        assert algorithm.header in query_of(plan["url"])["X-Amz-SignedHeaders"][0].split(";")

    def test_the_customers_key_is_a_header(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KMS_KEY_ARN", self.KEY_ARN)
        plan = plan_of(post())
        assert plan["headers"] == {**HEADERS, "x-amz-server-side-encryption-aws-kms-key-id": self.KEY_ARN}

    def test_a_form_is_refused_where_forms_are_switched_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALLOWED_METHODS", "put,multipart")
        status, kind, detail = problem_in(post({**BODY, "method": "post"}))
        assert (status, kind) == (400, "invalid-request")
        assert "method" in detail
        assert plan_of(post())["method"] == "put"

    def test_a_form_is_held_to_key_type_length_encryption_and_checksum(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KMS_KEY_ARN", self.KEY_ARN)
        checksum = {"algorithm": "crc32", "value": checksum_of(ChecksumAlgorithm.CRC32, b"bytes")}
        plan = plan_of(post({**BODY, "method": "post", "checksum": checksum}))
        key = UploadRef(OWNER, plan["upload_id"]).object_key
        exact = {
            "Content-Type": "application/pdf",
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": self.KEY_ARN,
            "x-amz-checksum-crc32": checksum["value"],
            "key": key,
        }
        assert plan["method"] == "post"
        assert "headers" not in plan
        assert plan["url"] == f"https://{INGEST}.s3.{REGION}.amazonaws.com/"
        assert exact.items() <= plan["fields"].items()
        conditions = json.loads(base64.b64decode(plan["fields"]["policy"]))["conditions"]
        assert ["content-length-range", 5, 5] in conditions
        assert all({name: value} in conditions for name, value in {**exact, "bucket": INGEST}.items())


class TestTheSameRequestAgain:
    @pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key"])
    def test_it_is_told_by_its_header(self, name: str) -> None:
        first, again = (plan_of(post(headers={name: "a-key"})) for _ in range(2))
        assert first["upload_id"] == again["upload_id"]
        assert plan_of(post(headers={name: "another"}))["upload_id"] != first["upload_id"]

    def test_another_body_is_a_conflict(self) -> None:
        post(headers={"Idempotency-Key": "a-key"})
        answer = post({**BODY, "size_bytes": 6}, headers={"Idempotency-Key": "a-key"})
        assert problem_in(answer)[:2] == (409, "idempotency-conflict")

    def test_a_key_that_cannot_be_one_is_the_clients_fault(self) -> None:
        assert problem_in(post(headers={"Idempotency-Key": "a b"}))[:2] == (400, "invalid-request")


class TestRefused:
    def test_what_is_over_the_quota_is_told_with_the_limit(self, cloud: Cloud) -> None:
        status, kind, detail = problem_in(post({**BODY, "size_bytes": 1001}))
        assert (status, kind) == (403, "quota-exceeded")
        assert detail == "size_bytes is 1001, but your quota is 1000 an upload."
        assert cloud.count_records() == 0

    def test_all_faults_come_in_one_problem(self) -> None:
        answer = post({"file_name": "a/b", "size_bytes": 0, "md5": "x"}, headers={"origin": SHOP})
        problem = json.loads(answer["body"])
        assert answer["statusCode"] == problem["status"] == 400
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert answer["headers"]["Access-Control-Allow-Origin"] == SHOP
        assert "Location" not in answer["headers"]
        assert (problem["type"], problem["request_id"]) == ("urn:portage:problem:invalid-request", REQUEST_ID)
        for fault in (
            "content_type is required.",
            "'md5' is not a field;",
            "file_name is 'a/b', but must be",
            "size_bytes is 0, but must be a whole number from 1 to 53687091200000.",
        ):
            assert fault in problem["detail"]

    @pytest.mark.parametrize(
        "body",
        [
            None,
            "",
            "hello",
            "[]",
            "null",
            '{"file_name": "\\ud800", "content_type": "a/b", "size_bytes": 5}',
            '{"file_name": "a", "content_type": "a/b", "size_bytes": NaN}',
            '{"file_name": "a", "content_type": "a/b", "size_bytes": 1e400}',
            '{"file_name": "a", "content_type": "a/b", "size_bytes": true}',
            '{"file_name": "a", "content_type": "a/b", "size_bytes": 5, "\\ud800": 1}',
        ],
    )
    def test_a_body_that_breaks_the_contract_is_the_clients_fault_and_leaves_no_record(
        self, cloud: Cloud, body: str | None
    ) -> None:
        answer = post(body)
        assert answer["statusCode"] == 400
        assert json.loads(answer["body"])["detail"]
        assert answer["body"].isascii()
        assert cloud.count_records() == 0

    def test_a_body_nested_as_deeply_as_json_can_be_read_is_the_clients_fault_too(self) -> None:
        depths = (*range(900, 1000), 100_000)
        bodies = ['{"file_name": ' + "[" * depth + "]" * depth + "}" for depth in depths]
        assert {post(body)["statusCode"] for body in bodies} == {400}


class TestColdStart:
    def test_a_missing_setting_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("MAX_UPLOAD_BYTES")
        with pytest.raises(ValueError, match="MAX_UPLOAD_BYTES is not set"):
            post()

    def test_one_client_serves_all_requests_of_an_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[str] = []

        def client(service: Service, region: str) -> Calls:
            made.append(service.name)
            return light_calls(service, region)

        monkeypatch.setattr(clients, "AwsJson", client)
        for _ in range(3):
            post()
        assert made == ["dynamodb"]

    @pytest.mark.parametrize("body", [BODY, {**BODY, "method": "multipart"}])
    def test_a_whole_answer_takes_neither_boto3_nor_botocore(self, body: dict[str, Any]) -> None:
        script = (
            "import json, sys\n"
            "from handlers.entries.create_upload import handle\n"
            "answer = handle(json.load(sys.stdin), None)\n"
            "print(json.dumps([answer['statusCode'], sorted(sys.modules)]))\n"
        )
        began = b"<InitiateMultipartUploadResult><UploadId>m-1</UploadId></InitiateMultipartUploadResult>"
        with contextlib.ExitStack() as servers:
            one = servers.enter_context(scripted_server(scripted({}), scripted({})))
            s3 = servers.enter_context(scripted_server(scripted(began)))
            secrets = servers.enter_context(scripted_server(scripted({"SecretString": KEY.to_secret()})))
            done = subprocess.run(
                [sys.executable, "-c", script],
                input=json.dumps(proxy_event(body)),
                env={
                    **ENVIRONMENT,
                    **SETTINGS,
                    "AWS_ENDPOINT_URL_DYNAMODB": one.url,
                    "AWS_ENDPOINT_URL_S3": s3.url,
                    "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.url,
                    "PYTHONPATH": str(PROJECT),
                    "PATH": os.environ["PATH"],
                },
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            )
        status, modules = json.loads(done.stdout.splitlines()[-1])
        assert status == 201
        assert [request.headers["X-Amz-Target"].partition(".")[2] for request in one.requests] == ["PutItem", "PutItem"]
        assert not {name.partition(".")[0] for name in modules} & {"boto3", "botocore", "s3transfer", "urllib3"}
