"""A function's call takes no longer than the function, and its log has every line.

AWS: returns when the function does.
MiniStack: waits 50 ms after each call for lines on the worker's stderr, and leaves a line that comes later to
the next call.
Here: the worker ends its lines with a mark before it answers, and reading stops at the mark.
"""

import queue
import time
from collections.abc import Callable
from typing import Any

from local.emulator import patching

_MODULE = "ministack.core.lambda_runtime"
_MARK = "\x1eportage: end of this call's log"
_ANSWER = "        _real_stdout.flush()\n\nrun()\n"
_MARKED_ANSWER = f"        print({_MARK!r}, file=sys.__stderr__, flush=True)\n{_ANSWER}"
_LOST_MARK_SECONDS = 0.25  # a worker that died has sent none; MiniStack's own longest wait


def patch() -> None:
    """Have Python workers mark the end of their log, and read up to it."""
    patching.replace(_MODULE, "_PYTHON_WORKER_SCRIPT", _marked)
    patching.replace(_MODULE, "Worker._drain_stderr_bounded", _up_to_mark)


def _marked(script: str) -> str:
    if script.count(_ANSWER) != 1:
        raise patching.PatchError("MiniStack's Python worker no longer ends as expected: fix local/emulator/patches")
    return script.replace(_ANSWER, _MARKED_ANSWER)


def _up_to_mark(original: Callable[..., str]) -> Callable[..., str]:
    def drain(self: Any, *arguments: Any, **options: Any) -> str:
        if not str(self.config.get("Runtime", "")).startswith("python"):
            return original(self, *arguments, **options)
        lines: list[str] = []
        deadline = time.monotonic() + _LOST_MARK_SECONDS
        while True:
            try:
                line = self._stderr_queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if line == _MARK:
                break
            lines.append(line)
        return "\n".join(lines)

    return drain
