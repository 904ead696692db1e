"""Runs a Pulumi Python program, unchanged, where no Pulumi CLI is.

The CLI's engine is replaced by a monitor in this process: the SDK hands it every registration, a `Cloud` answers
what became of the resource, and the SDK goes on with whatever depended on it. Each run has its own context
variables, event loop, working folder, `sys.path` and modules, so that runs do not see each other.
"""

import asyncio
import contextvars
import os
import runpy
import sys
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import pulumi.runtime
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import run_in_stack

from local.stack_config import StackConfig, read_stack_config

_PARALLEL = 16  # the CLI's own default is four times the processors; the emulator is one process
_STACK_TYPE = "pulumi:pulumi:Stack"
_FEATURES_LEFT_OUT = (
    # resources given as inputs then arrive as their ids, as a provider sees them
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    # nothing here would run them, so the SDK refuses a program that asks for them
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)


@dataclass(frozen=True)
class Options:
    """The resource options that outlive the program's run; URNs stand for resources."""

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    depends_on: frozenset[str] = frozenset()
    """Everything waited for, both named in `depends_on` and taken in through an input."""
    property_dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    aliases: tuple[str, ...] = ()
    """Former URNs, names or types, also those that the SDK itself declares."""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    deleted_with: str = ""
    provider: str = ""
    """`<urn>::<id>`; empty for the default provider."""


@dataclass(frozen=True)
class Registration:
    """One resource as the program declared it, before anything is made of it."""

    type: str
    name: str
    urn: str
    parent: str
    """The parent's URN; empty only for the stack itself."""
    inputs: Mapping[str, Any]
    """By Pulumi's camelCase names, as the SDK sends them: numbers are floats, secrets are wrapped."""
    custom: bool
    """False for a component, which no provider makes."""
    options: Options


@dataclass(frozen=True)
class ProgramRun:
    """What a program declared and exported."""

    outputs: Mapping[str, Any]
    """The stack's exports, secrets in plain text."""
    registrations: tuple[Registration, ...]
    """In the order in which their dependencies became known, the stack itself left out."""


class Cloud(Protocol):
    """Makes of registrations what a provider would; called from several threads at once."""

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """Return the id and the outputs of a new custom resource, by camelCase names."""
        ...

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the provider function `token` (`aws:index/getRegion:getRegion`) answers."""
        ...


class UnsupportedProgramError(RuntimeError):
    """The program uses something that only the Pulumi engine can do."""


def run_program(project_dir: Path, *, stack: str, cloud: Cloud) -> ProgramRun:
    """Run a project's `__main__.py` with a stack's configuration.

    Whatever the program or the cloud raises comes out as it was raised. No resource is made after that.
    """
    config = read_stack_config(project_dir.resolve(), stack)
    with _as_started_in(config.program_dir):
        return contextvars.copy_context().run(_run, config, project_dir.resolve(), cloud)


def plain(value: Any) -> Any:
    """Take Pulumi's secret wrappers off a value, at any depth."""
    if rpc.is_rpc_secret(value):
        return plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast("list[Any]", value)]
    return value


def _run(config: StackConfig, project_dir: Path, cloud: Cloud) -> ProgramRun:
    monitor, rpc_manager = _Monitor(cloud), RPCManager()
    settings.set_root_resource(cast("Any", None))
    settings.configure(
        mocks.MockSettings(
            rpc_manager=rpc_manager,
            monitor=monitor,
            monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
            engine=_Engine(None),
            project=config.project,
            stack=config.stack,
            organization="organization",  # the CLI's own word where there is no Pulumi Cloud
            root_directory=str(project_dir),
            dry_run=False,
            callbacks=None,
            outputs=set(),
            package_refs={},
            base_providers_by_ref={},
        )
    )
    pulumi.runtime.set_all_config(dict(config.values), [])

    def program() -> None:
        try:
            runpy.run_path(str(config.program_dir / "__main__.py"), run_name="__main__")
        except BaseException as error:
            monitor.stop(error)
            raise

    def ignore_consequences(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Everything that waits for a failed resource fails too; only the cause is worth a word."""
        if monitor.failure is None:
            loop.default_exception_handler(context)

    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="pulumi") as pool, asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_default_executor(pool)
        loop.set_exception_handler(ignore_consequences)
        try:
            runner.run(run_in_stack(program))
        except BaseException as error:  # noqa: BLE001 - raised below, unless it only follows from the first failure
            monitor.stop(rpc_manager.unhandled_exception or error)
    if monitor.failure is not None:
        raise _as_raised(monitor.failure)
    return ProgramRun(outputs=monitor.stack_outputs, registrations=tuple(monitor.registrations))


def _as_raised(error: BaseException) -> BaseException:
    """Undo the SDK's wrapping of errors raised while a resource's inputs were awaited."""
    if isinstance(error, ValueError | AssertionError) and str(error).startswith("While processing "):
        where = str(error).partition("\n")[0]
        if error.__cause__ is not None:
            cause = _as_raised(error.__cause__)
            cause.add_note(where)
            return cause
    return error


class _StoppedError(Exception):
    """The run has failed already."""


class _Monitor(mocks.MockMonitor):
    """Keeps what was registered, and asks the cloud for what the SDK is to go on with."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cast("Any", None))
        self._cloud = cloud
        self._lock = threading.Lock()
        self._urns: set[str] = set()
        self.registrations: list[Registration] = []
        self.stack_outputs: Mapping[str, Any] = {}
        self.failure: BaseException | None = None

    def stop(self, error: BaseException) -> None:
        """Remember the first failure; every later registration is refused with it."""
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
        with self._stopping_at_failure():
            raise UnsupportedProgramError(
                f"{request.type} {request.name} reads a resource that exists already ({request.id}), but every run "
                "starts with an empty account; declare the resource in the program"
            )

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        with self._stopping_at_failure():
            arguments = plain(rpc.deserialize_properties(request.args))
            answer = self._cloud.invoke(request.tok, arguments)
            return resource_pb2.ResourceInvokeResponse(**{"return": _struct(answer)})

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if request.urn.split("::")[2] == _STACK_TYPE:
            self.stack_outputs = plain(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802
        everything = super().GetDeploymentInfo(request).supportedFeatures
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[feature for feature in everything if feature not in _FEATURES_LEFT_OUT]
        )


class _Engine(mocks.MockEngine):
    """Passes on what the program says, but not the SDK's own word on errors that `run_program` raises anyway."""

    def Log(self, request: Any) -> None:  # noqa: N802
        if request.severity != engine_pb2.ERROR:
            super().Log(request)


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
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
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
    """Serialize in a loop of its own: this is one of the pool's threads, and the SDK's loops are never closed."""
    return asyncio.run(rpc.serialize_properties(cast("Any", dict(properties)), {}))


@contextmanager
def _as_started_in(program_dir: Path) -> Generator[None]:
    """Lend the process to a program: its folder is the current one and first on the path, its modules are its own."""
    ours = Path(__file__).parent.name
    own = {path.stem for path in program_dir.iterdir() if path.suffix == ".py" or path.is_dir()} - {"__main__", ours}
    before, path, cwd = _modules(own), list(sys.path), Path.cwd()
    for name in before:
        del sys.modules[name]
    os.chdir(program_dir)
    sys.path.insert(0, str(program_dir))
    try:
        yield
    finally:
        sys.path[:] = path
        os.chdir(cwd)
        for name in _modules(own):
            del sys.modules[name]
        sys.modules.update(before)


def _modules(top_level: set[str]) -> dict[str, Any]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in top_level}
