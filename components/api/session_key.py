"""The building block for the key that signs upload sessions: a secret, and the function that rotates it."""

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments.upload_api import UploadApiArgs
from components.compute.code_archive import code_archive
from components.compute.lambda_function import LIVE, LambdaFunction, LambdaFunctionArgs

ROTATION_SECONDS = 30
"""For one of four steps. Each makes a few calls to Secrets Manager."""

RECOVERY_DAYS = 30
"""The longest that Secrets Manager keeps a deleted secret."""


class SessionKey(pulumi.ComponentResource):
    """A secret without a value in Pulumi's state, because its first rotation makes the first key."""

    secret_arn: pulumi.Output[str]
    """ARN of the secret, SESSION_KEY_SECRET for handlers. The key exists a few seconds after the deployment."""

    def __init__(self, name: str, args: UploadApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:SessionKey", name, {}, opts)
        secret = aws.secretsmanager.Secret(
            name,
            description="Signs the sessions of multipart uploads",
            kms_key_id=args.kms_key_arn,
            recovery_window_in_days=RECOVERY_DAYS if args.deletion_protection else 0,
            opts=pulumi.ResourceOptions(parent=self),
        )
        rotate = LambdaFunction(
            f"{name}-rotate",
            LambdaFunctionArgs(
                handler="handlers.entries.rotate_session_key.handle",
                code=code_archive([]),
                statements=[iam.rotate_a_secret(secret.arn), *iam.encrypt_and_decrypt(args.kms_key_arn)],
                environment={"SESSION_KEY_SECRET": secret.arn},
                timeout_seconds=ROTATION_SECONDS,
                log_level=args.log_level,
                log_retention_days=args.log_retention_days,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        permission = aws.lambda_.Permission(
            f"{name}-invokes-rotate",
            action="lambda:InvokeFunction",
            function=rotate.function_name,
            qualifier=LIVE,
            principal="secretsmanager.amazonaws.com",
            source_account=secret.arn.apply(lambda arn: arn.split(":")[4]),
            source_arn=secret.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Secrets Manager calls the function at once, so it needs the permission before.
        rotation = aws.secretsmanager.SecretRotation(
            f"{name}-rotation",
            secret_id=secret.id,
            rotation_lambda_arn=rotate.alias_arn,
            rotation_rules={"automatically_after_days": args.session_key_rotation_days},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        # An output of secret and rotation: otherwise a function could read the key before it exists.
        self.secret_arn = pulumi.Output.all(secret.arn, rotation.id).apply(lambda both: both[0])
        self.register_outputs({"secret_arn": self.secret_arn})
