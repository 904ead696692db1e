"""Cognito user pools and their clients."""

from collections.abc import Mapping
from typing import Any

from local.resources.rows import Autoname, Call, Made, Row


def _pool_id(made: Made) -> str:
    return made.responses["CreateUserPool"]["UserPool"]["Id"]


def _pool(made: Made) -> Mapping[str, Any]:
    pool = made.responses["CreateUserPool"]["UserPool"]
    return {"arn": pool["Arn"], "endpoint": f"cognito-idp.{made.account.region}.amazonaws.com/{pool['Id']}"}


def _client(made: Made) -> Mapping[str, Any]:
    return {"clientSecret": made.responses["CreateUserPoolClient"]["UserPoolClient"].get("ClientSecret")}


TABLE = {
    "aws:cognito/userPool:UserPool": Row(
        service="cognito-idp",
        create=Call(
            operation="CreateUserPool",
            moves={
                "name": "PoolName",
                "passwordPolicy": "Policies.PasswordPolicy",
                "signInPolicy": "Policies.SignInPolicy",
                "emailConfiguration.fromEmailAddress": "From",
                "schemas": "Schema",
                "tags": "UserPoolTags",
            },
        ),
        then=(
            # CreateUserPool knows only codes by SMS
            Call(
                operation="SetUserPoolMfaConfig",
                moves={
                    "mfaConfiguration": "MfaConfiguration",
                    "softwareTokenMfaConfiguration": "SoftwareTokenMfaConfiguration",
                    "emailMfaConfiguration": "EmailMfaConfiguration",
                    "webAuthnConfiguration": "WebAuthnConfiguration",
                },
                when="mfaConfiguration",
                also=lambda made: {"UserPoolId": _pool_id(made)},
            ),
        ),
        id=_pool_id,
        outputs=_pool,
        autoname=Autoname(limit=128),
        defaults={"mfaConfiguration": "OFF"},
    ),
    "aws:cognito/userPoolClient:UserPoolClient": Row(
        service="cognito-idp",
        create=Call(operation="CreateUserPoolClient", moves={"name": "ClientName"}),
        id=lambda made: made.responses["CreateUserPoolClient"]["UserPoolClient"]["ClientId"],
        outputs=_client,
        autoname=Autoname(limit=128),
    ),
}
