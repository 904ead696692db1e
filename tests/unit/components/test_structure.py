"""Components nest, name and register alike, so that any two fit into one program, in any Pulumi language.

With every argument given, the components create every building block: what holds of their resources holds of those too.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_origin
from unittest.mock import patch

import pulumi
import pulumi_aws as aws
import pytest

from components.package import PackageProvider
from local.engine.built_in.program import Registration
from tests.support.components import reference
from tests.support.components.examples import BUILDING_BLOCKS, COMPONENTS, NAME, PROCESSING_PIPELINE, Example
from tests.support.components.recording import SUFFIX, Recording, record, token
from tests.support.components.reference import COMPONENTS_MD, components_md
from tests.support.each_case import each_case

NAMED_AS = {token(aws.s3.Bucket): "bucket", token(aws.apigateway.Stage): "stageName"}
"""The input that names a resource in AWS, where it is not called `name`."""

UNIQUE_ENOUGH = {
    token(aws.lambda_.Alias),  # within its function
    token(aws.apigateway.Stage),  # within its API
}


@cache
def with_everything(example: Example) -> Recording:
    return record(lambda: make_with_everything(example) and None)


def make_with_everything(example: Example, name: str = NAME, opts: pulumi.ResourceOptions | None = None) -> Any:
    return example.create(name, example.everything(name), opts)


def ancestors(recording: Recording, each: Registration) -> list[Registration]:
    parents = [parent for parent in recording.registrations if parent.urn == each.parent]
    return [*parents, *(older for parent in parents for older in ancestors(recording, parent))]


def test_the_components_create_every_building_block() -> None:
    made = {each.type for example in COMPONENTS for each in with_everything(example).registrations}

    assert {f"portage:index:{example.title}" for example in BUILDING_BLOCKS} <= made


def test_the_page_of_components_shows_arguments_outputs_and_children() -> None:
    page = components_md({example.title: with_everything(example) for example in COMPONENTS})

    assert COMPONENTS_MD.read_text(encoding="utf-8") == page, "If this is intended, run `make golden`."


@pytest.mark.variant
def test_the_page_is_written_without_warnings_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reference, "COMPONENTS_MD", tmp_path / "components.md")
    monkeypatch.setattr(reference, "COMPONENTS", [PROCESSING_PIPELINE])

    reference.write()

    assert caplog.messages == []
    assert "ProcessingPipeline" in (tmp_path / "components.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", COMPONENTS)
class TestEveryResourceBelongsToItsComponent:
    def test_its_line_of_parents_ends_in_the_component(self, example: Example) -> None:
        recording = with_everything(example)
        top, *others = recording.registrations

        assert (top.type, top.name, top.custom) == (f"portage:index:{example.title}", NAME, False)
        assert others
        for each in others:
            assert ancestors(recording, each)[-1] == top

    def test_its_name_begins_with_its_parents(self, example: Example) -> None:
        recording = with_everything(example)

        for each in recording.registrations[1:]:
            parent = ancestors(recording, each)[0]
            # One of a type may bear the very name: the component's main resource, or all of its functions.
            assert each.name == parent.name or re.fullmatch(
                rf"{re.escape(parent.name)}-[a-z0-9]+(-[a-z0-9]+)*", each.name
            ), each.name

    def test_no_two_of_a_type_share_a_name_even_of_two_components(self, example: Example) -> None:
        def program() -> None:
            make_with_everything(example, "one")
            make_with_everything(example, "two")

        recording = record(program)
        names = [(each.type, each.name) for each in recording.registrations]

        assert len(names) == len(set(names))

    def test_no_resource_has_a_fixed_name_in_aws(self, example: Example) -> None:
        recording = with_everything(example)
        names = [(each.type, each.inputs.get(NAMED_AS.get(each.type, "name"))) for each in recording.registrations]
        # A name with another resource's in it is as unique as that one.
        fixed = {kind for kind, name in names if name and SUFFIX not in name}

        assert fixed <= UNIQUE_ENOUGH

    @each_case("alone", [True, False])
    def test_it_is_made_by_the_provider_that_the_component_was_given(self, example: Example, *, alone: bool) -> None:
        def program() -> None:
            provider = aws.Provider("elsewhere", region="mars-south-1")
            one, several = pulumi.ResourceOptions(provider=provider), pulumi.ResourceOptions(providers=[provider])
            make_with_everything(example, opts=one if alone else several)

        recording = record(program)
        provider = next(each for each in recording.registrations if each.name == "elsewhere")
        made = [each for each in recording.registrations if each.type.startswith("aws:")]

        assert made
        assert {each.options.provider.rpartition("::")[0] for each in made} == {provider.urn}

    def test_it_waits_for_what_the_component_depends_on(self, example: Example) -> None:
        def program() -> None:
            first = aws.sqs.Queue("first")
            late = aws.sqs.Queue("late", name=aws.sqs.Queue("second", name=first.name).name)
            make_with_everything(example, opts=pulumi.ResourceOptions(depends_on=[late]))

        names = [each.name for each in record(program).registrations]

        assert names[:3] == ["first", "second", "late"]
        assert len(names) > 4

    def test_it_takes_from_its_components_options_what_the_sdk_passes_on_and_nothing_else(
        self, example: Example
    ) -> None:
        seen: list[tuple[str, str]] = []

        def see(args: pulumi.ResourceTransformationArgs) -> None:
            seen.append((args.type_, args.name))

        opts = pulumi.ResourceOptions(
            protect=True, retain_on_delete=True, transformations=[see], ignore_changes=["anything"]
        )
        _, *children = record(lambda: make_with_everything(example, opts=opts) and None).registrations

        assert {each.options.protect for each in children} == {True}
        # The SDK leaves it to the engine to pass this on to a child that says nothing.
        assert {each.options.retain_on_delete for each in children} <= {True, None}
        assert sorted(seen[1:]) == sorted((each.type, each.name) for each in children)
        assert not any("anything" in each.options.ignore_changes for each in children)


@pytest.mark.parametrize("example", COMPONENTS)
def test_every_declared_output_of_component_and_building_blocks_is_registered(example: Example) -> None:
    registered: list[tuple[pulumi.ComponentResource, Mapping[str, Any]]] = []

    def register(self: pulumi.ComponentResource, outputs: Mapping[str, Any]) -> None:
        if type(self).__module__.startswith("components."):  # the stack registers outputs, too
            registered.append((self, outputs))

    with patch.object(pulumi.ComponentResource, "register_outputs", register):
        recording = record(lambda: make_with_everything(example) and None)

    assert len(registered) == sum(not each.custom for each in recording.registrations)
    for component, outputs in registered:
        annotations = type(component).__annotations__.items()
        declared = {name for name, kind in annotations if get_origin(kind) is pulumi.Output}

        assert outputs.keys() == declared, component
        for name, value in outputs.items():
            assert getattr(component, name) is value


@pytest.mark.parametrize("example", COMPONENTS)
class TestAnyPulumiLanguageCanComposeTheComponents:
    def test_the_package_schema_has_every_argument_and_every_output(self, example: Example) -> None:
        schema = self.schema_of(example)
        required = {_camel_case(name) for name in example.required}

        assert schema["isComponent"] is True
        assert schema["inputProperties"].keys() == {_camel_case(name) for name in example.arguments}
        assert set(schema["requiredInputs"]) == required
        assert schema["properties"].keys() == {_camel_case(name) for name in example.component.__annotations__}

    def test_the_package_schema_describes_each_of_them(self, example: Example) -> None:
        schema = self.schema_of(example)

        assert schema["description"]
        for properties in (schema["inputProperties"], schema["properties"]):
            assert [name for name, each in properties.items() if not each.get("description")] == []

    def test_what_other_components_give_may_be_known_late(self, example: Example) -> None:
        properties = self.schema_of(example)["inputProperties"]

        assert [name for name in example.required if properties[_camel_case(name)].get("plain")] == []

    @staticmethod
    def schema_of(example: Example) -> dict[str, Any]:
        provider = PackageProvider([example.component], "portage", "portage", "1.0.0")
        return json.loads(provider.schema or "")["resources"][f"portage:index:{example.title}"]


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)
