"""Runs jobs on EKS: the pipeline has the queue, and offers what the worker on a cluster needs (EksArgoDeploy).

SQS --long poll--> worker (handlers/entries/worker.py), in pods that Argo CD keeps as Git has them and KEDA scales
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components import iam
from components.arguments.constraints import StatementArgs
from components.arguments.eks_compute import EksComputeArgs
from components.compute.fargate import VISIBILITY_SECONDS
from components.compute.protocol import Compute, Jobs


@dataclass(frozen=True)
class EksCompute(Compute):
    """A compute for teams that have a cluster, or deploy by Git."""

    visibility_timeout_seconds = VISIBILITY_SECONDS

    args: EksComputeArgs

    def run(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> None:
        """Create nothing, and return no role: the cluster has it."""
        del name, jobs, opts


def worker_policy(
    name: str, jobs: Jobs, processor_statements: pulumi.Input[list[pulumi.Input[StatementArgs]]]
) -> pulumi.Output[str]:
    """Return the policy of the worker's role: what a job may do, and what the team's processor may do besides."""
    return iam.role_policy(name, *jobs.permissions.all, more=iam.allow_processor(processor_statements))


def worker_environment(args: EksComputeArgs, jobs: Jobs) -> pulumi.Output[Mapping[str, str]]:
    """Return the worker's variables. The queue's URL is an output of its own, and Git has the limits of a pod."""
    own = {
        **{name: value for name, value in jobs.environment.items() if name != "QUEUE_URL"},
        "WORKER_JOB_MEMORY_MB": str(args.memory_mb),
        "WORKER_JOB_SECONDS": str(args.timeout_seconds),
        "LOG_LEVEL": args.log_level,
    }
    return jobs.worker_variables(own)
