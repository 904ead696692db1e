"""Patches of MiniStack, one module or package an AWS service.

Each patch says what AWS does, with the source, what MiniStack does, and what happens here.
"""

from pathlib import Path

from local.emulator.patches import (
    api_gateway,
    cognito,
    dynamodb,
    ec2,
    ecs,
    efs,
    eks,
    eventbridge,
    iam,
    lambda_,
    s3,
    secrets_manager,
    sqs,
    stepfunctions,
)


def patch(data_dir: Path) -> None:
    """Apply every patch to the MiniStack of this process; `data_dir` is its data folder."""
    lambda_.patch(data_dir)
    api_gateway.patch()
    eventbridge.patch()  # before S3's, which completes the events that this one archives
    s3.patch()
    secrets_manager.patch()
    cognito.patch()
    dynamodb.patch()
    ec2.patch()
    ecs.patch(data_dir)
    efs.patch(data_dir)
    eks.patch(data_dir)
    iam.patch(data_dir)
    sqs.patch()
    stepfunctions.patch()
