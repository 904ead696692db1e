"""A workflow of one repository, environment and branch may push to one repository of images, and nothing else."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.eks.github_actions import GitHubActions, GitHubActionsArgs
from tests.support.components.examples import NAME
from tests.support.components.recording import ACCOUNT, PARTITION, Recording, arn_of, physical, record

REPOSITORY_URL = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/uploads-worker"
PROVIDER_ARN = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
ISSUER = "token.actions.githubusercontent.com"
MADE_ARN = f"arn:{PARTITION}:iam::{ACCOUNT}:oidc-provider/{ISSUER}"


def recorded(repository: str = "team/uploads", provider_arn: pulumi.Input[str] | None = None) -> Recording:
    def program() -> dict[str, Any]:
        args = GitHubActionsArgs(
            repository=repository,
            environment="dev",
            image_repository_url=REPOSITORY_URL,
            provider_arn=provider_arn,
        )
        made = GitHubActions(NAME, args)
        return {"role": made.role_arn, "provider": made.provider_arn}

    return record(program)


@pytest.fixture(scope="module")
def alone() -> Recording:
    return recorded()


def token(**claims: str) -> dict[str, str]:
    """What GitHub signs for a job, as STS makes condition keys of it."""
    usual = {
        "aud": "sts.amazonaws.com",
        "sub": "repo:team/uploads:environment:dev",
        "ref": "refs/heads/main",
        "environment": "dev",
    }
    return {f"{ISSUER}:{name}": value for name, value in {**usual, **claims}.items()}


def is_trusted(recording: Recording, claims: Mapping[str, str]) -> bool:
    (statement,) = recording.json_input(aws.iam.Role, f"{NAME}-role", "assumeRolePolicy")["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert list(statement["Condition"]) == ["StringEquals"]
    return all(claims.get(key) == value for key, value in statement["Condition"]["StringEquals"].items())


class TestTheTrustPolicy:
    def test_takes_a_job_of_the_repository_in_the_environment_and_branch(self, alone: Recording) -> None:
        assert is_trusted(alone, token())

    @pytest.mark.parametrize(
        "claims",
        [
            {"sub": "repo:other/uploads:environment:dev"},
            {"sub": "repo:team/uploads-fork:environment:dev"},
            {"sub": "repo:team/uploads:environment:prod", "environment": "prod"},
            {"sub": "repo:team/uploads:ref:refs/heads/main"},
            {"sub": "repo:team/uploads:pull_request", "ref": "refs/pull/7/merge"},
            {"ref": "refs/heads/topic"},
            {"ref": "refs/tags/main"},
            {"aud": "https://github.com/team"},
        ],
        ids=lambda claims: "-".join(claims.values()),
    )
    def test_takes_no_other(self, alone: Recording, claims: dict[str, str]) -> None:
        assert not is_trusted(alone, token(**claims))

    def test_knows_a_repository_by_its_ids_where_its_tokens_have_them(self) -> None:
        recording = recorded("team@7/uploads@9")
        assert is_trusted(recording, token(sub="repo:team@7/uploads@9:environment:dev"))
        assert not is_trusted(recording, token(sub="repo:team@8/uploads@9:environment:dev"))
        assert not is_trusted(recording, token())

    def test_names_the_provider(self, alone: Recording) -> None:
        (statement,) = alone.json_input(aws.iam.Role, f"{NAME}-role", "assumeRolePolicy")["Statement"]
        assert statement["Principal"] == {"Federated": MADE_ARN}


class TestTheProvider:
    def test_is_made_for_the_audience_of_aws_alone(self, alone: Recording) -> None:
        assert alone.inputs(aws.iam.OpenIdConnectProvider) == {
            "url": f"https://{ISSUER}",
            "clientIdLists": ["sts.amazonaws.com"],
        }
        assert alone.outputs["provider"] == MADE_ARN

    def test_is_taken_where_one_is_given(self) -> None:
        recording = recorded(provider_arn=PROVIDER_ARN)
        assert recording.all(aws.iam.OpenIdConnectProvider) == []
        (statement,) = recording.json_input(aws.iam.Role, f"{NAME}-role", "assumeRolePolicy")["Statement"]
        assert statement["Principal"] == {"Federated": PROVIDER_ARN}
        assert recording.outputs["provider"] == PROVIDER_ARN


def test_the_role_pushes_to_one_repository_and_does_nothing_else(alone: Recording) -> None:
    assert alone.json_input(aws.iam.RolePolicy, None, "policy")["Statement"] == [
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
        {
            "Effect": "Allow",
            "Action": [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            "Resource": ["arn:aws:ecr:eu-central-1:123456789012:repository/uploads-worker"],
        },
    ]
    assert alone.inputs(aws.iam.RolePolicy)["role"] == physical(f"{NAME}-role")
    assert alone.outputs["role"] == arn_of(aws.iam.Role, f"{NAME}-role")
