"""The arguments of the compute `step-functions`, beside those that it shares with `lambda`."""

from collections.abc import Callable

from components.arguments import limits
from components.arguments.constraints import ListOf
from components.arguments.declaration import Arguments, argument


class StepFunctionsComputeArgs(Arguments):
    """Arguments of ProcessingPipeline that only StepFunctionsCompute uses."""

    step_functions_processors: list[str] = argument(ListOf(limits.HANDLER), default=[])
    """Processors that all run for each upload, in this order. The result has what each returned, by its name.

    If omitted, `processor` and `processors` choose one.
    """
    step_functions_parallel: bool = argument(limits.BOOLEAN, default=False)
    """Whether the processors of step_functions_processors run at the same time."""

    def step_functions_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        name, processors = spelled("step_functions_processors"), self.step_functions_processors
        twice = sorted({each for each in processors if processors.count(each) > 1})
        found = [f"{name} has {each} twice, but a result has each name once; leave one out." for each in twice]
        if self.step_functions_parallel and not processors:
            found.append(
                f"{spelled('step_functions_parallel')} is true, but {name} is empty; name the processors there."
            )
        return found
