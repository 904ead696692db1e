"""Runs a Pulumi Python program unchanged and without the Pulumi CLI.

A monitor in this process replaces the CLI's engine: the SDK sends it every registration, a `Cloud` creates the
resource, and the SDK continues with what depends on it. Each run has its own context variables, event loop, working
folder, `sys.path` and modules, so runs do not affect each other.
"""

import asyncio
import contextvars
import os
import runpy
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi.runtime
from pulumi.runtime import mocks, settings
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import run_in_stack

from local.engine.built_in.monitor import Cloud, Monitor, Options, Registration, UnsupportedProgramError
from local.engine.stack_config import StackConfig, read_stack_config

__all__ = [
    "Cloud",
    "Options",
    "ProgramRun",
    "Registration",
    "UnsupportedProgramError",
    "run_program",
    "started_in",
]

_PARALLEL = 16  # the CLI's own default is four times the processors; the emulator is one process


@dataclass(frozen=True)
class ProgramRun:
    """What a program declared and exported."""

    outputs: Mapping[str, Any]
    """The stack's exports, secrets in plain text."""
    registrations: tuple[Registration, ...]
    """In the order in which their dependencies became known, without the stack itself."""


def run_program(project_dir: Path, *, stack: str, cloud: Cloud) -> ProgramRun:
    """Run a project's `__main__.py` with a stack's configuration.

    Raises the error of the program or the cloud unchanged. No resource is created after it.
    """
    config = read_stack_config(project_dir.resolve(), stack)
    with started_in(config.program_dir):
        return contextvars.copy_context().run(_run, config, project_dir.resolve(), cloud)


def _run(config: StackConfig, project_dir: Path, cloud: Cloud) -> ProgramRun:
    monitor, rpc_manager = Monitor(cloud), RPCManager()
    settings.set_root_resource(cast("Any", None))
    settings.configure(
        mocks.MockSettings(
            rpc_manager=rpc_manager,
            monitor=monitor,
            monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
            engine=mocks.MockEngine(None),
            project=config.project,
            stack=config.stack,
            organization="organization",  # the CLI's name without Pulumi Cloud
            root_directory=str(project_dir),
            dry_run=False,
            callbacks=None,
            outputs=set(),
            package_refs={},
            base_providers_by_ref={},
        )
    )
    pulumi.runtime.set_all_config(dict(config.values), [])

    async def program() -> None:
        try:
            runpy.run_path(str(config.program_dir / "__main__.py"), run_name="__main__")
        except BaseException as error:
            monitor.stop(error)
            raise
        if (failure := await _first_failure(rpc_manager)) is not None:
            # Now, because the SDK later raises an RPC's error without its cause.
            monitor.stop(_as_raised(rpc_manager.unhandled_exception or failure))

    def ignore_consequences(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What waits for a failed resource fails too; only the cause is reported."""
        if monitor.failure is None:
            loop.default_exception_handler(context)

    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="pulumi") as pool, asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_default_executor(pool)
        loop.set_exception_handler(ignore_consequences)
        try:
            runner.run(run_in_stack(program))
        except BaseException as error:  # noqa: BLE001 - raised below, unless it follows from the first error
            monitor.stop(rpc_manager.unhandled_exception or error)
    if monitor.failure is not None:
        raise _as_raised(monitor.failure)
    return ProgramRun(outputs=monitor.stack_outputs, registrations=tuple(monitor.registrations))


async def _first_failure(rpc_manager: RPCManager) -> BaseException | None:
    """Wait until all tasks of the program have ended or one has failed.

    The SDK also waits for them, but starts again after each task, in time quadratic in their number.
    """
    known: set[asyncio.Task[Any]] = set()
    while started := {*cast("Any", rpc_manager).rpcs, *cast("Any", settings.SETTINGS).outputs} - known:
        done, _ = await asyncio.wait(started, return_when=asyncio.FIRST_EXCEPTION)
        known |= done
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                return error
    return None


def _as_raised(error: BaseException) -> BaseException:
    """Unwrap an error that the SDK wrapped while it awaited a resource's inputs."""
    if isinstance(error, ValueError | AssertionError) and str(error).startswith("While processing "):
        where = str(error).partition("\n")[0]
        if error.__cause__ is not None:
            cause = _as_raised(error.__cause__)
            cause.add_note(where)
            return cause
    return error


@contextmanager
def started_in(program_dir: Path) -> Generator[None]:
    """Prepare the process for a program: its folder is current and first on the path, its modules are separate."""
    ours = __name__.partition(".")[0]
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
