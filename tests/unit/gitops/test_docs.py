"""What docs/eks.md and docs/operations.md name exists."""

import re
import shutil
from pathlib import Path

import pytest

from handlers.entries.worker import POLL_SECONDS
from local.argo_cd import built, only, variables
from settings import keys
from tests.support.paths import GITOPS, PROJECT

WORKFLOWS = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / ".github/workflows").glob("*.yml"))

each_page = pytest.mark.parametrize("page", ["eks", "operations"])


def text_of(page: str) -> str:
    return (PROJECT / f"docs/{page}.md").read_text(encoding="utf-8")


@each_page
def test_each_setting_of_a_page_can_be_set(page: str) -> None:
    named = set(re.findall(r"pulumi config set (\w+)|`(eks\w+)`", text_of(page)))
    assert named
    assert {one or other for one, other in named} <= keys().keys()


def test_each_output_is_one_of_the_stack() -> None:
    exported = set(re.findall(r'pulumi\.export\("(\w+)"', (PROJECT / "__main__.py").read_text(encoding="utf-8")))
    named = set(re.findall(r"pulumi stack output (\w+)", text_of("eks")))
    assert named
    assert named <= exported


def test_each_variable_of_a_workflow_is_explained() -> None:
    variables = set(re.findall(r"vars\.(\w+)", WORKFLOWS))
    assert variables
    for each in variables:
        assert each in text_of("eks") + text_of("operations"), each


def test_the_patch_for_jobs_of_hours_lets_a_pod_end_them(tmp_path: Path) -> None:
    shutil.copytree(GITOPS, tmp_path / "gitops")
    overlay = tmp_path / "gitops" / "overlays" / "dev"
    (patch,) = re.findall(r"```yaml\n(.+?)```", text_of("eks"), re.DOTALL)
    file = overlay / "kustomization.yaml"
    file.write_text(file.read_text().replace("patches:\n", f"patches:\n{patch}", 1))

    manifests = built(overlay)

    stop = float(variables(manifests)["WORKER_STOP_SECONDS"])
    grace = only(manifests, "Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert stop == 14_400
    assert grace >= stop + POLL_SECONDS
