"""Runs jobs on Lambda: one function, which the queue triggers."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments.lambda_compute import LambdaComputeArgs
from components.compute.lambda_function import LambdaFunction, LambdaFunctionArgs
from components.compute.libraries import layers
from components.compute.protocol import Compute, Jobs

VISIBILITY_SECONDS = 900
"""For a delivery that Lambda throttles, before a run has begun. Each one counts as an attempt, so it should take long.

Lambda accepts no queue with less than the function's timeout, which is at most 900 seconds.
"""


@dataclass(frozen=True)
class LambdaCompute(Compute):
    """A compute for jobs of up to 15 minutes."""

    args: LambdaComputeArgs

    @property
    def visibility_timeout_seconds(self) -> int:
        """The same for all timeouts."""
        return VISIBILITY_SECONDS

    def run(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """Create the function process_object and the mapping with which Lambda polls the queue."""
        function = LambdaFunction(
            f"{name}-process-object",
            LambdaFunctionArgs(
                handler="handlers.entries.process_object.handle",
                code=jobs.code(),
                layers=layers(name, jobs.requirements, opts),
                statements=jobs.permissions.all,
                environment=jobs.environment,
                extra_environment=jobs.processor_environment,
                timeout_seconds=self.args.timeout_seconds,
                memory_mb=self.args.memory_mb,
                reserved_concurrency=self.args.reserved_concurrency,
                log_level=self.args.log_level,
                log_retention_days=self.args.log_retention_days,
            ),
            opts,
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-queue-triggers-process-object",
            event_source_arn=jobs.queue_arn,
            function_name=function.alias_arn,
            batch_size=1,  # objects differ by orders of magnitude: a large one would use up the time of the others
            function_response_types=["ReportBatchItemFailures"],
            # Otherwise SQS also delivers what Lambda then throttles, and each delivery uses up an attempt.
            scaling_config={"maximum_concurrency": self.args.concurrency_limit},
            opts=opts,
        )
        return function.role_name
