"""DynamoDB tables; time to live and recovery are operations of their own."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import Given, Move
from local.resources.rows import Autoname, Call, Made, Row, by, tag_list


def _key(kind: str) -> Move:
    return lambda name: {"KeySchema": [{"AttributeName": name, "KeyType": kind}]}


def _encryption(enabled: Given) -> Mapping[str, Any]:
    """Without it DynamoDB encrypts with a key of its own; with it, with one in KMS."""
    return {"Enabled": enabled, "SSEType": "KMS"} if enabled.value else {"Enabled": enabled}


def _index(inputs: str) -> dict[str, Move]:
    return {
        f"{inputs}.name": "IndexName",
        f"{inputs}.hashKey": _key("HASH"),
        f"{inputs}.rangeKey": _key("RANGE"),
        f"{inputs}.keySchemas": "KeySchema",
        f"{inputs}.projectionType": "Projection.ProjectionType",
        f"{inputs}.nonKeyAttributes": "Projection.NonKeyAttributes",
        f"{inputs}.readCapacity": "ProvisionedThroughput.ReadCapacityUnits",
        f"{inputs}.writeCapacity": "ProvisionedThroughput.WriteCapacityUnits",
    }


def _outputs(made: Made) -> Mapping[str, Any]:
    table = made.responses["CreateTable"]["TableDescription"]
    return {
        "arn": table["TableArn"],
        "streamArn": table.get("LatestStreamArn"),
        "streamLabel": table.get("LatestStreamLabel"),
    }


_CHANGEABLE: dict[str, Move] = {
    "readCapacity": "ProvisionedThroughput.ReadCapacityUnits",
    "writeCapacity": "ProvisionedThroughput.WriteCapacityUnits",
    "streamEnabled": "StreamSpecification.StreamEnabled",
    "streamViewType": "StreamSpecification.StreamViewType",
    "serverSideEncryption": "SSESpecification",
    "serverSideEncryption.enabled": _encryption,
    "serverSideEncryption.kmsKeyArn": "KMSMasterKeyId",
}

TABLE = {
    "aws:dynamodb/table:Table": Row(
        service="dynamodb",
        create=Call(
            operation="CreateTable",
            moves={
                "name": "TableName",
                "hashKey": _key("HASH"),
                "rangeKey": _key("RANGE"),
                "attributes": "AttributeDefinitions",
                "attributes.name": "AttributeName",
                "attributes.type": "AttributeType",
                **_CHANGEABLE,
                "tags": tag_list(),
                **_index("globalSecondaryIndexes"),
                **_index("localSecondaryIndexes"),
            },
        ),
        then=(
            Call(
                operation="UpdateTimeToLive",
                moves={"name": "TableName", "ttl": "TimeToLiveSpecification"},
                when="ttl",
            ),
            Call(
                operation="UpdateContinuousBackups",
                moves={
                    "name": "TableName",
                    "pointInTimeRecovery": "PointInTimeRecoverySpecification",
                    "pointInTimeRecovery.enabled": "PointInTimeRecoveryEnabled",
                },
                when="pointInTimeRecovery.enabled",
            ),
        ),
        update=(Call(operation="UpdateTable", moves={"name": "TableName", **_CHANGEABLE}),),
        replace_on=("name", "hashKey", "rangeKey", "localSecondaryIndexes"),
        delete=Call(operation="DeleteTable", moves={"name": "TableName"}),
        id=by("name"),
        outputs=_outputs,
        autoname=Autoname(limit=255),
        defaults={"billingMode": "PROVISIONED"},
        neutral={"streamEnabled": False},
        not_emulated={"pointInTimeRecovery": "the setting is stored, but there is nothing to restore from"},
    ),
}
