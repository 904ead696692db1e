"""The arguments of the functions that run a processor, with the computes `lambda` and `step-functions`."""

from collections import Counter
from collections.abc import Callable

import pulumi

from components.arguments import is_empty, limits
from components.arguments.architecture import ARCHITECTURES, ARM64, Architecture
from components.arguments.declaration import argument
from components.arguments.network import NetworkArgs
from components.arguments.shared import JobArgs


class FunctionArgs(NetworkArgs, JobArgs):
    """Arguments of ProcessingPipeline for the function that runs the processor, whichever compute calls it."""

    function_storage_mb: int = argument(limits.FUNCTION_STORAGE_MB, default=512)
    """Storage of a processor's function in MB, for the workspace of its job and its other temporary files."""
    function_architecture: str = argument(limits.ARCHITECTURE, default=ARM64.name)
    """Processor (instruction set) that a team's code runs on. `arm64` costs less.

    The libraries of `processor_requirements` are installed for it. Native code in the team's own code must be for it.
    """
    function_layers: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.LAYER_ARNS, default=[])
    """ARNs of layer versions for the processor's function, such as a vendor's extension.

    A function has at most 5 layers. The libraries of each requirements file are one of them.
    """

    @property
    def architecture(self) -> Architecture:
        """What `function_architecture` names."""
        return ARCHITECTURES[self.function_architecture]

    def function_conflicts(self, spelled: Callable[[str], str], own_layers: int) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names.

        `own_layers` is the number of layers that the processor's function has besides the given ones.
        """
        return self._layer_conflicts(spelled("function_layers"), own_layers) + self._network_conflicts(spelled)

    def _layer_conflicts(self, name: str, own_layers: int) -> list[str]:
        given = self.items_of("function_layers")
        versions = Counter(each.rpartition(":")[0] for each in given if isinstance(each, str))
        found = [
            f"{name} has two versions of {layer}, but a function takes one of each layer; leave one out."
            for layer, times in versions.items()
            if times > 1
        ]
        if len(given) > (left := limits.MAX_LAYERS - own_layers):
            found.append(
                f"{name} has {len(given)} layers, but must have at most {left}: a function takes {limits.MAX_LAYERS}, "
                f"and this one has {own_layers} of the pipeline's own. Merge some."
            )
        return found

    def _network_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return what is wrong with the network, if there is one: these computes make none for their functions.

        Other settings of the network may be those of the compute fargate, before a switch to it.
        """
        is_given = not is_empty(self.subnet_ids) or not is_empty(self.security_group_ids)
        return self.network_conflicts(spelled) if is_given else []
