"""Patch of EC2: a security group's rule may name a prefix list.

AWS: a rule's other side is an address range, another group, or a prefix list, such as the addresses of S3.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
MiniStack: reads no prefix lists, so the rules for those of S3 and DynamoDB are one, and deleting one deletes both.
Here: they are read as well.
"""

from collections.abc import Callable
from itertools import count, takewhile
from typing import Any

from local.emulator import patching

_SERVICE = "ministack.services.ec2"


def patch() -> None:
    """Read the prefix lists of rules."""
    patching.replace(_SERVICE, "_parse_ip_permissions", _with_prefix_lists)


def _with_prefix_lists(original: Callable[[Any, str], list[dict[str, Any]]]) -> Callable[..., list[dict[str, Any]]]:
    read: Callable[[Any, str], str] = patching.attribute(_SERVICE, "_p")

    def parse(params: Any, prefix: str) -> list[dict[str, Any]]:
        rules = original(params, prefix)
        for number, rule in enumerate(rules, 1):
            named = (read(params, f"{prefix}.{number}.PrefixListIds.{each}.PrefixListId") for each in count(1))
            rule["PrefixListIds"] = [{"PrefixListId": found} for found in takewhile(bool, named)]
        return rules

    return parse
