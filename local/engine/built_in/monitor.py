"""Takes the place of the Pulumi engine: receives a program's registrations and has a `Cloud` create the resources."""

import asyncio
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

from local.resources.parameters import plain

_STACK_TYPE = "pulumi:pulumi:Stack"
_FEATURES_LEFT_OUT = (
    # resources in inputs then arrive as their ids, as a provider gets them
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    # not supported here, so the SDK rejects a program that uses them
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)


@dataclass(frozen=True)
class Options:
    """The resource options that a registration keeps; resources are named by their URNs."""

    protect: bool | None = None
    """None if the program does not set it; the engine then uses the parent's. So is `retain_on_delete`."""
    retain_on_delete: bool | None = None
    delete_before_replace: bool = False
    depends_on: frozenset[str] = frozenset()
    """All dependencies: those in `depends_on` and those through an input."""
    property_dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    aliases: tuple[str, ...] = ()
    """Former URNs, names or types, also those that the SDK adds."""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    deleted_with: str = ""
    provider: str = ""
    """`<urn>::<id>`; empty for the default provider."""


@dataclass(frozen=True)
class Registration:
    """One resource as the program declared it."""

    type: str
    name: str
    urn: str
    parent: str
    """The parent's URN; empty only for the stack itself."""
    inputs: Mapping[str, Any]
    """By Pulumi's camelCase names, as the SDK sends them: numbers are floats, secrets are wrapped."""
    custom: bool
    """False for a component, which no provider creates."""
    options: Options


class Cloud(Protocol):
    """Creates resources as a provider does; called by several threads at once."""

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """Return the id and the outputs of a new custom resource, by camelCase names."""
        ...

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the provider function `token` (`aws:index/getRegion:getRegion`) returns."""
        ...


class UnsupportedProgramError(RuntimeError):
    """The program uses something that only the Pulumi engine can do."""


class _StoppedError(Exception):
    """The run has failed already."""


class Monitor(mocks.MockMonitor):
    """Records registrations, and returns the cloud's ids and outputs to the SDK."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cast("Any", None))
        self._cloud = cloud
        self._lock = threading.Lock()
        self._urns: set[str] = set()
        self.registrations: list[Registration] = []
        self.stack_outputs: Mapping[str, Any] = {}
        self.failure: BaseException | None = None

    def stop(self, error: BaseException) -> None:
        """Store the first error; every later registration fails with it."""
        with self._lock:
            self.failure = self.failure or error

    @contextmanager
    def _stopping_at_failure(self) -> Generator[None]:
        if self.failure is not None:
            raise _StoppedError from self.failure
        try:
            yield
        except BaseException as error:
            self.stop(error)
            raise

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        """Record every resource, and have the cloud create custom ones."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        with self._stopping_at_failure():
            registration = _registration(request, urn)
            with self._lock:
                if urn in self._urns:
                    raise UnsupportedProgramError(f"duplicate resource URN {urn}; give each resource its own name")
                self._urns.add(urn)
                self.registrations.append(registration)
            if not registration.custom:
                return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
            resource_id, outputs = self._cloud.create(registration)
            return resource_pb2.RegisterResourceResponse(urn=urn, id=resource_id, object=_struct(outputs))

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        """Reject `X.get(..)`."""
        with self._stopping_at_failure():
            raise UnsupportedProgramError(
                f"{request.type} {request.name} reads a resource that exists already ({request.id}), but every run "
                "starts with an empty account; declare the resource in the program"
            )

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """Have the cloud run a provider function."""
        with self._stopping_at_failure():
            arguments = plain(rpc.deserialize_properties(request.args))
            response = self._cloud.invoke(request.tok, arguments)
            return resource_pb2.ResourceInvokeResponse(**{"return": _struct(response)})

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """Store the stack's outputs; those of components are only displayed by the CLI."""
        if request.urn.split("::")[2] == _STACK_TYPE:
            self.stack_outputs = plain(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802
        """Return the features that the SDK may use."""
        everything = super().GetDeploymentInfo(request).supportedFeatures
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[feature for feature in everything if feature not in _FEATURES_LEFT_OUT]
        )


def _registration(request: Any, urn: str) -> Registration:
    aliases = (alias.urn or alias.spec.name or alias.spec.type for alias in request.aliases)
    return Registration(
        type=request.type,
        name=request.name,
        urn=urn,
        parent=request.parent,
        inputs=rpc.deserialize_properties(request.object),
        custom=request.custom,
        options=Options(
            protect=request.protect if request.HasField("protect") else None,
            retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
            delete_before_replace=request.deleteBeforeReplace,
            depends_on=frozenset(request.dependencies),
            property_dependencies={
                key: frozenset(dependencies.urns) for key, dependencies in request.propertyDependencies.items()
            },
            aliases=(*request.aliasURNs, *aliases),
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            deleted_with=request.deletedWith,
            provider=request.provider,
        ),
    )


def _struct(properties: Mapping[str, Any]) -> Any:
    """Serialize in a new event loop, because this is a thread of the pool and the SDK's loops are never closed."""
    return asyncio.run(rpc.serialize_properties(cast("Any", dict(properties)), {}))
