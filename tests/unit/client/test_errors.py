"""The tree of errors in the docstring is that of the classes, and each class has its exit code."""

import re
from typing import Any

import pytest

from client import PortageError, errors
from client.cli.exit_codes import exit_code_of_error

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


CODES: dict[str, int] = {
    "TransportFault": 5,
    "ForeignAnswer": 5,
    "ServiceUnavailable": 5,
    "StaleConnection": 5,
    "NotFinished": 5,
    "UnexpectedAnswer": 4,
    "ApiProblem": 4,
    "S3Refused": 4,
    "StreamTooLong": 4,
    "SignInRefused": 3,
    "NotSignedIn": 3,
    "WrongConfig": 2,
    "UntrustedCertificate": 2,
    "WrongUsage": 2,
    "WrongDeclaration": 2,
    "UploadEnded": 1,
    "EmptyFile": 6,
    "FileChanged": 6,
    "SizeDiffers": 6,
    "PartsDiffer": 6,
    "NothingToResume": 6,
}


def api_problem(status: int, kind: str = "other") -> errors.ApiProblem:
    named = f"urn:portage:problem:{kind}"
    return errors.ApiProblem(problem_type=named, title="x", status=status, detail="", request_id="")


GIVEN: dict[str, Any] = {
    "ForeignAnswer": errors.ForeignAnswer("x", 200, "", None),
    "ServiceUnavailable": errors.ServiceUnavailable("x", "", 503, None),
    "ApiProblem": api_problem(403),
    "S3Refused": errors.S3Refused("AccessDenied", "", 403),
    "SignInRefused": errors.SignInRefused("NotAuthorizedException", ""),
    "UntrustedCertificate": errors.UntrustedCertificate("x", "", "AWS_CA_BUNDLE"),
    "UploadEnded": errors.UploadEnded("u1", "aborted"),
}


@pytest.mark.parametrize("name", drawn())
def test_each_error_has_its_exit_code(name: str) -> None:
    assert exit_code_of_error(GIVEN.get(name) or getattr(errors, name)("x")) == CODES[name]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (api_problem(401), 3),
        (api_problem(409, "no-result"), 1),
        (api_problem(503), 5),
        (errors.S3Refused("SlowDown", "", 503), 5),
        (FileNotFoundError(2, "No such file"), 6),
    ],
)
def test_some_answers_have_another_code(error: PortageError | OSError, code: int) -> None:
    assert exit_code_of_error(error) == code
