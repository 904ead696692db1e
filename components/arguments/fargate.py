"""The arguments of the compute `fargate`."""

from collections.abc import Callable

import pulumi

from components.arguments import limits
from components.arguments.constraints import Choice, Range
from components.arguments.declaration import argument
from components.arguments.network import NetworkArgs
from components.arguments.shared import JobArgs
from handlers.domain.slots import WORKER_MEMORY_MB, slots_of

GIB = 1_024

MEMORY_MB: dict[int, tuple[int, ...]] = {
    256: (512, GIB, 2 * GIB),
    512: tuple(range(1 * GIB, 4 * GIB + 1, GIB)),
    1_024: tuple(range(2 * GIB, 8 * GIB + 1, GIB)),
    2_048: tuple(range(4 * GIB, 16 * GIB + 1, GIB)),
    4_096: tuple(range(8 * GIB, 30 * GIB + 1, GIB)),
    8_192: tuple(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
    16_384: tuple(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
}
"""The memory that a task can have, by its CPU units. Source: ECS developer guide, "Task definition parameters"."""


_MEMORIES = tuple(sorted({each for sizes in MEMORY_MB.values() for each in sizes}))


class FargateArgs(NetworkArgs, JobArgs):
    """Arguments of ProcessingPipeline that FargateCompute uses."""

    worker_image: pulumi.Input[str] | None = argument(limits.ECR_IMAGE, default=None)
    """Image of the worker in ECR, by its digest. Required by the compute fargate."""
    fargate_cluster_arn: pulumi.Input[str] | None = argument(limits.ECS_CLUSTER_ARN, default=None)
    """Existing ECS cluster that tasks run in, of the same region; if omitted, one is made.

    It needs the capacity providers FARGATE and FARGATE_SPOT, and Container Insights: the service is scaled by its count
    of tasks. Tasks may protect all tasks of the cluster from scale-in.
    """
    fargate_cpu: int = argument(Choice(tuple(MEMORY_MB), "the CPU units that Fargate has"), default=1_024)
    """CPU units of a task; 1024 are one vCPU."""
    fargate_memory_mb: int = argument(Choice(_MEMORIES, "the sizes that Fargate has"), default=4_096)
    """Memory of a task in MB. As many jobs run at once in a task as fit into it, each with `memory_mb`."""
    fargate_storage_gib: int = argument(Range(20, 200, "Fargate's limits for ephemeral storage"), default=20)
    """Storage of a task in GiB, for the workspaces of its jobs and its image."""
    fargate_min_tasks: int = argument(Range(0, 1_000, "a bound of this project"), default=1)
    """Tasks that run without uploads. With 0, the first upload waits for about two minutes until a task has started."""
    fargate_max_tasks: int = argument(Range(1, 1_000, "a bound of this project"), default=10)
    """Tasks that run at once, at most."""
    fargate_backlog_per_task: int = argument(Range(1, 100_000, "a bound of this project"), default=10)
    """Uploads that wait or are processed, for each task. With more, tasks are added."""
    fargate_weight: int = argument(Range(0, 1_000, "ECS's limits"), default=1)
    """Share of tasks on Fargate on demand, in relation to `fargate_spot_weight`."""
    fargate_spot_weight: int = argument(Range(0, 1_000, "ECS's limits"), default=0)
    """Share of tasks on Fargate Spot. AWS can stop them within two minutes; their jobs are then done by other tasks."""

    def fargate_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        found: list[str] = []
        memory, spelled_memory = self.fargate_memory_mb, spelled("fargate_memory_mb")
        possible = MEMORY_MB[self.fargate_cpu]
        if memory not in possible:
            nearest = min(possible, key=lambda each: abs(each - memory))
            found.append(
                f"{spelled_memory} is {memory}, but Fargate has from {possible[0]} to {possible[-1]} MB in steps with "
                f"{spelled('fargate_cpu')} {self.fargate_cpu}; the nearest is {nearest}."
            )
        elif slots_of(memory, self.memory_mb) == 0:
            found.append(
                f"{spelled_memory} is {memory}, but must be at least {WORKER_MEMORY_MB + self.memory_mb}: "
                f"{WORKER_MEMORY_MB} for the worker and {self.memory_mb} for one job ({spelled('memory_mb')})."
            )
        if self.fargate_min_tasks > self.fargate_max_tasks:
            found.append(
                f"{spelled('fargate_min_tasks')} is {self.fargate_min_tasks}, but must be at most "
                f"{spelled('fargate_max_tasks')}, {self.fargate_max_tasks}."
            )
        if self.fargate_weight == self.fargate_spot_weight == 0:
            found.append(
                f"{spelled('fargate_weight')} and {spelled('fargate_spot_weight')} are 0, so no task could be placed; "
                "give one of them a weight."
            )
        if self.worker_image is None:
            found.append(
                f"{spelled('worker_image')} is missing, but the compute fargate runs it. First set "
                f"{spelled('image_repository')} to true with the compute lambda, push an image of Dockerfile, and give "
                "it by its digest."
            )
        return found
