"""What every compute of a ProcessingPipeline implements, so that choosing another one changes nothing else.

The pipeline owns the queue, the job contract (handlers/processors) and the permissions of a job. A compute receives
them and runs handlers/entries/jobs.py for each message that it takes from the queue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pulumi

from components import iam


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """What a compute runs: each message of a queue is one job."""

    queue_arn: pulumi.Input[str]
    code: pulumi.Archive
    """The handlers, the processor and the libraries of both."""
    requirements: Sequence[Path]
    """Files of libraries with native code: for functions a layer each (libraries.py), for containers in their image."""
    environment: Mapping[str, pulumi.Input[str]]
    """The variables of JobEnvironment (handlers/processors)."""
    processor_environment: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    """Variables of the processor; none has the name of one in `environment`."""
    statements: Sequence[iam.Statement]
    """All that a job may do, receiving its message included."""


class Compute(Protocol):
    """Runs the jobs of a queue. An implementation holds its own limits, such as memory and concurrency."""

    @property
    def visibility_timeout_seconds(self) -> int:
        """Seconds for which the queue hides a received message until its run has begun; then the run's lease counts."""
        ...

    def run(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """Create what runs the jobs, with names that begin with `name`; returns the name of the role of a job."""
        ...
