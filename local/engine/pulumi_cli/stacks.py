"""Stacks of a program under the real Pulumi engine, on the embedded AWS.

The CLI runs with a state of its own in a folder, and without network: it finds the plugin on PATH. The program runs in
this process, as the CLI has no language host here (pulumi.automation's inline programs).
"""

import logging
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pulumi import automation
from pulumi.automation.errors import create_command_error
from pulumi.automation.events import EngineEvent, PolicyEvent, StepEventMetadata

from local import PROJECT_DIR
from local.emulator.process import Emulator
from local.engine.built_in.program import started_in
from local.engine.pulumi_cli import cli
from local.engine.pulumi_cli.plugin import environment

# An engine that stopped at an error no longer receives the log of the SDK's server, which then logs this.
logging.getLogger("grpc._server").setLevel(logging.CRITICAL)

_PLUGIN = Path(__file__).parent / "bin"
_INHERITED = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class ResourceStep:
    """What the engine does, or in a preview would do, with one resource."""

    operation: str
    """`create`, `update`, `same`, `delete`, `replace` (with `create-replacement` and `delete-replaced`), ..."""
    urn: str
    id: str
    changed: frozenset[str]
    """The inputs that differ."""
    inputs: Mapping[str, Any]

    @property
    def type(self) -> str:
        """Return the resource's type, without the types of its parents."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """Return the program's name for the resource."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Run:
    """What a command of the engine did."""

    steps: tuple[ResourceStep, ...]
    changes: Mapping[str, int]
    """How many resources were created, updated, the same, ..., by the engine's own count."""
    text: str
    """What the command printed."""
    policies: tuple[PolicyEvent, ...] = ()
    """What policy packs reported."""

    def operations(self) -> Mapping[str, str]:
        """Return the operation by URN where it is not `same`, the stack itself left out."""
        return {
            step.urn: step.operation for step in self.steps if step.operation != "same" and step.type != _STACK_TYPE
        }


class EngineStack:
    """One stack of a project."""

    def __init__(self, *, project_dir: Path, name: str, program_dir: Path, home: Path, emulator: Emulator) -> None:
        """Select or create the stack.

        `project_dir` has Pulumi.yaml and the stack's file, which the CLI rewrites; `home` has the CLI's state.
        """
        state = home / "state"
        state.mkdir(parents=True, exist_ok=True)
        self._program_dir = program_dir
        self._cli = _Cli(cli.require())

        def program() -> None:
            runpy.run_path(str(program_dir / "__main__.py"), run_name="__main__")

        self._stack = automation.create_or_select_stack(
            name,
            project_name="",  # Pulumi.yaml has it
            program=program,
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(project_dir),
                pulumi_home=str(home),
                pulumi_command=self._cli,
                env_vars={
                    **environment(emulator),
                    "PATH": os.pathsep.join((str(_PLUGIN), os.environ["PATH"])),
                    "PORTAGE_PLUGIN_PYTHON": sys.executable,
                    "PULUMI_BACKEND_URL": f"file://{state}",
                    "PULUMI_CONFIG_PASSPHRASE": "local",
                    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                    "PYTHONPATH": str(PROJECT_DIR),
                },
            ),
        )

    def preview(self, *, policy_packs: Sequence[Path] = ()) -> Run:
        """Return what `up` would do."""
        return self._run(self._stack.preview, policy_packs=policy_packs)

    def plan(self) -> str:
        """Return what `pulumi preview --json --show-sames` prints."""
        self._cli.more = ("--json", "--show-sames")
        try:
            return self.preview().text
        finally:
            self._cli.more = ()

    def up(self, on_step: Callable[[ResourceStep], None] | None = None, *, policy_packs: Sequence[Path] = ()) -> Run:
        """Deploy; `on_step` is called after each resource that has changed."""
        return self._run(self._stack.up, on_step, policy_packs=policy_packs)

    def refresh(self) -> Run:
        """Read every resource again."""
        return self._run(self._stack.refresh)

    def destroy(self) -> Run:
        """Delete every resource except those that are retained."""
        return self._run(self._stack.destroy)

    def outputs(self) -> automation.OutputMap:
        """Return the stack's outputs, with whether each is secret."""
        return self._stack.outputs()

    def state(self) -> Mapping[str, Any]:
        """Return the stack's state, with secrets decrypted by the CLI."""
        return self._stack.export_stack().deployment or {}

    def set_config(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """Set a value of the stack's configuration, as `pulumi config set` does; `path` as its `--path`."""
        self._stack.set_config(key, automation.ConfigValue(value, secret=secret), path=path)

    def _run(
        self,
        command: Callable[..., Any],
        on_step: Callable[[ResourceStep], None] | None = None,
        policy_packs: Sequence[Path] = (),
    ) -> Run:
        options: dict[str, Any] = {"policy_packs": [str(each) for each in policy_packs]} if policy_packs else {}
        steps: list[ResourceStep] = []
        policies: list[PolicyEvent] = []
        lines: list[str] = []

        def note(event: EngineEvent) -> None:
            if event.resource_pre_event is not None:
                steps.append(_step(event.resource_pre_event.metadata))
            elif event.policy_event is not None:
                policies.append(event.policy_event)
            elif event.res_outputs_event is not None and on_step is not None:
                on_step(_step(event.res_outputs_event.metadata))

        with started_in(self._program_dir):
            result = command(on_event=note, on_output=lines.append, color="never", **options)
        is_preview = isinstance(result, automation.PreviewResult)
        counted: Mapping[Any, int] = result.change_summary if is_preview else result.summary.resource_changes or {}
        changes = {str(getattr(kind, "value", kind)): n for kind, n in counted.items()}
        return Run(tuple(steps), changes, "\n".join(lines), tuple(policies))


def _step(metadata: StepEventMetadata) -> ResourceStep:
    state = metadata.new or metadata.old
    return ResourceStep(
        operation=metadata.op.value,
        urn=metadata.urn,
        id=state.id if state else "",
        changed=frozenset(metadata.diffs or ()),
        inputs=(state.inputs if state else None) or {},
    )


class _Cli(automation.PulumiCommand):
    """The CLI in its own session, so Ctrl-C reaches only this process, which stops the CLI."""

    def __init__(self, path: Path) -> None:
        """Use a CLI that is new enough; the base class would search for another one."""
        self.command = str(path)
        self.version = cli.pinned_version()
        self.more: Sequence[str] = ()
        """Further options of the commands that follow."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> automation.CommandResult:
        """Run a command with the few variables of this process that it needs."""
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args, *self.more],
            cwd=cwd,
            env={name: os.environ[name] for name in _INHERITED if name in os.environ}
            | {"PULUMI_AUTOMATION_API": "true"}
            | dict(additional_env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            with ThreadPoolExecutor(2) as pool:
                output = pool.submit(_read, process.stdout, on_output)
                errors = pool.submit(_read, process.stderr, on_error)
                result = automation.CommandResult(output.result(), errors.result(), process.wait())
        except BaseException:  # also Ctrl-C; the plugin's calls end with the embedded AWS
            process.kill()
            process.wait()
            raise
        if result.code != 0:
            raise create_command_error(result)
        return result


def _read(stream: IO[str] | None, on_line: Callable[[str], Any] | None) -> str:
    if stream is None:
        raise TypeError("the CLI's output must be piped")
    lines: list[str] = []
    with stream:
        for line in stream:
            lines.append(line.rstrip())
            if on_line is not None:
                on_line(lines[-1])
    return "\n".join(lines)
