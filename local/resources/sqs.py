"""SQS queues. All their settings are attributes: a map of text to text."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.resources.parameters import Given, Move, json_text
from local.resources.rows import Autoname, Call, Made, Row, by


def _number(attribute: str, low: int, high: int) -> Move:
    """Limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html."""

    def move(number: Given) -> Mapping[str, Any]:
        if not isinstance(number.value, int | float) or number.value != int(number.value):
            raise number.refuse("must be a whole number")
        if not low <= number.value <= high:
            raise number.refuse(f"must be from {low} to {high} (sqs CreateQueue)")
        return {"Attributes": {attribute: replace(number, value=str(int(number.value)))}}

    return move


def _flag(attribute: str) -> Move:
    return lambda flag: {"Attributes": {attribute: replace(flag, value=str(flag.value).lower())}}


def _name(name: Given) -> Mapping[str, Any]:
    """80 characters with the suffix: the CreateQueue reference; the model has neither."""
    if not re.fullmatch(r"(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?", str(name.value)):
        raise name.refuse("must be up to 80 letters, digits, hyphens and underscores (sqs CreateQueue)")
    return {"QueueName": name}


def _queue(made: Made) -> Mapping[str, Any]:
    return {"arn": made.account.arn("sqs", made.inputs["name"]), "url": _url(made)}


def _url(made: Made) -> str:
    return made.responses["CreateQueue"]["QueueUrl"]


def _attribute(name: str, attribute: str) -> Row:
    return Row(
        service="sqs",
        create=Call(operation="SetQueueAttributes", moves={name: json_text(f"Attributes.{attribute}")}),
        repeatable=True,
        replace_on=("queueUrl",),
        delete=Call(
            operation="SetQueueAttributes",
            moves={"queueUrl": "QueueUrl"},
            also=lambda _: {"Attributes": {attribute: ""}},
        ),
        id=by("queueUrl"),
    )


_ATTRIBUTES: dict[str, Move] = {
    "visibilityTimeoutSeconds": _number("VisibilityTimeout", 0, 43_200),
    "messageRetentionSeconds": _number("MessageRetentionPeriod", 60, 1_209_600),
    "maxMessageSize": _number("MaximumMessageSize", 1_024, 1_048_576),
    "delaySeconds": _number("DelaySeconds", 0, 900),
    "receiveWaitTimeSeconds": _number("ReceiveMessageWaitTimeSeconds", 0, 20),
    "kmsDataKeyReusePeriodSeconds": _number("KmsDataKeyReusePeriodSeconds", 60, 86_400),
    "kmsMasterKeyId": "Attributes.KmsMasterKeyId",
    "sqsManagedSseEnabled": _flag("SqsManagedSseEnabled"),
    "fifoQueue": _flag("FifoQueue"),
    "contentBasedDeduplication": _flag("ContentBasedDeduplication"),
    "deduplicationScope": "Attributes.DeduplicationScope",
    "fifoThroughputLimit": "Attributes.FifoThroughputLimit",
    "policy": json_text("Attributes.Policy"),
    "redrivePolicy": json_text("Attributes.RedrivePolicy"),
    "redriveAllowPolicy": json_text("Attributes.RedriveAllowPolicy"),
}

TABLE = {
    "aws:sqs/queue:Queue": Row(
        service="sqs",
        create=Call(operation="CreateQueue", moves={"name": _name, **_ATTRIBUTES}),
        update=(Call(operation="SetQueueAttributes", moves=_ATTRIBUTES, also=lambda made: {"QueueUrl": made.id}),),
        replace_on=("name", "fifoQueue"),
        delete=Call(operation="DeleteQueue", also=lambda made: {"QueueUrl": made.id}),
        id=_url,
        outputs=_queue,
        autoname=Autoname(limit=80, suffix=lambda inputs: ".fifo" if inputs.get("fifoQueue") else ""),
        neutral={"fifoQueue": False, "contentBasedDeduplication": False},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": _attribute("policy", "Policy"),
    "aws:sqs/redrivePolicy:RedrivePolicy": _attribute("redrivePolicy", "RedrivePolicy"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _attribute("redriveAllowPolicy", "RedriveAllowPolicy"),
}
