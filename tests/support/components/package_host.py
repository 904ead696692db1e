"""Components constructed as programs in other Pulumi languages do it: by the package's plugin, over gRPC."""

import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.provider.experimental.util import camel_case
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, resource_pb2_grpc

from local.engine.built_in.monitor import Monitor
from tests.support.paths import PROJECT

_METHODS = ("GetDeploymentInfo", "Invoke", "RegisterResource", "RegisterResourceOutputs", "SupportsFeature")


def wire(args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as another language sends them: camelCase names, also in lists of objects, and no integers."""
    return {camel_case(name): _wire(value) for name, value in args.items()}


def _wire(value: Any) -> Any:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [wire(cast("dict[str, Any]", item)) if isinstance(item, dict) else item for item in items]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The built-in runner's monitor, over gRPC."""

    def __init__(self, monitor: Monitor) -> None:
        for name in _METHODS:
            setattr(self, name, self._answering(getattr(monitor, name)))

    @staticmethod
    def _answering(method: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda request, _context: method(request)


class _Engine(engine_pb2_grpc.EngineServicer):
    # ruff: noqa: N802, ARG002 - the names and the contexts are gRPC's
    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


@contextmanager
def plugin(monitor: Monitor) -> Generator[tuple[provider_pb2_grpc.ResourceProviderStub, str]]:
    """Start the plugin as the engine does, beside a monitor; its address is that of the engine as well."""
    server = grpc.server(ThreadPoolExecutor(16))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(_Monitor(monitor), server)
    engine_pb2_grpc.add_EngineServicer_to_server(_Engine(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    process = subprocess.Popen(
        [sys.executable, PROJECT / "components", address], cwd="/", stdout=subprocess.PIPE, text=True
    )
    try:
        with process, grpc.insecure_channel(f"127.0.0.1:{_port(process)}") as channel:
            try:
                yield provider_pb2_grpc.ResourceProviderStub(channel), address
            finally:
                process.kill()
    finally:
        server.stop(None).wait()


def _port(process: subprocess.Popen[str]) -> int:
    """The plugin's first line."""
    if process.stdout is None:
        raise TypeError("the plugin's output must be piped")
    return int(process.stdout.readline())


def construct(
    stub: provider_pb2_grpc.ResourceProviderStub, address: str, component: str, name: str, inputs: struct_pb2.Struct
) -> Any:
    """Have the plugin construct a component for the stack of the built-in runner's tests."""
    return cast("Any", stub).Construct(
        provider_pb2.ConstructRequest(
            project="unit", stack="test", monitorEndpoint=address, type=component, name=name, inputs=inputs, parallel=16
        )
    )
