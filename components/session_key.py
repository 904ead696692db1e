"""The building block for the key that signs upload sessions: a secret, and the function that rotates it."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components import iam, limits
from components.arguments import Flag, OrOutput, checked
from components.code_archive import code_archive
from components.lambda_function import LIVE, LambdaFunction

ROTATION_SECONDS = 30
"""For one of four steps, each of a few calls of Secrets Manager."""

RECOVERY_DAYS = 30
"""The longest that Secrets Manager keeps a deleted secret."""


class SessionKeyArgs(TypedDict):
    """What may differ between two session keys."""

    rotation_days: NotRequired[int]
    """Days after which another key is made: 8 to 1,000, 30 if left out."""
    log_level: NotRequired[str]
    """DEBUG, INFO, WARN, ERROR or FATAL; INFO if left out."""
    log_retention_days: NotRequired[int]
    """Days for which the rotation's log is kept, as CloudWatch Logs allows them; 30 if left out."""
    kms_key_arn: NotRequired[pulumi.Input[str] | None]
    """The customer's key to encrypt with; AWS's own for Secrets Manager if left out."""
    deletion_protection: NotRequired[bool]
    """Whether a deleted secret can be restored for 30 days; true if left out."""


class SessionKey(pulumi.ComponentResource):
    """A secret that nobody has to know: its first rotation makes the first key, so that no state ever holds one."""

    secret_arn: pulumi.Output[str]
    """Handlers receive it as SESSION_KEY_SECRET; its key is there a few seconds after the deployment."""

    def __init__(self, name: str, args: SessionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = checked(
            SessionKeyArgs,
            args,
            {
                "rotation_days": (limits.ROTATION_DAYS, 30),
                "log_level": (limits.LOG_LEVEL, "INFO"),
                "log_retention_days": (limits.LOG_RETENTION_DAYS, 30),
                "kms_key_arn": (OrOutput(limits.KMS_KEY_ARN), None),
                "deletion_protection": (Flag(), True),
            },
        )
        super().__init__("portage:index:SessionKey", name, {}, opts)
        secret = aws.secretsmanager.Secret(
            name,
            description="Signs the sessions of multipart uploads",
            kms_key_id=given["kms_key_arn"],
            recovery_window_in_days=RECOVERY_DAYS if given["deletion_protection"] else 0,
            opts=pulumi.ResourceOptions(parent=self),
        )
        rotate = LambdaFunction(
            f"{name}-rotate",
            {
                "handler": "handlers.rotate_session_key.handle",
                "code": code_archive([]),
                "statements": [iam.rotate_a_secret(secret.arn), *iam.encrypt_and_decrypt(given["kms_key_arn"])],
                "environment": {"SESSION_KEY_SECRET": secret.arn},
                "timeout_seconds": ROTATION_SECONDS,
                "log_level": given["log_level"],
                "log_retention_days": given["log_retention_days"],
            },
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
        # It rotates at once, for which Secrets Manager must be allowed to call the function.
        rotation = aws.secretsmanager.SecretRotation(
            f"{name}-rotation",
            secret_id=secret.id,
            rotation_lambda_arn=rotate.alias_arn,
            rotation_rules={"automatically_after_days": given["rotation_days"]},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        # By way of the rotation: nobody should look for a key before one is being made.
        self.secret_arn = pulumi.Output.all(secret.arn, rotation.id).apply(lambda both: both[0])
        self.register_outputs({"secret_arn": self.secret_arn})
