"""`portage doctor`, in this process: its inputs, its output and its exit codes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from client.__main__ import main
from client.cli import operators
from client.operators.doctor.account import ACTIONS
from tests.support.client.fake_account import Answers, client_of
from tests.support.client.pulumi_documents import golden_plan, resource, state

QUEUE = "aws:sqs/queue:Queue"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
OUTPUTS = {"apiUrl": "https://api", "region": "eu-central-1", "ingestBucket": "in"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PORTAGE_CONFIG", raising=False)
    answering(monkeypatch, {})
    return tmp_path


def answering(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> None:
    def client(service: str, _: str) -> Any:
        return client_of(service, answers)

    monkeypatch.setattr(operators, "aws_client", client)


def written(folder: Path, document: object, name: str = "file.json") -> str:
    (folder / name).write_text(json.dumps(document))
    return name


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_without_permissions_everything_is_not_checked_and_nothing_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", written(folder, golden_plan("prod")), "--json"]) == 0
    found = {each["what"]: each["severity"] for each in lines(capsys) if each["section"] == "quotas"}
    assert found
    assert set(found.values()) == {"not checked"}


def test_drift_ends_with_exit_code_1_and_names_the_field(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = {"VisibilityTimeout": "5", "MessageRetentionPeriod": "345600"}
    answering(monkeypatch, {("sqs", "get_queue_attributes"): {"Attributes": real}})
    document = state([resource("jobs", QUEUE, {"visibilityTimeoutSeconds": 900}, id="https://q")], OUTPUTS)
    assert main(["doctor", written(folder, document)]) == 1
    told = capsys.readouterr().out
    assert "ERROR       Queue jobs visibilityTimeoutSeconds" in told
    assert "pulumi up --refresh" in told


def test_an_odd_value_ends_only_its_section_and_is_not_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = "aws:lambda/eventSourceMapping:EventSourceMapping"
    odd = [
        resource("m", mapping, {"scalingConfig": {"maximumConcurrency": "hidden-value"}}, id="id"),
        resource("c", "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", {"corsRules": ["hidden-value"]}),
        resource("a", "aws:apigateway/restApi:RestApi", {"body": "{hidden-value"}),
        resource("l", "aws:lambda/function:Function", {"memorySize": "hidden-value"}),
    ]
    load = ["--uploads-per-day", "1", "--average-size", "1MB", "--polls-per-upload", "1"]
    assert main(["doctor", written(folder, state(odd, OUTPUTS)), "--json", *load]) == 0
    shown = lines(capsys)
    assert "hidden-value" not in str(shown)
    ended = [each["section"] for each in shown if each.get("what") in {"all after it", "cost"}]
    assert {"settings", "cost"} <= set(ended)
    assert [each for each in shown if each["section"] == "abandoned parts"]


def test_only_the_outputs_show_abandoned_parts_by_owner(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(folder, OUTPUTS, "portage.json")
    uploads = [{"Key": f"uploads/ada/{n}", "UploadId": str(n), "Initiated": LONG_AGO} for n in range(2)]
    parts = {"Parts": [{"Size": 1024**3}]}
    answering(monkeypatch, {("s3", "list_multipart_uploads"): {"Uploads": uploads}, ("s3", "list_parts"): parts})
    assert main(["doctor", "--json"]) == 0
    owner, total = [each for each in lines(capsys) if each["section"] == "abandoned parts"]
    assert (owner["owner"], owner["uploads"], owner["size_bytes"]) == ("ada", 2, 2 * 1024**3)
    assert owner["monthly_usd"] == pytest.approx(2 * 0.023)
    assert (total["total_monthly_usd"], total["is_complete"]) == (pytest.approx(2 * 0.023), True)


def test_a_load_is_priced_by_line_with_sources(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = written(folder, golden_plan("prod"))
    assert main(["doctor", plan, "--uploads-per-day", "10", "--average-size", "1MiB", "--json"]) == 0
    cost = [each for each in lines(capsys) if each["section"] == "cost"]
    totals = {each["total"]: each["usd"] for each in cost if "total" in each}
    assert len(totals) == 2
    assert all(each["source"].startswith("https://aws.amazon.com/") for each in cost if "item" in each)
    assert sum(each["usd"] for each in cost if "item" in each) == pytest.approx(sum(totals.values()), rel=0.6)
    assert any("eu-central-1" in each.get("note", "") for each in cost), "only us-east-1 has prices"


def test_without_any_file_the_account_of_a_region_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--region", "eu-west-1", "--json"]) == 0
    assert {each["section"] for each in lines(capsys)} == {"quotas", "settings", "drift"}


def test_the_policy_has_each_action_and_no_records_or_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--policy"]) == 0
    statements = json.loads(capsys.readouterr().out)["Statement"]
    assert sorted(action for each in statements for action in each["Action"]) == sorted(set(ACTIONS.values()))
    everywhere = [action for each in statements if each["Resource"] == ["*"] for action in each["Action"]]
    assert not {"dynamodb:Scan", "apigateway:GET"} & set(everywhere)
    (scan,) = [each for each in statements if "dynamodb:Scan" in each["Action"]]
    assert scan["Condition"] == {"StringEquals": {"dynamodb:Select": "COUNT"}}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["doctor"], 2),
        (["doctor", "--config", "missing.json"], 6),
        (["doctor", "missing.json"], 6),
        (["doctor", "no-region.json"], 2),
        (["doctor", "another.json"], 2),
        (["doctor", "--region", "r", "--prices", "p.toml"], 2),
        (["doctor", "--region", "r", "--average-size", "1MB"], 2),
        (["doctor", "--region", "r", "--polls-per-upload", "1"], 2),
        (["doctor", "--region", "r", "--prices", "missing.toml", "--uploads-per-day", "1"], 6),
    ],
)
def test_wrong_usage_is_told_before_aws_is_asked(folder: Path, words: list[str], code: int) -> None:
    written(folder, {"steps": []}, "no-region.json")
    written(folder, {"name": "x"}, "another.json")
    assert main(words) == code


@pytest.mark.parametrize("size", ["", "x", "0", "-1", "1XB", "nan", "inf"])
def test_a_size_is_a_number_with_a_unit(size: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--region", "r", "--uploads-per-day", "1", f"--average-size={size}"])
    assert ended.value.code == 2
