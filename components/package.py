"""The Pulumi package of the components, for programs in any Pulumi language: their schema, and what constructs them."""

import inspect
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi.provider import ConstructResult, server
from pulumi.provider.experimental.analyzer import ComponentDefinition, PropertyDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.util import camel_case
from pulumi.provider.server import ComponentInitError

from components.arguments import Argument, ArgumentError, Arguments
from components.arguments.declaration import description, unknown_argument
from components.eks_argo_deploy import EksArgoDeploy
from components.processing_pipeline import ProcessingPipeline
from components.status_tracker import StatusTracker
from components.upload_api import UploadApi

COMPONENTS: Sequence[type[pulumi.ComponentResource]] = (UploadApi, StatusTracker, ProcessingPipeline, EksArgoDeploy)
"""What the package has."""

_PROJECT_TOML = Path(__file__).parents[1] / "pyproject.toml"

_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")

_QUOTED = re.compile(r"((?<!\w)'[^']*')")
"""A value in an error, which is not what has an apostrophe in it."""

_ARGUMENT_IN_ERROR = re.compile(r"\w+: '?(\w+(?:\[\d+\]|\.\w+)*)")
"""Errors begin with the component and the argument, which may be followed by the place in its value."""


class PackageProvider(ComponentProvider):
    """Pulumi's provider of components, with a complete schema, and errors that name the argument.

    Pulumi's own schema describes an argument only where the component's own args class declares it.
    """

    def __init__(
        self,
        components: Sequence[type[pulumi.ComponentResource]],
        name: str,
        namespace: str | None = None,
        version: str = "0.0.0",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(list(components), name, namespace, version)
        schema = json.loads(self.schema or "") | dict(about or {})
        names = {each for kind in self._type_defs.values() for each in kind.properties_mapping.values()}
        for component in components:
            described = schema["resources"][f"{name}:index:{component.__name__}"]
            shape = arguments_of(component)
            for argument, declared in shape.declared.items():
                text = f"{description(shape, argument)}{_default(declared)}"
                described["inputProperties"][camel_case(argument)]["description"] = text
            names |= {*shape.declared, *component.__annotations__}
        self._spelled = {each: camel_case(each) for each in names if "_" in each}
        self.schema = json.dumps(self._documented(schema))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Construct a component; ArgumentError, as a program in another language reads it, for wrong inputs."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:  # Pulumi reports it with a traceback
            if isinstance(error.inner, ArgumentError):
                raise self.reworded(error.inner) from None
            raise
        except ArgumentError as error:
            raise self.reworded(error) from None

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> pulumi.Inputs:
        """Return the component's arguments. Warnings name them as other languages do.

        Pulumi passes them to the component unchanged. Its own checks end in a traceback where a value is of another
        kind, and ignore a name that is unknown.
        """
        known = component_def.inputs_mapping
        for name in inputs:
            if name not in known:
                raise ArgumentError(unknown_argument(component_def.name, name, known))
        shape = arguments_of(self._components[component_def.name])
        args = shape(**{known[name]: self._renamed(each, component_def.inputs[name]) for name, each in inputs.items()})
        return cast("pulumi.Inputs", args.named(camel_case))

    def _renamed(self, value: Any, kind: PropertyDefinition) -> Any:
        """Return a value, in which the objects of a list have the names of their keys in Python."""
        shape = self.get_type_definition(kind.items) if kind.items and kind.items.ref else None
        if shape is None or not isinstance(value, list):
            return value
        keys = shape.properties_mapping
        return [
            {keys.get(key, key): each for key, each in cast("dict[str, Any]", item).items()}
            if isinstance(item, dict)
            else item
            for item in cast("list[Any]", value)
        ]

    def reworded(self, error: ArgumentError) -> ArgumentError:
        """Return the error with the names of arguments that other languages use."""
        parts = _QUOTED.split(str(error))
        return ArgumentError("".join(part if n % 2 else self._respelled(part) for n, part in enumerate(parts)))

    def _respelled(self, text: str) -> str:
        return _SNAKE_CASE.sub(lambda each: self._spelled.get(each[0], each[0]), text)

    def _documented(self, node: Any) -> Any:
        """Write each description on one line, and names of arguments and outputs as other languages spell them."""
        if isinstance(node, list):
            return [self._documented(item) for item in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        return {
            key: self._respelled(" ".join(item.split()))
            if key == "description" and isinstance(item, str)
            else self._documented(item)
            for key, item in cast("dict[str, Any]", node).items()
        }


class _Servicer(server.ProviderServicer):
    """Answers a wrong argument with an error of the input, which the Pulumi CLI shows beside its value."""

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        try:
            return await super().Construct(request, context)
        except ArgumentError as error:
            # Not reworded yet if it is about an Output, which is known only after `construct`.
            # Pulumi's own way, abort_with_status, is not implemented in grpc.aio.
            reason = str(cast("PackageProvider", self.provider).reworded(error))
            component = request.type.rpartition(":")[2]
            status = self.create_grpc_invalid_properties_status(
                f"{component} {request.name!r} has a wrong argument. {reason}",
                [{"property_path": path, "reason": reason}] if (path := _path(reason, request.inputs)) else None,
            )
            await context.abort(status.code, status.details, status.trailing_metadata or ())


def _path(message: str, inputs: Mapping[str, Any]) -> str | None:
    """Return the path of the input that an error is about."""
    found = _ARGUMENT_IN_ERROR.match(message)
    return found[1] if found and re.split(r"\W", found[1])[0] in inputs else None


def serve(arguments: list[str]) -> None:
    """Run the package's plugin until the engine ends it."""
    server.ProviderServicer = _Servicer  # `main` has no parameter for it
    server.main(package(), arguments)


def package() -> PackageProvider:
    """Return the provider of this package, in the version of the project."""
    project = tomllib.loads(_PROJECT_TOML.read_text(encoding="utf-8"))["project"]
    about = {
        "description": project["description"],
        "license": project["license"],
        "keywords": ["kind/component", "category/cloud", "aws", "upload"],
    }
    return PackageProvider(COMPONENTS, "portage", "portage", project["version"], about)


def arguments_of(component: type[pulumi.ComponentResource]) -> type[Arguments]:
    """Return the class of a component's arguments."""
    return inspect.get_annotations(component.__init__)["args"]


def _default(declared: Argument) -> str:
    """Say the default where the description does not say what an omitted argument means."""
    if declared.is_required or declared.default is None or declared.default in ([], {}):
        return ""
    shown = declared.default if isinstance(declared.default, str) else json.dumps(declared.default)
    return f" The default is {shown}."
