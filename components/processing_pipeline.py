"""ProcessingPipeline: hands every uploaded object to a processor, once, and keeps what it found.

ingest bucket --Object Created--> EventBridge rule --> queue (dead-letter queue behind it)
    (or, behind a malware gate: --> GuardDuty --Object Scan Result-->)
    --> process_object: verify --> the processor --> results bucket
                               --> quarantine, where the object is not as declared or not safe
                               --> status table: uploaded, processing, completed, rejected or failed
"""

from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components import iam, limits, runs
from components.arguments import ARCHIVE, ArgumentError, Each, Flag, OrOutput, checked, is_left_out
from components.lambda_function import LambdaFunction, joined
from components.malware_gate import MalwareGate, scanned_objects
from components.names import (
    BUCKET,
    FUNCTION,
    LOG_GROUP,
    QUEUE,
    ROLE,
    ROLE_POLICY,
    RULE,
    TARGET,
    check_names,
)
from components.object_queue import ObjectQueue
from components.private_bucket import PrivateBucket
from components.processor_code import processing_code, processor_fault
from handlers.uploads.model import OBJECT_PREFIX

INSPECT = "handlers.processors.inspect.process"
"""The built-in processor: size, SHA-256 and sniffed type."""

MAX_CONCURRENCY = 50
"""The default. A burst of uploads then leaves most of an account's quota of 1,000 executions to other functions."""

VISIBILITY_PER_TIMEOUT = 6
"""Visibility timeout by the function's timeout, so that throttled deliveries come back late enough (Lambda guide)."""


class ProcessingPipelineArgs(TypedDict):
    """What a pipeline is given, and what may differ between two."""

    bucket_name: pulumi.Input[str]
    """UploadApi's bucket; its events have to go to EventBridge."""
    bucket_arn: pulumi.Input[str]
    """The ARN of UploadApi's bucket."""
    table_name: pulumi.Input[str]
    """StatusTracker's table."""
    table_arn: pulumi.Input[str]
    """The ARN of StatusTracker's table."""
    result_reader_role_name: NotRequired[pulumi.Input[str] | None]
    """UploadApi's role that hands out results; nobody else may read them if left out."""
    processor: NotRequired[str]
    """`module.function` that keeps the contract in handlers/processors; inspect's if left out."""
    processor_code: NotRequired[pulumi.Archive | None]
    """The archive in which that module is, with all that it imports; none for a built-in processor."""
    allowed_content_types: NotRequired[pulumi.Input[list[pulumi.Input[str]]]]
    """What UploadApi lets owners declare: a type that it does not list must not hide another; all if left out."""
    rejected_objects: NotRequired[str]
    """`quarantine` or `delete` what is not as declared, or not safe; quarantine if left out."""
    quarantine_expiration_days: NotRequired[int]
    """Days after which objects in quarantine are deleted: 1 to 3,650, 30 if left out."""
    malware_scan: NotRequired[bool]
    """Whether GuardDuty scans objects for malware before they are processed; false if left out."""
    unscannable_objects: NotRequired[str]
    """`reject` or `process` what GuardDuty cannot look into, of over 100 GB say; reject if left out."""
    timeout_seconds: NotRequired[int]
    """Time for one object: 10 to 900 s, 300 if left out."""
    memory_mb: NotRequired[int]
    """Memory, and in proportion CPU: 128 to 10,240 MB, 512 if left out."""
    max_concurrency: NotRequired[int | None]
    """Objects processed at once, at most: 2 to 1,000, 50 if left out, or the reservation if that is smaller.

    Limits what the queue delivers. It reserves nothing.
    """
    reserved_concurrency: NotRequired[int | None]
    """Executions at once that are reserved for processing: 2 to 900; none if left out.

    Lambda keeps 100 executions of the account's quota unreserved: the quota must be at least 100 more.
    """
    max_attempts: NotRequired[int]
    """Deliveries before an upload fails and its message goes to the dead-letter queue: 1 to 1,000, 5 if left out.

    A delivery that Lambda throttles counts as well, so fewer than 5 can lose a message's tries without a single run
    (Lambda guide, "Using Lambda with Amazon SQS").
    """
    allowed_origins: NotRequired[pulumi.Input[list[pulumi.Input[str]]]]
    """Origins of web pages that may read results by presigned URL; UploadApi's, and none if left out."""
    result_expiration_days: NotRequired[int | None]
    """Days after which results are deleted: 1 to 3,650; never if left out."""
    noncurrent_version_days: NotRequired[int]
    """Days for which an overwritten or deleted result can be brought back: 1 to 3,650, 30 if left out."""
    log_level: NotRequired[str]
    """DEBUG, INFO, WARN, ERROR or FATAL; INFO if left out."""
    log_retention_days: NotRequired[int]
    """Days for which the log is kept, as CloudWatch Logs allows them; 30 if left out."""
    kms_key_arn: NotRequired[pulumi.Input[str] | None]
    """The customer's key for the results, and for objects and table if they have one; AWS's own if left out."""
    deletion_protection: NotRequired[bool]
    """Whether results and quarantine refuse to be deleted; true if left out."""


_RULES: dict[str, Any] = {
    "bucket_name": (OrOutput(limits.BUCKET_NAME), None),
    "bucket_arn": (OrOutput(limits.BUCKET_ARN), None),
    "table_name": (OrOutput(limits.TABLE_NAME), None),
    "table_arn": (OrOutput(limits.TABLE_ARN), None),
    "result_reader_role_name": (OrOutput(limits.ROLE_NAME), None),
    "processor_code": (ARCHIVE, None),
    "processor": (limits.PROCESSOR, INSPECT),
    "allowed_content_types": (OrOutput(Each(limits.CONTENT_TYPE)), []),
    "rejected_objects": (limits.REJECTED_OBJECTS, "quarantine"),
    "quarantine_expiration_days": (limits.RETENTION_DAYS, 30),
    "malware_scan": (Flag(), False),
    "unscannable_objects": (limits.UNSCANNABLE_OBJECTS, "reject"),
    "timeout_seconds": (limits.PROCESSING_SECONDS, 300),
    "memory_mb": (limits.MEMORY_MB, 512),
    "max_concurrency": (limits.MAX_CONCURRENCY, None),
    "reserved_concurrency": (limits.CONCURRENCY, None),
    "max_attempts": (limits.ATTEMPTS, 5),
    "allowed_origins": (OrOutput(Each(limits.ORIGIN)), []),
    "result_expiration_days": (limits.RETENTION_DAYS, None),
    "noncurrent_version_days": (limits.RETENTION_DAYS, 30),
    "log_level": (limits.LOG_LEVEL, "INFO"),
    "log_retention_days": (limits.LOG_RETENTION_DAYS, 30),
    "kms_key_arn": (OrOutput(limits.KMS_KEY_ARN), None),
    "deletion_protection": (Flag(), True),
}


_NAMES = {
    BUCKET: "-quarantine",
    FUNCTION: "-process-object",
    ROLE: "-process-object-role",
    ROLE_POLICY: "-results-are-read-by-api",
    LOG_GROUP: "-process-object-log",
    QUEUE: "-dead-letters",
    RULE: "-object-events",
    TARGET: "-object-events-to-queue",
}
"""The longest that is added to the component's name for a name in AWS, by type."""


class ProcessingPipeline(pulumi.ComponentResource):
    """Takes each created object from uploaded to completed, rejected or failed."""

    queue_url: pulumi.Output[str]
    """Where created objects wait."""
    dead_letter_queue_url: pulumi.Output[str]
    """Where the messages of failed uploads are kept for 14 days."""
    results_bucket_name: pulumi.Output[str]
    """Where results are, under results/{owner}/{upload_id}.json."""
    quarantine_bucket_name: pulumi.Output[str]
    """Where rejected objects are, under their own keys; empty where they are deleted."""

    def __init__(self, name: str, args: ProcessingPipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = checked(ProcessingPipelineArgs, args, _RULES)
        if fault := processor_fault(given["processor"], given["processor_code"]):
            raise ArgumentError(f"ProcessingPipeline: {fault}")
        reserved = given["reserved_concurrency"]
        if fault := concurrency_fault(given["max_concurrency"], reserved):
            raise ArgumentError(f"ProcessingPipeline: max_concurrency {fault}")
        max_concurrency = given["max_concurrency"] or min(MAX_CONCURRENCY, reserved or MAX_CONCURRENCY)
        check_names("ProcessingPipeline", name, _NAMES)
        given["bucket_name"] = _claimed(name, args["bucket_name"], given["bucket_name"])
        super().__init__("portage:index:ProcessingPipeline", name, {}, opts)
        queue = self._queue(name, given)
        results = self._results(f"{name}-results", given)
        quarantine = None
        if given["rejected_objects"] == "quarantine":
            days = given["quarantine_expiration_days"]
            quarantine = self._bucket(f"{name}-quarantine", given, expiration_days=days)
        if given["result_reader_role_name"] is not None:
            aws.iam.RolePolicy(
                f"{name}-results-are-read-by-api",
                role=given["result_reader_role_name"],
                policy=iam.role_policy(
                    f"{name}-results-are-read-by-api",
                    iam.read_results(results.bucket_arn),
                    *iam.decrypt(given["kms_key_arn"]),
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        function = self._process_object(name, given, queue=queue, results=results, quarantine=quarantine)
        aws.lambda_.EventSourceMapping(
            f"{name}-queue-triggers-process-object",
            event_source_arn=queue.queue_arn,
            function_name=function.alias_arn,
            batch_size=1,  # objects differ by orders of magnitude: a large one would use up the time of the others
            function_response_types=["ReportBatchItemFailures"],
            # Otherwise SQS also delivers what Lambda then throttles, and each delivery uses up a try.
            scaling_config={"maximum_concurrency": max_concurrency},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.queue_url = queue.queue_url
        self.dead_letter_queue_url = queue.dead_letter_queue_url
        self.results_bucket_name = results.bucket_name
        self.quarantine_bucket_name = quarantine.bucket_name if quarantine else pulumi.Output.from_input("")
        self.register_outputs(
            {
                "queue_url": self.queue_url,
                "dead_letter_queue_url": self.dead_letter_queue_url,
                "results_bucket_name": self.results_bucket_name,
                "quarantine_bucket_name": self.quarantine_bucket_name,
            }
        )

    def _queue(self, name: str, given: dict[str, Any]) -> ObjectQueue:
        bucket_name = given["bucket_name"]
        awaited = _created_objects(bucket_name)
        gate: list[pulumi.Resource] = []
        if given["malware_scan"]:
            awaited = scanned_objects(bucket_name)
            gate = [
                MalwareGate(
                    f"{name}-scan",
                    {
                        "bucket_name": bucket_name,
                        "bucket_arn": given["bucket_arn"],
                        "kms_key_arn": given["kms_key_arn"],
                    },
                    pulumi.ResourceOptions(parent=self),
                )
            ]
        return ObjectQueue(
            name,
            {
                "event_pattern": awaited,
                "visibility_timeout_seconds": VISIBILITY_PER_TIMEOUT * given["timeout_seconds"],
                "max_attempts": given["max_attempts"],
            },
            # Nobody is to wait for scans before there are any.
            pulumi.ResourceOptions(parent=self, depends_on=gate),
        )

    def _results(self, name: str, given: dict[str, Any]) -> PrivateBucket:
        results = self._bucket(name, given, expiration_days=given["result_expiration_days"])
        if not is_left_out(given["allowed_origins"]):
            aws.s3.BucketCorsConfiguration(
                f"{name}-cors",
                bucket=results.bucket_name,
                cors_rules=[
                    {"allowed_origins": given["allowed_origins"], "allowed_methods": ["GET"], "max_age_seconds": 600}
                ],
                opts=pulumi.ResourceOptions(parent=self),
            )
        return results

    def _bucket(self, name: str, given: dict[str, Any], *, expiration_days: int | None) -> PrivateBucket:
        return PrivateBucket(
            name,
            {
                "deletion_protection": given["deletion_protection"],
                "kms_key_arn": given["kms_key_arn"],
                "noncurrent_version_days": given["noncurrent_version_days"],
                "expiration_days": expiration_days,
            },
            pulumi.ResourceOptions(parent=self),
        )

    def _process_object(
        self,
        name: str,
        given: dict[str, Any],
        *,
        queue: ObjectQueue,
        results: PrivateBucket,
        quarantine: PrivateBucket | None,
    ) -> LambdaFunction:
        return LambdaFunction(
            f"{name}-process-object",
            {
                "handler": "handlers.process_object.handle",
                "code": processing_code(given["processor_code"]),
                "statements": [
                    iam.consume(queue.queue_arn),
                    iam.read_objects(given["bucket_arn"]),
                    *_put_away(given["bucket_arn"], quarantine),
                    iam.put_results(results.bucket_arn),
                    iam.advance_uploads(given["table_arn"]),
                    iam.read_an_upload(given["table_arn"]),
                    *iam.encrypt_and_decrypt(given["kms_key_arn"]),
                ],
                "environment": {
                    "UPLOADS_TABLE": given["table_name"],
                    "INGEST_BUCKET": given["bucket_name"],
                    "RESULTS_BUCKET": results.bucket_name,
                    "QUARANTINE_BUCKET": quarantine.bucket_name if quarantine else "",
                    "QUEUE_URL": queue.queue_url,
                    "PROCESSOR": given["processor"],
                    "MAX_ATTEMPTS": str(given["max_attempts"]),
                    # The queue may hold events of objects that were created before the scan was switched on.
                    "MALWARE_SCAN": "required" if given["malware_scan"] else "off",
                    "UNSCANNABLE_OBJECTS": given["unscannable_objects"],
                    "ALLOWED_CONTENT_TYPES": joined(given["allowed_content_types"]),
                },
                "timeout_seconds": given["timeout_seconds"],
                "memory_mb": given["memory_mb"],
                "reserved_concurrency": given["reserved_concurrency"],
                "log_level": given["log_level"],
                "log_retention_days": given["log_retention_days"],
            },
            pulumi.ResourceOptions(parent=self),
        )


def concurrency_fault(max_concurrency: int | None, reserved_concurrency: int | None) -> str | None:
    """Return what is wrong with a maximum beside a reservation, or None."""
    if max_concurrency is None or reserved_concurrency is None or max_concurrency <= reserved_concurrency:
        return None
    return (
        f"is {max_concurrency}, but must be at most the reserved concurrency, {reserved_concurrency}: Lambda throttles "
        "the deliveries above it, and each one uses up a try."
    )


def _claimed(name: str, bucket_name: pulumi.Input[str], checked_name: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the bucket's name; raises ArgumentError where another pipeline of this run has the same bucket.

    The same text or Output object is found before any resource is made, an equal name when the Output resolves.
    """
    pipelines = runs.shared("the pipelines of buckets")

    def claim(bucket: object, known: str) -> str:
        # The entry keeps the Output alive: otherwise another object could get the same id().
        holder, _ = pipelines.setdefault(bucket, (name, bucket_name))
        if holder != name:
            raise ArgumentError(
                f"ProcessingPipeline: {name!r} has the bucket of {holder!r}, so each upload would go to one of the "
                "two at random. A bucket has one pipeline: choose by content type inside one processor, or make an "
                "UploadApi for each pipeline."
            )
        return known

    claim(bucket_name if isinstance(bucket_name, str) else id(bucket_name), "")
    return pulumi.Output.from_input(checked_name).apply(lambda known: claim(known, known))


def _created_objects(bucket_name: pulumi.Input[str]) -> dict[str, Any]:
    """Match what S3 says of a bucket's uploads."""
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket_name]}, "object": {"key": [{"prefix": OBJECT_PREFIX}]}},
    }


def _put_away(bucket_arn: pulumi.Input[str], quarantine: PrivateBucket | None) -> list[iam.Statement]:
    delete = iam.delete_versions(bucket_arn)
    if quarantine is None:
        return [delete]
    return [delete, iam.see_versions(bucket_arn), iam.fill_quarantine(quarantine.bucket_arn)]
