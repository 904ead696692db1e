"""Runs jobs on Lambda: one function, which the queue triggers."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments.lambda_compute import LambdaComputeArgs
from components.compute.processor_function import processor_function
from components.compute.protocol import Compute, Jobs

VISIBILITY_SECONDS = 900
"""For a delivery that Lambda throttles, before a run has begun. Each one counts as an attempt, so it should take long.

Lambda accepts no queue with less than the function's timeout, which is at most 900 seconds.
"""


@dataclass(frozen=True)
class LambdaCompute(Compute):
    """A compute for jobs of up to 15 minutes."""

    visibility_timeout_seconds = VISIBILITY_SECONDS

    args: LambdaComputeArgs

    def run(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> aws.iam.Role:
        """Create the function process_object and the mapping with which Lambda polls the queue."""
        function = processor_function(
            name,
            f"{name}-process-object",
            self.args,
            jobs,
            opts,
            handler="handlers.entries.process_object.handle",
            statements=jobs.permissions.all,
            environment=jobs.environment,
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
        return function.role
