"""No writer of the ingest bucket can store an object that was not declared."""

from typing import Any

import pulumi_aws as aws
import pytest

from tests.support.components.examples import CIDRS, INGEST_BUCKET, KMS_KEY_ARN, NAME, UPLOAD_API, VPC_IDS
from tests.support.components.recording import Recording, arn_of, record

BUCKET_ARN = arn_of(aws.s3.Bucket, NAME)
PRESIGNED = {"StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]}}
KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id"


def statements(**args: Any) -> dict[str, Any]:
    return _by_sid(record(lambda: INGEST_BUCKET.make(**args) and None))


def _by_sid(recording: Recording, bucket: str = NAME) -> dict[str, Any]:
    document = recording.json_input(aws.s3.BucketPolicy, f"{bucket}-policy", "policy")
    return {each.pop("Sid"): each for each in document["Statement"]}


def deny(action: str, resource: str | list[str], **condition: Any) -> dict[str, Any]:
    resources = resource if isinstance(resource, list) else [resource]
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resources, "Condition": condition}


def test_what_came_is_refused_by_one_policy_with_all_that_every_bucket_refuses() -> None:
    assert [*statements()] == [
        "RefusePlainHttp",
        "RefuseOldSignatures",
        "RefuseOverwrites",
        "RefuseOtherEncryption",
    ]


@pytest.mark.parametrize(("seconds", "milliseconds"), [(1, "1000"), (900, "900000"), (3_600, "3600000")])
def test_presigned_requests_are_refused_once_they_are_older_than_urls_get(seconds: int, milliseconds: str) -> None:
    assert statements(url_expires_in_seconds=seconds)["RefuseOldSignatures"] == deny(
        "s3:*",
        [BUCKET_ARN, f"{BUCKET_ARN}/*"],
        **PRESIGNED,
        NumericGreaterThan={"s3:signatureAge": milliseconds},
    )


def test_objects_are_written_once_but_parts_are_no_objects_and_forms_take_no_condition() -> None:
    assert statements()["RefuseOverwrites"] == deny(
        "s3:PutObject",
        f"{BUCKET_ARN}/uploads/*",
        Null={"s3:if-none-match": "true"},
        Bool={"s3:ObjectCreationOperation": "true"},
        StringNotEquals={"s3:authType": "POST"},
    )


def test_without_forms_nothing_is_written_without_the_condition() -> None:
    assert statements(allow_forms=False)["RefuseOverwrites"] == deny(
        "s3:PutObject",
        f"{BUCKET_ARN}/uploads/*",
        Null={"s3:if-none-match": "true"},
        Bool={"s3:ObjectCreationOperation": "true"},
    )


@pytest.mark.parametrize(("allow_forms", "allowed"), [(True, ["PUT", "POST"]), (False, ["PUT"])])
def test_pages_may_send_by_the_methods_that_are_allowed(*, allow_forms: bool, allowed: list[str]) -> None:
    args = {"allow_forms": allow_forms, "allowed_origins": ["https://app.example.com"]}
    cors = record(lambda: INGEST_BUCKET.make(**args) and None).inputs(aws.s3.BucketCorsConfiguration)

    assert cors["corsRules"][0]["allowedMethods"] == allowed


class TestEncryptionIsTheBuckets:
    def test_any_other_is_refused_where_one_is_named(self) -> None:
        sse = "s3:x-amz-server-side-encryption"

        assert statements()["RefuseOtherEncryption"] == deny(
            "s3:PutObject", f"{BUCKET_ARN}/uploads/*", Null={sse: "false"}, StringNotEquals={sse: "aws:kms"}
        )

    def test_any_other_key_than_the_customers_is_refused(self) -> None:
        assert statements(kms_key_arn=KMS_KEY_ARN)["RefuseOtherKeys"] == deny(
            "s3:PutObject", f"{BUCKET_ARN}/uploads/*", Null={KEY_ID: "false"}, StringNotEquals={KEY_ID: KMS_KEY_ARN}
        )

    @pytest.mark.parametrize("args", [{}, {"kms_key_arn": KMS_KEY_ARN}])
    def test_what_is_no_upload_is_not_asked_for_its_encryption_as_guardduty_writes_a_test_object(
        self, args: dict[str, Any]
    ) -> None:
        about_encryption = [each for each in statements(**args).values() if "server-side-encryption" in str(each)]

        assert about_encryption
        assert all(each["Resource"] == [f"{BUCKET_ARN}/uploads/*"] for each in about_encryption)

    def test_no_key_is_refused_where_there_is_no_customers_since_parts_may_bring_awss_own(self) -> None:
        assert "RefuseOtherKeys" not in statements()


class TestPresignedRequestsComeFromAllowedNetworks:
    @pytest.mark.parametrize(
        ("args", "elsewhere"),
        [
            ({"allowed_source_cidrs": CIDRS}, {"NotIpAddress": {"aws:SourceIp": CIDRS}}),
            ({"allowed_source_vpc_ids": VPC_IDS}, {"StringNotEquals": {"aws:SourceVpc": VPC_IDS}}),
            (
                {"allowed_source_cidrs": CIDRS, "allowed_source_vpc_ids": VPC_IDS},
                {"NotIpAddress": {"aws:SourceIp": CIDRS}, "StringNotEquals": {"aws:SourceVpc": VPC_IDS}},
            ),
        ],
    )
    def test_those_from_elsewhere_are_refused_so_that_one_of_both_is_enough(
        self, args: dict[str, Any], elsewhere: dict[str, Any]
    ) -> None:
        assert statements(**args)["RefuseOtherNetworks"] == deny(
            "s3:*", [BUCKET_ARN, f"{BUCKET_ARN}/*"], **PRESIGNED, **elsewhere
        )

    def test_none_is_refused_by_default(self) -> None:
        assert "RefuseOtherNetworks" not in statements()


def test_the_upload_apis_bucket_goes_by_the_settings_that_its_functions_go_by() -> None:
    recording = record(lambda: UPLOAD_API.make(url_expires_in_seconds=60, kms_key_arn=KMS_KEY_ARN) and None)
    made = _by_sid(recording, f"{NAME}-ingest")
    variables = recording.inputs(aws.lambda_.Function, f"{NAME}-create-upload")["environment"]["variables"]

    assert made["RefuseOldSignatures"]["Condition"]["NumericGreaterThan"] == {
        "s3:signatureAge": f"{variables['URL_EXPIRES_IN_SECONDS']}000"
    }
    assert made["RefuseOtherKeys"]["Condition"]["StringNotEquals"] == {KEY_ID: KMS_KEY_ARN}
