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

    function_storage_mb: int = argument(limits.FUNCTION_STORAGE_MB, default=limits.INCLUDED_STORAGE_MB)
    """Storage of a processor's function in MB, for the workspace of its job and its other temporary files."""
    function_architecture: str = argument(limits.ARCHITECTURE, default=ARM64.name)
    """Processor (instruction set) that a team's code runs on. `arm64` costs less.

    The libraries of `processor_requirements` are installed for it. Native code in the team's own code must be for it.
    """
    function_layers: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.LAYER_ARNS, default=[])
    """ARNs of layer versions for the processor's function, such as a vendor's extension.

    A function has at most 5 layers. The libraries of each requirements file are one of them.
    """

    function_image: pulumi.Input[str] | None = argument(limits.ECR_IMAGE, default=None)
    """Image in ECR, by its digest, that the processor's function runs instead of an archive; its size is up to 10 GB.

    Build it from the target `function` of Dockerfile, for `function_architecture`. It has the code of
    `processor_code`, which is checked all the same.
    """
    processor_code_bucket: pulumi.Input[str] | None = argument(limits.CODE_BUCKET, default=None)
    """Bucket that has the processor's code as a zip file, instead of `processor_code`; in the functions' region.

    The zip file becomes a layer, so the modules are in its folder `python`. The deploying user must be allowed to read
    it.
    """
    processor_code_key: pulumi.Input[str] | None = argument(limits.CODE_KEY, default=None)
    """Key of the zip file in `processor_code_bucket`."""
    processor_code_version: pulumi.Input[str] | None = argument(limits.CODE_VERSION, default=None)
    """Version of that object. Without it, use a new key for each build: the same key deploys nothing new."""

    @property
    def architecture(self) -> Architecture:
        """What `function_architecture` names."""
        return ARCHITECTURES[self.function_architecture]

    @property
    def has_code_in_s3(self) -> bool:
        """Whether the processor's code is in an object of S3."""
        return self.processor_code_bucket is not None

    def code_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why the arguments of code in S3 cannot be used together, with `spelled` names."""
        bucket, key, version = (spelled(f"processor_code_{each}") for each in ("bucket", "key", "version"))
        if self.has_code_in_s3 and self.processor_code_key is None:
            return [f"{key} is missing, but {bucket} is given; give the key of the zip file, or leave out {bucket}."]
        if self.has_code_in_s3:
            return []
        return [
            f"{name} is given, but {bucket} is not; give both, or leave it out."
            for name, value in ((key, self.processor_code_key), (version, self.processor_code_version))
            if value is not None
        ]

    def function_conflicts(self, spelled: Callable[[str], str], libraries: int) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names.

        `libraries` is the number of layers with libraries that the processor's function has.
        """
        found = self._network_conflicts(spelled)
        if self.function_image is None:
            return found + self._layer_conflicts(spelled("function_layers"), libraries + self.has_code_in_s3)
        image = spelled("function_image")
        if not is_empty(self.function_layers):
            found.append(
                f"{spelled('function_layers')} is given, but a function of an image has no layers; leave it out, or "
                f"add the content to the image of {image}."
            )
        if self.has_code_in_s3:
            found.append(
                f"{spelled('processor_code_bucket')} is given, but the code is in the image of {image}; give the "
                f"folder that the image was built with in {spelled('processor_code')}."
            )
        return found

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
