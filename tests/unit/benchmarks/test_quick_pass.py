"""All benchmarks run, with amounts that say nothing of speed: no time is asserted here."""

import re
import subprocess
import sys

import pytest

from tests.support.paths import PROJECT

NEEDS = {
    "functions": "awslambdaric is not installed",
    "sending": "nginx is not installed",
    "verification": "nginx is not installed",
}
"""What a machine may lack, as the table shows it."""


@pytest.mark.variant
def test_every_benchmark_is_measured_or_says_what_it_lacks() -> None:
    document = PROJECT / "docs" / "benchmarks.md"
    before = document.read_bytes()

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode in (0, 1), done.stderr
    table = re.sub(r"\s+", " ", done.stdout)
    for title, row in {
        "signing": "one part's signature, of 1,000",
        "functions": "create_upload, start to first response, AWS by https",
        "sending": "sending by https, memory growth",
        "verification": "verification, memory above idle",
        "fairness": "wait of 20 uploads behind 50 of another owner",
    }.items():
        assert row in table or (title in NEEDS and NEEDS[title] in table), f"{done.stdout}\n{done.stderr}"
    assert ("not measured" in table) == (done.returncode == 1)
    assert document.read_bytes() == before
