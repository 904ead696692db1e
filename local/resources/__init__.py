"""The table of resource types that local mode can make, one module a service; a type without a row is an error."""

from collections.abc import Mapping

from local.resources import (
    apigateway,
    appautoscaling,
    cloudwatch,
    cognito,
    dynamodb,
    ec2,
    ecr,
    ecs,
    efs,
    eks,
    events,
    guardduty,
    iam,
    kms,
    lambda_,
    logs,
    s3,
    scheduler,
    secretsmanager,
    sfn,
    sns,
    sqs,
)
from local.resources.invokes import INVOKES
from local.resources.rows import Account, Made, Row

__all__ = ["INVOKES", "TABLE", "Account", "Made", "Row"]

_SERVICES = (
    apigateway,
    appautoscaling,
    cloudwatch,
    cognito,
    dynamodb,
    ec2,
    ecr,
    ecs,
    efs,
    eks,
    events,
    guardduty,
    iam,
    kms,
    lambda_,
    logs,
    s3,
    scheduler,
    secretsmanager,
    sfn,
    sns,
    sqs,
)

TABLE: Mapping[str, Row] = {pulumi_type: row for service in _SERVICES for pulumi_type, row in service.TABLE.items()}
