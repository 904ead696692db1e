"""EventBridge rules and their targets."""

from local.resources.calls import RefusedError
from local.resources.parameters import json_text
from local.resources.rows import Autoname, Call, Made, Row, by, tag_list

_DEFAULT_BUS = "default"


def _rule_id(made: Made) -> str:
    bus, name = made.inputs["eventBusName"], made.inputs["name"]
    return name if bus == _DEFAULT_BUS else f"{bus}/{name}"


def _raise_for_refused_targets(made: Made) -> None:
    """Raise PutTargets' error, because it answers 200 also for a target that it rejects."""
    for entry in made.responses["PutTargets"].get("FailedEntries", []):
        raise RefusedError(f"{made.subject}: PutTargets refused it: {entry['ErrorCode']}: {entry['ErrorMessage']}")


_TARGET_MEMBERS = {
    "targetId": "Id",
    "arn": "Arn",
    "roleArn": "RoleArn",
    "input": "Input",
    "inputPath": "InputPath",
    "inputTransformer": "InputTransformer",
    "deadLetterConfig": "DeadLetterConfig",
    "retryPolicy": "RetryPolicy",
    "sqsTarget": "SqsParameters",
}

TABLE = {
    "aws:cloudwatch/eventArchive:EventArchive": Row(
        service="events",
        create=Call(
            operation="CreateArchive",
            moves={"name": "ArchiveName", "eventPattern": json_text("EventPattern")},
        ),
        update=(
            Call(
                operation="UpdateArchive",
                moves={"name": "ArchiveName", "eventPattern": json_text("EventPattern")},
            ),
        ),
        replace_on=("name", "eventSourceArn"),
        delete=Call(operation="DeleteArchive", moves={"name": "ArchiveName"}),
        id=by("name"),
        outputs=lambda made: {"arn": made.responses["CreateArchive"]["ArchiveArn"]},
        autoname=Autoname(limit=48),
        not_emulated={"retentionDays": "an archived event is kept until the archive is deleted"},
    ),
    "aws:cloudwatch/eventRule:EventRule": Row(
        service="events",
        create=Call(operation="PutRule", moves={"eventPattern": json_text("EventPattern"), "tags": tag_list()}),
        repeatable=True,
        replace_on=("name", "eventBusName"),
        delete=Call(operation="DeleteRule", moves={"name": "Name", "eventBusName": "EventBusName"}),
        id=_rule_id,
        outputs=lambda made: {"arn": made.responses["PutRule"]["RuleArn"]},
        autoname=Autoname(limit=64),
        defaults={"eventBusName": _DEFAULT_BUS},
        provider_only={"forceDestroy": "deletes also a rule that AWS manages"},
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Row(
        service="events",
        create=Call(
            operation="PutTargets",
            moves={name: f"Targets[].{member}" for name, member in _TARGET_MEMBERS.items()}
            | {"inputTransformer.inputPaths": "InputPathsMap"},
        ),
        after=_raise_for_refused_targets,
        repeatable=True,
        after_update=_raise_for_refused_targets,
        replace_on=("rule", "eventBusName", "targetId"),
        delete=Call(
            operation="RemoveTargets",
            moves={
                "rule": "Rule",
                "eventBusName": "EventBusName",
                "targetId": lambda target: {"Ids": [target]},
            },
        ),
        id=lambda made: f"{made.inputs['rule']}-{made.inputs['targetId']}",
        autoname=Autoname(input="targetId", limit=64),
        defaults={"eventBusName": _DEFAULT_BUS},
        provider_only={"forceDestroy": "deletes also a target of a rule that AWS manages"},
        not_emulated={
            "deadLetterConfig": "events that cannot be delivered are not sent to the target's own queue",
            "retryPolicy": "each event is delivered once",
            "roleArn": "MiniStack sends the events itself, without the role",
        },
    ),
}
