"""Patches of Step Functions: how many steps run at once, throttling, errors, Distributed Maps, and refused definitions.

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

Errors
    AWS: States.ALL matches neither States.DataLimitExceeded nor States.Runtime, and nothing catches States.Runtime.
    Source: Step Functions developer guide, "Handling errors in Step Functions workflows", "Error names".
    MiniStack: States.ALL matches both.
    Here: as AWS.

Distributed Maps
    AWS: reads the items from a version of an object, batches them, runs a child execution for each batch, stops when
    more items have failed than are tolerated, and writes the results and a manifest to S3. A child is an execution of
    its own, which reads no variable of its parent. All of this with the permissions of the state machine's role.
    Source: Step Functions developer guide, "Using Map state in Distributed mode", "ItemReader", "ItemBatcher",
    "ResultWriter", and "IAM policies for using Distributed Map states".
    MiniStack: evaluates JSONPath alone in a Distributed Map, ignores VersionId, ItemBatcher, ResultWriter and the role,
    and runs all children, with the parent's variables.
    Here: as AWS, for state machines in JSONata. Results are in one file of each kind.

Definitions
    AWS: refuses a definition that is not in Amazon States Language.
    Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
    MiniStack: refuses one for its JSONata expressions alone.
    Here: refuses also what statelint finds, and what the guide says of fields that the language leaves open.
"""

from collections.abc import Callable
from typing import Any

from local.emulator import patching
from local.emulator.patches.stepfunctions.definitions import refusing
from local.emulator.patches.stepfunctions.distributed_map import in_jsonata
from local.emulator.patches.stepfunctions.turns import in_turn

_STEP_FUNCTIONS = "ministack.services.stepfunctions"


def patch() -> None:
    """Apply all of these patches."""
    patching.replace(_STEP_FUNCTIONS, "_invoke_resource_with_timeout", in_turn)
    patching.replace(_STEP_FUNCTIONS, "_call_lambda", named_throttling)
    patching.replace(_STEP_FUNCTIONS, "_error_matches", matching)
    patching.replace(_STEP_FUNCTIONS, "_run_distributed_map", in_jsonata)
    patching.replace(_STEP_FUNCTIONS, "_validate_definition_jsonata", refusing)


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


def matching(original: Callable[[list[str], str], bool]) -> Callable[[list[str], str], bool]:
    """Return a function that finds whether a retrier or catcher for these names is one for the error."""

    def matches(error_equals: list[str], error: str) -> bool:
        if error == "States.Runtime":
            return False
        if error == "States.DataLimitExceeded":
            return error in error_equals
        return original(error_equals, error)

    return matches
