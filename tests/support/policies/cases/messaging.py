"""Cases of the rules for Lambda and SQS."""

import json
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from tests.support.policies.cases.case import case, deny_without_tls, document

ROLE = "arn:aws:iam::123456789012:role/r"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"


@case("lambda-function-has-supported-runtime")
def runtime(n: str, *, ok: bool) -> None:
    aws.lambda_.Function(n, role=ROLE, runtime="python3.13" if ok else "python3.8")


@case("lambda-function-is-traced")
def traced(n: str, *, ok: bool) -> None:
    aws.lambda_.Function(n, role=ROLE, tracing_config={"mode": "Active" if ok else "PassThrough"})


@case("lambda-permission-names-source")
def permission_without_source(n: str, *, ok: bool) -> None:
    aws.lambda_.Permission(
        n,
        action="lambda:InvokeFunction",
        function="f",
        principal="s3.amazonaws.com",
        source_account="123456789012" if ok else None,
    )


@case("lambda-permission-names-source")
def permission_of_everybody(n: str, *, ok: bool) -> None:
    aws.lambda_.Permission(n, action="lambda:InvokeFunction", function="f", principal="123456789012" if ok else "*")


@case("lambda-function-url-is-authorized")
def function_url(n: str, *, ok: bool) -> None:
    aws.lambda_.FunctionUrl(n, function_name="f", authorization_type="AWS_IAM" if ok else "NONE")


@case("lambda-environment-has-no-secrets")
def secret_by_name(n: str, *, ok: bool) -> None:
    value = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s" if ok else "hunter2"
    aws.lambda_.Function(n, role=ROLE, environment={"variables": {"DB_PASSWORD": value}})


@case("lambda-environment-has-no-secrets")
def secret_by_value(n: str, *, ok: bool) -> None:
    value = "key" if ok else "AKIA" + "A" * 16
    aws.lambda_.Function(n, role=ROLE, environment={"variables": {"SETTING": value}})


@case("lambda-queue-failures-are-reported-by-message")
def batch_failures(n: str, *, ok: bool) -> None:
    reports = ["ReportBatchItemFailures"] if ok else []
    aws.lambda_.EventSourceMapping(
        n, event_source_arn=QUEUE, function_name="f", batch_size=2, function_response_types=reports
    )


@case("sqs-queue-is-encrypted")
def encrypted_queue(n: str, *, ok: bool) -> None:
    aws.sqs.Queue(n, sqs_managed_sse_enabled=ok)


@case("sqs-queue-policy-is-not-public")
def queue_policy(n: str, *, ok: bool) -> None:
    source = {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::b"}} if ok else {}
    allowed = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": "*", "Condition": source}
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(allowed))


@case("sqs-queue-policy-is-not-public")
def policy_for_all_but_one(n: str, *, ok: bool) -> None:
    source = {"ArnEquals" if ok else "ArnNotEquals": {"aws:SourceArn": "arn:aws:s3:::b"}}
    allowed = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": "*", "Condition": source}
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(allowed))


@case("sqs-queue-policy-is-not-public")
def policy_for_any_source(n: str, *, ok: bool) -> None:
    source = {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::b" if ok else "*"}}
    allowed = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": "*", "Condition": source}
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(allowed))


@case("sqs-queue-policy-is-not-public")
def policy_for_any_account(n: str, *, ok: bool) -> None:
    account = "123456789012" if ok else "*"
    source = {"ArnLike": {"aws:SourceArn": f"arn:aws:events:eu-west-1:{account}:rule/*"}}
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(_for_everybody(source)))


@case("sqs-queue-policy-is-not-public")
def policy_for_half_of_the_internet(n: str, *, ok: bool) -> None:
    source = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24" if ok else "0.0.0.0/1"}}
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(_for_everybody(source)))


@case("sqs-queue-policy-is-not-public")
def policy_that_is_met_without_the_key(n: str, *, ok: bool) -> None:
    source = {"StringEquals" if ok else "StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(_for_everybody(source)))


@case("sqs-queue-policy-is-not-public")
def policy_that_is_met_by_no_value(n: str, *, ok: bool) -> None:
    operator = "ForAnyValue:StringEquals" if ok else "ForAllValues:StringEquals"
    source = {operator: {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/"}}
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(_for_everybody(source)))


def _for_everybody(condition: Mapping[str, object]) -> dict[str, object]:
    return {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": condition}


@case("sqs-queue-policy-is-not-public")
def policy_in_queue(n: str, *, ok: bool) -> None:
    principal = {"AWS": "123456789012"} if ok else "*"
    allowed: dict[str, object] = {"Effect": "Allow", "Principal": principal, "Action": "sqs:*", "Resource": "*"}
    aws.sqs.Queue(n, policy=document(allowed))


@case("sqs-queue-policy-requires-tls")
def queue_tls(n: str, *, ok: bool) -> None:
    statements = [deny_without_tls("sqs:*")] if ok else []
    aws.sqs.QueuePolicy(n, queue_url="https://q", policy=document(*statements))


def _redrive(queue: aws.sqs.Queue, count: int = 5) -> pulumi.Output[str]:
    return queue.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count}))


@case("sqs-queue-has-dead-letter-queue")
def dead_letters(n: str, *, ok: bool) -> None:
    dead = aws.sqs.Queue(f"{n}dead")
    aws.sqs.Queue(f"{n}queue", redrive_policy=_redrive(dead) if ok else None)


@case("sqs-queue-has-dead-letter-queue")
def dead_letters_of_target(n: str, *, ok: bool) -> None:
    dead = aws.sqs.Queue(f"{n}dead")
    aws.cloudwatch.EventTarget(f"{n}t", rule="r", arn=QUEUE, dead_letter_config={"arn": dead.arn if ok else QUEUE})


@case("sqs-dead-letters-are-kept-longer")
def retention(n: str, *, ok: bool) -> None:
    dead = aws.sqs.Queue(f"{n}dead", message_retention_seconds=1209600 if ok else 345600)
    aws.sqs.Queue(f"{n}queue", message_retention_seconds=1209600, redrive_policy=_redrive(dead))


@case("sqs-dead-letters-are-kept-longer")
def retention_by_default(n: str, *, ok: bool) -> None:
    dead = aws.sqs.Queue(f"{n}dead")
    aws.sqs.Queue(f"{n}queue", message_retention_seconds=345600 if ok else 345601, redrive_policy=_redrive(dead))


@case("sqs-messages-are-received-often-enough")
def receipts(n: str, *, ok: bool) -> None:
    dead = aws.sqs.Queue(f"{n}dead")
    queue = aws.sqs.Queue(f"{n}queue", redrive_policy=_redrive(dead, 5 if ok else 4))
    aws.lambda_.EventSourceMapping(f"{n}m", event_source_arn=queue.arn, function_name="f")


@case("sqs-queue-policy-requires-tls")
def queue_with_policy(n: str, *, ok: bool) -> None:
    aws.sqs.Queue(n, policy=document(deny_without_tls("sqs:*" if ok else "sqs:SendMessage")))
