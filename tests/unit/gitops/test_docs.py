"""What docs/eks.md and docs/operations.md name exists."""

import re

import pytest

from settings import keys
from tests.support.paths import PROJECT

WORKFLOWS = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / ".github/workflows").glob("*.yml"))

each_page = pytest.mark.parametrize("page", ["eks", "operations"])


def text_of(page: str) -> str:
    return (PROJECT / f"docs/{page}.md").read_text(encoding="utf-8")


@each_page
def test_each_setting_of_a_page_can_be_set(page: str) -> None:
    named = set(re.findall(r"pulumi config set (\w+)|`(eks\w+)`", text_of(page)))
    assert named
    assert {one or other for one, other in named} <= keys().keys()


def test_each_output_is_one_of_the_stack() -> None:
    exported = set(re.findall(r'pulumi\.export\("(\w+)"', (PROJECT / "__main__.py").read_text(encoding="utf-8")))
    named = set(re.findall(r"pulumi stack output (\w+)", text_of("eks")))
    assert named
    assert named <= exported


def test_each_variable_of_a_workflow_is_explained() -> None:
    variables = set(re.findall(r"vars\.(\w+)", WORKFLOWS))
    assert variables
    for each in variables:
        assert each in text_of("eks") + text_of("operations"), each
