"""The status table: the only code that reads or writes DynamoDB.

table.py has the table's layout. GET /uploads/{upload_id} reads the same attributes in its mapping templates
(components/mapping_templates.py).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.uploads.model import (
    PREDECESSORS,
    TERMINAL,
    Multipart,
    Status,
    UnknownUpload,
    Upload,
    UploadRef,
    UploadRequest,
    iso,
)
from handlers.uploads.plan import Parts
from handlers.uploads.table import TTL_ATTRIBUTE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class UploadStore:
    """Records what happens to uploads; each step after the first tells whether it changed anything."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, ref: UploadRef) -> Upload:
        """Read an upload as it is now; raises UnknownUpload."""
        answer = self._client.get_item(TableName=self._table, Key=_key(ref), ConsistentRead=True)
        if "Item" not in answer:
            raise _unknown(ref)
        return _upload(ref, answer["Item"])

    def record_pending(self, upload: Upload, *, delete_at: datetime) -> None:
        """Remember a new upload; an upload_id that exists already is an error, never overwritten."""
        self._client.put_item(
            TableName=self._table,
            Item={
                **_key(upload.ref),
                **_multipart_attributes(upload.multipart),
                "method": {"S": upload.method},
                "status": {"S": upload.status},
                "version": {"N": str(upload.version)},
                "file_name": {"S": upload.declared.file_name},
                "content_type": {"S": upload.declared.content_type},
                "size_bytes": {"N": str(upload.declared.size_bytes)},
                "created_at": {"S": iso(upload.created_at)},
                "updated_at": {"S": iso(upload.updated_at)},
                "expires_at": {"S": iso(upload.expires_at)},
                "open_shard": {"S": upload.ref.open_shard},
                TTL_ATTRIBUTE: {"N": str(int(delete_at.timestamp()))},
            },
            ConditionExpression="attribute_not_exists(upload_id)",
        )

    def list_newest(self, owner: str, *, limit: int, after: str | None) -> tuple[list[Upload], str | None]:
        """An owner's uploads from the newest on, after one of them; and the id to go on after, if there may be more."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": {"S": owner}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if after:
            query["ExclusiveStartKey"] = _key(UploadRef(owner, after))
        answer: Any = self._client.query(**query)
        uploads = [_upload(UploadRef(owner, item["upload_id"]["S"]), item) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return uploads, last["upload_id"]["S"] if last else None

    def record_uploaded(self, ref: UploadRef, now: datetime) -> bool:
        """The object is in the bucket."""
        return self._advance(ref, Status.UPLOADED, now) is not None

    def record_processing(self, ref: UploadRef, now: datetime, *, job_id: str) -> UploadRequest | None:
        """Let one job have the upload; returns what was declared, or None where it is done or another job's.

        The same job may ask again: that is its retry.
        """
        item = self._advance(ref, Status.PROCESSING, now, {"job_id": {"S": job_id}}, retry_of=job_id)
        if item is None:
            return None
        return _declared(item)

    def record_aborted(self, ref: UploadRef, now: datetime) -> bool:
        """The client gave the upload up before its object was there."""
        return self._advance(ref, Status.ABORTED, now) is not None

    def record_completed(self, ref: UploadRef, now: datetime, *, job_id: str, result_bucket: str) -> bool:
        """The job's result is stored."""
        result: AttributeValueTypeDef = {"M": {"bucket": {"S": result_bucket}, "key": {"S": ref.result_key}}}
        return self._advance(ref, Status.COMPLETED, now, {"result": result}, held_by=job_id) is not None

    def record_failed(self, ref: UploadRef, now: datetime, *, job_id: str, code: str, detail: str) -> bool:
        """The job will not be tried again; code is for programs, detail a sentence for people."""
        failure: AttributeValueTypeDef = {"M": {"code": {"S": code}, "detail": {"S": detail}}}
        return self._advance(ref, Status.FAILED, now, {"failure": failure}, held_by=job_id) is not None

    def _advance(
        self,
        ref: UploadRef,
        status: Status,
        now: datetime,
        attributes: "Mapping[str, AttributeValueTypeDef] | None" = None,
        *,
        retry_of: str | None = None,
        held_by: str | None = None,
    ) -> "dict[str, Any] | None":
        """Write the next state where the present one allows it; returns the item, or None where nothing changed."""
        allowed = {f":from_{state}": {"S": str(state)} for state in sorted(PREDECESSORS[status])}
        values: dict[str, Any] = {
            **allowed,
            ":status": {"S": str(status)},
            ":now": {"S": iso(now)},
            ":one": {"N": "1"},
        }
        condition = f"#status IN ({', '.join(allowed)})"
        if retry_of:
            values[":job"] = {"S": retry_of}
            condition += " OR (#status = :status AND job_id = :job)"
        if held_by:
            values[":job"] = {"S": held_by}
            condition += " AND job_id = :job"
        names = {"#status": "status", "#version": "version"}
        update = "SET #status = :status, #version = #version + :one, updated_at = :now"
        for name, value in (attributes or {}).items():
            names[f"#{name}"] = name
            values[f":{name}"] = value
            update += f", #{name} = :{name}"
        if status in TERMINAL:
            update += " REMOVE open_shard"
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(ref),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as fault:
            if fault.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            if "Item" not in fault.response:
                raise _unknown(ref) from fault
            return None
        return answer.get("Attributes")


def _key(ref: UploadRef) -> "dict[str, AttributeValueTypeDef]":
    return {"owner": {"S": ref.owner}, "upload_id": {"S": ref.upload_id}}


def _unknown(ref: UploadRef) -> UnknownUpload:
    return UnknownUpload(f"No record of upload {ref.upload_id} of owner {ref.owner}.")


def _multipart_attributes(multipart: Multipart | None) -> "dict[str, AttributeValueTypeDef]":
    if multipart is None:
        return {}
    return {
        "multipart_id": {"S": multipart.multipart_id},
        "part_size_bytes": {"N": str(multipart.parts.part_size_bytes)},
    }


def _declared(item: Mapping[str, Any]) -> UploadRequest:
    return UploadRequest(item["file_name"]["S"], item["content_type"]["S"], int(item["size_bytes"]["N"]))


def _upload(ref: UploadRef, item: Mapping[str, Any]) -> Upload:
    declared = _declared(item)
    return Upload(
        ref=ref,
        status=Status(item["status"]["S"]),
        version=int(item["version"]["N"]),
        declared=declared,
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        updated_at=datetime.fromisoformat(item["updated_at"]["S"]),
        expires_at=datetime.fromisoformat(item["expires_at"]["S"]),
        multipart=Multipart(item["multipart_id"]["S"], Parts(declared.size_bytes, int(item["part_size_bytes"]["N"])))
        if "multipart_id" in item
        else None,
        result=_texts(item, "result"),
        failure=_texts(item, "failure"),
    )


def _texts(item: Mapping[str, Any], name: str) -> dict[str, str] | None:
    return {key: value["S"] for key, value in item[name]["M"].items()} if name in item else None
