"""AWS's own models decide what an input may be; every refusal names resource, property, value and expectation."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from local.resources import TABLE
from local.resources.parameters import Given, InvalidInputError, Move, compiled, json_text, parameters, plain
from tests.support.each_case import each_case

# how Pulumi's wire format marks a secret (sdk/go/common/resource/sig.go)
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = {"functionName": "f", "role": ROLE, "code": {"zipFile": "x"}}


@cache
def service(name: str) -> Any:
    return botocore.session.Session().get_service_model(name)


def fit(
    operation: str, inputs: Mapping[str, Any], moves: Mapping[str, Move] | None = None, **also: Any
) -> dict[str, Any]:
    service_name, _, name = operation.partition(".")
    model: OperationModel = service(service_name).operation_model(name)
    return parameters(model, Given(dict(inputs), "aws:x:Y thing"), moves, also)


def test_plain_values_have_no_wrappers_and_no_point_in_whole_numbers() -> None:
    value = {"most": 10737418240.0, "rate": 0.5, "on": True, "all": [{**SECRET, "value": 1.0}]}

    assert repr(plain(value)) == "{'most': 10737418240, 'rate': 0.5, 'on': True, 'all': [1]}"


def function(**more: Any) -> dict[str, Any]:
    return fit("lambda.CreateFunction", {**FUNCTION, **more})


def test_names_match_whatever_their_case() -> None:
    rule = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "k"}}

    fitted = fit(
        "s3.PutBucketEncryption",
        {"bucket": "b", "rules": [{**rule, "bucketKeyEnabled": True}]},
        {"rules": "ServerSideEncryptionConfiguration.Rules"},
    )

    assert fitted["ServerSideEncryptionConfiguration"]["Rules"] == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"},
            "BucketKeyEnabled": True,
        }
    ]


@each_case(
    ("given", "expected"),
    [
        ({"memorySize": 256.0}, {"MemorySize": 256}),
        ({"ephemeralStorage": [{"size": 512.0}]}, {"EphemeralStorage": {"Size": 512}}),
        ({"environment": {"variables": {"SOME_Name": "v"}}}, {"Environment": {"Variables": {"SOME_Name": "v"}}}),
        ({"description": None}, {}),
        ({"description": {**SECRET, "value": "hush"}}, {"Description": "hush"}),
        ({"environment": {**SECRET, "value": {"variables": {"AB": "v"}}}}, {"Environment": {"Variables": {"AB": "v"}}}),
    ],
)
def test_values_are_coerced_to_what_the_operation_wants(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert function(**given) == function() | expected


@each_case(
    ("given", "message"),
    [
        ({"memory": 128}, "memory is 128; it is not an input that lambda CreateFunction takes"),
        ({"role": None}, "role is missing; lambda CreateFunction requires it"),
        ({"environment": {"vars": {}}}, r"environment.vars is \{\}; it is not an input"),
        ({"timeout": "3"}, "timeout is '3'; it must be a whole number"),
        ({"timeout": True}, "timeout is True; it must be a whole number"),
        ({"timeout": 2.5}, "timeout is 2.5; it must be a whole number"),
        ({"publish": "true"}, "publish is 'true'; it must be true or false"),
        ({"description": 5}, "description is 5; it must be text"),
        ({"layers": "layer"}, "layers is 'layer'; it must be a list"),
        ({"environment": "A=b"}, "environment is 'A=b'; it must be a block of properties"),
        ({"environment": {"variables": ["A"]}}, r"environment.variables is \['A'\]; it must be a map"),
        ({"architectures": ["sparc"]}, r"architectures\[0\] is 'sparc'; it must be one of x86_64, arm64"),
        ({"functionName": "no blanks"}, "functionName is 'no blanks'; it must match .*CreateFunction"),
        ({"environment": {"variables": {"1ST": "v"}}}, "environment.variables is '1ST'; it must match"),
        ({"memorySize": 127}, "memorySize is 127; it must be at least 128"),
        ({"memorySize": 99_999}, "memorySize is 99999; it must be at most"),
        ({"description": "x" * 257}, "description is 'xxx.*; it must have at most 256 characters, not 257"),
        ({"functionName": ""}, "functionName is ''; it must have at least 1 characters, not 0"),
        ({"architectures": ["arm64", "arm64"]}, "architectures is .* it must have at most 1 items, not 2"),
        ({"description": {**SECRET, "value": 12345}}, r"description is \[secret\]; it must be text"),
        ({"environment": {**SECRET, "value": {"variables": {"OK": 9}}}}, r"environment.variables.OK is \[secret\]"),
    ],
)
def test_what_aws_would_refuse_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^aws:x:Y thing: {message}"):
        function(**given)


def test_a_missing_part_of_a_block_is_named_as_the_program_would_write_it() -> None:
    with pytest.raises(InvalidInputError, match=r"corsRules\[1\].allowedOrigins is missing"):
        fit(
            "s3.PutBucketCors",
            {
                "bucket": "b",
                "corsRules": [{"allowedMethods": ["PUT"], "allowedOrigins": ["*"]}, {"allowedMethods": []}],
            },
            {"corsRules": "CORSConfiguration.CORSRules"},
        )


def test_a_missing_input_that_is_moved_is_named_by_its_own_name() -> None:
    with pytest.raises(InvalidInputError, match="corsRules is missing"):
        fit("s3.PutBucketCors", {"bucket": "b"}, {"corsRules": "CORSConfiguration.CORSRules"})


def test_several_inputs_may_go_to_the_one_item_of_a_list() -> None:
    moves = {"targetId": "Targets[].Id", "arn": "Targets[].Arn"}

    fitted = fit("events.PutTargets", {"rule": "r", "targetId": "t", "arn": "arn:x"}, moves)

    assert fitted == {"Rule": "r", "Targets": [{"Id": "t", "Arn": "arn:x"}]}


def test_lists_that_several_moves_build_are_joined_in_the_moves_order() -> None:
    def key(kind: str) -> Move:
        return lambda name: {"KeySchema": [{"AttributeName": name, "KeyType": kind}]}

    fitted = fit(
        "dynamodb.CreateTable",
        {"rangeKey": "b", "hashKey": "a"},
        {"hashKey": key("HASH"), "rangeKey": key("RANGE")},
        TableName="tab",
        AttributeDefinitions=[],
    )

    assert [each["AttributeName"] for each in fitted["KeySchema"]] == ["a", "b"]


@each_case("document", ['{"a": 1}', {"a": 1}])
def test_json_is_taken_as_text_or_as_a_block(document: Any) -> None:
    fitted = fit("s3.PutBucketPolicy", {"bucket": "b", "policy": document}, {"policy": json_text("Policy")})

    assert fitted["Policy"] == '{"a": 1}'


def test_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"policy is '\{'; it must be a JSON document"):
        fit("s3.PutBucketPolicy", {"bucket": "b", "policy": "{"}, {"policy": json_text("Policy")})


def test_times_are_read() -> None:
    fitted = fit("lambda.CreateEventSourceMapping", {"functionName": "f", "startingPositionTimestamp": "2026-01-31"})

    assert fitted["StartingPositionTimestamp"] == datetime(2026, 1, 31)  # noqa: DTZ001 - as it was given


def test_text_that_is_no_time_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="startingPositionTimestamp is 'yesterday'; it must be a date"):
        fit("lambda.CreateEventSourceMapping", {"functionName": "f", "startingPositionTimestamp": "yesterday"})


def test_places_are_shown_with_positions_and_looked_up_without() -> None:
    given = Given({"rules": [{"id": "x"}]}, "s").child("rules").item(0).child("id")

    assert (given.path, given.key, given.value) == ("rules[0].id", "rules.id", "x")
    assert "hush" not in str(replace(given, value="hush", secret=True).refuse("must not show"))


def test_java_reads_word_characters_as_ascii_and_categories_as_unicode() -> None:
    assert not compiled(r"[\w+=,.@-]+").fullmatch("Größe")
    assert compiled(r"[\p{L}\p{Z}]+").fullmatch("Größe und Maß")


def test_every_pattern_of_the_tables_operations_can_be_read() -> None:
    operations = {(row.service, call.operation) for row in TABLE.values() for call in (row.create, *row.then)}
    patterns = {
        pattern
        for name, operation in operations
        for pattern in _patterns(service(name).operation_model(operation).input_shape, set())
    }

    assert len(patterns) > 50
    for pattern in patterns:
        compiled(pattern)


def _patterns(shape: Shape, seen: set[str]) -> Iterator[str]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    if "pattern" in shape.metadata:
        yield shape.metadata["pattern"]
    parts: list[Shape] = []
    if isinstance(shape, StructureShape):
        parts = list(shape.members.values())
    elif isinstance(shape, ListShape):
        parts = [shape.member]
    elif isinstance(shape, MapShape):
        parts = [shape.key, shape.value]
    for part in parts:
        yield from _patterns(part, seen)
