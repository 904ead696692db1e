"""SNS topics and their policies. All settings of a topic are attributes, which are changed one at a time."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.resources.parameters import Given, Move, json_text, nested
from local.resources.rows import Autoname, Call, Made, Row, by, checked, tag_list

_ATTRIBUTES = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"}


def _arn(made: Made) -> str:
    return made.account.arn("sns", made.inputs["name"])


def _set(attribute: str) -> Move:
    return lambda value: {"AttributeName": attribute, "AttributeValue": value}


def _default_policy(made: Made) -> Mapping[str, Any]:
    """Let only the account publish and subscribe, as the policy of a new topic does."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["sns:Publish", "sns:Subscribe"],
        "Resource": made.inputs["arn"],
        "Condition": {"StringEquals": {"aws:SourceOwner": made.account.account_id}},
    }
    return {
        "AttributeName": "Policy",
        "AttributeValue": json.dumps({"Version": "2008-10-17", "Statement": [statement]}),
    }


def _policy(policy: Given) -> Mapping[str, Any]:
    """Reject what SNS rejects: actions of another service, and the wildcard for all actions."""
    document: dict[str, Any] = json.loads(policy.value) if isinstance(policy.value, str) else {}
    for statement in document.get("Statement", []):
        actions: str | list[str] = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            if not re.fullmatch(r"sns:[a-z]+", action, re.IGNORECASE):
                raise replace(policy, value=action).refuse("must be an action of SNS, such as sns:Publish")
    return nested("AttributeValue", policy)


TABLE = {
    "aws:sns/topic:Topic": Row(
        service="sns",
        create=Call(
            operation="CreateTopic",
            moves={
                "name": checked("Name", r"[A-Za-z0-9_-]{1,256}", "must be up to 256 letters, digits, - and _"),
                **{name: f"Attributes.{attribute}" for name, attribute in _ATTRIBUTES.items()},
                "tags": tag_list(),
            },
        ),
        update=tuple(
            Call(
                operation="SetTopicAttributes",
                moves={name: _set(attribute)},
                also=lambda made: {"TopicArn": made.id},
            )
            for name, attribute in _ATTRIBUTES.items()
        ),
        replace_on=("name",),
        delete=Call(operation="DeleteTopic", also=lambda made: {"TopicArn": made.id}),
        id=_arn,
        outputs=lambda made: {"arn": _arn(made)},
        autoname=Autoname(limit=256),
        not_emulated={"kmsMasterKeyId": "notifications are stored as they are"},
    ),
    "aws:sns/topicSubscription:TopicSubscription": Row(
        service="sns",
        create=Call(
            operation="Subscribe",
            moves={
                "topic": "TopicArn",
                "rawMessageDelivery": lambda raw: {
                    "Attributes": {"RawMessageDelivery": replace(raw, value=str(raw.value).lower())}
                },
                "redrivePolicy": json_text("Attributes.RedrivePolicy"),
            },
            also=lambda _: {"ReturnSubscriptionArn": True},
        ),
        replace_on=("topic", "protocol", "endpoint"),
        delete=Call(operation="Unsubscribe", also=lambda made: {"SubscriptionArn": made.id}),
        id=lambda made: made.responses["Subscribe"]["SubscriptionArn"],
        outputs=lambda made: {"arn": made.responses["Subscribe"]["SubscriptionArn"]},
    ),
    "aws:sns/topicPolicy:TopicPolicy": Row(
        service="sns",
        create=Call(
            operation="SetTopicAttributes",
            moves={"arn": "TopicArn", "policy": _policy},
            also=lambda _: {"AttributeName": "Policy"},
        ),
        repeatable=True,
        replace_on=("arn",),
        delete=Call(operation="SetTopicAttributes", moves={"arn": "TopicArn"}, also=_default_policy),
        id=by("arn"),
    ),
}
