import re
from dataclasses import FrozenInstanceError, dataclass

import pytest

from handlers.aws.environment import read_environment
from handlers.entries.create_upload import CreateUploadEnvironment
from handlers.entries.sign_parts import SignPartsEnvironment
from handlers.processors import JobEnvironment
from tests.support.each_case import each_case


@dataclass(frozen=True)
class Example:
    table_name: str
    max_tries: int
    origins: tuple[str, ...]


GOOD = {"TABLE_NAME": "t", "MAX_TRIES": "3", "ORIGINS": "https://a.example,https://b.example", "UNRELATED": "x"}


def test_each_field_is_read_in_its_own_type() -> None:
    assert read_environment(Example, GOOD) == Example("t", 3, ("https://a.example", "https://b.example"))


@each_case(("text", "read"), [("", ()), ("*", ("*",)), ("a,b", ("a", "b")), ("a,,b,", ("a", "b"))])
def test_a_tuple_is_written_by_commas(text: str, read: tuple[str, ...]) -> None:
    assert read_environment(Example, {**GOOD, "ORIGINS": text}).origins == read


@each_case(("text", "read"), [("0", 0), ("-1", -1), ("5368709120", 5_368_709_120)])
def test_a_whole_number_is_read_as_one(text: str, read: int) -> None:
    assert read_environment(Example, {**GOOD, "MAX_TRIES": text}).max_tries == read


@each_case(
    ("change", "fault"),
    [
        ({"TABLE_NAME": None}, "TABLE_NAME is not set"),
        ({"MAX_TRIES": None}, "MAX_TRIES is not set"),
        ({"ORIGINS": None}, "ORIGINS is not set"),
        ({"MAX_TRIES": ""}, "MAX_TRIES is '', not a whole number"),
        ({"MAX_TRIES": "3.0"}, "MAX_TRIES is '3.0', not a whole number"),
        ({"MAX_TRIES": "many"}, "MAX_TRIES is 'many', not a whole number"),
        (
            {"TABLE_NAME": None, "MAX_TRIES": "x", "ORIGINS": None},
            "TABLE_NAME is not set; MAX_TRIES is 'x', not a whole number; ORIGINS is not set",
        ),
    ],
)
def test_all_that_is_wrong_is_named_at_once(change: dict[str, str | None], fault: str) -> None:
    environ = {name: text for name, text in {**GOOD, **change}.items() if text is not None}
    sentence = re.escape(f"The function's environment is wrong: {fault}.")
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        read_environment(Example, environ)


def test_names_are_those_of_the_fields_in_upper_case_only() -> None:
    with pytest.raises(ValueError, match="TABLE_NAME is not set"):
        read_environment(Example, {"table_name": "t", "MAX_TRIES": "3", "ORIGINS": ""})


def test_what_was_read_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        read_environment(Example, GOOD).max_tries = 4  # pyright: ignore[reportAttributeAccessIssue]


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in GOOD.items():
        monkeypatch.setenv(name, text)
    assert read_environment(Example).table_name == "t"


@each_case("kind", [CreateUploadEnvironment, SignPartsEnvironment, JobEnvironment])
def test_a_function_that_is_deployed_without_its_environment_names_all_of_it(
    kind: type[CreateUploadEnvironment | SignPartsEnvironment | JobEnvironment],
) -> None:
    with pytest.raises(ValueError, match="is not set") as caught:
        read_environment(kind, {})
    assert str(caught.value).count("is not set") == len(kind.__annotations__)
