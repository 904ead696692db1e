"""Lambda functions and what invokes them."""

from collections.abc import Mapping
from typing import Any

import pulumi

from local.resources.archives import zipped
from local.resources.layers import content
from local.resources.parameters import Given
from local.resources.rows import Account, Autoname, Call, Made, Row, by


def _code(archive: Given) -> Mapping[str, Any]:
    if not isinstance(archive.value, pulumi.Archive):
        raise archive.refuse("must be an archive (pulumi.AssetArchive, pulumi.FileArchive)")
    return {"Code": {"ZipFile": zipped(archive.value)}}


def _new_code(archive: Given) -> Mapping[str, Any]:
    return _code(archive)["Code"]


def _publish(made: Made) -> None:
    """Publish a version of changed code or configuration; of the concurrency there are no versions."""
    if made.inputs.get("publish") and made.responses.keys() & {"UpdateFunctionConfiguration", "UpdateFunctionCode"}:
        client = made.account.client("lambda")
        made.responses["PublishVersion"] = client.publish_version(FunctionName=made.id)


def _invoke_arn(account: Account, arn: str) -> str:
    return f"arn:aws:apigateway:{account.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def _function(made: Made) -> Mapping[str, Any]:
    function = next((made.responses[operation] for operation in _DESCRIBING if operation in made.responses), None)
    if function is None:
        return {}
    arn = made.account.arn("lambda", f"function:{made.inputs['name']}")
    qualified = f"{arn}:{function['Version']}"
    return {
        "arn": arn,
        "invokeArn": _invoke_arn(made.account, arn),
        "qualifiedArn": qualified,
        "qualifiedInvokeArn": _invoke_arn(made.account, qualified),
        "version": function["Version"],
        "codeSha256": function["CodeSha256"],
        "sourceCodeHash": made.inputs.get("sourceCodeHash", function["CodeSha256"]),
        "sourceCodeSize": function["CodeSize"],
        "lastModified": function["LastModified"],
        "architectures": function.get("Architectures", ["x86_64"]),
    }


def _alias(made: Made) -> Mapping[str, Any]:
    arn = made.id
    return {"arn": arn, "invokeArn": _invoke_arn(made.account, arn)}


def _mapping(made: Made) -> Mapping[str, Any]:
    mapping = made.responses.get("CreateEventSourceMapping") or made.responses["UpdateEventSourceMapping"]
    return {
        "uuid": mapping["UUID"],
        "arn": made.account.arn("lambda", f"event-source-mapping:{mapping['UUID']}"),
        "functionArn": mapping["FunctionArn"],
        "state": mapping.get("State"),
    }


def _layer_version(made: Made) -> Mapping[str, Any]:
    published = made.responses.get("PublishLayerVersion")
    if published is None:
        return {}
    return {
        "arn": published["LayerVersionArn"],
        "layerArn": published["LayerArn"],
        "version": str(published["Version"]),
        "codeSha256": published["Content"]["CodeSha256"],
        "sourceCodeHash": made.inputs.get("sourceCodeHash", published["Content"]["CodeSha256"]),
        "sourceCodeSize": published["Content"]["CodeSize"],
        "createdDate": published["CreatedDate"],
    }


def _invoke_config_id(made: Made) -> str:
    qualifier = made.inputs.get("qualifier")
    return made.inputs["functionName"] + (f":{qualifier}" if qualifier else "")


_DESCRIBING = ("PublishVersion", "UpdateFunctionCode", "UpdateFunctionConfiguration", "CreateFunction")

TABLE = {
    "aws:lambda/function:Function": Row(
        service="lambda",
        create=Call(
            operation="CreateFunction",
            moves={
                "name": "FunctionName",
                "code": _code,
                "s3Bucket": "Code.S3Bucket",
                "s3Key": "Code.S3Key",
                "s3ObjectVersion": "Code.S3ObjectVersion",
                "imageUri": "Code.ImageUri",
                "sourceKmsKeyArn": "Code.SourceKMSKeyArn",
                "imageConfig.commands": "Command",
                "imageConfig.entryPoints": "EntryPoint",
                "fileSystemConfig": "FileSystemConfigs[]",
            },
        ),
        then=(
            Call(
                operation="PutFunctionConcurrency",
                moves={"name": "FunctionName", "reservedConcurrentExecutions": "ReservedConcurrentExecutions"},
                when="reservedConcurrentExecutions",
            ),
        ),
        update=(
            Call(
                operation="UpdateFunctionConfiguration",
                moves={
                    "name": "FunctionName",
                    "imageConfig.commands": "Command",
                    "imageConfig.entryPoints": "EntryPoint",
                    "fileSystemConfig": "FileSystemConfigs[]",
                },
            ),
            Call(
                operation="UpdateFunctionCode",
                moves={
                    "name": "FunctionName",
                    "code": _new_code,
                    "sourceKmsKeyArn": "SourceKMSKeyArn",
                    "publish": lambda _: {},
                },
            ),
        ),
        after_update=_publish,
        changing=frozenset(
            ("qualifiedArn", "qualifiedInvokeArn", "version", "codeSha256", "sourceCodeSize", "lastModified")
        ),
        replace_on=("name", "packageType"),
        delete=Call(operation="DeleteFunction", moves={"name": "FunctionName"}),
        id=by("name"),
        outputs=_function,
        autoname=Autoname(limit=64),
        defaults={"memorySize": 128, "timeout": 3, "packageType": "Zip"},
        neutral={"reservedConcurrentExecutions": -1},
        provider_only={
            "sourceCodeHash": "shows when to update the code",
            "skipDestroy": "leaves the function behind when the resource is deleted",
        },
        not_emulated={
            "architectures": "functions run on this machine's own processor",
            "ephemeralStorage": "functions may write as much as this machine's disk has",
            "memorySize": "functions may take more memory than that",
            "tracingConfig": "no traces are recorded",
            "loggingConfig.applicationLogLevel": "functions log as plain text, from WARNING on",
            "snapStart": "no snapshot is taken",
        },
    ),
    "aws:lambda/layerVersion:LayerVersion": Row(
        service="lambda",
        create=Call(
            operation="PublishLayerVersion",
            moves={
                "code": content,
                "s3Bucket": "Content.S3Bucket",
                "s3Key": "Content.S3Key",
                "s3ObjectVersion": "Content.S3ObjectVersion",
            },
        ),
        replace_on=(
            "code",
            "compatibleArchitectures",
            "compatibleRuntimes",
            "description",
            "layerName",
            "licenseInfo",
            "s3Bucket",
            "s3Key",
            "s3ObjectVersion",
            "sourceCodeHash",
        ),
        delete=Call(
            operation="DeleteLayerVersion",
            moves={"layerName": "LayerName"},
            also=lambda made: {"VersionNumber": int(made.id.rpartition(":")[2])},
        ),
        id=lambda made: made.responses["PublishLayerVersion"]["LayerVersionArn"],
        outputs=_layer_version,
        provider_only={
            "sourceCodeHash": "shows when to publish another version",
            "skipDestroy": "leaves the version behind when the resource is deleted",
        },
        not_emulated={"compatibleArchitectures": "native code is replaced by that of this machine"},
    ),
    "aws:lambda/alias:Alias": Row(
        service="lambda",
        create=Call(operation="CreateAlias"),
        update=(Call(operation="UpdateAlias"),),
        replace_on=("functionName", "name"),
        delete=Call(operation="DeleteAlias", moves={"functionName": "FunctionName", "name": "Name"}),
        id=lambda made: made.responses["CreateAlias"]["AliasArn"],
        outputs=_alias,
        autoname=Autoname(limit=128),
        not_emulated={"routingConfig": "all invocations go to the alias's main version"},
    ),
    "aws:lambda/permission:Permission": Row(
        service="lambda",
        create=Call(operation="AddPermission", moves={"function": "FunctionName"}),
        replace_on=(
            "action",
            "eventSourceToken",
            "function",
            "functionUrlAuthType",
            "principal",
            "principalOrgId",
            "qualifier",
            "sourceAccount",
            "sourceArn",
            "statementId",
        ),
        delete=Call(
            operation="RemovePermission",
            moves={"function": "FunctionName", "statementId": "StatementId", "qualifier": "Qualifier"},
        ),
        id=by("statementId"),
        autoname=Autoname(input="statementId", limit=100),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Row(
        service="lambda",
        create=Call(
            operation="CreateEventSourceMapping",
            moves={
                "destinationConfig.onFailure.destinationArn": "Destination",
                "sourceAccessConfigurations.uri": "URI",
            },
        ),
        update=(
            Call(
                operation="UpdateEventSourceMapping",
                moves={
                    "destinationConfig.onFailure.destinationArn": "Destination",
                    "sourceAccessConfigurations.uri": "URI",
                },
                also=lambda made: {"UUID": made.id},
            ),
        ),
        replace_on=("eventSourceArn", "startingPosition", "startingPositionTimestamp"),
        delete=Call(operation="DeleteEventSourceMapping", also=lambda made: {"UUID": made.id}),
        id=lambda made: made.responses["CreateEventSourceMapping"]["UUID"],
        outputs=_mapping,
        defaults={"enabled": True},
        not_emulated={"bisectBatchOnFunctionError": "a failing batch is retried whole"},
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Row(
        service="lambda",
        create=Call(operation="PutFunctionEventInvokeConfig"),
        repeatable=True,
        replace_on=("functionName", "qualifier"),
        delete=Call(
            operation="DeleteFunctionEventInvokeConfig",
            moves={"functionName": "FunctionName", "qualifier": "Qualifier"},
        ),
        id=_invoke_config_id,
        not_emulated={"destinationConfig.onSuccess": "results are not sent anywhere"},
    ),
}
