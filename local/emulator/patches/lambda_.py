"""Patches of Lambda: duration and log of a call, errors, and what a function finds in its environment.

Duration and log
    AWS: a call returns when the function returns.
    MiniStack: waits 50 ms after each call for lines on the worker's stderr. A line that arrives later is read with the
    next call.
    Here: the worker writes a mark after its last line and before its response. Reading stops at the mark.

Errors
    AWS: `errorType` is the class name of the exception, `stackTrace` its frames.
    MiniStack: `errorType` is always Runtime.HandlerError. Only the log has the traceback.
    Here: both are taken from the traceback at the end of the log.

Environment
    AWS: the Python runtime has the SDK beside the standard library. Every other package comes with the archive or a
    layer. The only environment variables are the runtime's and the function's.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
    MiniStack: functions also see all packages and variables of MiniStack's own process. A package that is missing in
    the archive is then noticed only on AWS, and an unset LOG_LEVEL is the emulator's.
    Here: only the SDK's packages stay on the path, as links in a folder, and the variables are removed.

Images
    AWS: runs the image's entry point, Lambda's runtime interface client, with the handler that ImageConfig names.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-image.html
    MiniStack: does that with Docker. Without Docker, each call fails.
    Here: the handler runs with the code in the image's folder (local/emulator/images.py), and with all packages that
    are installed here, in place of those in the image.
"""

import importlib.util
import io
import os
import queue
import site
import sys
import time
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from local.emulator import patching
from local.emulator.images import image_folder

_RUNTIME = "ministack.core.lambda_runtime"
_SERVICE = "ministack.services.lambda_svc"
MARK = "\x1eportage: end of this call's log"
"""What a worker writes after the last line of a call."""

_RESPONSE = "        _real_stdout.flush()\n\nrun()\n"
_MARKED_RESPONSE = f"        print({MARK!r}, file=sys.__stderr__, flush=True)\n{_RESPONSE}"
_LOST_MARK_SECONDS = 0.25  # a worker that crashed wrote no mark; this is MiniStack's own longest wait
_TRACEBACK = "Traceback (most recent call last):\n"
_SDK = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
# The AWS_ variables keep the SDK in a function from reading the files of the user who runs the emulator.
_KEPT_VARIABLES = {
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"),
    *("AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE"),
}


def patch(data_dir: Path) -> None:
    """Patch Python workers and their results; the SDK's folder is made in the data folder."""
    patching.replace(_RUNTIME, "_PYTHON_WORKER_SCRIPT", _marked)
    patching.replace(_RUNTIME, "Worker._drain_stderr_bounded", up_to_mark)
    patching.replace(_SERVICE, "_execute_function_warm", _with_error_type)
    patching.replace(_SERVICE, "_execute_function_docker", _from_folder(data_dir))
    prelude = _prelude(_linked_sdk(data_dir))
    patching.replace(_RUNTIME, "_PYTHON_WORKER_SCRIPT", lambda script: prelude + script)


def _marked(script: str) -> str:
    if script.count(_RESPONSE) != 1:
        raise patching.PatchError("MiniStack's Python worker no longer ends as expected; fix the patch of Lambda")
    return script.replace(_RESPONSE, _MARKED_RESPONSE)


def up_to_mark(original: Callable[..., str]) -> Callable[..., str]:
    """Return what replaces `_drain_stderr_bounded` of a worker: it reads a call's lines, and waits no longer."""

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
            if line == MARK:
                break
            lines.append(line)
        return "\n".join(lines)

    return drain


def _with_error_type(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute(*arguments: Any) -> dict[str, Any]:
        result = original(*arguments)
        body: Any = result.get("body")
        if result.get("error") and body.get("errorType") == "Runtime.HandlerError":
            body |= describe(result["log"], body["errorMessage"])
        return result

    return execute


def _from_folder(data_dir: Path) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    libraries = data_dir / "image-libraries"
    libraries.symlink_to(site.getsitepackages()[0])  # a name that the prelude does not know

    def replacing(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def execute(function: Any, event: Any, request_id: str) -> dict[str, Any]:
            config = function["config"]
            folder = image_folder(data_dir, config.get("ImageUri", ""))
            if config["PackageType"] != "Image" or not folder.is_dir():
                return original(function, event, request_id)
            variables = config.get("Environment", {}).get("Variables", {})
            as_archive = {
                "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
                "Handler": config["ImageConfigResponse"]["ImageConfig"]["Command"][0],
                "Environment": {"Variables": {**variables, "PYTHONPATH": str(libraries)}},
            }
            run = patching.attribute(_SERVICE, "_execute_function_warm")
            return run({**function, "config": {**config, **as_archive}, "code_zip": _zipped(folder)}, event, request_id)

        return execute

    return replacing


@cache
def _zipped(folder: Path) -> bytes:
    """Return an image's folder as a function's archive, with what its links lead to."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for place, folders, names in os.walk(folder, followlinks=True):
            folders[:] = [each for each in folders if each != "__pycache__"]
            for name in names:
                path = Path(place, name)
                package.write(path, path.relative_to(folder))
    return buffer.getvalue()


def describe(log: str, message: str) -> dict[str, Any]:
    """Return errorType and stackTrace from the traceback that ends the log; nothing without one."""
    _, found, trace = log.rstrip().rpartition(_TRACEBACK)
    ending = f": {message}".rstrip() if message else ""
    if not found or not trace.endswith(ending):
        return {}
    *stack, name = trace.removesuffix(ending).split("\n")
    return {"errorType": name.rpartition(".")[2], "stackTrace": stack}


def _linked_sdk(data_dir: Path) -> Path:
    packages = data_dir / "lambda-packages"
    packages.mkdir()
    for package in _SDK:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise patching.PatchError(f"Lambda's Python runtime has {package}, which is not installed here")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (packages / source.name).symlink_to(source)
    return packages


def _prelude(packages: Path) -> str:
    """Return code that a worker runs before it loads the function."""
    other_paths = [*site.getsitepackages(), site.getusersitepackages()]
    other_variables = sorted(set(os.environ) - _KEPT_VARIABLES)
    return f"""
import os, sys
sys.path[:] = [path for path in sys.path if os.path.normpath(path) not in {other_paths!r}]
sys.path.append({os.fspath(packages)!r})
for name in {other_variables!r}:
    os.environ.pop(name, None)
"""
