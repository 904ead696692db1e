"""The Pulumi package of the components, for programs in any Pulumi language: their schema, and what constructs them."""

import inspect
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi.provider import ConstructResult
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.util import camel_case
from pulumi.provider.server import ComponentInitError

from components.arguments import Argument, ArgumentError, Arguments
from components.arguments.declaration import description
from components.eks_argo_deploy import EksArgoDeploy
from components.processing_pipeline import ProcessingPipeline
from components.status_tracker import StatusTracker
from components.upload_api import UploadApi

COMPONENTS: Sequence[type[pulumi.ComponentResource]] = (UploadApi, StatusTracker, ProcessingPipeline, EksArgoDeploy)
"""What the package has."""

_PROJECT_TOML = Path(__file__).parents[1] / "pyproject.toml"

_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


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
        schema = _documented(schema, {each for each in names if "_" in each})
        self.schema = json.dumps(schema)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Construct a component.

        Pulumi adds a traceback to all errors except RunError. Its own error for wrong inputs fails in grpc.aio.
        """
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, ArgumentError):
                raise error.inner from None
            raise


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


def _documented(node: Any, spelled: set[str]) -> Any:
    """Write each description on one line, and names of arguments and outputs as other languages spell them."""
    if isinstance(node, list):
        return [_documented(item, spelled) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    return {
        key: _SNAKE_CASE.sub(
            lambda each: camel_case(each[0]) if each[0] in spelled else each[0], " ".join(item.split())
        )
        if key == "description" and isinstance(item, str)
        else _documented(item, spelled)
        for key, item in cast("dict[str, Any]", node).items()
    }
