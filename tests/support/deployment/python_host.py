"""Runs Python plugins for the Pulumi CLI, in place of its own Python language host.

It runs a plugin's folder as that one does, but in this Python, which has the requirements installed.
"""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """The part of a language host that plugins need."""

    # ruff: noqa: N802, ARG002 - the names and the contexts are gRPC's

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Only look whether the requirements are there: what they name is installed in this Python."""
        folder = Path(request.info.program_directory)
        for line in (folder / "requirements.txt").read_text().splitlines():
            if line.startswith("-r ") and not (folder / line.removeprefix("-r ")).is_file():
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{folder} has no {line}")
        yield language_pb2.InstallDependenciesResponse(stdout=b"installed already\n")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run the folder, and pass on each line that it prints."""
        process = subprocess.Popen(
            [sys.executable, "-u", request.info.program_directory, *request.args],
            cwd=request.pwd,
            env=dict(each.split("=", 1) for each in request.env),
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
        )
        context.add_callback(process.kill)
        for line in process.stdout or ():
            yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def main() -> None:
    """Serve until the CLI ends this process."""
    server = grpc.server(ThreadPoolExecutor(16))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):  # how the CLI ends it
        server.wait_for_termination()


if __name__ == "__main__":
    main()
