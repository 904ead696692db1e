"""Which partition of AWS a region belongs to, and what is known by it.

Source: botocore's partitions and endpoints, which tests/unit/handlers/test_regions.py compares this table with.
"""

from typing import NamedTuple


class Partition(NamedTuple):
    """A part of AWS with accounts, names of regions and hosts of its own."""

    name: str
    """As ARNs have it."""
    region_prefix: str
    """How the names of its regions begin."""
    dns_suffix: str
    """How the names of its services' hosts end."""
    has_user_pools: bool
    """Whether it has Amazon Cognito user pools. Those that do have everything else that a deployment needs."""


PARTITIONS = (
    Partition("aws-cn", "cn-", "amazonaws.com.cn", has_user_pools=False),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com", has_user_pools=True),
    Partition("aws-eusc", "eusc-", "amazonaws.eu", has_user_pools=True),
    Partition("aws-iso", "us-iso-", "c2s.ic.gov", has_user_pools=False),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", has_user_pools=False),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", has_user_pools=False),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", has_user_pools=False),
    Partition("aws", "", "amazonaws.com", has_user_pools=True),
)
"""The last one has all regions whose names begin otherwise."""


def partition_of(region: str) -> Partition:
    """Return the partition that a region belongs to."""
    return next(each for each in PARTITIONS if region.startswith(each.region_prefix))
