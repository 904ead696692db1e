"""What the function runs."""

import os


def handle(event: dict[str, str], _: object) -> dict[str, object]:
    return {"statusCode": 200, "body": f"{os.environ['GREETING']} {event['path']}"}
