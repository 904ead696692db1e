"""What every compute of a ProcessingPipeline implements, so that choosing another one changes nothing else.

The pipeline owns the queue, the job contract (handlers/processors) and the permissions of a job. A compute receives
them, and takes each message from the queue to the upload's end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import ArgumentError
from handlers.processors import JOB_VARIABLES, WORKER_VARIABLES


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """What a compute runs: each message of a queue is one job."""

    queue_arn: pulumi.Input[str]
    code: Callable[[], pulumi.Archive]
    """Makes the archive of the handlers, the processor and the libraries of both, for a compute that deploys code."""
    requirements: Sequence[Path]
    """Files of libraries with native code: for functions a layer each (libraries.py), for containers in their image."""
    environment: Mapping[str, pulumi.Input[str]]
    """The variables of JobEnvironment (handlers/processors)."""
    processor_environment: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    """Variables of the processor; none has the name of one in `environment`."""
    permissions: "Permissions"
    dead_letter_queue_url: pulumi.Input[str]
    dead_letter_queue_arn: pulumi.Input[str]

    def worker_variables(self, own: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[Mapping[str, str]]:
        """Return a worker's own variables and the processor's.

        Raises ArgumentError as soon as the processor's are known, if one has a name that the worker reads.
        """

        def merged(both: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
            if taken := sorted((JOB_VARIABLES | WORKER_VARIABLES) & both[1].keys()):
                raise ArgumentError(
                    f"ProcessingPipeline: processor_environment holds {taken[0]}, which Portage sets itself; rename it."
                )
            return {**both[1], **both[0]}

        return pulumi.Output.all(dict(own), self.processor_environment).apply(merged)


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What a job may do, by its parts: a compute that runs them apart gives each part only its own."""

    receive: iam.Statement
    read_object: iam.Statement
    read_records: iam.Statement
    """As Step Functions reads them itself."""
    put_away: Sequence[iam.Statement]
    """Of an object that is rejected."""
    store_result: iam.Statement
    change_upload: Sequence[iam.Statement]
    use_key: Sequence[iam.Statement]
    read_by_key: Sequence[iam.Statement]
    """For what only reads the record, or an object."""
    read_results: iam.Statement
    store_step_results: iam.Statement
    read_step_results: iam.Statement
    write_map_results: iam.Statement
    """As Step Functions writes them itself."""

    @property
    def all(self) -> list[iam.Statement]:
        """Return the permissions of a job that runs as a whole."""
        return [
            self.receive,
            self.read_object,
            *self.put_away,
            self.store_result,
            *self.change_upload,
            *self.use_key,
        ]


class Compute(Protocol):
    """Runs the jobs of a queue. An implementation inherits it, and holds its limits, such as memory and concurrency."""

    visibility_timeout_seconds: ClassVar[int]
    """Seconds for which the queue hides a received message until its run has begun; then the run's lease counts."""

    @property
    def passing_prefixes(self) -> Sequence[str]:
        """Prefixes in the results bucket of objects that are needed only until their upload's result is recorded.

        None where a job runs as a whole.
        """
        return ()

    def run(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> aws.iam.Role | None:
        """Create what runs the jobs, with names that begin with `name`; returns the role of a job, if it makes one."""
        ...
