"""Reads a Lambda function's environment: its settings into a typed, frozen value, and what it signs with."""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

from handlers.aws.presign import Bucket, Credentials

T = TypeVar("T")


def read_environment(kind: type[T], environ: Mapping[str, str] = os.environ) -> T:
    """Fill `kind` from variables named as its fields in upper case: str, int, or tuple[str, ...] (by commas).

    `kind` is a NamedTuple, or a frozen dataclass where nobody waits for the import of dataclasses, which takes 8 ms.
    Raises ValueError that names every variable that is missing or not a number.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field, hint in kind.__annotations__.items():
        name = field.upper()
        text = environ.get(name)
        if text is None:
            faults.append(f"{name} is not set")
        elif hint is int:
            try:
                values[field] = int(text)
            except ValueError:
                faults.append(f"{name} is {text!r}, not a whole number")
        elif hint is str:
            values[field] = text
        else:
            values[field] = tuple(part for part in text.split(",") if part)
    if faults:
        raise ValueError(f"The function's environment is wrong: {'; '.join(faults)}.")
    return kind(**values)


def role_credentials() -> Credentials:
    """Return the role's credentials, to be asked for at each call: Lambda may renew them in a live environment."""
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_SESSION_TOKEN"),
    )


def bucket_here(name: str) -> Bucket:
    """Return where a bucket of the function's own region answers, by the variables that AWS's tools read."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return Bucket.at(name, os.environ["AWS_REGION"], endpoint)
