"""What `pulumi config set` makes of a stack: secrets stay secret, and a wrong value is a message, not a traceback."""

import json

import pytest
from pulumi.automation.errors import CommandError

from tests.engine.conftest import MakeProject
from tests.engine.project import Project

KMS_KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/0f5e2f0c-5f0b-4a3e-9d1c-2b7c1a9e8d47"
SECRETS = {
    "kmsKeyArn": KMS_KEY_ARN,
    "allowedOrigins[0]": "https://secret.example",
    "allowedSourceVpcIds[0]": "vpc-0a1b2c3d4e5f60718",
    "allowedContentTypes[0]": "application/x-secret",
}


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    return make_project(name="media-uploads")


def test_a_wrong_value_is_told_without_a_traceback(project: Project) -> None:
    stack = project.stack("staging")
    stack.set_config("throttleRate", "0")
    stack.set_config("aws:assumeRole", "[]")

    with pytest.raises(CommandError) as caught:
        stack.preview()

    assert "media-uploads:throttleRate is 0, but must be from 1 to 10000" in str(caught.value)
    assert "aws:assumeRole is not a key of the AWS provider; did you mean aws:assumeRoles?" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_what_is_set_as_a_secret_is_stored_encrypted_alone(project: Project) -> None:
    stack = project.stack("dev")
    for key, value in SECRETS.items():
        stack.set_config(key, value, secret=True, path=True)

    previewed, deployed = stack.preview(), stack.up()

    assert deployed.operations() == previewed.operations()
    assert [value for value in SECRETS.values() if value in project.stored_state("dev")] == []
    assert [value for value in SECRETS.values() if value not in json.dumps(stack.state())] == []
