"""Whether a role may do something, where MiniStack acts for the role without asking."""

from typing import Any

from local.emulator import patching

ALLOW, DENY = "Allow", "Deny"

_IAM = "ministack.core.iam_evaluator"


def request_of_role(role_arn: str, session: str, action: str, resource_arn: str, region: str, **more: Any) -> Any:
    """Return what MiniStack evaluates policies for: a role's action in a session of this name."""
    account, role = account_and_name(role_arn)
    return _evaluator("EvalContext")(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource_arn,
        region=region,
        **more,
    )


def decision_of_role(role_arn: str, request: Any) -> str:
    """Return what the role's own policies decide: ALLOW, DENY, or neither."""
    account, role = account_and_name(role_arn)
    return _evaluator("evaluate")(request, _evaluator("_gather_role_policies")(role, account)).decision


def decision_of_resource(policy: str | None, request: Any) -> str:
    """Return what a resource's policy decides."""
    return _evaluator("evaluate_resource_policy")(policy, request).decision


def account_and_name(role_arn: str) -> tuple[str, str]:
    """Return the account and the name of a role."""
    return role_arn.split(":")[4], role_arn.rpartition("/")[2]


def _evaluator(name: str) -> Any:
    return patching.attribute(_IAM, name)
