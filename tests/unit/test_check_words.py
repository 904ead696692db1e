"""The word list finds words in prose, and only there."""

from pathlib import Path

import pytest

from check_words import findings, prose


@pytest.mark.parametrize(
    "source",
    [
        "# It gives up.",
        '"""It gives up."""',
        'raise ValueError(f"{name} gives up")',
        "x = 1  # whose name is x",
    ],
)
def test_a_word_in_a_comment_docstring_or_message_is_found(source: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(source + "\n")

    assert len(list(findings([path]))) == 1


@pytest.mark.parametrize("source", ["told = whose", "x = 'told'", "# The fault_line stays.", "# It updates."])
def test_names_and_other_words_are_not(source: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(source + "\n")

    assert list(findings([path])) == []


def test_the_line_of_a_word_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("# Title\n\nThe server hangs up.\n")

    (found,) = findings([path])

    assert ":3: 'hangs up'; write: closed the connection" in found
    assert [number for number, _ in prose(path)] == [1, 2, 3]
