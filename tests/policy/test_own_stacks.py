"""This project's own stacks break no rule, with each compute, and each rule for uploads notices a change of them."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from core.pack import all_rules
from core.settings import Configuration, read
from local.engine.built_in.program import Registration
from local.resources.parameters import plain
from tests.support.each_case import each_case
from tests.support.policies.review import Violation, changed, review
from tests.support.policies.stacks import resources

STACKS = [
    ("dev", "lambda"),
    ("staging", "step-functions"),
    ("prod", "fargate"),
    ("staging", "eks"),
    ("prod", "lambda-image"),
    ("prod", "lambda-given-buckets"),
]
"""Each stack and each compute once; tests/engine has other combinations."""

Resources = list[Registration]
Change = Callable[[Resources], Resources]


def configuration() -> Configuration:
    return read(frozenset(rule.name for rule in all_rules()))


@cache
def found(stack: str, compute: str) -> list[Violation]:
    """What the rules report without exemptions."""
    return review(resources(stack, compute))


@each_case(("stack", "compute"), STACKS)
def test_no_rule_is_broken(stack: str, compute: str) -> None:
    assert review(resources(stack, compute), configuration=configuration()) == []


def test_every_exemption_is_needed() -> None:
    exemptions = configuration().exemptions
    exempt = [each for stack, compute in STACKS for each in found(stack, compute)]

    assert exemptions
    for exemption in exemptions:
        assert any(exemption.covers(each.rule, each.urn) for each in exempt), f"nothing needs {exemption}"


def with_inputs(name: str, kind: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Change:
    """Change the inputs of one resource."""

    def apply(before: Resources) -> Resources:
        (target,) = [
            each for each in before if each.custom and (each.name, each.type.rpartition(":")[2]) == (name, kind)
        ]
        inputs = change(plain(target.inputs))
        assert inputs != target.inputs
        return [changed(each, **inputs) if each is target else each for each in before]

    return apply


def without(name: str, kind: str) -> Change:
    """Leave one resource out."""

    def apply(before: Resources) -> Resources:
        after = [each for each in before if not (each.name == name and each.type.endswith(f":{kind}"))]
        assert len(after) == len(before) - 1
        return after

    return apply


def with_document(name: str, kind: str, change: Callable[[list[dict[str, Any]]], Iterable[dict[str, Any]]]) -> Change:
    """Change the statements of a policy."""

    def apply(inputs: dict[str, Any]) -> Mapping[str, Any]:
        document = json.loads(inputs["policy"])
        return {"policy": json.dumps({**document, "Statement": list(change(document["Statement"]))})}

    return with_inputs(name, kind, apply)


def with_grant(function: str, action: str, bucket: str, keys: str) -> Change:
    """Allow a function of the API something more in a bucket."""
    arn = f"arn:aws-mars:s3:::{bucket}-0a1b2c3/{keys}"
    return with_document(
        f"upload-api-{function}-policy",
        "RolePolicy",
        lambda before: [*before, {"Effect": "Allow", "Action": [action], "Resource": [arn]}],
    )


def with_operation(path: str, verb: str, **fields: Any) -> Change:
    """Change an operation of the REST API's document."""

    def apply(inputs: dict[str, Any]) -> Mapping[str, Any]:
        document = json.loads(inputs["body"])
        document["paths"][path][verb] |= fields
        return {"body": json.dumps(document)}

    return with_inputs("upload-api-rest", "RestApi", apply)


def without_dead_letters(inputs: dict[str, Any]) -> Mapping[str, Any]:
    return {"target": {key: value for key, value in inputs["target"].items() if key != "deadLetterConfig"}}


CHANGES: list[tuple[str, str, Change]] = [
    (
        "uploads-ingest-bucket-aborts-incomplete-parts",
        "upload-api-ingest",
        with_inputs(
            "upload-api-ingest-lifecycle",
            "BucketLifecycleConfiguration",
            lambda inputs: {
                "rules": [each for each in inputs["rules"] if "abortIncompleteMultipartUpload" not in each]
            },
        ),
    ),
    (
        "uploads-cors-names-origins",
        "upload-api-ingest-cors",
        with_inputs(
            "upload-api-ingest-cors",
            "BucketCorsConfiguration",
            lambda inputs: {"corsRules": [{**inputs["corsRules"][0], "allowedOrigins": ["*"]}]},
        ),
    ),
    (
        "uploads-signature-age-is-bounded",
        "upload-api-ingest",
        with_document(
            "upload-api-ingest-policy",
            "BucketPolicy",
            lambda before: [each for each in before if each["Sid"] != "RefuseOldSignatures"],
        ),
    ),
    (
        "uploads-writers-do-not-read-or-delete",
        "upload-api-sign-parts-role",
        with_grant("sign-parts", "s3:GetObject", "upload-api-ingest", "uploads/*"),
    ),
    (
        "uploads-writers-do-not-read-or-delete",
        "upload-api-complete-upload-role",
        with_grant("complete-upload", "s3:DeleteObjectVersion", "upload-api-ingest", "*"),
    ),
    (
        "uploads-presigner-reaches-one-prefix",
        "upload-api-create-upload-role",
        with_grant("create-upload", "s3:PutObject", "upload-api-ingest", "*"),
    ),
    (
        "uploads-presigner-reaches-one-prefix",
        "upload-api-sign-parts-role",
        with_grant("sign-parts", "s3:PutObject", "processing-quarantine", "uploads/*"),
    ),
    (
        "uploads-results-are-not-written-by-presigner",
        "upload-api-create-upload-role",
        with_grant("create-upload", "s3:PutObject", "processing-results", "results/*"),
    ),
    ("uploads-methods-are-authorized", "upload-api-rest", with_operation("/uploads", "post", security=[])),
    (
        "uploads-api-has-no-catch-all-binary-type",
        "upload-api-rest",
        with_inputs("upload-api-rest", "RestApi", lambda _: {"binaryMediaTypes": ["*/*"]}),
    ),
    (
        "uploads-visibility-timeout-covers-run",
        "processing-queue-triggers-process-object",
        with_inputs("processing-objects", "Queue", lambda _: {"visibilityTimeoutSeconds": 299}),
    ),
    (
        "uploads-event-target-has-dead-letters",
        "processing-object-events-to-queue",
        with_inputs("processing-object-events-to-queue", "EventTarget", lambda _: {"deadLetterConfig": {}}),
    ),
    (
        "uploads-event-target-has-dead-letters",
        "processing-reconcile",
        with_inputs("processing-reconcile", "Schedule", without_dead_letters),
    ),
    (
        "uploads-stream-has-failure-destination",
        "processing-arrivals-trigger",
        with_inputs(
            "processing-arrivals-trigger",
            "EventSourceMapping",
            lambda _: {
                "eventSourceArn": "arn:aws-mars:dynamodb:mars-north-1:123456789012:table/status-uploads/stream/1"
            },
        ),
    ),
    (
        "uploads-log-group-exists-before-function",
        "upload-api-create-upload",
        without("upload-api-create-upload-log", "LogGroup"),
    ),
    (
        "uploads-function-does-not-log-secrets",
        "upload-api-create-upload",
        with_inputs(
            "upload-api-create-upload",
            "Function",
            lambda inputs: {"loggingConfig": {**inputs["loggingConfig"], "applicationLogLevel": "TRACE"}},
        ),
    ),
]
"""The rule, the resource that it names, and the change of the stack that it must notice."""


def test_each_rule_for_uploads_has_a_change() -> None:
    assert {rule for rule, _, _ in CHANGES} == {rule.name for rule in all_rules() if rule.group == "uploads"}


@each_case(("rule", "name", "change"), CHANGES)
def test_a_change_for_the_worse_is_noticed(rule: str, name: str, change: Change) -> None:
    quiet = rule == "uploads-function-does-not-log-secrets"  # dev logs at DEBUG, but has CORS
    stack, compute = ("prod", "fargate") if quiet else ("dev", "lambda")

    assert rule not in {each.rule for each in found(stack, compute)}
    assert {each.name for each in review(change(list(resources(stack, compute))), rules=[rule])} == {name}
