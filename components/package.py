"""The Pulumi package of the components: their schema, for programs in any Pulumi language."""

import inspect
import json

import pulumi
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.util import camel_case

from components.arguments import Arguments
from components.arguments.declaration import description


class PackageProvider(ComponentProvider):
    """Pulumi's provider of components, with a description of every argument.

    Pulumi's own schema describes an argument only where the component's own args class declares it.
    """

    def __init__(
        self,
        components: list[type[pulumi.ComponentResource]],
        name: str,
        namespace: str | None = None,
        version: str = "0.0.0",
    ) -> None:
        super().__init__(components, name, namespace, version)
        schema = json.loads(self.schema or "")
        for component in components:
            shape: type[Arguments] = inspect.get_annotations(component.__init__)["args"]
            properties = schema["resources"][f"{name}:index:{component.__name__}"]["inputProperties"]
            for argument in shape.declared:
                properties[camel_case(argument)]["description"] = description(shape, argument)
        self.schema = json.dumps(schema)
