"""Serves MiniStack on the socket inherited as file descriptor `argv[1]`, until SIGTERM or the end of the parent.

The parent holds the other end of stdin and writes nothing. End of file means that the parent has ended. Then this
process ends too and removes the data folder `argv[2]`, because no other process will.
"""

import asyncio
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]
from hypercorn.config import Config

from local.emulator import patching
from local.emulator.patches import patch

_ORPHAN_SECONDS = 5.0
_GRACE_SECONDS = 1.0

_orphaned = threading.Event()


def main() -> None:
    """Run until SIGTERM or the parent's end."""
    listener, data_dir = int(sys.argv[1]), sys.argv[2]
    threading.Thread(target=_watch_parent, args=(data_dir,), daemon=True).start()
    patch(Path(data_dir))
    config = Config()
    config.bind = [f"fd://{listener}"]
    config.graceful_timeout = 0.5
    config.keep_alive_timeout = 75  # longer than clients keep idle connections, so that they never use a closed one
    config.loglevel = "WARNING"
    config.h11_pass_raw_headers = True  # for the spelling of header names: patches/api_gateway/calls.py
    asyncio.run(_serve(config, data_dir))


async def _serve(config: Config, data_dir: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    serving = asyncio.create_task(serve(patching.attribute("ministack.app", "app"), config, shutdown_trigger=stop.wait))
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({serving}, timeout=_GRACE_SECONDS)  # a function that still runs would block it
    if serving.done():
        serving.result()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # the Lambda workers: they are the rest of this process's group
    if _orphaned.is_set():
        shutil.rmtree(data_dir, ignore_errors=True)
    os._exit(0)  # asyncio would wait for the threads of unfinished functions


def _watch_parent(data_dir: str) -> None:
    sys.stdin.buffer.read()
    _orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_SECONDS)
    # The event loop is blocked.
    shutil.rmtree(data_dir, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
