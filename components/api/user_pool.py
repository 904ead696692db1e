"""The building block for sign-in: a Cognito user pool with one public client."""

import pulumi
import pulumi_aws as aws

from components.arguments.upload_api import UploadApiArgs


class UserPool(pulumi.ComponentResource):
    """A pool of users who sign in with their e-mail address."""

    user_pool_arn: pulumi.Output[str]
    user_pool_id: pulumi.Output[str]
    client_id: pulumi.Output[str]

    def __init__(self, name: str, args: UploadApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:UserPool", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        pool = aws.cognito.UserPool(
            name,
            username_attributes=["email"],
            auto_verified_attributes=["email"],
            username_configuration={"case_sensitive": False},
            admin_create_user_config={"allow_admin_create_user_only": not args.allow_sign_up},
            password_policy={
                "minimum_length": 12,
                "require_lowercase": True,
                "require_uppercase": True,
                "require_numbers": True,
                "require_symbols": True,
                "temporary_password_validity_days": 3,
            },
            mfa_configuration="OPTIONAL",
            software_token_mfa_configuration={"enabled": True},
            account_recovery_setting={"recovery_mechanisms": [{"name": "verified_email", "priority": 1}]},
            deletion_protection="ACTIVE" if args.deletion_protection else "INACTIVE",
            opts=child,
        )
        client = aws.cognito.UserPoolClient(
            f"{name}-client",
            user_pool_id=pool.id,
            generate_secret=False,  # browsers and command lines cannot keep a secret
            explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            id_token_validity=60,
            access_token_validity=60,
            refresh_token_validity=30,
            token_validity_units={"id_token": "minutes", "access_token": "minutes", "refresh_token": "days"},
            opts=child,
        )
        self.user_pool_arn = pool.arn
        self.user_pool_id = pool.id
        self.client_id = client.id
        self.register_outputs(
            {"user_pool_arn": self.user_pool_arn, "user_pool_id": self.user_pool_id, "client_id": self.client_id}
        )
