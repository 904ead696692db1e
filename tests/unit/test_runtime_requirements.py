"""`pulumi up` has what requirements.txt names, and no more."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions

from tests.support.paths import PROJECT


def test_the_program_imports_only_what_requirements_txt_installs() -> None:
    script = (
        "import sys, settings, components.upload_api, components.processing_pipeline, components.status_tracker\n"
        "print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    installed = {
        _normal(line.split("==")[0])
        for line in (PROJECT / "requirements.txt").read_text().splitlines()
        if re.match(r"[\w.-]+==", line)
    }
    # What a virtual environment brings along itself.
    installed |= {"pip", "setuptools"}
    owners = packages_distributions()
    foreign = {
        module
        for module in answer.stdout.split()
        if module in owners and not {_normal(owner) for owner in owners[module]} & installed
    }
    assert "pulumi" in answer.stdout.split()
    assert foreign == set()


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


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
