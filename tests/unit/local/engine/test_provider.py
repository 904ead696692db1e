"""The provider checks, completes and changes resources; nothing here calls AWS."""

import json
from typing import Any

import pytest
from pulumi.output import UNKNOWN
from pulumi.runtime import rpc

from local.emulator.clients import Clients, Credentials
from local.engine.provider import DEFAULTS, TYPE, AwsProvider, Resource
from local.resources import Account
from local.resources.calls import RefusedError
from local.resources.parameters import Given, InvalidInputError

BUCKET = Resource("aws:s3/bucket:Bucket", "Files")
QUEUE = Resource("aws:sqs/queue:Queue", "jobs")
PERMISSION = Resource("aws:lambda/permission:Permission", "invokes")


@pytest.fixture
def provider() -> AwsProvider:
    endpoint, region = "http://127.0.0.1:1", "us-east-1"
    return AwsProvider(Account(region, "000000000000", endpoint, Clients(endpoint, region, Credentials("a", "b"))))


def complete(
    provider: AwsProvider,
    resource: Resource,
    inputs: dict[str, Any],
    *,
    default_tags: dict[str, str] | None = None,
    random: str = "0123456789",
    before: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return provider.complete(resource, inputs, default_tags=default_tags or {}, random=random, before=before)


def test_an_automatic_name_is_kept_and_a_given_one_is_not(provider: AwsProvider) -> None:
    first = complete(provider, BUCKET, {})

    assert first["bucket"] == "files-0123456"
    assert complete(provider, BUCKET, {}, random="f" * 9, before=first)["bucket"] == "files-0123456"
    assert complete(provider, BUCKET, {}, random="f" * 9, before={"bucket": "mine"})["bucket"] == "files-fffffff"
    assert DEFAULTS not in complete(provider, BUCKET, {"bucket": "mine"}, before=first)


def test_the_resources_own_tags_win_and_secret_ones_stay_secret(provider: AwsProvider) -> None:
    inputs = {"tags": rpc.wrap_rpc_secret({"colour": "red"})}

    tags = complete(provider, BUCKET, inputs, default_tags={"colour": "blue", "size": "1"})["tagsAll"]

    assert rpc.is_rpc_secret(tags)
    assert rpc.unwrap_rpc_secret(tags) == {"colour": "red", "size": "1"}


def test_what_is_known_is_checked_beside_what_is_not(provider: AwsProvider) -> None:
    known = complete(provider, QUEUE, {"delaySeconds": 900.0, "redrivePolicy": UNKNOWN, "tags": {"key": UNKNOWN}})
    provider.check(QUEUE, known)

    with pytest.raises(InvalidInputError) as raised:
        provider.check(QUEUE, {**known, "delaySeconds": 901.0})
    assert raised.value.path == "delaySeconds"


def test_what_no_operation_changes_in_place_is_refused_before_anything_is_called(provider: AwsProvider) -> None:
    inputs = {"function": "f", "statementId": "s", "action": "lambda:InvokeFunction", "principal": "s3.amazonaws.com"}

    with pytest.raises(RefusedError, match="principal"):
        provider.update(PERMISSION, "s", inputs, {"principal"})


def test_an_update_of_what_aws_never_sees_calls_nothing(provider: AwsProvider) -> None:
    assert provider.update(BUCKET, "b", {"bucket": "b", "forceDestroy": True}, {"forceDestroy", DEFAULTS}) == {}


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"allowedAccountIds": json.dumps(["123456789012"])}, "allowedAccountIds"),
        ({"region": "eu-central-1"}, "region"),
        ({"profile": "prod"}, "profile"),
    ],
)
def test_the_providers_own_inputs_are_followed_or_refused(
    provider: AwsProvider, inputs: dict[str, Any], path: str
) -> None:
    fine = {"allowedAccountIds": json.dumps(["000000000000"]), "defaultTags": json.dumps({"tags": {"a": "b"}})}
    assert provider.configure(Given(fine, TYPE)) == {"a": "b"}

    with pytest.raises(InvalidInputError) as raised:
        provider.configure(Given(fine | inputs, TYPE))
    assert raised.value.path == path
