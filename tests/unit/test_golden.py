"""Each stack declares the resources that its golden dump shows."""

from difflib import unified_diff
from itertools import islice
from pathlib import Path

import pytest

from tests.support import golden

MOST_LINES = 300


@pytest.mark.parametrize(
    "stack",
    ["prod", *(pytest.param(each, marks=pytest.mark.variant) for each in golden.STACKS if each != "prod")],
)
def test_the_stack_declares_what_its_dump_shows(stack: str) -> None:
    path = golden.path_of(stack)

    check(path, golden.dump(stack, golden.read_config(path)))


def test_the_program_deploys_the_document_that_its_dump_shows() -> None:
    check(golden.path_of("api"), golden.dump_api(golden.read_config(golden.path_of(golden.API_OF))))


def check(path: Path, after: str) -> None:
    before = path.read_text()
    difference = unified_diff(before.splitlines(), after.splitlines(), "committed", "declared", lineterm="", n=6)

    if before != after:
        shown = "\n".join(islice(difference, MOST_LINES))
        pytest.fail(f"{path.name} differs. If this is intended, run `make golden`.\n{shown}", pytrace=False)
