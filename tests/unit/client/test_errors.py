"""The tree of errors in the docstring is that of the classes."""

import re

from client import PortageError, errors

DRAWN = re.compile(r"^(?P<lines>[│├└─ ]*)(?P<name>[A-Z]\w+)", re.MULTILINE)


def drawn() -> dict[str, str]:
    """Return the parent of each class that is drawn below another one."""
    parents: dict[str, str] = {}
    above: list[str] = []
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    for found in DRAWN.finditer(tree):
        depth = len(found["lines"]) // 4
        above[depth:] = [found["name"]]
        if depth:
            parents[found["name"]] = above[depth - 1]
    return parents


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, PortageError)]
    assert drawn() == {kind.__name__: kind.__bases__[0].__name__ for kind in kinds if kind is not PortageError}
