"""A function's error has its exception's name.

AWS: `errorType` is the class name of what the handler raised, `stackTrace` the frames.
MiniStack: `errorType` is always Runtime.HandlerError, and the trace goes to the log alone.
Here: both are taken from the trace, which ends the log.
"""

from collections.abc import Callable
from typing import Any

from local.emulator import patching

_TRACE = "Traceback (most recent call last):\n"


def patch() -> None:
    """Name errors as the Lambda runtime does."""
    patching.replace("ministack.services.lambda_svc", "_execute_function_warm", _named)


def _named(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute(*arguments: Any) -> dict[str, Any]:
        result = original(*arguments)
        body: Any = result.get("body")
        if result.get("error") and body.get("errorType") == "Runtime.HandlerError":
            body |= describe(result["log"], body["errorMessage"])
        return result

    return execute


def describe(log: str, message: str) -> dict[str, Any]:
    """Return errorType and stackTrace of the trace that ends the log; nothing if it does not end with one."""
    _, found, trace = log.rstrip().rpartition(_TRACE)
    ending = f": {message}".rstrip() if message else ""
    if not found or not trace.endswith(ending):
        return {}
    *stack, name = trace.removesuffix(ending).split("\n")
    return {"errorType": name.rpartition(".")[2], "stackTrace": stack}
