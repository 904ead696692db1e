"""Args classes are made of declarations: one for each argument, with all that is derived from it."""

from typing import Any

import pytest

from components.arguments import ArgumentError, Arguments, argument, limits
from components.arguments.constraints import Range
from components.arguments.declaration import description
from components.arguments.upload_api import UploadApiArgs
from settings import SHAPES

ALL = [(shape, name) for shape in SHAPES for name in shape.declared]


class BaseArgs(Arguments):
    days: int = argument(Range(1, 9, "a limit"), default=3)
    """Days of the base."""


class ExampleArgs(BaseArgs):
    name: str = argument(limits.HANDLER)
    """Name of the example."""
    items: list[str] = argument(limits.ORIGINS, default=[])
    """Items."""

    def conflicts(self, spelled: object = str) -> list[str]:
        del spelled
        return ["days contradict the items."] if self.days == 9 and self.items else []


class TestArguments:
    def test_a_class_has_its_own_arguments_and_those_of_its_bases(self) -> None:
        args = ExampleArgs(name="a.b", days=4)

        assert (args.name, args.days, args.items) == ("a.b", 4, [])

    def test_a_dict_becomes_arguments_and_arguments_stay_the_same_object(self) -> None:
        args = ExampleArgs.of({"name": "a.b", "days": None})

        assert args.days == 3
        assert ExampleArgs.of(args) is args

    @pytest.mark.parametrize("args", [None, BaseArgs(days=4)])
    def test_args_of_another_class_are_refused_by_name(self, args: Any) -> None:
        with pytest.raises(ArgumentError, match=r"^Example: args is .*, but must be ExampleArgs or a mapping"):
            ExampleArgs.of(args)

    def test_conflicts_are_refused_with_the_components_name(self) -> None:
        with pytest.raises(ArgumentError, match=r"^Example: days contradict the items\.$"):
            ExampleArgs(name="a.b", days=9, items=["https://a.example"])

    def test_they_cannot_be_changed(self) -> None:
        args = ExampleArgs(name="a.b")

        with pytest.raises(ArgumentError, match=r"^Example: days cannot be changed to 5; "):
            args.days = 5  # pyright: ignore[reportAttributeAccessIssue]

    def test_two_do_not_share_the_list_of_a_default(self) -> None:
        one, other = ExampleArgs(name="a.b"), ExampleArgs(name="a.b")

        one.items.append("https://a.example")

        assert other.items == []

    def test_what_was_given_can_be_had_as_the_very_object(self) -> None:
        origins = ["https://a.example"]
        args = ExampleArgs(name="a.b", items=origins)

        assert args.as_given("items") is origins
        assert args.items is not origins

    def test_a_description_is_the_docstring_and_the_constraint(self) -> None:
        assert description(ExampleArgs, "days") == "Days of the base. Must be from 1 to 9 (a limit)."
        assert description(UploadApiArgs, "allow_forms").startswith("Whether browsers' forms may send files")


class TestEveryDeclaration:
    @pytest.mark.parametrize(("shape", "name"), ALL)
    def test_has_a_description_and_a_default_that_it_accepts(self, shape: type[Arguments], name: str) -> None:
        declared = shape.declared[name]

        assert description(shape, name)
        if not declared.is_required and declared.default is not None:
            assert declared.constraint.check(name, declared.default) == declared.default
