"""The building block that ends uploads that are open for long: a function, and the schedule that invokes it."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments.processing_pipeline import ProcessingPipelineArgs
from components.compute.code_archive import code_archive
from components.compute.lambda_function import LIVE, LambdaFunction, LambdaFunctionArgs
from components.messaging.arrivals import MESSAGE_SECONDS
from handlers.domain.delays import Waits

RUN_SECONDS = 300
"""For one run. A schedule's period is not shorter, so that runs seldom overlap."""

LONGEST_EVENT_AGE_SECONDS = 21_600
"""Lambda's limit for an event that waits for its asynchronous invocation (PutFunctionEventInvokeConfig)."""


@dataclass(frozen=True, kw_only=True)
class ReconcilerArgs:
    """What the pipeline hands over."""

    pipeline: ProcessingPipelineArgs
    queue_url: pulumi.Input[str]
    """Queue of jobs."""
    queue_arn: pulumi.Input[str]
    visibility_timeout_seconds: int
    """Seconds for which the queue hides a delivered message."""


class Reconciler(pulumi.ComponentResource):
    """Runs reconcile_uploads on a schedule. What cannot be run is in a dead-letter queue of its own."""

    function_name: pulumi.Output[str]
    """Dimension of its metrics."""
    dead_letter_queue_arn: pulumi.Output[str]
    """Runs that were not started, or that ended in an error."""

    def __init__(self, name: str, args: ReconcilerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:Reconciler", name, {}, opts)
        dead_letter_queue = self._dead_letter_queue(name)
        function = self._function(name, args, dead_letter_queue.arn)
        self._invoke(name, args.pipeline.reconcile_minutes, function, dead_letter_queue.arn)
        self.function_name = function.function_name
        self.dead_letter_queue_arn = dead_letter_queue.arn
        self.register_outputs(
            {"function_name": self.function_name, "dead_letter_queue_arn": self.dead_letter_queue_arn}
        )

    def _dead_letter_queue(self, name: str) -> aws.sqs.Queue:
        child = pulumi.ResourceOptions(parent=self)
        queue = aws.sqs.Queue(
            f"{name}-dead-letters",
            message_retention_seconds=MESSAGE_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        aws.sqs.QueuePolicy(
            f"{name}-dead-letters-policy",
            queue_url=queue.url,
            policy=iam.queue_policy(f"{name}-dead-letters-policy", iam.refuse_plain_http(queue.arn, "sqs:*")),
            opts=child,
        )
        return queue

    def _function(self, name: str, args: ReconcilerArgs, dead_letter_queue_arn: pulumi.Input[str]) -> LambdaFunction:
        pipeline = args.pipeline
        waits = Waits.of(args.visibility_timeout_seconds, pipeline.max_attempts, pipeline.timeout_seconds)
        starts_a_job = iam.request_scans() if pipeline.malware_scan else iam.send_messages(args.queue_arn)
        return LambdaFunction(
            name,
            LambdaFunctionArgs(
                handler="handlers.entries.reconcile_uploads.handle",
                code=code_archive(),
                statements=[
                    iam.list_open_uploads(pipeline.table_arn),
                    iam.read_an_upload(pipeline.table_arn),
                    iam.advance_uploads(pipeline.table_arn),
                    iam.see_versions(pipeline.bucket_arn),
                    iam.abort_multipart_uploads(pipeline.bucket_arn),
                    iam.count_messages(args.queue_arn),
                    starts_a_job,
                    iam.send_messages(dead_letter_queue_arn),
                    *iam.encrypt_and_decrypt(pipeline.kms_key_arn),
                ],
                environment={
                    "UPLOADS_TABLE": pipeline.table_name,
                    "INGEST_BUCKET": pipeline.bucket_name,
                    "QUEUE_URL": args.queue_url,
                    "MALWARE_SCAN": pipeline.malware_scan_mode,
                    "CONCURRENCY_LIMIT": str(pipeline.jobs_at_once),
                    "GRACE_SECONDS": str(int(waits.grace.total_seconds())),
                    "AGAIN_AFTER_SECONDS": str(int(waits.again_after.total_seconds())),
                },
                timeout_seconds=RUN_SECONDS,
                log_level=pipeline.log_level,
                log_retention_days=pipeline.log_retention_days,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _invoke(
        self, name: str, minutes: int, function: LambdaFunction, dead_letter_queue_arn: pulumi.Input[str]
    ) -> None:
        """Invoke the function on a schedule. A run that is late is left out, because the next one does its work."""
        child = pulumi.ResourceOptions(parent=self)
        aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-invocations",
            function_name=function.function_name,
            qualifier=LIVE,
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=min(minutes * 60, LONGEST_EVENT_AGE_SECONDS),
            destination_config={"on_failure": {"destination": dead_letter_queue_arn}},
            opts=child,
        )
        role = aws.iam.Role(f"{name}-run-role", assume_role_policy=iam.trust("scheduler.amazonaws.com"), opts=child)
        policy = aws.iam.RolePolicy(
            f"{name}-run-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-run-policy", iam.invoke(function.alias_arn), iam.send_messages(dead_letter_queue_arn)
            ),
            opts=child,
        )
        aws.scheduler.Schedule(
            name,
            description="Ends uploads that are open for long",
            schedule_expression=f"rate({minutes} minutes)",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": function.alias_arn,
                "role_arn": role.arn,
                "retry_policy": {"maximum_event_age_in_seconds": minutes * 60, "maximum_retry_attempts": 10},
                "dead_letter_config": {"arn": dead_letter_queue_arn},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
