"""The table of partitions is botocore's."""

from typing import Any

import botocore.session
import pytest

from components.arguments import ArgumentError, limits
from handlers.aws.regions import PARTITIONS, partition_of

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


@pytest.mark.parametrize(("partition", "region"), EVERYWHERE)
def test_a_region_belongs_to_its_partition(partition: str, region: str) -> None:
    assert partition_of(region).name == partition


@pytest.mark.parametrize(("partition", "region"), EVERYWHERE)
def test_a_region_can_be_deployed_to_exactly_where_it_has_every_service(partition: str, region: str) -> None:
    has_all = all(region in SESSION.get_available_regions(service, partition) for service in NEEDED)

    if has_all:
        assert limits.REGION.check("region", region) == region
    else:
        with pytest.raises(ArgumentError, match=f"region is '{region}', .* Cognito user pools.* aws-eusc"):
            limits.REGION.check("region", region)


def test_the_partitions_that_lack_a_service_are_refused_whole() -> None:
    assert {each.name for each in PARTITIONS if each.has_user_pools} == {"aws", "aws-us-gov", "aws-eusc"}
