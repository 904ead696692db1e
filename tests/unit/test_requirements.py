"""`pulumi up` and the policy pack have what their locks name, and no more, and it can be installed tomorrow."""

import ast
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.paths import PROJECT

LOCKS = sorted((*PROJECT.glob("requirements*.txt"), PROJECT / "policy" / "requirements.txt"))


@pytest.mark.parametrize(
    ("lock", "imports"),
    [
        (
            "requirements.txt",
            "import settings, components.upload_api, components.processing_pipeline, components.status_tracker",
        ),
        ("policy/requirements.txt", "sys.path.insert(0, 'policy'); from core.pack import all_rules; all_rules()"),
    ],
)
def test_the_program_and_the_policy_pack_import_only_what_theirs_installs(lock: str, imports: str) -> None:
    script = f"import sys\n{imports}\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    answer = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    # A virtual environment itself brings the last two along.
    installed = {*_pinned(PROJECT / lock), "pip", "setuptools"}
    owners = packages_distributions()
    foreign = {
        module
        for module in answer.stdout.split()
        if module in owners and not {_normal(owner) for owner in owners[module]} & installed
    }
    assert "pulumi" in answer.stdout.split()
    assert foreign == set()


@pytest.mark.parametrize("lock", LOCKS, ids=[str(each.relative_to(PROJECT)) for each in LOCKS])
def test_an_extra_that_a_package_needs_is_pinned_with_that_extra(lock: Path) -> None:
    """Otherwise pip up to 23.2, which comes with Python 3.11, refuses the lock once a newer version is published."""
    pinned = _pinned(lock)
    missing = [
        f"{need.name}{sorted(need.extras)}, which {owner} needs"
        for owner in pinned
        for need in _needs(owner)
        if need.extras - pinned[_normal(need.name)].extras
    ]

    assert pinned
    assert missing == []


def test_an_older_python_is_refused_before_anything_is_imported_that_it_cannot_read() -> None:
    source = (PROJECT / "__main__.py").read_text()
    script = (
        "import runpy, sys, pulumi\n"
        "sys.version_info = (3, 10, 12, 'final', 0)\n"
        "try: runpy.run_path('__main__.py')\n"
        "except pulumi.RunError as error: print(error)\n"
        "print({'settings', 'components', 'pulumi_aws'} & sys.modules.keys())"
    )

    answer = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    message, imported = answer.stdout.splitlines()
    assert "needs Python 3.11 or newer, and this virtual environment has Python 3.10." in message
    assert imported == "set()"
    assert ast.parse(source, feature_version=(3, 8))


def _pinned(lock: Path) -> dict[str, Requirement]:
    """What a compiled requirements file pins, by name."""
    lines = (line.removesuffix(" \\") for line in lock.read_text().splitlines() if re.match(r"\w", line))
    return {_normal(each.name): each for each in map(Requirement, lines)}


def _needs(distribution: str) -> list[Requirement]:
    """What a package needs on this machine, without extras of its own; nothing if it belongs to another system."""
    try:
        needs = map(Requirement, requires(distribution) or [])
    except PackageNotFoundError:
        return []
    return [each for each in needs if not each.marker or each.marker.evaluate({"extra": ""})]


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
