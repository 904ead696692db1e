"""Another compute for local mode, without a change of the checkout."""

from local import PROJECT_DIR
from local.compute import project_with
from local.engine.stack_config import read_stack_config

CHANGED = ("compute", "workerImage")


def test_without_a_choice_the_checkout_itself_is_deployed() -> None:
    with project_with(None) as folder:
        assert folder == PROJECT_DIR


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
