"""Buckets that exist, beside those that components make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import ArgumentError
from components.storage.private_bucket import PrivateBucket


@dataclass(frozen=True)
class GivenBucket:
    """A bucket that others have made. Its settings, policy and notifications are theirs."""

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    arn_of_the_account: pulumi.Input[str]
    """Any ARN of the account that must own the bucket."""

    @classmethod
    def read(
        cls,
        argument: str,
        arn: pulumi.Input[str],
        arn_of_the_account: pulumi.Input[str],
        opts: pulumi.InvokeOutputOptions,
    ) -> Self:
        """Return the bucket with this ARN, arn:aws:s3:::NAME.

        The provider raises an error if the bucket does not exist, or the caller has no s3:ListBucket there. Raises
        ArgumentError when the bucket is known, if it is in another region.
        """
        found = aws.s3.get_bucket_output(bucket=pulumi.Output.from_input(arn).apply(_name), opts=opts)
        here = aws.get_region_output(opts=opts)

        def check(known: Sequence[str]) -> str:
            given, region, own = known
            if region != own:
                raise ArgumentError(
                    f"ProcessingPipeline: {argument} is {given}, a bucket in {region}, but must be in {own}, because "
                    "functions sign S3 requests for their own region; give a bucket of that region."
                )
            return given

        checked = pulumi.Output.all(arn, found.bucket_region, here.region).apply(check)
        return cls(checked.apply(_name), checked, arn_of_the_account)


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]


Bucket = PrivateBucket | GivenBucket


def allowed_in(bucket: Bucket, statement: iam.Statement) -> iam.Statement:
    """Return a statement about a bucket; for a given one, only if the deployment's account owns it."""
    return iam.only_in_account(statement, bucket.arn_of_the_account) if isinstance(bucket, GivenBucket) else statement
