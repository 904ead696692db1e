"""What is surprising in a stack's settings, and what waits for an operator now."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from .account import Account, Gone, NotRead
from .findings import Finding, Severity
from .resources import Resource, Stack, value_at

SECTION, NOW = "settings", "now"

STUCK_AFTER = timedelta(hours=1)
"""On Lambda a job ends or is repeated earlier. Containers may have longer ones."""

_WIDE = ("*/*", "application/*", "application/octet-stream", "application/zip")
_LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1)(:|$)")
_ALARMS = "See the table of alarms in docs/architecture.md"
_LEAST_TRIES = 5
_ALARMS_AT_ONCE = 50
"""An answer has at most so many. Source: CloudWatch API Reference, DescribeAlarms, MaxRecords."""
_PAGES = 20
"""Of the index of open uploads. More than that is a problem that the first ones show."""


def check(stack: Stack) -> Iterator[Finding]:
    """Yield what is surprising in the declared values. Most of it only in production."""
    if not stack.changes:
        yield Finding(SECTION, Severity.NOT_CHECKED, "declared values", "give a plan or an exported state")
        return
    found = [finding for rule in _RULES for finding in rule(stack)]
    yield from found
    if not found:
        yield Finding(SECTION, Severity.OK, "declared values", f"{len(stack.resources)} resources, nothing surprising")


def _warning(resource: Resource, value: str, fix: str) -> Finding:
    return Finding(SECTION, Severity.WARNING, resource.name, value, fix=fix)


def _unprotected(stack: Stack) -> Iterator[Finding]:
    if stack.is_production:
        fix = "Set deletionProtection: true"
        for table in stack.of("aws:dynamodb/table:Table"):
            if not table.get("deletionProtectionEnabled"):
                yield _warning(table, f"the table of {stack.name} has no deletion protection", fix)
            if not table.get("pointInTimeRecovery.enabled"):
                yield _warning(table, f"the table of {stack.name} has no recovery to a point in time", "Enable it")
        for bucket in stack.of("aws:s3/bucket:Bucket"):
            if bucket.get("forceDestroy"):
                yield _warning(bucket, f"destroying {stack.name} deletes the bucket's objects", fix)
        for pool in stack.of("aws:cognito/userPool:UserPool"):
            if pool.get("adminCreateUserConfig.allowAdminCreateUserOnly") is False:
                yield _warning(pool, f"anybody can sign up to {stack.name}", "Set allowSignUp: false, unless wanted")


def _origins(stack: Stack) -> Iterator[Finding]:
    for cors in stack.of("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"):
        for rule in cors.get("corsRules") or ():
            for origin in map(str, rule.get("allowedOrigins") or ()):
                if "*" in origin:
                    yield _warning(cors, f"pages of any site may send files: {origin}", "Name them in allowedOrigins")
                elif origin.startswith("http://") and (stack.is_production or not _LOCAL.match(origin)):
                    fix = "Use https in allowedOrigins"
                    yield _warning(cors, f"pages without encryption may send files: {origin}", fix)


def _logs(stack: Stack) -> Iterator[Finding]:
    functions = stack.of("aws:lambda/function:Function")
    talkative = [each for each in functions if each.get("loggingConfig.applicationLogLevel") in ("DEBUG", "TRACE")]
    if talkative and stack.is_production:
        names = f"{len(talkative)} functions log at DEBUG"
        yield _warning(talkative[0], names, "Set logLevel: INFO or WARN, because logs cost by size")
    for group in stack.of("aws:cloudwatch/logGroup:LogGroup"):
        if not group.get("retentionInDays"):
            yield _warning(group, "keeps logs for ever", "Set logRetentionDays")


def _scans(stack: Stack) -> Iterator[Finding]:
    for function in stack.of("aws:lambda/function:Function"):
        variables = cast("dict[str, Any]", function.get("environment.variables") or {})
        if variables.get("MALWARE_SCAN") == "off" and "ALLOWED_CONTENT_TYPES" in variables:
            allowed = [each for each in str(variables["ALLOWED_CONTENT_TYPES"]).split(",") if each]
            wide = [each for each in allowed if each in _WIDE] or ([] if allowed else ["any type"])
            if wide:
                fix = "Set malwareScan: true, or name the types in allowedContentTypes"
                yield _warning(function, f"files are not scanned for malware, and may be {', '.join(wide)}", fix)


def _deliveries(stack: Stack) -> Iterator[Finding]:
    for mapping in stack.of("aws:lambda/eventSourceMapping:EventSourceMapping"):
        if mapping.get("enabled") is False:
            yield _warning(mapping, "is off, so nothing is processed", "Enable it")
    for queue in stack.of("aws:sqs/queue:Queue"):
        tries = value_at(_parsed(queue.get("redrivePolicy")), "maxReceiveCount")
        if tries is not None and float(tries) < _LEAST_TRIES:
            fix = "Lambda's guide recommends 5 or more, because throttled deliveries count: raise processingMaxAttempts"
            yield _warning(queue, f"messages are dead letters after {tries} deliveries", fix)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


_RULES: Sequence[Callable[[Stack], Iterator[Finding]]] = (_unprotected, _origins, _logs, _scans, _deliveries)


def check_now(stack: Stack, account: Account, now: datetime) -> Iterator[Finding]:
    """Yield what waits for an operator: dead letters, alarms, uploads that stand still, a topic that nobody reads."""
    if stack.is_planned or not (stack.outputs or stack.changes):
        return
    for what, rule in (
        ("dead letters", _dead_letters),
        ("alarms", _alarms),
        ("subscriptions to alarms", _subscriptions),
        ("uploads that stand still", partial(_stuck, now)),
    ):
        try:
            yield from list(rule(stack, account))
        except (NotRead, Gone) as error:
            yield Finding(NOW, Severity.NOT_CHECKED, what, str(error))


def _dead_letters(stack: Stack, account: Account) -> Iterator[Finding]:
    url = stack.outputs.get("deadLetterQueueUrl")
    if url:
        name = "ApproximateNumberOfMessages"
        answer = account.read("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=[name])
        count = int(answer["Attributes"][name])
        fix = "Read the log of the function, fix the cause, then `portage redrive --all`"
        yield _expected_none("dead letters", count, fix)


def _alarms(stack: Stack, account: Account) -> Iterator[Finding]:
    ids = sorted({each.id for each in stack.of("aws:cloudwatch/metricAlarm:MetricAlarm") if each.id})
    if ids:
        found = [
            each
            for first in range(0, len(ids), _ALARMS_AT_ONCE)
            for each in account.read(
                "cloudwatch", "describe_alarms", AlarmNames=ids[first : first + _ALARMS_AT_ONCE]
            ).get("MetricAlarms", [])
        ]
        ringing = [each["AlarmName"] for each in found if each.get("StateValue") == "ALARM"]
        for name in ringing:
            yield Finding(NOW, Severity.WARNING, f"alarm {name}", "is in state ALARM", fix=_ALARMS)
        if not ringing:
            yield Finding(NOW, Severity.OK, "alarms", f"none of {len(ids)} is in state ALARM")


def _subscriptions(stack: Stack, account: Account) -> Iterator[Finding]:
    topic = stack.outputs.get("alarmTopicArn")
    if topic:
        found = account.read("sns", "list_subscriptions_by_topic", TopicArn=topic).get("Subscriptions", [])
        confirmed = [each for each in found if str(each.get("SubscriptionArn")).startswith("arn:")]
        fix = "" if confirmed else "Alarms notify nobody. Subscribe somebody to the topic, and confirm the mail"
        severity = Severity.OK if confirmed else Severity.WARNING
        yield Finding(NOW, severity, "confirmed subscriptions to alarms", str(len(confirmed)), "", fix)


def _stuck(now: datetime, stack: Stack, account: Account) -> Iterator[Finding]:
    """Read the index of open uploads. Uploads that clients have not sent yet may be open for long."""
    table = stack.outputs.get("uploadsTable")
    if not table:
        return
    before = (now - STUCK_AFTER).strftime("%Y-%m-%dT%H:%M:%S")
    count, more = 0, dict[str, Any]()
    for _ in range(_PAGES):
        page = account.read(
            "dynamodb",
            "scan",
            TableName=table,
            IndexName="open-uploads",
            Select="COUNT",
            FilterExpression="updated_at < :before AND #status IN (:uploaded, :processing)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":before": {"S": before},
                ":uploaded": {"S": "uploaded"},
                ":processing": {"S": "processing"},
            },
            **more,
        )
        count += int(page["Count"])
        if "LastEvaluatedKey" not in page:
            break
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    hours = f"{STUCK_AFTER.total_seconds() / 3600:g} h"
    fix = "Read the log of reconcile_uploads, which names those that are stuck. Others are long jobs"
    yield _expected_none(f"uploads that have not changed for {hours}", count, fix)


def _expected_none(what: str, count: int, fix: str) -> Finding:
    severity = Severity.WARNING if count else Severity.OK
    return Finding(NOW, severity, what, str(count), "0", fix if count else "")
