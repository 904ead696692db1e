"""State machines of Step Functions. MiniStack runs their executions."""

from local.resources.parameters import Move
from local.resources.rows import Autoname, Call, Row, tag_list

_MOVES: dict[str, Move] = {"loggingConfiguration.logDestination": "destinations[].cloudWatchLogsLogGroup.logGroupArn"}

TABLE = {
    "aws:sfn/stateMachine:StateMachine": Row(
        service="stepfunctions",
        create=Call(
            operation="CreateStateMachine",
            moves={"tags": tag_list("tags", "key", "value"), **_MOVES},
        ),
        update=(
            Call(
                operation="UpdateStateMachine",
                moves=_MOVES,
                also=lambda made: {"stateMachineArn": made.id},
            ),
        ),
        replace_on=("name", "type"),
        delete=Call(operation="DeleteStateMachine", also=lambda made: {"stateMachineArn": made.id}),
        id=lambda made: made.responses["CreateStateMachine"]["stateMachineArn"],
        outputs=lambda made: {"arn": made.id, "status": "ACTIVE"},
        autoname=Autoname(limit=80),
        defaults={"type": "STANDARD"},
        not_emulated={
            "roleArn": "MiniStack calls functions and queues itself, without the role",
            "loggingConfiguration": "executions write no log; GetExecutionHistory has their events",
            "tracingConfiguration": "no traces are recorded",
        },
    ),
}
