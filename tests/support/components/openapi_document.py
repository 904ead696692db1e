"""One contract to look at, with and without web pages that may call."""

from typing import Any

from components.api.openapi import Deployment
from components.api.operations import functions

ORIGINS = ("https://app.example.com", "http://localhost:8000")


def contract(*origins: str, allow_forms: bool = True) -> dict[str, Any]:
    return Deployment(
        allowed_origins=origins,
        allow_forms=allow_forms,
        region="mars-north-1",
        partition="aws-mars",
        table_name="the-table",
        user_pool_arn="arn:aws-mars:cognito-idp:mars-north-1:123456789012:userpool/pool",
        invoke_arns={operation: invoke_arn(operation) for operation in functions()},
        read_status_role_arn="arn:aws-mars:iam::123456789012:role/read-status",
    ).document()


def invoke_arn(operation: str) -> str:
    return f"arn:aws-mars:apigateway:mars-north-1:lambda:path/{operation}/invocations"


def integration(document: dict[str, Any], path: str, verb: str) -> dict[str, Any]:
    return document["paths"][path][verb]["x-amazon-apigateway-integration"]
