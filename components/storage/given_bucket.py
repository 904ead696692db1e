"""Buckets that exist, beside those that components make."""

from dataclasses import dataclass
from typing import Self

import pulumi

from components.storage.private_bucket import PrivateBucket


@dataclass(frozen=True)
class GivenBucket:
    """A bucket that others have made. Its settings, policy and notifications are theirs."""

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]

    @classmethod
    def of(cls, arn: pulumi.Input[str]) -> Self:
        """Return the bucket with this ARN, arn:aws:s3:::NAME."""
        known = pulumi.Output.from_input(arn)
        return cls(known.apply(lambda each: each.rpartition(":")[2]), known)


Bucket = PrivateBucket | GivenBucket
