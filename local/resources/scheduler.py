"""Schedules of EventBridge Scheduler. MiniStack invokes a target that is due within 10 seconds."""

from local.resources.rows import Autoname, Call, Row

_DEFAULT_GROUP = "default"

TABLE = {
    "aws:scheduler/schedule:Schedule": Row(
        service="scheduler",
        create=Call(operation="CreateSchedule"),
        update=(Call(operation="UpdateSchedule"),),
        replace_on=("name", "groupName"),
        delete=Call(operation="DeleteSchedule", moves={"name": "Name", "groupName": "GroupName"}),
        id=lambda made: f"{made.inputs['groupName']}/{made.inputs['name']}",
        outputs=lambda made: {"arn": made.account.arn("scheduler", f"schedule/{made.id}")},
        autoname=Autoname(limit=64),
        defaults={"groupName": _DEFAULT_GROUP, "scheduleExpressionTimezone": "UTC", "state": "ENABLED"},
        not_emulated={
            "flexibleTimeWindow": "a target is invoked as soon as it is due",
            "target.roleArn": "MiniStack invokes the target itself, without the role",
            "target.retryPolicy": "each invocation is tried once",
            "target.deadLetterConfig": "an invocation that fails is not sent to the queue",
        },
    ),
}
