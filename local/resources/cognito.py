"""Cognito user pools and their clients."""

from collections.abc import Mapping
from typing import Any

from local.resources.rows import Autoname, Call, Made, Row


def _pool(made: Made) -> Mapping[str, Any]:
    pool = made.responses["CreateUserPool"]["UserPool"]
    return {"arn": pool["Arn"], "endpoint": f"cognito-idp.{made.account.region}.amazonaws.com/{pool['Id']}"}


def _client(made: Made) -> Mapping[str, Any]:
    return {"clientSecret": made.responses["CreateUserPoolClient"]["UserPoolClient"].get("ClientSecret")}


_POOL = {
    "name": "PoolName",
    "passwordPolicy": "Policies.PasswordPolicy",
    "signInPolicy": "Policies.SignInPolicy",
    "emailConfiguration.fromEmailAddress": "From",
    "schemas": "Schema",
    "tags": "UserPoolTags",
}

TABLE = {
    "aws:cognito/userPool:UserPool": Row(
        service="cognito-idp",
        create=Call(
            operation="CreateUserPool",
            moves=_POOL,
        ),
        then=(
            # CreateUserPool supports only codes by SMS
            Call(
                operation="SetUserPoolMfaConfig",
                moves={
                    "mfaConfiguration": "MfaConfiguration",
                    "softwareTokenMfaConfiguration": "SoftwareTokenMfaConfiguration",
                    "emailMfaConfiguration": "EmailMfaConfiguration",
                    "webAuthnConfiguration": "WebAuthnConfiguration",
                },
                when="mfaConfiguration",
                also=lambda made: {"UserPoolId": made.id},
            ),
        ),
        update=(
            Call(
                operation="UpdateUserPool",
                moves={name: _POOL[name] for name in _POOL if name not in ("name", "schemas")},
                also=lambda made: {"UserPoolId": made.id},
            ),
        ),
        replace_on=("name", "aliasAttributes", "usernameAttributes", "usernameConfiguration"),
        delete=Call(operation="DeleteUserPool", also=lambda made: {"UserPoolId": made.id}),
        id=lambda made: made.responses["CreateUserPool"]["UserPool"]["Id"],
        outputs=_pool,
        autoname=Autoname(limit=128),
        defaults={"mfaConfiguration": "OFF"},
    ),
    "aws:cognito/userPoolClient:UserPoolClient": Row(
        service="cognito-idp",
        create=Call(operation="CreateUserPoolClient", moves={"name": "ClientName"}),
        update=(
            Call(
                operation="UpdateUserPoolClient",
                moves={"name": "ClientName"},
                also=lambda made: {"ClientId": made.id},
            ),
        ),
        replace_on=("userPoolId", "generateSecret"),
        delete=Call(
            operation="DeleteUserPoolClient",
            moves={"userPoolId": "UserPoolId"},
            also=lambda made: {"ClientId": made.id},
        ),
        id=lambda made: made.responses["CreateUserPoolClient"]["UserPoolClient"]["ClientId"],
        outputs=_client,
        autoname=Autoname(limit=128),
    ),
}
