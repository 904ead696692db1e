"""Another compute for local mode, without a change of the checkout."""

import shutil
from pathlib import Path

import pytest

from local import PROJECT_DIR
from local.compute import project_with
from local.engine.built_in.program import run_program
from local.engine.stack_config import read_stack_config
from local.errors import LocalModeError
from tests.support.components.recording import FakeAws

CHANGED = ("compute", "workerImage", "processingMaxConcurrency")


def test_without_a_choice_the_checkout_itself_is_deployed() -> None:
    with project_with(None) as folder:
        assert folder == PROJECT_DIR


@pytest.mark.parametrize("text", ["config: {", "config: [a]", "encryptionsalt: a", ""])
def test_a_file_that_is_wrong_is_an_error_with_every_compute(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(PROJECT_DIR / "Pulumi.yaml", tmp_path)
    (tmp_path / "Pulumi.local.yaml").write_text(text)
    monkeypatch.setattr("local.compute.PROJECT_DIR", tmp_path)

    with pytest.raises(LocalModeError, match=r"Pulumi\.local\.yaml"), project_with("fargate"):
        pass


def test_a_chosen_compute_has_the_settings_that_it_needs_and_the_others_stay() -> None:
    before = (PROJECT_DIR / "Pulumi.local.yaml").read_text()
    stack = read_stack_config(PROJECT_DIR, "local")
    with project_with("fargate") as folder:
        config = read_stack_config(folder, "local")
    assert config.own("compute") == "fargate"
    assert "@sha256:" in str(config.own("workerImage"))
    kept = {key: value for key, value in stack.values.items() if key.rpartition(":")[2] not in CHANGED}
    assert kept.items() <= config.values.items()
    assert config.program_dir == PROJECT_DIR
    assert not folder.exists()
    assert (PROJECT_DIR / "Pulumi.local.yaml").read_text() == before


@pytest.mark.parametrize(
    "compute",
    ["lambda", *(pytest.param(each, marks=pytest.mark.variant) for each in ("step-functions", "fargate", "eks"))],
)
def test_a_chosen_compute_causes_no_warning_of_the_program(compute: str, caplog: pytest.LogCaptureFixture) -> None:
    with project_with(compute) as folder:
        run_program(folder, stack="local", cloud=FakeAws())

    assert [each.getMessage() for each in caplog.records] == []
