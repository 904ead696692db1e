"""The light client signs as boto3 does, byte for byte, and asks where boto3 asks."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.client import Request, sign
from handlers.aws.json_client import DYNAMODB, SECRETS_MANAGER, SQS, AwsJson, Service, endpoint_url
from handlers.aws.presign import Credentials
from tests.support.aws.connected_client import NOW, REGION
from tests.support.each_case import each_case

PLAIN = Credentials("AKIAEXAMPLE", "secret/with+reserved=")
HEADERS = {
    "Host": "dynamodb.eu-central-1.amazonaws.com",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "DynamoDB_20120810.PutItem",
}

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
header_names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True).map(lambda name: f"X-Amz-{name}-Meta")


def post(headers: dict[str, str], body: bytes) -> Request:
    return Request("POST", "/", headers, body)


def botocores(
    headers: dict[str, str], body: bytes, credentials: Credentials, *, service: str, region: str, now: float
) -> dict[str, str]:
    request = AWSRequest(method="POST", url=f"https://{headers['Host']}/", headers=dict(headers), data=body)
    theirs = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(now, UTC))
        SigV4Auth(theirs, service, region).add_auth(request)
    return dict(request.headers.items())


class TestTheSignature:
    @each_case(
        "body",
        [b"", b"{}", json.dumps({"TableName": "t", "Key": {"k": {"S": "é😀"}}}).encode(), b"\x00\xff", b"x" * 400_000],
    )
    @each_case(
        "credentials",
        [PLAIN, Credentials("ASIAEXAMPLE", "secret", "token/with+reserved=="), Credentials("A", "s", "t" * 1_500)],
    )
    @each_case(
        ("service", "region"),
        [("dynamodb", "eu-central-1"), ("secretsmanager", "us-gov-west-1"), ("dynamodb", "cn-north-1")],
    )
    def test_is_botocores(self, body: bytes, credentials: Credentials, service: str, region: str) -> None:
        arguments: dict[str, Any] = {"service": service, "region": region, "now": NOW}
        assert sign(post(HEADERS, body), credentials, **arguments) == botocores(HEADERS, body, credentials, **arguments)

    @each_case("host", ["dynamodb.eu-central-1.amazonaws.com", "localhost:4566", "127.0.0.1:45123", "[::1]:4566"])
    def test_is_botocores_for_any_host(self, host: str) -> None:
        headers = {**HEADERS, "Host": host}
        arguments: dict[str, Any] = {"service": "dynamodb", "region": REGION, "now": NOW}
        assert sign(post(headers, b"{}"), PLAIN, **arguments) == botocores(headers, b"{}", PLAIN, **arguments)

    @given(
        st.dictionaries(header_names, header_values, max_size=4),
        st.binary(max_size=200),
        st.builds(Credentials, printable, printable, st.none() | printable),
        st.sampled_from(["dynamodb", "secretsmanager", "ssm"]),
        st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True),
        st.integers(0, 4_000_000_000),
    )
    def test_is_botocores_whatever_is_signed(  # noqa: PLR0917 - hypothesis's columns
        self, more: dict[str, str], body: bytes, credentials: Credentials, service: str, region: str, now: float
    ) -> None:
        headers = {**HEADERS, **{name.lower(): value for name, value in more.items()}}
        arguments: dict[str, Any] = {"service": service, "region": region, "now": now}
        assert sign(post(headers, body), credentials, **arguments) == botocores(headers, body, credentials, **arguments)

    def test_of_one_day_or_secret_or_service_is_not_that_of_another(self) -> None:
        cases = [
            ("dynamodb", REGION, NOW, PLAIN),
            ("dynamodb", REGION, NOW + 1, PLAIN),
            ("secretsmanager", REGION, NOW, PLAIN),
            ("dynamodb", "us-east-1", NOW, PLAIN),
            ("dynamodb", REGION, NOW, Credentials("AKIAEXAMPLE", "another")),
        ]
        for service, region, now, credentials in [*cases, *cases]:
            arguments: dict[str, Any] = {"service": service, "region": region, "now": now}
            assert sign(post(HEADERS, b"{}"), credentials, **arguments) == botocores(
                HEADERS, b"{}", credentials, **arguments
            )


class TestTheEndpoint:
    @each_case(
        ("service", "region", "environ", "expected"),
        [
            (DYNAMODB, "eu-central-1", {}, "https://dynamodb.eu-central-1.amazonaws.com"),
            (SECRETS_MANAGER, "us-gov-west-1", {}, "https://secretsmanager.us-gov-west-1.amazonaws.com"),
            (SQS, "eu-central-1", {}, "https://sqs.eu-central-1.amazonaws.com"),
            (DYNAMODB, "cn-north-1", {}, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
            (DYNAMODB, "eusc-de-east-1", {}, "https://dynamodb.eusc-de-east-1.amazonaws.eu"),
            (DYNAMODB, REGION, {"AWS_ENDPOINT_URL": "http://all:1"}, "http://all:1"),
            (SECRETS_MANAGER, REGION, {"AWS_ENDPOINT_URL": "http://all:1"}, "http://all:1"),
            (
                DYNAMODB,
                REGION,
                {"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://one:2"},
                "http://one:2",
            ),
            (
                SECRETS_MANAGER,
                REGION,
                {"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://one:2"},
                "http://one:2",
            ),
            (
                SECRETS_MANAGER,
                REGION,
                {"AWS_ENDPOINT_URL_DYNAMODB": "http://one:2", "AWS_ENDPOINT_URL": ""},
                "https://secretsmanager.eu-central-1.amazonaws.com",
            ),
        ],
    )
    def test_is_the_services_unless_the_environment_names_another(
        self, service: Service, region: str, environ: dict[str, str], expected: str
    ) -> None:
        assert endpoint_url(service, region, environ) == expected

    @each_case("url", ["localhost:4566", "ftp://host", "http://", "http://host/path", "//host"])
    def test_of_another_form_is_refused_with_the_right_one(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(ValueError, match=r"must be of the form https://host\[:port\]"):
            AwsJson(DYNAMODB, REGION)

    @each_case(
        ("url", "host"),
        [
            ("http://LOCALHOST:4566/", "localhost:4566"),
            ("http://localhost:80", "localhost"),
            ("https://localhost:443", "localhost"),
            ("http://localhost:443", "localhost:443"),
            ("http://[::1]:4566", "[::1]:4566"),
            ("http://[::1]", "[::1]"),
        ],
    )
    def test_is_named_in_the_shortest_form(self, url: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert AwsJson(DYNAMODB, REGION)._host == host  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
