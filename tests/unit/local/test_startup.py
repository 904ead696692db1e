"""What local mode says of a stack that it cannot deploy, before it starts anything."""

import re
import shutil
from pathlib import Path

import pytest

from local.errors import LocalModeError
from local.startup import check_config, check_outputs
from tests.support.paths import PROJECT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(PROJECT / "Pulumi.yaml", tmp_path)
    (tmp_path / "Pulumi.local.yaml").write_text("config: {aws:region: us-east-1, allowSignUp: true}")
    return tmp_path


def test_the_stack_of_this_checkout_is_fine() -> None:
    check_config()


@pytest.mark.parametrize("name", ["portage", "media-uploads"])
@pytest.mark.parametrize("prefix", ["", "{}:"], ids=["as we write it", "as the CLI does"])
def test_a_stack_is_fine_in_either_form_and_under_any_name(project: Path, name: str, prefix: str) -> None:
    description = (project / "Pulumi.yaml").read_text()
    (project / "Pulumi.yaml").write_text(re.sub(r"(?m)^name: .*$", f"name: {name}", description))
    sign_up = f"{prefix.format(name)}allowSignUp"
    (project / "Pulumi.local.yaml").write_text(f'config: {{"aws:region": us-east-1, "{sign_up}": "true"}}')

    check_config(project)


@pytest.mark.parametrize("key", ["aws:region", "region"])
def test_a_copy_of_prod_is_refused_with_the_keys_that_it_sets(project: Path, key: str) -> None:
    (project / "Pulumi.local.yaml").write_text(f"config: {{{key}: eu-central-1}}")
    with pytest.raises(LocalModeError, match=r"Pulumi\.local\.yaml") as caught:
        check_config(project)
    _, region, sign_up = str(caught.value).splitlines()
    assert region.strip().startswith(f"{key} is eu-central-1")
    assert region.endswith(f"write `{key}: us-east-1`")
    assert sign_up.strip().startswith("allowSignUp is false")
    assert sign_up.endswith("write `allowSignUp: true`")


def test_a_misspelt_key_of_the_provider_is_refused_with_the_nearest_name(project: Path) -> None:
    (project / "Pulumi.local.yaml").write_text("config: {aws:regoin: us-east-1, aws:profile: me, allowSignUp: true}")
    with pytest.raises(LocalModeError) as caught:
        check_config(project)
    _, misspelt, profile, missing = map(str.strip, str(caught.value).splitlines())
    assert misspelt.startswith("aws:regoin")
    assert misspelt.endswith("did you mean aws:region?")
    assert profile.startswith("aws:profile")
    assert profile.endswith("remove it from this stack")
    assert missing.startswith("aws:region is missing")


def test_a_pool_that_exists_elsewhere_cannot_be_used(project: Path) -> None:
    pool = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Ab1"
    (project / "Pulumi.local.yaml").write_text(f"config: {{userPoolArn: '{pool}'}}")
    with pytest.raises(LocalModeError, match=r"userPoolArn is set, .*remove it"):
        check_config(project)


def test_values_of_wrong_types_are_told_without_starting_anything(project: Path) -> None:
    (project / "Pulumi.local.yaml").write_text("config: {throttleRate: fast, logLevel: }")
    with pytest.raises(LocalModeError, match=r"(?s)logLevel has no value.*throttleRate is 'fast'"):
        check_config(project)


def test_outputs_that_the_program_does_not_export_are_named() -> None:
    with pytest.raises(LocalModeError, match=r"no output deadLetterQueueUrl, .*, userPoolId, which"):
        check_outputs({"apiUrl": "https://api.example.com"})
