from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.presign import Bucket, Credentials, presign
from tests.support.aws import botocore_signer as peer
from tests.support.aws.botocore_signer import KEY, LOCAL, NAME, NOW, PLAIN, REGION, TEMPORARY, boto3_url, botocore_url
from tests.support.each_case import each_case

query_names = st.sampled_from(
    ["a", "A", "a-b", "a.b", "a b", "X-Amz-", "X-Amz-Z", "Z", "partNumber", "response-content-type", "zz", "é", "=&"]
)
queries = st.dictionaries(query_names | peer.text.filter(bool), peer.text, max_size=5)


def own_url(
    method: str,
    query: dict[str, str],
    *,
    key: str = KEY,
    endpoint: str | None = None,
    credentials: Credentials = PLAIN,
    headers: dict[str, str] | None = None,
    seconds: int = 900,
    now: datetime = NOW,
) -> str:
    return presign(
        method,
        Bucket.at(NAME, REGION, endpoint),
        key,
        credentials,
        headers=headers or {},
        query=query,
        expires_in_seconds=seconds,
        now=now,
    )


class TestEqualToBoto3ByteForByte:
    @each_case(
        ("method", "operation", "parameters", "query"),
        [
            ("GET", "get_object", {}, {}),
            *(
                ("GET", "get_object", {"ResponseContentDisposition": value}, {"response-content-disposition": value})
                for value in (
                    "attachment",
                    'attachment; filename="a b.pdf"',
                    "attachment; filename*=UTF-8''%C3%9Cberweisung%20M%C3%A4rz.pdf.json",
                    'inline; filename="名前/😀&x=y+z?#.txt"',
                )
            ),
            (
                "GET",
                "get_object",
                {"ResponseContentType": "text/plain; charset=utf-8", "ResponseCacheControl": "no-store"},
                {"response-content-type": "text/plain; charset=utf-8", "response-cache-control": "no-store"},
            ),
            ("GET", "get_object", {"VersionId": "3HL4kqtJ/+="}, {"versionId": "3HL4kqtJ/+="}),
            ("GET", "list_parts", {"UploadId": "2~K.x9/+="}, {"uploadId": "2~K.x9/+="}),
            ("DELETE", "abort_multipart_upload", {"UploadId": "2~K.x9 é"}, {"uploadId": "2~K.x9 é"}),
            (
                "PUT",
                "upload_part",
                {"UploadId": "2~K.x9&a=b", "PartNumber": 10_000},
                {"uploadId": "2~K.x9&a=b", "partNumber": "10000"},
            ),
        ],
    )
    @each_case("credentials", [PLAIN, TEMPORARY])
    @each_case("endpoint", [None, LOCAL])
    def test_for_any_operation(
        self,
        *,
        endpoint: str | None,
        credentials: Credentials,
        method: str,
        operation: str,
        parameters: dict[str, Any],
        query: dict[str, str],
    ) -> None:
        ours = own_url(method, query, endpoint=endpoint, credentials=credentials)
        assert ours == boto3_url(peer.client(endpoint, credentials), operation, {"Key": KEY, **parameters})

    @given(peer.text.filter(bool), peer.keys, peer.endpoints, peer.credential_sets, peer.lifetimes)
    def test_whatever_the_disposition(
        self, disposition: str, key: str, endpoint: str | None, credentials: Credentials, seconds: int
    ) -> None:
        query = {"response-content-disposition": disposition}
        ours = own_url("GET", query, key=key, endpoint=endpoint, credentials=credentials, seconds=seconds)
        asked = {"Key": key, "ResponseContentDisposition": disposition}
        assert ours == boto3_url(peer.client(endpoint, credentials), "get_object", asked, seconds=seconds)

    @given(st.sampled_from(["GET", "PUT", "DELETE"]), queries, peer.headers, peer.credential_sets, peer.moments)
    def test_whatever_the_query(
        self, method: str, query: dict[str, str], headers: dict[str, str], credentials: Credentials, now: datetime
    ) -> None:
        ours = own_url(method, query, headers=headers, credentials=credentials, seconds=60, now=now)
        bucket = Bucket.at(NAME, REGION)
        theirs = botocore_url(method, bucket, KEY, credentials, headers=headers, query=query, seconds=60, now=now)
        assert ours == theirs

    def test_in_path_style_on_amazons_own_host(self) -> None:
        endpoint = f"https://s3.{REGION}.amazonaws.com"
        assert own_url("GET", {}, endpoint=endpoint) == boto3_url(peer.client(endpoint), "get_object", {"Key": KEY})


def test_another_query_is_another_signature() -> None:
    one, other = (own_url("GET", {"response-content-type": value}) for value in ("text/plain", "text/html"))
    assert one.rpartition("&")[2] != other.rpartition("&")[2]
