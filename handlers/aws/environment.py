"""Reads a Lambda function's environment: its settings into a typed, frozen value, and its credentials."""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

from handlers.aws.presign import Bucket, Credentials

T = TypeVar("T")


def read_environment(kind: type[T], environ: Mapping[str, str] = os.environ) -> T:
    """Fill `kind` from variables named as its fields in upper case: str, int, or tuple[str, ...] (by commas).

    `kind` is a NamedTuple, or a frozen dataclass in functions that are not hot: dataclasses takes 8 ms to import.
    Raises ValueError with all variables that are missing or not a number.
    """
    values: dict[str, Any] = {}
    errors: list[str] = []
    for field, hint in kind.__annotations__.items():
        name = field.upper()
        text = environ.get(name)
        if text is None:
            errors.append(f"{name} is not set")
        elif hint is int:
            try:
                values[field] = int(text)
            except ValueError:
                errors.append(f"{name} is {text!r}, not a whole number")
        elif hint is str:
            values[field] = text
        else:
            values[field] = tuple(part for part in text.split(",") if part)
    if errors:
        raise ValueError(f"The function's environment is wrong: {'; '.join(errors)}.")
    return kind(**values)


def role_credentials() -> Credentials:
    """Return the role's credentials. Call it for each request, because Lambda may renew them."""
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_SESSION_TOKEN"),
    )


def bucket_here(name: str) -> Bucket:
    """Return a bucket of the function's region, at the endpoint that AWS's variables name, if any."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return Bucket.at(name, os.environ["AWS_REGION"], endpoint)
