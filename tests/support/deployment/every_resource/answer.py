"""What the function runs."""

import os

import boto3


def handle(event: dict[str, str], _: object) -> dict[str, object]:
    return {"statusCode": 200, "body": f"{os.environ['GREETING']} {event['path']}"}


def rotate(event: dict[str, str], _: object) -> None:
    """Make the secret's first value in one step of its rotation."""
    if event["Step"] == "finishSecret":
        boto3.client("secretsmanager").put_secret_value(
            SecretId=event["SecretId"], ClientRequestToken=event["ClientRequestToken"], SecretString="rotated"
        )
