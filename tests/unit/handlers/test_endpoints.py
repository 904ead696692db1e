"""The table of partitions is botocore's, and URLs are read and quoted as urllib.parse does."""

from typing import Any
from urllib.parse import quote, urlsplit

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import ArgumentError, limits
from handlers.aws.endpoints import PARTITIONS, Endpoint, partition_of, quoted
from tests.support.each_case import each_case

SESSION = botocore.session.Session()
KNOWN: dict[str, dict[str, Any]] = {each["id"]: each for each in SESSION.get_data("partitions")["partitions"]}
NEEDED = (
    "apigateway",
    "cognito-idp",
    "dynamodb",
    "events",
    "guardduty",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sqs",
    "sts",
    "xray",
)


def regions(partition: str) -> list[str]:
    return [region for region in KNOWN[partition]["regions"] if not region.endswith("-global")]


EVERYWHERE = [(partition, region) for partition in KNOWN for region in regions(partition)]


def test_no_partition_is_missing_and_each_has_its_dns_suffix() -> None:
    assert {each.name: each.dns_suffix for each in PARTITIONS} == {
        name: each["outputs"]["dnsSuffix"] for name, each in KNOWN.items()
    }


def test_each_region_belongs_to_its_partition() -> None:
    assert [(partition_of(region).name, region) for _, region in EVERYWHERE] == EVERYWHERE


def test_a_region_can_be_deployed_to_exactly_where_it_has_every_service() -> None:
    for partition, region in EVERYWHERE:
        if all(region in SESSION.get_available_regions(service, partition) for service in NEEDED):
            assert limits.REGION.check("region", region) == region
        else:
            with pytest.raises(ArgumentError, match=f"region is '{region}'"):
                limits.REGION.check("region", region)


def test_the_partitions_that_lack_a_service_are_refused_whole() -> None:
    assert {each.name for each in PARTITIONS if each.has_user_pools} == {"aws", "aws-us-gov", "aws-eusc"}


hosts = st.sampled_from(["localhost", "S3.Example.com", "127.0.0.1", "[::1]", "[2001:DB8::1]", "my_host"])
paths = st.sampled_from(["", "/", "/base", "/base/", "/a/b//", "/%20~"])


class TestAnEndpoint:
    @given(st.sampled_from(["http", "https", "HTTPS"]), hosts, st.none() | st.integers(1, 65_535), paths)
    def test_is_read_as_urllib_reads_it(self, scheme: str, host: str, port: int | None, path: str) -> None:
        url = f"{scheme}://{host}{'' if port is None else f':{port}'}{path}"
        theirs, ours = urlsplit(url), Endpoint.parse(url)
        own_port = {"http": 80, "https": 443}[theirs.scheme]

        assert ours == (theirs.scheme, theirs.hostname, theirs.port or own_port, theirs.path.rstrip("/"))
        assert ours.host_header == host.lower() + ("" if port in {None, own_port} else f":{port}")

    @each_case(
        "url",
        [
            "",
            "localhost:4566",
            "ftp://localhost",
            "https://",
            "https://:443",
            "https://[]",
            "https://[::1",
            "https://[::1]4566",
            "https://host:",
            "https://host:0",
            "https://host:65536",
            "https://host:x",
            "https://host:²",
            "https://user@host",
            "https://host?query",
            "https://host/path?query",
            "https://host/path#fragment",
            "https://evil.example\\@host",
            "https://two words",
            "https://İ.example/path",
        ],
    )
    def test_of_another_form_is_an_error(self, url: str) -> None:
        with pytest.raises(ValueError, match="endpoint"):
            Endpoint.parse(url)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["", "/"]))
def test_text_is_quoted_as_urllib_quotes_it(text: str, safe: str) -> None:
    assert quoted(text, safe.encode()) == quote(text, safe=f"-._~{safe}")
