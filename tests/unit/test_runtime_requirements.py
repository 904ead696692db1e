"""`pulumi up` has what requirements.txt names, and no more."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

PROJECT = Path(__file__).parents[2]


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


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
