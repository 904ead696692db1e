"""DynamoDB of the embedded AWS parses an expression once, not for each item."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from local.emulator import patching
from local.emulator.patches import dynamodb

MODULE = "ministack.services.dynamodb"
PARSERS = ("_tokenize", "_condition_syntax_error")
KEY = {
    "KeySchema": [{"AttributeName": "folder", "KeyType": "HASH"}, {"AttributeName": "place", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("folder", "place")],
}


def test_a_query_of_many_items_parses_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: Counter[str] = Counter()

    def counting(parser: str) -> Callable[..., Any]:
        original = patching.attribute(MODULE, parser)

        def parse(*arguments: Any) -> Any:
            parsed[parser] += 1
            return original(*arguments)

        return parse

    for parser in PARSERS:
        monkeypatch.setattr(f"{MODULE}.{parser}", counting(parser))
    dynamodb.patch()
    call = {"TableName": "a-table-to-query"}
    patching.attribute(MODULE, "_create_table")({**call, **KEY, "BillingMode": "PAY_PER_REQUEST"})
    for number in range(20):
        item = {"folder": {"S": "a"}, "place": {"S": f"{number:02}"}}
        patching.attribute(MODULE, "_put_item")({**call, "Item": item})
    values = {":folder": {"S": "a"}, ":first": {"S": "05"}, ":last": {"S": "14"}}
    condition = "folder = :folder AND place BETWEEN :first AND :last"
    query = {**call, "KeyConditionExpression": condition, "ExpressionAttributeValues": values, "Select": "COUNT"}
    _status, _headers, body = patching.attribute(MODULE, "_query")(query)
    assert json.loads(body)["Count"] == 10
    assert parsed == {"_tokenize": 1, "_condition_syntax_error": 1}
