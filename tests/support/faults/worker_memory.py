"""The memory of the processes that run functions, while a case runs."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 1.0
_CONTAINER = "handlers.entries.worker"
_WARM_UP = 5
"""Samples that do not count: the workers still import, and open their connections."""


@dataclass
class WorkerMemory:
    """While it is open, it samples each worker of the pipeline that starts; Linux only."""

    data_dir: Path
    """Of the emulator, in which its workers' code is."""
    _samples: list[int] = field(default_factory=list[int])
    """Of the largest worker, in kilobytes."""
    _ending: threading.Event = field(default_factory=threading.Event)

    @property
    def most_mb(self) -> int:
        """What the largest worker has had in memory."""
        return max(self._samples, default=0) // 1024

    def mb_after(self, share: float) -> int:
        """Return what the largest worker had in memory after a share of the case."""
        warm = self._samples[_WARM_UP:] or [0]
        return warm[min(int(share * len(warm)), len(warm) - 1)] // 1024

    def __enter__(self) -> Self:
        self._older = set(self._workers())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_EVERY_SECONDS):
            workers = [size for pid, size in self._workers().items() if pid not in self._older]
            if workers:
                self._samples.append(max(workers))

    def _workers(self) -> dict[int, int]:
        """Return the resident kilobytes of each worker. A job's process is a copy of its worker, and is left out."""
        found: dict[int, tuple[int, int]] = {}
        for each in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, KeyError, ValueError):  # it has just ended
                if self._is_worker(each):
                    facts = dict(line.split(":", 1) for line in (each / "status").read_text().splitlines())
                    found[int(each.name)] = int(facts["PPid"]), int(facts["VmRSS"].split()[0])
        return {pid: kilobytes for pid, (parent, kilobytes) in found.items() if parent not in found}

    def _is_worker(self, process: Path) -> bool:
        """Whether this is a function of the pipeline, or the slot of a container or a job of it."""
        command = (process / "cmdline").read_text()
        if f"{self.data_dir}/ministack-lambda-processing-" in command:
            return True
        if _CONTAINER not in command or self.data_dir not in (process / "cwd").readlink().parents:
            return False
        parent = (process / "status").read_text().partition("PPid:")[2].split()[0]
        return _CONTAINER in Path(f"/proc/{parent}/cmdline").read_text()
