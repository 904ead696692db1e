"""The records of uploads in the status table; with places.py, the only code that reads or writes DynamoDB.

table.py has the table's layout. GET /uploads/{upload_id} reads the same attributes in its mapping templates
(components/api/mapping_templates.py).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from handlers.aws.client import AwsError
from handlers.aws.json_client import Calls
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import KeyConflict, UnknownUpload
from handlers.domain.times import iso
from handlers.domain.upload import (
    LONGEST_RUN,
    PREDECESSORS,
    TERMINAL,
    Claim,
    Reason,
    Result,
    Run,
    Status,
    Upload,
    needs_place,
)
from handlers.domain.upload_ref import UploadRef
from handlers.storage.items import (
    Item,
    attribute_of,
    declared_in,
    item_of,
    key_of,
    place_in,
    refused_item,
    upload_in,
)
from handlers.storage.places import Places
from handlers.storage.table import ABOVE_ALL_UPLOADS, CLAIM_PREFIX, PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE

_IS_FREE = (
    "leased_until <= :now"
    # An answer was lost: the call is tried again, and finds what it has written itself.
    " OR run_id = :run"
    # Releases before there were leases wrote none.
    " OR (attribute_not_exists(leased_until) AND updated_at <= :unleased)"
)
"""When an upload that is being processed can be leased to a run."""


class _Step(NamedTuple):
    """The outcome of a change of state."""

    item: Item
    """The upload's item after it."""
    changed: bool


class UploadStore:
    """Records what happens to uploads; each step after the first returns whether it changed anything."""

    def __init__(self, database: Calls, table: str) -> None:
        self._database = database
        self._table = table
        self.places = Places(database, table)

    def find(self, ref: UploadRef) -> Upload:
        """Read an upload as it is now; raises UnknownUpload."""
        answer = self._call("GetItem", Key=key_of(ref), ConsistentRead=True)
        if "Item" not in answer:
            raise _unknown(ref)
        return upload_in(answer["Item"])

    def list_newest(self, owner: str, *, limit: int, after: str | None) -> tuple[list[Upload], str | None]:
        """Return an owner's uploads, newest first, after one of them, and the last one's id if there may be more."""
        start = {"ExclusiveStartKey": key_of(UploadRef(owner, after))} if after else {}
        answer = self._call(
            "Query",
            KeyConditionExpression="#owner = :owner AND upload_id < :above",
            ExpressionAttributeNames={"#owner": PARTITION_KEY},
            ExpressionAttributeValues={":owner": {"S": owner}, ":above": {"S": ABOVE_ALL_UPLOADS}},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        return [upload_in(item) for item in answer["Items"]], last[SORT_KEY]["S"] if last else None

    def claim(self, claim: Claim, ref: UploadRef, now: datetime) -> UploadRef:
        """Let an Idempotency-Key stand for an upload; returns the upload that it already stands for, if there is one.

        Raises KeyConflict if that one was declared differently. The returned upload may have no record (yet).
        """
        try:
            self._call(
                "PutItem",
                Item={
                    PARTITION_KEY: {"S": ref.owner},
                    SORT_KEY: {"S": f"{CLAIM_PREFIX}{claim.key_hash}"},
                    "claimed_upload_id": {"S": ref.upload_id},
                    "fingerprint": {"S": claim.fingerprint},
                    TTL_ATTRIBUTE: {"N": str(int(claim.ends_at.timestamp()))},
                },
                # DynamoDB deletes expired items within days, not at once.
                ConditionExpression=f"attribute_not_exists({SORT_KEY}) OR {TTL_ATTRIBUTE} <= :now",
                ExpressionAttributeValues={":now": {"N": str(int(now.timestamp()))}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AwsError as error:
            held = _item_in_the_way(error)
            if held["fingerprint"]["S"] != claim.fingerprint:
                raise KeyConflict(
                    "The Idempotency-Key was sent before, with another body: give each upload a key of its own."
                ) from error
            return UploadRef(ref.owner, held["claimed_upload_id"]["S"])
        return ref

    def record_pending(self, upload: Upload, *, delete_at: datetime) -> bool:
        """Record a new upload; False if its id has another record, which is never overwritten."""
        item = item_of(upload, delete_at=delete_at)
        try:
            self._call(
                "PutItem",
                Item=item,
                ConditionExpression=f"attribute_not_exists({SORT_KEY})",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AwsError as error:
            # After a lost answer, the client retries the call, which then finds the item that it has written itself.
            return _item_in_the_way(error) == item
        return True

    def record_renewed(self, upload: Upload, *, place_before: int | None) -> Upload:
        """Write a pending upload's later expiry and its place; returns the upload after it.

        Nothing changes if it has left `pending`, or has another place meanwhile. Raises UnknownUpload.
        """
        before = upload.place if place_before is None else place_before
        is_as_before = "attribute_not_exists(place) OR place IN (:before, :place)"
        try:
            answer = self._call(
                "UpdateItem",
                Key=key_of(upload.ref),
                UpdateExpression="SET expires_at = :expires_at, place = :place",
                ConditionExpression=f"#status = :pending AND ({is_as_before})",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":expires_at": {"S": iso(upload.expires_at)},
                    ":before": {"N": str(before)},
                    ":place": {"N": str(upload.place)},
                    ":pending": {"S": Status.PENDING},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AwsError as error:
            return upload_in(_item_in_the_way(error, upload.ref))
        return upload_in(answer["Attributes"])

    def record_size(self, upload: Upload) -> Upload:
        """Write the size, and the checksum if there is one, of an upload that was declared without them, once.

        Returns the upload as it is after it. Nothing changes if it has left `pending`, or has a size. Raises
        UnknownUpload.
        """
        declared = upload.declared
        values = {":size": attribute_of(declared.final_size_bytes), ":pending": attribute_of(Status.PENDING)}
        update, names = "SET size_bytes = :size", {"#status": "status"}
        if declared.checksum:
            update, names["#checksum"] = f"{update}, #checksum = :checksum", "checksum"
            values[":checksum"] = attribute_of(declared.checksum)
        try:
            answer = self._call(
                "UpdateItem",
                Key=key_of(upload.ref),
                UpdateExpression=update,
                ConditionExpression="#status = :pending AND attribute_not_exists(size_bytes)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AwsError as error:
            return upload_in(_item_in_the_way(error, upload.ref))
        return upload_in(answer["Attributes"])

    def record_uploaded(self, ref: UploadRef, now: datetime, *, version_id: str) -> bool:
        """The object is in the bucket. This version of it is the upload's, and no later one can be."""
        step = self._advance(ref, Status.UPLOADED, now, {"object_version": {"S": version_id}})
        # Also if nothing changed: freeing the place may have failed before.
        if not needs_place(step.item["status"]["S"], step.item["method"]["S"]):
            self.places.release(ref, place_in(step.item))
        return step.changed

    def record_aborted(self, ref: UploadRef, now: datetime) -> bool:
        """The client aborted the upload before its object existed. Its place is not freed here."""
        return self._advance(ref, Status.ABORTED, now).changed

    def record_expired(self, upload: Upload, now: datetime) -> bool:
        """Record that no object came in time, unless the record has changed since it was read."""
        return self._advance(upload.ref, Status.EXPIRED, now, as_read=upload).changed

    def record_processing(
        self, ref: UploadRef, now: datetime, *, run: Run, leased_until: datetime, version_id: str
    ) -> UploadRequest | None:
        """Lease the upload to one run; returns what was declared, or None if it is done or leased to another.

        A lease that is over can be taken by a run of any job, and an upload that has failed by a redrive of its job's
        message. A run for another version than the upload's gets nothing.
        """
        lease = {
            "job_id": {"S": run.job_id},
            "run_id": {"S": run.run_id},
            "leased_until": {"S": iso(leased_until)},
            "open_shard": {"S": ref.open_shard},  # an upload that has failed has none
        }
        step = self._advance(ref, Status.PROCESSING, now, lease, taken_by=run, of_version=version_id)
        return declared_in(step.item) if step.changed else None

    def change_lease(
        self, ref: UploadRef, leased_until: datetime, *, run_id: str, progress: tuple[int, str] | None = None
    ) -> bool:
        """Let a run's lease end at another time; False if the run does not have the upload any more.

        Progress, a percentage and a note, is recorded with it if there is any.
        """
        update, reported = "", dict[str, Any]()
        if progress:
            percent, note = progress
            update = ", progress_percent = :percent" + (", progress_note = :note" if note else " REMOVE progress_note")
            reported = {":percent": attribute_of(percent)} | ({":note": attribute_of(note)} if note else {})
        return self._set_lease(ref, leased_until, run_id, update=update, values=reported) is None

    def extend_lease(self, ref: UploadRef, leased_until: datetime, *, run_id: str) -> bool:
        """Let a run's lease last until then at least; False if the run does not have the upload any more."""
        item = self._set_lease(ref, leased_until, run_id, condition=" AND leased_until < :leased_until")
        return item is None or (item["status"], item.get("run_id")) == ({"S": Status.PROCESSING}, {"S": run_id})

    def _set_lease(
        self,
        ref: UploadRef,
        leased_until: datetime,
        run_id: str,
        *,
        update: str = "",
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Item | None:
        """Set the end of a run's lease, and more; returns the record if it does not meet the condition."""
        try:
            self._call(
                "UpdateItem",
                Key=key_of(ref),
                UpdateExpression=f"SET leased_until = :leased_until{update}",
                ConditionExpression=f"#status = :processing AND run_id = :run{condition}",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":leased_until": {"S": iso(leased_until)},
                    ":processing": {"S": Status.PROCESSING},
                    ":run": {"S": run_id},
                    **(values or {}),
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AwsError as error:
            return _item_in_the_way(error, ref)
        return None

    def record_completed(self, ref: UploadRef, now: datetime, *, run_id: str, result_bucket: str) -> bool:
        """The job's result is stored."""
        result = attribute_of(Result(result_bucket, ref.result_key))
        return self._advance(ref, Status.COMPLETED, now, {"result": result}, held_by=run_id).changed

    def record_failed(self, ref: UploadRef, now: datetime, *, run_id: str, code: str, detail: str) -> bool:
        """The job will not be tried again; code is for programs, detail a sentence for people."""
        failure = attribute_of(Reason(code, detail))
        return self._advance(ref, Status.FAILED, now, {"failure": failure}, held_by=run_id).changed

    def record_never_finished(self, upload: Upload, now: datetime, reason: Reason) -> bool:
        """Fail an upload that no run works on, unless the record has changed since it was read."""
        failure = {"failure": attribute_of(reason)}
        return self._advance(upload.ref, Status.FAILED, now, failure, as_read=upload).changed

    def record_rejected(self, ref: UploadRef, now: datetime, *, run_id: str, code: str, detail: str) -> bool:
        """The object is not what was declared, or not safe; code is for programs, detail a sentence for people."""
        rejection = attribute_of(Reason(code, detail))
        return self._advance(ref, Status.REJECTED, now, {"rejection": rejection}, held_by=run_id).changed

    def _advance(
        self,
        ref: UploadRef,
        status: Status,
        now: datetime,
        attributes: Mapping[str, Any] | None = None,
        *,
        taken_by: Run | None = None,
        of_version: str | None = None,
        held_by: str | None = None,
        as_read: Upload | None = None,
    ) -> _Step:
        """Write the next state if the present one allows it."""
        allowed = {f":from_{state}": {"S": str(state)} for state in sorted(PREDECESSORS[status])}
        values: dict[str, Any] = {
            **allowed,
            ":status": {"S": str(status)},
            ":now": {"S": iso(now)},
            ":one": {"N": "1"},
        }
        condition = f"#status IN ({', '.join(allowed)})"
        if taken_by:
            can_be_taken, more = _can_be_taken(taken_by, now)
            condition, values = f"{condition} OR {can_be_taken}", values | more
        if of_version:
            values[":of_version"] = {"S": of_version}
            condition = f"({condition}) AND object_version = :of_version"
        if held_by:
            values[":run"] = {"S": held_by}
            condition += " AND run_id = :run"
        if as_read:
            # A renewed URL and a renewed lease leave the version as it is.
            values |= {":read": attribute_of(as_read.version), ":expires_at": attribute_of(as_read.expires_at)}
            condition += " AND #version = :read AND expires_at = :expires_at"
            if as_read.leased_until:
                values[":leased_until"] = attribute_of(as_read.leased_until)
                condition += " AND leased_until = :leased_until"
        names = {"#status": "status", "#version": "version"}
        update = "SET #status = :status, #version = #version + :one, updated_at = :now"
        for name, value in (attributes or {}).items():
            names[f"#{name}"] = name
            values[f":{name}"] = value
            update += f", #{name} = :{name}"
        update += " REMOVE progress_percent, progress_note"
        if status in TERMINAL:
            update += ", open_shard, leased_until"
        elif status is Status.PROCESSING:
            update += ", failure"
        try:
            answer = self._call(
                "UpdateItem",
                Key=key_of(ref),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AwsError as error:
            return _Step(_item_in_the_way(error, ref), changed=False)
        return _Step(answer["Attributes"], changed=True)

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._database.call(operation, {"TableName": self._table, **parameters})


def _item_in_the_way(error: AwsError, ref: UploadRef | None = None) -> Item:
    """Return the item that a condition refused; raises any other error, and UnknownUpload where there is no item."""
    item = refused_item(error)
    if item is None:
        raise (_unknown(ref) if ref else error) from error
    return item


def _unknown(ref: UploadRef) -> UnknownUpload:
    return UnknownUpload(f"No record of upload {ref.upload_id} of owner {ref.owner}.")


def _can_be_taken(run: Run, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return when a run can take an upload that another run has had, as a condition with its values."""
    values = {":run": {"S": run.run_id}, ":unleased": {"S": iso(now - LONGEST_RUN)}}
    condition = f"(#status = :status AND ({_IS_FREE}))"
    if run.sent_at:  # the update writes the job id, so its value is there
        values |= {":failed": {"S": Status.FAILED}, ":sent_at": {"S": iso(run.sent_at)}}
        is_redrive = "#status = :failed AND job_id = :job_id AND updated_at < :sent_at"
        if run.grouped_at:
            values[":grouped_at"] = {"S": iso(run.grouped_at)}
            is_redrive += " AND updated_at > :grouped_at"
        condition += f" OR ({is_redrive})"
    return condition, values
