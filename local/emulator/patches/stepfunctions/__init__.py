"""Patches of Step Functions: how many steps run at once, and the error of a step that Lambda throttles.

Concurrency
    AWS: each running step is an invocation of its own, up to the account's quota, which is 1,000 by default.
    MiniStack: starts a process for each of them. Some hundred processes at once stop the machine.
    Here: a few steps run at once, and the others wait. A step's timeout begins after its wait. Steps of executions that
    began earlier are first, so that these end.

Throttling
    AWS: the error is Lambda.TooManyRequestsException.
    Source: Step Functions developer guide, "Handle transient Lambda service exceptions".
    MiniStack: the error is Lambda.Unknown, so a retrier for all errors counts the throttling as a try.
    Here: as AWS.
"""

from collections.abc import Callable
from typing import Any

from local.emulator import patching
from local.emulator.patches.stepfunctions.turns import in_turn

_STEP_FUNCTIONS = "ministack.services.stepfunctions"


def patch() -> None:
    """Let steps wait for their turn, and name throttling as AWS does."""
    patching.replace(_STEP_FUNCTIONS, "_invoke_resource_with_timeout", in_turn)
    patching.replace(_STEP_FUNCTIONS, "_call_lambda", named_throttling)


def named_throttling(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a call of Lambda that raises AWS's error if Lambda throttles it."""
    error_type: Any = patching.attribute(_STEP_FUNCTIONS, "_ExecutionError")

    def call(function: Any, event: Any) -> Any:
        try:
            return original(function, event)
        except error_type as error:
            if error.error == "Lambda.Unknown" and "TooManyRequestsException" in error.cause:
                raise error_type("Lambda.TooManyRequestsException", error.cause) from None
            raise

    return call
