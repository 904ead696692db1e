"""The building block for GitHub Actions: a role with which the workflows of one repository push the worker's image."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam

_BRANCH = "main"
"""The one that the workflow runs on."""


@dataclass(frozen=True, kw_only=True)
class GitHubActionsArgs:
    """Arguments of GitHubActions."""

    repository: str
    """owner/name, or owner@id/name@id where GitHub's tokens have immutable subject claims.

    They do in repositories that were made or renamed since July 15, 2026 (GitHub changelog of April 23, 2026).
    """
    environment: str
    """Environment of the job that pushes. Its protection rules decide who can start the job."""
    image_repository_url: pulumi.Input[str]
    """The only repository that the role can push to."""
    provider_arn: pulumi.Input[str] | None = None
    """The account's OIDC provider of GitHub; if omitted, one is made. An account can have only one."""


class GitHubActions(pulumi.ComponentResource):
    """A role that a workflow gets for its own token, without a key that is stored at GitHub."""

    role_arn: pulumi.Output[str]
    """Of the role: what the workflow is given as a variable."""
    provider_arn: pulumi.Output[str]
    """Of the OIDC provider: what the account's other stacks are given."""

    def __init__(self, name: str, args: GitHubActionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:GitHubActions", name, {}, opts)
        self.provider_arn = self._tokens(name, args.provider_arn)
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=iam.trust_github(self.provider_arn, args.repository, args.environment, _BRANCH),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(f"{name}-policy", *iam.push_images(args.image_repository_url)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn, "provider_arn": self.provider_arn})

    def _tokens(self, name: str, given: pulumi.Input[str] | None) -> pulumi.Output[str]:
        if given is not None:
            return pulumi.Output.from_input(given)
        return aws.iam.OpenIdConnectProvider(
            f"{name}-tokens",
            url=f"https://{iam.GITHUB}",
            client_id_lists=[iam.STS],
            opts=pulumi.ResourceOptions(parent=self),
        ).arn
