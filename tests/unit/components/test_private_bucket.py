"""Every bucket is private, owned, encrypted, versioned, reached over TLS alone, and cleaned up."""

from typing import Any

import pulumi_aws as aws
import pytest

from components import iam
from tests.support.components.examples import KMS_KEY_ARN, NAME, PRIVATE_BUCKET
from tests.support.components.recording import Recording, arn_of, physical, record

BUCKET_ARN = arn_of(aws.s3.Bucket, NAME)


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        bucket = PRIVATE_BUCKET.make(**args)
        return {"bucket_name": bucket.bucket_name, "bucket_arn": bucket.bucket_arn}

    return record(program)


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


class TestNobodyElseGetsIn:
    def test_public_access_is_blocked_in_all_four_ways(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.s3.BucketPublicAccessBlock) == {
            "bucket": physical(NAME),
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        }

    def test_access_lists_are_out_of_use_since_the_bucket_owns_every_object(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.s3.BucketOwnershipControls) == {
            "bucket": physical(NAME),
            "rule": {"objectOwnership": "BucketOwnerEnforced"},
        }

    def test_plain_http_is_denied_for_bucket_and_objects(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.s3.BucketPolicy)["bucket"] == physical(NAME)
        assert by_default.json_input(aws.s3.BucketPolicy, None, "policy") == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "RefusePlainHttp",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }

    def test_the_policy_waits_for_the_public_access_block(self, by_default: Recording) -> None:
        policy = by_default.only(aws.s3.BucketPolicy)

        assert by_default.only(aws.s3.BucketPublicAccessBlock).urn in policy.options.depends_on

    def test_more_statements_join_the_one_policy_that_a_bucket_has(self) -> None:
        def more(bucket_arn: Any) -> list[iam.Statement]:
            return [{"Sid": "One", "Resource": bucket_arn}, {"Sid": "Two"}]

        refuse_plain_http, *others = recorded(policy_statements=more).json_input(aws.s3.BucketPolicy, None, "policy")[
            "Statement"
        ]

        assert refuse_plain_http["Sid"] == "RefusePlainHttp"
        assert others == [{"Sid": "One", "Resource": BUCKET_ARN}, {"Sid": "Two"}]


class TestEverythingIsEncrypted:
    @pytest.mark.parametrize("key", [None, KMS_KEY_ARN])
    def test_with_the_customers_key_or_amazons_and_a_bucket_key(self, key: str | None) -> None:
        customers = {"kmsMasterKeyId": key} if key else {}

        assert recorded(kms_key_arn=key).inputs(aws.s3.BucketServerSideEncryptionConfiguration) == {
            "bucket": physical(NAME),
            "rules": [
                {
                    "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", **customers},
                    "bucketKeyEnabled": True,
                    "blockedEncryptionTypes": ["SSE-C"],
                }
            ],
        }


class TestNothingIsLostAndNothingIsKeptForEver:
    def test_versions_are_kept(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.s3.BucketVersioning) == {
            "bucket": physical(NAME),
            "versioningConfiguration": {"status": "Enabled"},
        }

    def test_abandoned_parts_old_versions_and_markers_of_what_is_gone_are_cleared(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.s3.BucketLifecycleConfiguration) == {
            "bucket": physical(NAME),
            "rules": [
                {
                    "id": "abort-incomplete-multipart",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 14},
                },
                {
                    "id": "expire-noncurrent-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    "expiration": {"expiredObjectDeleteMarker": True},
                },
            ],
        }

    def test_objects_expire_only_where_that_is_asked_for(self) -> None:
        rules = recorded(expiration_days=8).inputs(aws.s3.BucketLifecycleConfiguration)["rules"]

        assert rules[2:] == [
            {"id": "expire-objects", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": 8}}
        ]

    def test_the_rules_on_versions_wait_for_the_versions(self, by_default: Recording) -> None:
        lifecycle = by_default.only(aws.s3.BucketLifecycleConfiguration)

        assert by_default.only(aws.s3.BucketVersioning).urn in lifecycle.options.depends_on

    @pytest.mark.parametrize("protected", [True, False])
    def test_it_is_either_protected_or_deleted_with_all_that_is_in_it(self, *, protected: bool) -> None:
        bucket = recorded(deletion_protection=protected).only(aws.s3.Bucket)

        assert bucket.options.protect is (True if protected else None)
        assert bucket.inputs["forceDestroy"] is not protected

    def test_only_the_bucket_itself_is_protected_so_that_its_settings_can_be_changed(
        self, by_default: Recording
    ) -> None:
        assert [each.type for each in by_default.registrations if each.options.protect] == ["aws:s3/bucket:Bucket"]


def test_its_name_and_arn_come_out(by_default: Recording) -> None:
    assert by_default.outputs == {"bucket_name": physical(NAME), "bucket_arn": BUCKET_ARN}
