"""Relations between resources that several rules look at."""

from core.resources import Resource

_FUNCTION, _ALIAS, _QUEUE = "aws:lambda/function:Function", "aws:lambda/alias:Alias", "aws:sqs/queue:Queue"

_FAILURE_PLACES = {
    "aws:cloudwatch/eventTarget:EventTarget": ("deadLetterConfig",),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ("destinationConfig",),
    "aws:lambda/function:Function": ("deadLetterConfig",),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ("destinationConfig",),
    "aws:scheduler/schedule:Schedule": ("target",),
    "aws:sns/topicSubscription:TopicSubscription": ("redrivePolicy",),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": ("queueUrl",),
}
"""Properties that name a queue for failures."""


def functions_behind(resource: Resource, key: str) -> list[Resource]:
    """Return the functions that a property refers to, directly or by an alias."""
    stack = resource.stack
    aliases = stack.behind(resource, key, _ALIAS)
    direct = stack.behind(resource, key, _FUNCTION)
    return direct or [found for alias in aliases for found in stack.behind(alias, "functionName", _FUNCTION)]


def dead_letter_queues(queue: Resource) -> list[Resource]:
    """Return the queues to which a queue moves messages that fail."""
    own = queue.stack.behind(queue, "redrivePolicy", _QUEUE)
    named = {policy.text("deadLetterTargetArn") for policy in queue.json("redrivePolicy")} - {""}
    own += [each for each in queue.stack.of(_QUEUE) if not named.isdisjoint(each.identities())]
    return list({each.urn: each for each in own if each is not queue}.values())


def is_dead_letter_queue(queue: Resource) -> bool:
    """Return whether a resource of the stack uses the queue for its failures."""
    stack = queue.stack
    if any(queue in dead_letter_queues(each) for each in stack.of(_QUEUE) if each.is_known("redrivePolicy")):
        return True
    if any(queue.urn in each.references.get("redrivePolicy", ()) for each in stack.of(_QUEUE)):
        return True
    return any(each.refers_to(queue, *keys) for kind, keys in _FAILURE_PLACES.items() for each in stack.of(kind))
