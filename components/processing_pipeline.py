"""ProcessingPipeline: hands every uploaded object to a processor, once, and keeps what it found.

ingest bucket --Object Created--> EventBridge rule --> arrivals --> group_arrivals --> queue (all with dead letters)
    (or, behind a malware gate: --> GuardDuty --Object Scan Result-->)
    --> process_object: verify --> the processor --> results bucket
                               --> quarantine, where the object is not as declared or not safe
                               --> status table: uploaded, processing, completed, rejected or failed
schedule --> reconcile_uploads: requeues, fails or expires uploads that are open for long
alarms on dead letters, on the age of the oldest message and on stuck uploads --> topic
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components import iam, runs
from components.arguments import ArgumentError, is_empty
from components.arguments.names import (
    ALARM,
    ARCHIVE,
    BUCKET,
    CLUSTER,
    FUNCTION,
    IMAGE_REPOSITORY,
    LAYER,
    LOG_GROUP,
    QUEUE,
    ROLE,
    ROLE_POLICY,
    RULE,
    SCHEDULE,
    SECURITY_GROUP,
    SERVICE,
    STATE_MACHINE,
    TARGET,
    TOPIC,
    check_names,
)
from components.arguments.notifications import S3_NOTIFICATIONS
from components.arguments.processing_pipeline import (
    EKS,
    FARGATE,
    LAMBDA,
    PROCESSOR_POLICY_CHARACTERS,
    STEP_FUNCTIONS,
    ProcessingPipelineArgs,
)
from components.arguments.workspace import EFS
from components.compute.eks import EksCompute, worker_environment, worker_policy
from components.compute.fargate import FargateCompute
from components.compute.image_repository import ImageRepository
from components.compute.lambda_compute import LambdaCompute
from components.compute.lambda_function import joined
from components.compute.processor_code import processing_code
from components.compute.protocol import Compute, Jobs, Permissions
from components.compute.step_functions_compute import StepFunctionsCompute
from components.descendants import with_descendants
from components.messaging.event_targets import EventTargets, EventTargetsArgs
from components.messaging.malware_gate import MalwareGate, scanned_objects
from components.messaging.object_queue import ObjectQueue, ObjectQueueArgs
from components.network.vpc import network_names
from components.operations.alarms import Alarms, AlarmsArgs
from components.operations.reconciler import Reconciler, ReconcilerArgs
from components.storage.given_bucket import Bucket, GivenBucket, allowed_in
from components.storage.private_bucket import PrivateBucket, PrivateBucketArgs
from handlers.domain.delays import retry_delay_seconds
from handlers.domain.upload_ref import OBJECT_PREFIX
from handlers.processors.routing import write_rules

__all__ = ["ProcessingPipeline", "ProcessingPipelineArgs"]

_NAMES = {
    ALARM: "-alarms-undelivered-events",
    BUCKET: "-quarantine",
    ARCHIVE: "-events",
    CLUSTER: "-workers",
    FUNCTION: "-process-object",
    IMAGE_REPOSITORY: "-worker",
    LAYER: "-processor-libraries",
    ROLE: "-process-object-role",
    SERVICE: "-workers",
    ROLE_POLICY: "-results-are-read-by-api",
    LOG_GROUP: "-process-object-log",
    QUEUE: "-event-targets-dead-letters",
    RULE: "-object-events",
    SCHEDULE: "-reconcile",
    SECURITY_GROUP: "-workspace-network-endpoints",
    STATE_MACHINE: "-workflow",
    TARGET: "-object-events-to-queue",
    TOPIC: "-alarms",
}
"""The longest that is added to the component's name for a name in AWS, by type."""

_NAMES_WITH_NETWORK = {**_NAMES, **network_names("-workspace-network")}
"""The same where jobs run in a VPC."""

_COMPUTES: Mapping[str, Callable[[ProcessingPipelineArgs], Compute]] = {
    LAMBDA: LambdaCompute,
    STEP_FUNCTIONS: lambda args: StepFunctionsCompute(args, args, args.max_attempts),
    FARGATE: FargateCompute,
    EKS: EksCompute,
}


class ProcessingPipeline(pulumi.ComponentResource):
    """Takes each created object from uploaded to completed, rejected or failed."""

    queue_url: pulumi.Output[str]
    """Where created objects wait."""
    queue_arn: pulumi.Output[str]
    """ARN of that queue."""
    dead_letter_queue_url: pulumi.Output[str]
    """Where the messages of failed uploads are kept for 14 days."""
    dead_letter_queue_arn: pulumi.Output[str]
    """ARN of that queue."""
    results_bucket_name: pulumi.Output[str]
    """Where results are, under results/{owner}/{upload_id}.json: the bucket that is made, or the given one."""
    quarantine_bucket_name: pulumi.Output[str]
    """Where rejected objects are, under their own keys; empty where they are deleted."""
    processor_role_name: pulumi.Output[str]
    """Name of the role that processors run with, for permissions that are granted elsewhere; empty with eks."""
    processor_role_arn: pulumi.Output[str]
    """ARN of that role, for policies of other resources, such as a bucket's or a key's; empty with eks."""
    worker_policy: pulumi.Output[str]
    """With eks: what the role of the worker may do, for EksArgoDeploy; otherwise empty."""
    worker_environment: pulumi.Output[Mapping[str, str]]
    """With eks: the worker's variables, for EksArgoDeploy; otherwise empty."""
    alarm_topic_arn: pulumi.Output[str]
    """Topic that the alarms notify. Subscribe an address to it."""
    event_rule_arn: pulumi.Output[str]
    """Rule that matches the events of uploads' objects; empty where S3's notifications start jobs."""
    event_archive_arn: pulumi.Output[str]
    """Archive of these events, for a replay; empty where there is none."""
    image_repository_url: pulumi.Output[str]
    """Where to push the worker's image; empty where no repository is made."""

    def __init__(self, name: str, args: ProcessingPipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = ProcessingPipelineArgs.of(args)
        in_vpc = args.compute == FARGATE or (args.compute == STEP_FUNCTIONS and args.workspace == EFS)
        check_names("ProcessingPipeline", name, _NAMES_WITH_NETWORK if in_vpc else _NAMES)
        if args.trigger == S3_NOTIFICATIONS and args.notification_topic_arn is None:
            raise ArgumentError(
                f"ProcessingPipeline: notification_topic_arn is missing, and trigger is {S3_NOTIFICATIONS!r}; give it "
                "UploadApi's notification_topic_arn, and give UploadApi the same trigger."
            )
        bucket_name = _claimed(name, args.as_given("bucket_name"), args.bucket_name)
        super().__init__("portage:index:ProcessingPipeline", name, {}, with_descendants(opts, args))
        for warning in args.warnings():
            pulumi.log.warn(warning, resource=self)
        compute = _COMPUTES[args.compute](args)
        queue = self._queue(name, args, bucket_name, compute)
        results = self._results(f"{name}-results", args, compute)
        quarantine = self._quarantine(f"{name}-quarantine", args)
        if args.result_reader_role_name is not None:
            aws.iam.RolePolicy(
                f"{name}-results-are-read-by-api",
                role=args.result_reader_role_name,
                policy=iam.role_policy(
                    f"{name}-results-are-read-by-api",
                    allowed_in(results, iam.read_results(results.bucket_arn)),
                    *iam.decrypt(args.kms_key_arn),
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        jobs = self._jobs(args, bucket_name, queue=queue, results=results, quarantine=quarantine)
        role = compute.run(name, jobs, pulumi.ResourceOptions(parent=self))
        none = pulumi.Output.from_input("")
        self.processor_role_name, self.processor_role_arn = (role.name, role.arn) if role else (none, none)
        self.worker_policy, self.worker_environment = pulumi.Output.from_input(""), pulumi.Output.from_input({})
        if args.compute == EKS:
            self.worker_policy = worker_policy(f"{name}-worker-policy", jobs, args.processor_statements)
            self.worker_environment = worker_environment(args, jobs)
        elif isinstance(args.processor_statements, pulumi.Output) or args.processor_statements:
            aws.iam.RolePolicy(
                f"{name}-processor-policy",
                role=self.processor_role_name,
                policy=iam.role_policy(
                    f"{name}-processor-policy",
                    more=iam.allow_processor(args.processor_statements),
                    limit=PROCESSOR_POLICY_CHARACTERS,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.image_repository_url = pulumi.Output.from_input("")
        if args.image_repository:
            self.image_repository_url = ImageRepository(f"{name}-worker", args, pulumi.ResourceOptions(parent=self)).url
        self.alarm_topic_arn = self._watch(name, args, queue, compute)
        self.event_rule_arn, self.event_archive_arn = queue.rule_arn, queue.archive_arn
        self.queue_url, self.queue_arn = queue.queue_url, queue.queue_arn
        self.dead_letter_queue_url = queue.dead_letter_queue_url
        self.dead_letter_queue_arn = queue.dead_letter_queue_arn
        self.results_bucket_name = results.bucket_name
        self.quarantine_bucket_name = quarantine.bucket_name if quarantine else pulumi.Output.from_input("")
        self.register_outputs(
            {
                "queue_url": self.queue_url,
                "queue_arn": self.queue_arn,
                "dead_letter_queue_url": self.dead_letter_queue_url,
                "dead_letter_queue_arn": self.dead_letter_queue_arn,
                "results_bucket_name": self.results_bucket_name,
                "quarantine_bucket_name": self.quarantine_bucket_name,
                "processor_role_name": self.processor_role_name,
                "processor_role_arn": self.processor_role_arn,
                "worker_policy": self.worker_policy,
                "worker_environment": self.worker_environment,
                "alarm_topic_arn": self.alarm_topic_arn,
                "event_rule_arn": self.event_rule_arn,
                "event_archive_arn": self.event_archive_arn,
                "image_repository_url": self.image_repository_url,
            }
        )

    def _queue(
        self, name: str, args: ProcessingPipelineArgs, bucket_name: pulumi.Output[str], compute: Compute
    ) -> ObjectQueue:
        awaited = _created_objects(bucket_name)
        gate: list[pulumi.Resource] = []
        if args.malware_scan:
            awaited = scanned_objects(bucket_name)
            gate = [MalwareGate(f"{name}-scan", args, bucket_name, pulumi.ResourceOptions(parent=self))]
        return ObjectQueue(
            name,
            ObjectQueueArgs(
                event_pattern=awaited,
                visibility_timeout_seconds=compute.visibility_timeout_seconds,
                max_attempts=args.max_attempts,
                log=args,
                archive_days=args.archive_days,
                topic_arn=args.notification_topic_arn if args.trigger == S3_NOTIFICATIONS else None,
            ),
            # The queue must not wait for scan results before GuardDuty scans.
            pulumi.ResourceOptions(parent=self, depends_on=gate),
        )

    def _watch(
        self, name: str, args: ProcessingPipelineArgs, queue: ObjectQueue, compute: Compute
    ) -> pulumi.Output[str]:
        """Make what finds stuck uploads, and the alarms; returns the topic that they notify."""
        reconciler = Reconciler(
            f"{name}-reconcile",
            ReconcilerArgs(
                pipeline=args,
                queue_url=queue.queue_url,
                queue_arn=queue.queue_arn,
                visibility_timeout_seconds=compute.visibility_timeout_seconds,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        dead_letters = {
            "dead-letters": queue.dead_letter_queue_arn,
            "undelivered-runs": reconciler.dead_letter_queue_arn,
        }
        if args.event_targets:
            targets = EventTargets(
                f"{name}-event-targets",
                EventTargetsArgs(rule_name=queue.rule_name, rule_arn=queue.rule_arn, target_arns=args.event_targets),
                pulumi.ResourceOptions(parent=self),
            )
            dead_letters["undelivered-events"] = targets.dead_letter_queue_arn
        alarms = Alarms(
            f"{name}-alarms",
            AlarmsArgs(
                topic_arn=args.alarm_topic_arn,
                queue_arn=queue.queue_arn,
                oldest_message_seconds=_oldest_message_seconds(args),
                dead_letter_queue_arns=dead_letters,
                reconciler_name=reconciler.function_name,
                reconcile_minutes=args.reconcile_minutes,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        return alarms.topic_arn

    def _quarantine(self, name: str, args: ProcessingPipelineArgs) -> Bucket | None:
        """Return where rejected objects go: to the given bucket, or to one that is made; None if they are deleted."""
        if args.rejected_objects == "delete":
            return None
        if args.quarantine_bucket_arn is not None:
            return self._given("quarantine_bucket_arn", args.quarantine_bucket_arn, args)
        return PrivateBucket(
            name, _bucket_args(args, args.quarantine_expiration_days), pulumi.ResourceOptions(parent=self)
        )

    def _results(self, name: str, args: ProcessingPipelineArgs, compute: Compute) -> Bucket:
        """Return where results go: to the given bucket, or to one that is made, with CORS for web pages."""
        if args.results_bucket_arn is not None:
            return self._given("results_bucket_arn", args.results_bucket_arn, args)
        results = PrivateBucket(
            name,
            _bucket_args(args, args.result_expiration_days, compute.passing_prefixes),
            pulumi.ResourceOptions(parent=self),
        )
        if not is_empty(args.allowed_origins):
            aws.s3.BucketCorsConfiguration(
                f"{name}-cors",
                bucket=results.bucket_name,
                cors_rules=[
                    {"allowed_origins": args.allowed_origins, "allowed_methods": ["GET"], "max_age_seconds": 600}
                ],
                opts=pulumi.ResourceOptions(parent=self),
            )
        return results

    def _given(self, argument: str, arn: pulumi.Input[str], args: ProcessingPipelineArgs) -> GivenBucket:
        allowed = _not_for_uploads(argument, arn, args)
        return GivenBucket.read(argument, allowed, args.table_arn, pulumi.InvokeOutputOptions(parent=self))

    def _jobs(
        self,
        args: ProcessingPipelineArgs,
        bucket_name: pulumi.Output[str],
        *,
        queue: ObjectQueue,
        results: Bucket,
        quarantine: Bucket | None,
    ) -> Jobs:
        """The job contract: code, environment and permissions, the same for every compute."""
        return Jobs(
            queue_arn=queue.queue_arn,
            code=lambda: processing_code(args.processor_code, args.processor_distributions),
            requirements=args.requirements_files,
            environment={
                "UPLOADS_TABLE": args.table_name,
                "INGEST_BUCKET": bucket_name,
                "RESULTS_BUCKET": results.bucket_name,
                "QUARANTINE_BUCKET": quarantine.bucket_name if quarantine else "",
                "QUEUE_URL": queue.queue_url,
                "PROCESSOR": args.processor,
                "PROCESSORS": write_rules(args.rules),
                "MAX_ATTEMPTS": str(args.max_attempts),
                # The queue may hold events of objects that were created before the scan was switched on.
                "MALWARE_SCAN": args.malware_scan_mode,
                "UNSCANNABLE_OBJECTS": args.unscannable_objects,
                "ALLOWED_CONTENT_TYPES": joined(args.allowed_content_types),
            },
            processor_environment=args.processor_environment,
            permissions=Permissions(
                receive=iam.consume(queue.queue_arn),
                read_object=iam.read_objects(args.bucket_arn),
                read_records=iam.read_records(args.bucket_arn),
                put_away=_put_away(args.bucket_arn, quarantine),
                store_result=allowed_in(results, iam.put_results(results.bucket_arn)),
                change_upload=[iam.advance_uploads(args.table_arn), iam.read_an_upload(args.table_arn)],
                use_key=iam.encrypt_and_decrypt(args.kms_key_arn),
                read_by_key=iam.decrypt(args.kms_key_arn),
                read_results=allowed_in(results, iam.read_results(results.bucket_arn)),
                store_step_results=allowed_in(results, iam.store_step_results(results.bucket_arn)),
                read_step_results=allowed_in(results, iam.read_step_results(results.bucket_arn)),
                write_map_results=allowed_in(results, iam.write_map_results(results.bucket_arn)),
            ),
            dead_letter_queue_url=queue.dead_letter_queue_url,
            dead_letter_queue_arn=queue.dead_letter_queue_arn,
        )


def _oldest_message_seconds(args: ProcessingPipelineArgs) -> int:
    """Return how long the attempts of one message take, if each one times out; a day at most."""
    delays = sum(retry_delay_seconds(attempt, args.max_attempts) for attempt in range(1, args.max_attempts + 1))
    return min(delays + args.max_attempts * args.timeout_seconds, 24 * 3600)


def _bucket_args(
    args: ProcessingPipelineArgs, expiration_days: int | None, passing_prefixes: Sequence[str] = ()
) -> PrivateBucketArgs:
    return PrivateBucketArgs(
        deletion_protection=args.deletion_protection,
        kms_key_arn=args.kms_key_arn,
        noncurrent_version_days=args.noncurrent_version_days,
        expiration_days=expiration_days,
        passing_prefixes=passing_prefixes,
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
                "two at random. A bucket has one pipeline: give it several processors with the argument "
                "processors, or make an UploadApi for each pipeline."
            )
        return known

    claim(bucket_name if isinstance(bucket_name, str) else id(bucket_name), "")
    return pulumi.Output.from_input(checked_name).apply(lambda known: claim(known, known))


def _not_for_uploads(name: str, given: pulumi.Input[str], args: ProcessingPipelineArgs) -> pulumi.Output[str]:
    """Return the ARN of a given bucket; raises ArgumentError if it turns out to be that of uploads."""

    def check(known: Sequence[str]) -> str:
        if known[0] == known[1]:
            raise ArgumentError(f"ProcessingPipeline: {name} is the bucket that receives uploads; give another bucket.")
        return known[0]

    return pulumi.Output.all(given, args.bucket_arn).apply(check)


def _created_objects(bucket_name: pulumi.Input[str]) -> dict[str, Any]:
    """Match what S3 says of a bucket's uploads."""
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket_name]}, "object": {"key": [{"prefix": OBJECT_PREFIX}]}},
    }


def _put_away(bucket_arn: pulumi.Input[str], quarantine: Bucket | None) -> list[iam.Statement]:
    delete = iam.delete_versions(bucket_arn)
    if quarantine is None:
        return [delete]
    fill = allowed_in(quarantine, iam.fill_quarantine(quarantine.bucket_arn))
    return [delete, iam.see_versions(bucket_arn), fill]
