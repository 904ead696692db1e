"""Serve MiniStack on the socket inherited as file descriptor `argv[1]`, until told to stop or orphaned.

The parent holds the other end of stdin and writes nothing: end of file means that the parent is gone, however
it went, so this process ends too and removes the data folder `argv[2]`, which nobody else will.
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
from local.emulator.patches import (
    closed_sign_up,
    kms_default_key,
    lambda_environment,
    lambda_errors,
    lambda_logs,
    object_versions,
    s3_condition_keys,
    scan_results,
    secret_rotation,
    secret_values,
    secure_transport,
    signed_headers,
)
from local.emulator.patches.api_gateway import (
    gateway_call,
    gateway_errors,
    id_tokens,
    mock_integration,
    payload_limit,
    service_integration,
    validation_messages,
)

_ORPHAN_SECONDS = 5.0
_GRACE_SECONDS = 1.0

_PATCHES = (
    lambda_logs,
    lambda_errors,
    payload_limit,
    gateway_call,
    gateway_errors,
    validation_messages,
    mock_integration,
    service_integration,
    object_versions,
    scan_results,
    secure_transport,
    s3_condition_keys,
    kms_default_key,
    signed_headers,
    id_tokens,
    secret_values,
    secret_rotation,
    closed_sign_up,
)
_orphaned = threading.Event()


def main() -> None:
    """Run until SIGTERM or the parent's end."""
    listener, data_dir = int(sys.argv[1]), sys.argv[2]
    threading.Thread(target=_watch_parent, args=(data_dir,), daemon=True).start()
    for module in _PATCHES:
        module.patch()
    lambda_environment.patch(Path(data_dir))
    config = Config()
    config.bind = [f"fd://{listener}"]
    config.graceful_timeout = 0.5
    config.keep_alive_timeout = 75  # longer than clients keep idle connections, so none meets a closed one
    config.loglevel = "WARNING"
    config.h11_pass_raw_headers = True  # see gateway_call
    asyncio.run(_serve(config, data_dir))


async def _serve(config: Config, data_dir: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    serving = asyncio.create_task(serve(patching.attribute("ministack.app", "app"), config, shutdown_trigger=stop.wait))
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({serving}, timeout=_GRACE_SECONDS)  # a function that still runs would hold it up
    if serving.done():
        serving.result()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # the Lambda workers: they are the rest of this process's group
    if _orphaned.is_set():
        shutil.rmtree(data_dir, ignore_errors=True)
    os._exit(0)  # nothing is left to save, and asyncio would wait for the threads of unfinished functions


def _watch_parent(data_dir: str) -> None:
    sys.stdin.buffer.read()
    _orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_SECONDS)
    # Still here: the event loop hangs.
    shutil.rmtree(data_dir, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
