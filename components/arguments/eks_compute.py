"""The arguments of the compute `eks`."""

from components.arguments.constraints import Range
from components.arguments.declaration import argument
from components.arguments.shared import JobArgs


class EksComputeArgs(JobArgs):
    """Arguments of ProcessingPipeline that EksCompute uses."""

    eks_jobs_at_once: int = argument(Range(1, 100_000, "a bound of this project"), default=50)
    """Objects that are processed at once, at most: the pods of the ScaledObject in Git, times the jobs of one pod.

    The reconciler expects no more. The ScaledObject sets the limit.
    """
