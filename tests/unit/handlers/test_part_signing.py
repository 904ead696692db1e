"""POST /uploads/{upload_id}/parts: from the session alone, with nothing that a cold start would have to wait for."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.aws import presign
from handlers.aws.presign import Bucket, Credentials
from handlers.domain.plan import Parts
from handlers.domain.session import Session
from handlers.entries import sign_parts
from tests.support.aws.fake_light_clients import KEY
from tests.support.aws.moto_cloud import ENVIRONMENT, INGEST, OWNER, REF, REGION
from tests.support.aws.scripted_server import answer as scripted
from tests.support.aws.scripted_server import scripted_server
from tests.support.each_case import each_case
from tests.support.handlers.multipart_upload import SETTINGS, problem_in
from tests.support.handlers.part_lengths import length_of
from tests.support.handlers.proxy_events import proxy_event
from tests.support.paths import PROJECT

pytestmark = pytest.mark.usefixtures("api_started")

SIZE_BYTES = 5 * 1024**3 - 1
"""The last part is shorter than the others."""
SESSION = Session(
    owner=OWNER,
    upload_id=REF.upload_id,
    multipart_id="2~K.x9_-",
    size_bytes=SIZE_BYTES,
    part_size_bytes=16 * 1024**2,
    checksum_algorithm=None,
    expires_at=4_000_000_000,
)


def body(first: Any = 1, last: Any = 320, **more: Any) -> dict[str, Any]:
    return {"session": SESSION.token(*KEY), "first_part": first, "last_part": last, **more}


def sign(sent: object) -> dict[str, Any]:
    return sign_parts.handle(proxy_event(sent, upload_id=REF.upload_id), None)


def signed(sent: object) -> dict[str, Any]:
    answer = sign(sent)
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def presigned(number: int, told: dict[str, Any]) -> str:
    """The URL of one part, signed alone at the moment that the answer names."""
    stamp = told["url_suffix"].partition("X-Amz-Date=")[2][:16]
    return presign.sign_parts(
        Bucket.at(INGEST, REGION),
        REF.object_key,
        Credentials(*(ENVIRONMENT[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))),
        multipart_id=SESSION.multipart_id,
        part_numbers=[number],
        headers={"Content-Length": str(length_of(SESSION.parts, number))},
        expires_in_seconds=900,
        now=datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
    ).signatures[0]


class TestSigned:
    @each_case(("first", "last"), [(1, 1), (1, 320), (7, 9), (320, 320)])
    def test_each_part_of_the_range_has_its_own_signature(self, first: int, last: int) -> None:
        told = signed(body(first, last))
        assert told["first_part"] == first
        assert set(told) == {"url_prefix", "url_suffix", "signatures", "first_part", "expires_at"}
        assert told["signatures"] == [presigned(number, told) for number in range(first, last + 1)]
        assert told["url_prefix"].endswith("partNumber=")
        assert REF.object_key in told["url_prefix"]

    def test_the_urls_die_at_the_moment_that_is_named(self) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        told = signed(body())
        assert "X-Amz-Expires=900" in told["url_suffix"]
        assert before <= datetime.fromisoformat(told["expires_at"]) - timedelta(seconds=900) <= datetime.now(UTC)

    def test_the_signatures_of_the_most_parts_fit_into_a_lambdas_answer(self) -> None:
        parts = Parts.of(10_000 * 16 * 1024**2)
        session = SESSION._replace(size_bytes=parts.size_bytes)
        answer = sign({**body(1, 10_000), "session": session.token(*KEY)})
        assert len(json.loads(answer["body"])["signatures"]) == 10_000
        assert len(json.dumps(answer)) < 1024**2


class TestInvalidRequest:
    @each_case(("first", "last"), [(1, 321), (321, 321), (9, 8), (320, 1), (1, 10_000)])
    def test_a_range_that_the_plan_has_not_is_named(self, first: int, last: int) -> None:
        detail = (
            f"first_part is {first} and last_part is {last}, but must be a range from 1 to 320, the upload's last part."
        )
        assert problem_in(sign(body(first, last))) == (400, "invalid-request", detail)

    @each_case("value", [0, -1, 10_001, 10**100, 1.0, 1.5, "1", True, None, [1], float("nan")])
    @each_case("field", ["first_part", "last_part"])
    def test_what_is_no_number_of_a_part(self, field: str, value: object) -> None:
        status, kind, detail = problem_in(sign({**body(), field: value}))
        assert (status, kind) == (400, "invalid-request")
        assert detail.startswith(f"{field} is ")
        assert detail.endswith("but must be a whole number from 1 to 10000.")

    @each_case(
        ("sent", "fault"),
        [
            ({}, "session is required. first_part is required. last_part is required."),
            (
                body(checksum="AAAA"),
                "'checksum' is not a field; only session, first_part, last_part, checksums, last_part_size_bytes are.",
            ),
            (
                body(last_part_size_bytes=1),
                "last_part_size_bytes is of no use: the upload was declared with its size.",
            ),
            (
                body(checksums=["AAAA"]),
                "checksums are of no use: the upload was declared without a checksum.",
            ),
            (body(checksums="AAAA"), "checksums is 'AAAA', but must be a list of at most 10000 checksums, one a part."),
            ({**body(), "session": 5}, "session is 5, but must be the session of the upload."),
            ([], "The body must be a JSON object with session, first_part and last_part."),
        ],
    )
    def test_a_body_that_breaks_the_contract(self, sent: object, fault: str) -> None:
        assert problem_in(sign(sent)) == (400, "invalid-request", fault)

    @each_case("sent", [None, "", "hello", "[" * 100_000])
    def test_a_body_that_is_no_json(self, sent: str | None) -> None:
        assert problem_in(sign(sent))[:2] == (400, "invalid-request")


class TestChecksums:
    CHECKED = SESSION._replace(checksum_algorithm="crc32")

    def ask(self, *checksums: object, **more: Any) -> dict[str, Any]:
        return sign({**body(1, 2, checksums=list(checksums), **more), "session": self.CHECKED.token(*KEY)})

    def test_each_part_is_held_to_its_own(self) -> None:
        told = json.loads(self.ask("AAAAAA==", "AAAAAQ==")["body"])
        assert "X-Amz-SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-crc32" in told["url_suffix"]
        same = json.loads(self.ask("AAAAAA==", "AAAAAA==")["body"])
        assert len(set(told["signatures"] + same["signatures"])) >= 3

    @each_case("checksums", [[], ["AAAAAA=="], ["AAAAAA=="] * 3])
    def test_as_many_as_there_are_parts_are_asked_for(self, checksums: list[str]) -> None:
        detail = f"checksums has {len(checksums)}, but must have one crc32 for each of 2 parts."
        assert problem_in(self.ask(*checksums)) == (400, "invalid-request", detail)

    def test_none_at_all_is_too_few(self) -> None:
        answer = sign({**body(1, 2), "session": self.CHECKED.token(*KEY)})
        assert problem_in(answer)[2] == "checksums has 0, but must have one crc32 for each of 2 parts."

    @each_case("wrong", [None, 5, "", "AAAA", "AAAAAB==", ["AAAAAA=="], "AAAAAA==\r\nx: y"])
    def test_what_is_no_checksum_of_the_algorithm_is_named(self, wrong: object) -> None:
        status, kind, detail = problem_in(self.ask("AAAAAA==", wrong))
        assert (status, kind) == (400, "invalid-request")
        assert detail == f"checksums[1] is {wrong!a}, but must be the base64 of 4 bytes."

    def test_of_many_faults_ten_are_named(self) -> None:
        many = sign({**body(1, 320, checksums=["x"] * 320), "session": self.CHECKED.token(*KEY)})
        assert problem_in(many)[2].count("but must be") == 10


class TestInvalidSession:
    @each_case(
        ("token", "reason"),
        [
            ("", "not a token of ours"),
            ("\ud800", "not a token of ours"),
            (SESSION.token(KEY.key_id, b"x" * 32), "not issued here"),
            (SESSION.token("another-key", KEY.key), "not issued here"),
            (SESSION._replace(owner="somebody-else").token(*KEY), "belongs to another upload"),
            (SESSION._replace(upload_id="another").token(*KEY), "belongs to another upload"),
            (SESSION._replace(expires_at=1).token(*KEY), "has expired"),
        ],
    )
    def test_it_signs_nothing(self, token: str, reason: str) -> None:
        status, kind, detail = problem_in(sign({**body(), "session": token}))
        assert (status, kind) == (403, "invalid-session")
        assert reason in detail


class TestColdStart:
    def test_a_whole_answer_takes_neither_boto3_nor_botocore_nor_the_database(self) -> None:
        script = (
            "import json, sys\n"
            "from handlers.entries.sign_parts import handle\n"
            "answer = handle(json.load(sys.stdin), None)\n"
            "print(json.dumps([answer['statusCode'], sorted(sys.modules)]))\n"
        )
        root = PROJECT
        with scripted_server(scripted({"SecretString": KEY.to_secret()})) as server:
            environment = {**ENVIRONMENT, **SETTINGS, "AWS_ENDPOINT_URL_SECRETS_MANAGER": server.url}
            done = subprocess.run(
                [sys.executable, "-c", script],
                input=json.dumps(proxy_event(body(), upload_id=REF.upload_id)),
                env={**environment, "PYTHONPATH": str(root), "PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            )
        status, modules = json.loads(done.stdout.splitlines()[-1])
        assert status == 200
        assert len(server.requests) == 1
        roots = {name.partition(".")[0] for name in modules}
        assert not roots & {"boto3", "botocore", "s3transfer", "urllib3", "jmespath"}
        assert "handlers.storage.upload_store" not in modules
