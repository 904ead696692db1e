"""`portage verify` in this process: what it writes, its exit codes, and that it cleans up."""

import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from client import PortageError, TransportFault
from client.__main__ import main
from client.conformance import suite
from client.conformance.cases import sending
from client.conformance.context import Context
from client.conformance.suite import SUITE, Case
from client.conformance.verdict import Failed, Outcome, Verdict, write_junit
from tests.support.client.fake_cognito import FakeCognito
from tests.support.client.fake_stack import ORIGIN, USERS, FakeStack

RULES = {"allowedContentTypes": [], "allowForms": True, "allowedOrigins": [ORIGIN], "maxUploadBytes": 1e8}

Verify = Callable[..., tuple[int, str, str]]

AGREE = Case(sending.status_and_list_agree)


@pytest.fixture
def verify(signed_in: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run(*words: str, rules: dict[str, Any] = RULES, outputs: Mapping[str, str] = {}) -> tuple[int, str, str]:
        config = signed_in / "portage.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "uploadRules": rules, **outputs}))
        code = main(["verify", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def objects(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_case_is_one_object_and_a_summary_follows(stack: FakeStack, verify: Verify) -> None:
    code, out, err = verify("--json", "--only", "access", "--only", "missing-parts-are-noticed")
    *cases, last = objects(out)
    assert (code, err) == (0, "")
    assert [(each["group"], each["case"], each["outcome"]) for each in cases] == [
        ("access", "missing-token-is-refused", "passed"),
        ("access", "forged-token-is-refused", "passed"),
        ("access", "unsigned-read-is-refused", "passed"),
        ("access", "other-owner-is-refused", "skipped"),
        ("contract", "missing-parts-are-noticed", "passed"),
    ]
    assert "--other-email" in cases[3]["reason"]
    summary = last["summary"]
    assert {"cases": 5, "passed": 4, "failed": 0, "skipped": 1}.items() <= summary.items()
    assert summary["remaining_records"] == list(stack.uploads)
    assert (summary["remaining_objects"], summary["problems"]) == ([], [])
    assert {upload.status for upload in stack.uploads.values()} == {"aborted"}


def test_a_case_that_fails_has_an_exit_code_of_its_own_and_a_reason_in_each_report(
    stack: FakeStack, verify: Verify, tmp_path: Path
) -> None:
    stack.broken = {"quota"}
    report = tmp_path / "report.xml"
    code, out, err = verify("--only", "contract", "--only", "other-owner-is-refused", "--junit", str(report))
    assert code == 8
    (line,) = [line for line in out.splitlines() if line.startswith("failed ")]
    assert "contract" in line
    assert "too-large-file-is-refused: POST /uploads" in line
    assert "7 cases" in err
    (made,) = ET.parse(report).getroot()  # noqa: S314 - the command's own
    assert {name: made.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "7",
        "failures": "1",
        "skipped": "1",
    }
    (failure,) = made.iter("failure")
    assert failure.get("message", "").startswith("POST /uploads")
    assert {upload.status for upload in stack.uploads.values()} == {"aborted"}, "also the one that was too large"


def test_a_report_is_xml_whatever_the_stack_has_answered(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    write_junit(report, [Verdict("access", "a", Outcome.FAILED, 1, "<b> \x1b[31m \x00")], "https://api.example")
    (failure,) = ET.parse(report).iter("failure")  # noqa: S314 - the command's own
    assert failure.get("message") == "<b>  [31m  "


@pytest.mark.parametrize(("errors", "exit_code"), [((TransportFault,), 5), ((TransportFault, Failed), 8)])
def test_network_errors_alone_are_no_failure_of_the_stack(
    verify: Verify, monkeypatch: pytest.MonkeyPatch, errors: tuple[type[PortageError], ...], exit_code: int
) -> None:
    def case_of(error: type[PortageError]) -> Case:
        def broken(_: Context) -> None:
            """Fails."""
            raise error("no answer")

        return Case(broken)

    monkeypatch.setattr(suite, "SUITE", tuple(case_of(error) for error in errors))
    code, _, err = verify()
    assert code == exit_code
    assert ("network errors" in err) == (exit_code == 5)


def test_the_cases_are_listed_without_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--list", "--json"]) == 0
    listed = objects(capsys.readouterr().out)
    assert [each["case"] for each in listed] == [case.name for case in SUITE]
    assert all(len(each["summary"]) > 20 for each in listed)


@pytest.mark.parametrize(
    "words",
    [("--only", "nothing"), ("--list", "--only", "nothing"), ("--operator",), ("--timeout", "0")],
    ids=["unknown case", "unknown case to list", "operator without the stack's outputs", "no time"],
)
def test_wrong_usage_is_refused_before_anything_is_sent(stack: FakeStack, verify: Verify, words: tuple[str]) -> None:
    if "--timeout" in words:
        with pytest.raises(SystemExit) as ended:
            verify(*words)
        assert ended.value.code == 2
    else:
        assert verify(*words)[0] == 2
    assert stack.uploads == {}


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (NoCredentialsError(), 2),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "GetQueueAttributes"), 2),
        (EndpointConnectionError(endpoint_url="https://sqs"), 5),
    ],
)
def test_credentials_of_an_operator_are_tried_before_anything_is_sent(
    stack: FakeStack, verify: Verify, monkeypatch: pytest.MonkeyPatch, error: Exception, exit_code: int
) -> None:
    def refuse(**_: object) -> None:
        raise error

    def client(*_: str) -> SimpleNamespace:
        return SimpleNamespace(get_queue_attributes=refuse)

    monkeypatch.setattr("client.conformance.operator.aws_client", client)
    names = dict.fromkeys(("userPoolId", "ingestBucket", "resultsBucket", "queueUrl"), "x")
    code, _, err = verify("--operator", "--only", "missing-token-is-refused", outputs=names)
    assert code == exit_code, err
    assert stack.uploads == {}


def test_a_second_user_signs_in_with_a_password(
    stack: FakeStack, cognito: FakeCognito, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    cognito.other_users[USERS[1]] = "secret"
    monkeypatch.setattr(sys, "stdin", io.StringIO("secret\n"))
    code, out, _ = verify("--only", "other-owner-is-refused", "--other-email", USERS[1], "--password-stdin")
    assert (code, out.split()[0]) == (0, "passed")
    assert set(stack.owners.values()) == {USERS[1]}
    assert {upload.status for upload in stack.uploads.values()} == {"aborted"}


def test_an_interruption_aborts_what_is_open_and_writes_the_report(
    stack: FakeStack, verify: Verify, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(check: Context) -> None:
        """Declares an upload, then Ctrl-C."""
        check.declare()
        raise KeyboardInterrupt

    monkeypatch.setattr(suite, "SUITE", (AGREE, Case(interrupted)))
    report = tmp_path / "report.xml"
    code, _, err = verify("--junit", str(report))
    assert code == 130
    assert "interrupted" in err
    assert [upload.status for upload in stack.uploads.values()] == ["aborted", "aborted"]
    assert [case.get("name") for case in ET.parse(report).iter("testcase")] == [AGREE.name]  # noqa: S314


@pytest.mark.parametrize(("size_bytes", "exit_code"), [(0, 2), (64 * 1024**2 + 1, 2), (None, 6)])
def test_a_sample_that_cannot_be_one_is_refused_before_it_is_read(
    stack: FakeStack, verify: Verify, tmp_path: Path, size_bytes: int | None, exit_code: int
) -> None:
    sample = Path("/dev/zero") if size_bytes is None else tmp_path / "sample.bin"
    if size_bytes is not None:
        with sample.open("wb") as file:
            file.truncate(size_bytes)
    code, _, err = verify("--only", "put-is-completed", "--sample", str(sample))
    assert (code, stack.uploads) == (exit_code, {})
    assert str(sample) in err


def test_the_users_own_file_is_sent_if_the_stack_accepts_no_other(
    stack: FakeStack, verify: Verify, tmp_path: Path
) -> None:
    rules = {**RULES, "allowedContentTypes": ["model/stl"]}
    assert verify("--only", "put-is-completed", rules=rules)[0] == 2
    assert stack.uploads == {}
    (tmp_path / "part.stl").write_bytes(b"solid")
    stack.broken = {"sniffing"}
    code, _, err = verify("--only", "put-is-completed", "--sample", str(tmp_path / "part.stl"), rules=rules)
    assert code == 0
    declared = stack.only.declared
    assert (declared["file_name"], declared["content_type"], declared["size_bytes"]) == ("part.stl", "model/stl", 5)
    assert "uploads named part.stl" in err
