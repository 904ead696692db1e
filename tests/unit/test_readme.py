"""The program in the README runs as it is."""

import re

import pulumi_aws as aws

from tests.support.components.recording import record, token
from tests.support.paths import PROJECT


def test_the_components_make_a_program_of_ones_own() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)

    recording = record(lambda: exec(program, {}))  # noqa: S102 - the README's own

    names = {each.name for each in recording.registrations if each.type == token(aws.lambda_.Function)}
    assert {"scans-process-object", "scans-api-create-upload"} <= names
    assert "apiUrl" in recording.outputs
