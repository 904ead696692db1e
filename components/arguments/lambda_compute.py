"""The arguments of the compute `lambda`."""

from collections.abc import Callable

from components.arguments import limits
from components.arguments.constraints import Range
from components.arguments.declaration import argument
from components.arguments.function import FunctionArgs

DEFAULT_MAX_CONCURRENCY = 50
"""A burst of uploads then leaves most of an account's quota of 1,000 executions to other functions."""


class LambdaComputeArgs(FunctionArgs):
    """Arguments of ProcessingPipeline that LambdaCompute uses."""

    max_concurrency: int | None = argument(
        Range(2, 1_000, "Lambda's limits for an SQS event source's maximum concurrency"), default=None
    )
    """Objects that are processed at once, at most; if omitted, 50, or the reservation if that is smaller.

    Limits what the queue delivers. It reserves nothing. With the compute step-functions, Lambda runs one more function
    for each of them, beside those of its steps, and an upload that takes longer than 15 minutes no longer counts.
    """
    reserved_concurrency: int | None = argument(limits.RESERVED_CONCURRENCY, default=None)
    """Executions at once that are reserved for processing; if omitted, none."""

    @property
    def concurrency_limit(self) -> int:
        """Objects that are processed at once, at most."""
        return self.max_concurrency or min(
            DEFAULT_MAX_CONCURRENCY, self.reserved_concurrency or DEFAULT_MAX_CONCURRENCY
        )

    def lambda_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        most, reserved = self.max_concurrency, self.reserved_concurrency
        if most is not None and reserved is not None and most > reserved:
            conflict = (
                f"{spelled('max_concurrency')} is {most}, but must be at most the reserved concurrency, {reserved}: "
                "Lambda throttles the deliveries above it, and each one uses up an attempt."
            )
            return [conflict]
        return []
