"""What `portage verify` runs on everybody's own stack: each case, and the command itself as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from client import UserPool
from client.conformance.context import Context, Person
from client.conformance.operator import PERMISSIONS, Operator, Resources
from client.conformance.sample import Sample
from client.conformance.stack import Stack, UploadRules
from client.conformance.suite import SUITE, Case, clean_up, run
from client.conformance.verdict import Outcome
from tests.support.deployment.system import System, User
from tests.support.paths import PROJECT

SKIPPED = {"malware-is-rejected": "malwareScan"}
"""The deployment has no malware scan, because the embedded AWS has no GuardDuty."""


@pytest.fixture(scope="module")
def sender(system: System) -> User:
    return system.new_user()


@pytest.fixture(scope="module")
def operators_variables(system: System) -> Mapping[str, str]:
    """boto3's variables for an IAM user who may do what an operator's docs say, and nothing else."""
    iam, name = system.emulator.client("iam"), "verifying-operator"
    document = {"Statement": [{"Effect": "Allow", "Action": list(PERMISSIONS), "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="verify", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "AWS_ENDPOINT_URL": system.emulator.endpoint,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


@pytest.fixture(scope="module")
def context(
    system: System, sender: User, operators_variables: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("conformance")
    rules = msgspec.convert(system.outputs["uploadRules"], UploadRules)
    stack = Stack(system.outputs["apiUrl"], rules)
    with ExitStack() as held, pytest.MonkeyPatch.context() as patch:
        for name, value in operators_variables.items():
            patch.setenv(name, value)
        operator = Operator(msgspec.convert(system.outputs, Resources))
        pool = held.enter_context(
            UserPool(system.outputs["userPoolClientId"], system.emulator.region, system.emulator.endpoint)
        )

        def make_stranger() -> Person:
            return Person(stack, held.enter_context(operator.temporary_user(pool)), folder / "other")

        person = Person(stack, sender.session, folder / "own")
        made = Context(stack, person, folder, Sample.for_stack(rules), make_stranger, operator, case_seconds=120)
        yield made
        assert clean_up(made).problems == []
        assert stored_objects(system, set(made.begun)) == []
        for each in made.people:
            each.close()


def stored_objects(system: System, upload_ids: set[str]) -> list[str]:
    s3 = system.emulator.client("s3")
    listed = [
        each["Key"]
        for name in ("ingestBucket", "resultsBucket", "quarantineBucket")
        for each in s3.list_object_versions(Bucket=system.outputs[name]).get("Versions", [])
    ]
    return [key for key in listed if any(each in key for each in upload_ids)]


@pytest.mark.parametrize("case", SUITE, ids=lambda case: f"{case.group}-{case.name}")
def test_a_case_passes_on_the_embedded_aws(context: Context, case: Case) -> None:
    verdict = run(case, context)
    if case.name in SKIPPED:
        assert verdict.outcome is Outcome.SKIPPED
        assert SKIPPED[case.name] in verdict.reason
    else:
        assert (verdict.outcome, verdict.reason) == (Outcome.PASSED, "")


def test_the_command_checks_a_stack_and_deletes_what_it_has_stored(
    system: System, sender: User, operators_variables: Mapping[str, str], tmp_path: Path
) -> None:
    config, report = tmp_path / "portage.json", tmp_path / "report.xml"
    config.write_text(json.dumps({**system.outputs, "cognitoEndpoint": system.emulator.endpoint}))
    folders = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}

    def portage(*words: str | Path, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "client", "--config", config, *words],
            cwd=PROJECT,
            env={**os.environ, **folders, **operators_variables},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    users_before = emails(system)
    portage("login", "--email", sender.email, "--password-stdin", stdin=f"{sender.password}\n")
    ended = portage(
        "verify", "--operator", "--only", "access", "--only", "put-is-completed", "--json", "--junit", report
    )

    *cases, last = map(json.loads, ended.stdout.splitlines())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [each["outcome"] for each in cases] == ["passed"] * 5
    summary: dict[str, Any] = last["summary"]
    assert (summary["passed"], summary["failed"], summary["problems"]) == (5, 0, [])
    assert summary["remaining_objects"] == []
    assert stored_objects(system, set(summary["remaining_records"])) == []
    found = ET.parse(report).findall("testsuite/testcase")  # noqa: S314 - the command's own
    assert [each.get("name") for each in found] == [each["case"] for each in cases]
    assert emails(system) == users_before


def emails(system: System) -> set[str]:
    users = system.emulator.client("cognito-idp").list_users(UserPoolId=system.outputs["userPoolId"])["Users"]
    return {each["Value"] for user in users for each in user["Attributes"] if each["Name"] == "email"}
