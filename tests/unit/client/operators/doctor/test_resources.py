"""What the doctor reads of the documents that Pulumi prints."""

from pathlib import Path

import pytest

from client.errors import WrongUsage
from client.operators.doctor.resources import load, read, value_at
from tests.support.client.pulumi_documents import plan, resource, state, step

BUCKET, QUEUE = "aws:s3/bucket:Bucket", "aws:sqs/queue:Queue"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = "4dabf18193072939515e22adb298388d"


def bucket(name: str, **inputs: object) -> dict[str, object]:
    return resource(name, BUCKET, inputs)


def test_a_plan_counts_what_it_creates_and_deletes_and_replaces_once() -> None:
    replaced = [
        step("create-replacement", bucket("r"), bucket("r")),
        step("replace", bucket("r"), bucket("r")),
        step("delete-replaced", bucket("r"), None),
    ]
    stack = read(
        plan(
            [
                step("create", None, bucket("a")),
                step("create", None, bucket("b")),
                step("delete", bucket("c"), None),
                step("same", bucket("d"), bucket("d")),
                step("update", bucket("e", n=1), bucket("e", n=4)),
                *replaced,
            ]
        )
    )
    assert stack.is_planned
    assert stack.growth(BUCKET) == 1
    assert stack.growth(BUCKET, lambda each: each.get("n") or 0) == 3
    assert sorted(each.name for each in stack.of(BUCKET)) == ["a", "b", "d", "e", "r"]
    assert stack.name == "prod"
    assert stack.is_production


def test_a_state_grows_by_nothing_and_has_the_stacks_outputs_and_region() -> None:
    provider = resource("aws", "pulumi:providers:aws", {"region": "eu-north-1"})
    stack = read(state([provider, bucket("a"), resource("q", QUEUE, {}, id="https://q")], {"ingestBucket": "in"}))
    assert (stack.growth(BUCKET), len(stack.of(BUCKET)), stack.is_planned) == (0, 1, False)
    assert stack.outputs == {"ingestBucket": "in"}
    assert stack.region == "eu-north-1"
    assert stack.of(QUEUE)[0].id == "https://q"
    assert len(stack.resources) == 2, "neither the stack nor its provider is a resource in AWS"


def test_a_stack_that_was_never_updated_has_nothing() -> None:
    assert read({"version": 3, "deployment": None}).resources == []


def test_what_belongs_to_others_or_is_to_be_deleted_is_left_out() -> None:
    others = [resource("a", BUCKET, {}, external=True), resource("b", BUCKET, {}, delete=True)]
    assert read(state(others)).resources == []


def test_only_the_outputs_are_a_stack_without_resources() -> None:
    stack = read({"apiUrl": "https://api", "region": "us-west-2", "ingestBucket": "in"})
    assert (stack.region, stack.resources, stack.outputs["ingestBucket"]) == ("us-west-2", [], "in")


def test_unknown_and_encrypted_values_are_none_and_decrypted_ones_are_read() -> None:
    inputs = {
        "policy": UNKNOWN,
        "hidden": "[secret]",
        "encrypted": {SECRET: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"},
        "decrypted": {SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": '{"a": [1]}'},
        "rules": [{"id": UNKNOWN, "days": 1}],
    }
    (found,) = read(state([resource("a", BUCKET, inputs)])).resources
    assert [found.get(name) for name in ("policy", "hidden", "encrypted")] == [None, None, None]
    assert found.get("decrypted.a.0") == 1
    assert found.get("rules") == [{"id": None, "days": 1}]
    paths = ("policy", "hidden.inside", "encrypted", "rules.0.id", "rules", "decrypted", "not set", "policy2")
    assert [path for path in paths if found.hides(path)] == ["policy", "hidden.inside", "encrypted", "rules.0.id"]


def provided(region: str) -> dict[str, object]:
    return resource(region, "pulumi:providers:aws", {"region": region}, id=f"id-{region}")


def by(provider: dict[str, object]) -> dict[str, object]:
    return {"provider": f"{provider['urn']}::{provider['id']}"}


@pytest.mark.parametrize("is_planned", [False, True])
def test_a_stack_of_two_regions_is_in_that_of_most_resources_and_has_the_others_elsewhere(is_planned: bool) -> None:
    here, there = provided("eu-north-1"), provided("us-east-1")
    queues = [resource(f"q{n}", QUEUE, {}, **by(here)) for n in range(2)]
    unknown = resource("x", QUEUE, {})
    others = [resource("c", BUCKET, {}, **by(there)), resource("d", QUEUE, {"region": "us-west-2"}, **by(here))]
    states = [here, there, *queues, unknown, *others]
    stack = read(plan(step("create", None, each) for each in states) if is_planned else state(states))
    assert stack.region == "eu-north-1"
    ours = stack.within("eu-north-1")
    assert [each.name for each in ours.resources] == ["q0", "q1", "x"]
    assert ours.elsewhere == {"us-east-1": 1, "us-west-2": 1}
    assert [each.name for each in stack.within("us-east-1").resources] == ["x", "c"]


@pytest.mark.parametrize(
    ("path", "value"), [("a.b", 1), ("a.c", None), ("list.1", 3), ("list.2", None), ("a.b.c", None)]
)
def test_values_are_found_by_their_path(path: str, value: object) -> None:
    assert value_at({"a": {"b": 1}, "list": [2, 3]}, path) == value


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"steps"',
        '{"name": "x"}',
        "[" * 100_000,
        '{"steps": [{}]}',
        '{"steps": "x"}',
        '{"steps": [{"op": "same", "newState": []}]}',
        '{"deployment": []}',
        '{"deployment": {"resources": [{}]}}',
        f'{{"deployment": {{"resources": [{{"urn": "", "type": "", "inputs": {{"{SECRET}": 1, "plaintext": ""}}}}]}}}}',
    ],
)
def test_another_file_is_refused_with_the_commands_that_write_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(WrongUsage, match="pulumi preview --json"):
        load(tmp_path / "file.json")
