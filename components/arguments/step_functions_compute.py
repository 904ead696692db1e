"""The arguments of the compute `step-functions`, beside those that it shares with `lambda`."""

from collections.abc import Callable

from components.arguments import limits
from components.arguments.constraints import Choice, ListOf, Range
from components.arguments.declaration import argument
from components.arguments.workspace import WorkspaceArgs

LONGEST_STATE_NAME = 80
"""Characters. Source: Step Functions developer guide, "Workflow states", on the names of states."""

_OF_MAP = tuple(
    f"step_functions_map_{each}"
    for each in ("batch_records", "concurrency", "csv_delimiter", "tolerated_failure_percentage")
)


class StepFunctionsComputeArgs(WorkspaceArgs):
    """Arguments of ProcessingPipeline that only StepFunctionsCompute uses."""

    step_functions_processors: list[str] = argument(ListOf(limits.HANDLER), default=[])
    """Processors that all run for each upload, in this order. The result has what each returned, by its name.

    If omitted, `processor` and `processors` choose one.
    """
    step_functions_parallel: bool = argument(limits.BOOLEAN, default=False)
    """Whether the processors of step_functions_processors run at the same time."""
    step_functions_map_processor: str | None = argument(limits.HANDLER, default=None)
    """Function that processes the records of each upload, a CSV or JSON Lines file, in batches: `job.records`.

    Many batches are processed at once. Uploads that are no such files fail.
    """
    step_functions_map_batch_records: int = argument(Range(1, 100_000, "a bound of this project"), default=1_000)
    """Records in a batch, at most. A batch is also limited to 192 KiB."""
    step_functions_map_concurrency: int = argument(
        Range(1, 10_000, "Step Functions' limit for a Distributed Map"), default=50
    )
    """Batches of one upload that are processed at once, at most."""
    step_functions_map_csv_delimiter: str = argument(
        Choice(("comma", "pipe", "semicolon", "space", "tab"), "Step Functions' delimiters"), default="comma"
    )
    """What separates the fields of CSV files."""
    step_functions_map_tolerated_failure_percentage: int = argument(
        Range(0, 100, "Step Functions' limits for a percentage"), default=0
    )
    """Percentage of an upload's records in batches that fail, up to which the upload is completed all the same."""

    def step_functions_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        name, processors = spelled("step_functions_processors"), self.step_functions_processors
        twice = sorted({each for each in processors if processors.count(each) > 1})
        found = [f"{name} has {each} twice, but a result has each name once; leave one out." for each in twice]
        found += [
            f"{name}[{number}] has {len(each)} characters, but must have at most {LONGEST_STATE_NAME}, because it "
            "names a state of the workflow (Step Functions guide); use shorter names of modules."
            for number, each in enumerate(processors)
            if len(each) > LONGEST_STATE_NAME
        ]
        if self.step_functions_parallel and not processors:
            found.append(
                f"{spelled('step_functions_parallel')} is true, but {name} is empty; name the processors there."
            )
        return found + self._map_conflicts(spelled) + self.workspace_conflicts(spelled)

    def _map_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        name = spelled("step_functions_map_processor")
        if self.step_functions_map_processor is None:
            return [
                f"{spelled(each)} is given, but {name} is not, so there is no map of records; name a processor there."
                for each in self.changed(_OF_MAP)
            ]
        return [
            f"{name} processes every upload, so {spelled(each)} has no effect; leave it out."
            for each in self.changed(("step_functions_processors", "step_functions_parallel", "workspace"))
        ]
