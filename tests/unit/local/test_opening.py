"""What local mode says of a stack that it cannot deploy, before it starts anything."""

import shutil
from pathlib import Path

import pytest

from local.faults import LocalModeError
from local.opening import check_config

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("Pulumi.yaml", "Pulumi.local.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    return tmp_path


def test_the_stack_of_this_checkout_is_fine() -> None:
    check_config()


def test_a_copy_of_prod_is_told_what_it_has_to_say_otherwise(project: Path) -> None:
    shutil.copy(PROJECT / "Pulumi.prod.yaml", project / "Pulumi.local.yaml")
    with pytest.raises(LocalModeError, match=r"Pulumi\.local\.yaml") as caught:
        check_config(project)
    _, region, sign_up = str(caught.value).splitlines()
    assert region.strip() == "portage:region is eu-central-1, but the embedded AWS is us-east-1; name that"
    assert sign_up.strip().startswith("portage:allowSignUp is false")
    assert sign_up.endswith("write `portage:allowSignUp: true`")


def test_a_pool_that_exists_elsewhere_cannot_be_used(project: Path) -> None:
    with (project / "Pulumi.local.yaml").open("a") as file:
        file.write("  portage:userPoolArn: arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Ab1\n")
    with pytest.raises(LocalModeError, match=r"portage:userPoolArn names a pool, .*leave it out"):
        check_config(project)


def test_values_of_wrong_types_are_told_without_starting_anything(project: Path) -> None:
    (project / "Pulumi.local.yaml").write_text("config: {portage:throttleRate: fast, portage:logLevel: }")
    with pytest.raises(LocalModeError, match=r"(?s)throttleRate is 'fast'.*logLevel has no value"):
        check_config(project)
