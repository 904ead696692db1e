"""The stack's config: read here and nowhere else, and validated whole before any resource is made."""

import zipfile
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import pulumi
import pulumi.runtime.config

from aws_provider import camel_case, decoded, nearest, provider_args
from components import limits
from components.arguments import ArgumentError, Choice, Each, Flag, OrOutput, Pattern
from components.processing_pipeline import concurrency_fault
from components.processor_code import processor_fault


@dataclass(frozen=True)
class _Optional:
    """A limit, and the value that stands for none: Pulumi.yaml cannot make null a key's default."""

    limit: Any
    none: object

    def check(self, name: str, value: object) -> Any:
        is_none = type(value) is type(self.none) and value == self.none  # false would equal 0
        return None if is_none else self.limit.check(name, value)


class _Code:
    """A folder or zip file on this machine."""

    def check(self, name: str, value: str) -> pulumi.Archive:
        path = Path(value)
        if not path.exists():
            raise ArgumentError(f"{name} is {value!r}, but there is nothing of that name in {Path.cwd()}.")
        if not path.is_dir() and not zipfile.is_zipfile(path):
            raise ArgumentError(f"{name} is {value!r}, but must be a folder or a zip file.")
        return pulumi.FileArchive(value)


def _key(limit: Any) -> Any:
    return field(metadata={"limit": limit})


@dataclass(frozen=True)
class Settings:
    """One field a key, in camelCase there; Pulumi.yaml has types, defaults and descriptions.

    A key may be secret where its limit takes an Output: its value then is a secret Output.
    """

    region: str = _key(_Optional(limits.REGION, none=""))
    """From `aws:region`, or from our own key where that is not set."""
    deletion_protection: bool = _key(Flag())
    kms_key_arn: pulumi.Input[str] | None = _key(_Optional(OrOutput(limits.KMS_KEY_ARN), none=""))
    allowed_origins: pulumi.Input[list[str]] = _key(OrOutput(Each(limits.ORIGIN)))
    user_pool_arn: pulumi.Input[str] | None = _key(_Optional(OrOutput(limits.USER_POOL_ARN), none=""))
    user_pool_client_id: pulumi.Input[str] | None = _key(_Optional(OrOutput(limits.USER_POOL_CLIENT_ID), none=""))
    allow_sign_up: bool = _key(Flag())
    allowed_source_cidrs: pulumi.Input[list[str]] = _key(OrOutput(Each(limits.SOURCE_CIDR)))
    allowed_source_vpc_ids: pulumi.Input[list[str]] = _key(OrOutput(Each(limits.SOURCE_VPC_ID)))
    max_upload_bytes: int = _key(limits.UPLOAD_BYTES)
    max_open_uploads: int = _key(limits.OPEN_UPLOADS)
    allowed_content_types: pulumi.Input[list[str]] = _key(OrOutput(Each(limits.CONTENT_TYPE)))
    allow_forms: bool = _key(Flag())
    multipart_threshold_bytes: int = _key(limits.MULTIPART_THRESHOLD)
    url_expires_in_seconds: int = _key(limits.URL_SECONDS)
    session_expires_in_seconds: int = _key(limits.SESSION_SECONDS)
    session_key_rotation_days: int = _key(limits.ROTATION_DAYS)
    throttle_rate: int = _key(limits.THROTTLE_RATE)
    throttle_burst: int = _key(limits.THROTTLE_BURST)
    manage_account_logging: bool = _key(Flag())
    record_retention_days: int = _key(limits.RETENTION_DAYS)
    recovery_days: int = _key(limits.RECOVERY_DAYS)
    object_expiration_days: int | None = _key(_Optional(limits.RETENTION_DAYS, none=0))
    result_expiration_days: int | None = _key(_Optional(limits.RETENTION_DAYS, none=0))
    noncurrent_version_days: int = _key(limits.RETENTION_DAYS)
    processor: str = _key(limits.PROCESSOR)
    processor_code: pulumi.Archive | None = _key(_Optional(_Code(), none=""))
    rejected_objects: str = _key(limits.REJECTED_OBJECTS)
    quarantine_expiration_days: int = _key(limits.RETENTION_DAYS)
    malware_scan: bool = _key(Flag())
    unscannable_objects: str = _key(limits.UNSCANNABLE_OBJECTS)
    processing_timeout_seconds: int = _key(limits.PROCESSING_SECONDS)
    processing_memory_mb: int = _key(limits.MEMORY_MB)
    processing_max_concurrency: int | None = _key(_Optional(limits.MAX_CONCURRENCY, none=0))
    processing_reserved_concurrency: int | None = _key(_Optional(limits.CONCURRENCY, none=0))
    processing_max_attempts: int = _key(limits.ATTEMPTS)
    log_level: str = _key(limits.LOG_LEVEL)
    log_retention_days: int = _key(limits.LOG_RETENTION_DAYS)

    aws: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The AWS provider's arguments, from the stack's other `aws:` keys."""

    @classmethod
    def load(cls) -> Self:
        """Read the stack's config; raises RunError with a line for every key that is wrong, and its fix."""
        project = pulumi.get_project()
        given, aws_given = _given(project), _given("aws")
        keys = {camel_case(each.name): each for each in fields(cls) if each.metadata}
        errors = [
            f"{each.name} is not a key of this program; {nearest(f'{project}:', key, keys)}"
            for key, each in given.items()
            if key not in keys
        ]
        values: dict[str, Any] = {}
        for key, each in keys.items():
            if key not in given:
                name = f"{project}:{key}"
                errors.append(f"{name} has no value; set it with: pulumi config set {name} VALUE.")
                continue
            with _collected(errors):
                values[each.name] = given[key].checked(each.metadata["limit"])
        aws_region = aws_given.pop("region", None)
        if "region" in values:
            with _collected(errors):
                values["region"] = _region(f"{project}:region", values["region"], aws_region)
        aws: dict[str, Any] = {}
        with _collected(errors):
            secret_aws_keys = {key for key, each in aws_given.items() if each.is_secret}
            aws = provider_args({key: each.text for key, each in aws_given.items()}, secret_aws_keys)
        secret = {each.name for key, each in keys.items() if key in given and given[key].is_secret}
        errors = errors or _contradictions(project, values, secret)
        if errors:
            raise pulumi.RunError("The stack's config is wrong:\n  " + "\n  ".join(errors))
        # An empty value has nothing to hide, and says that nothing is to be made.
        values |= {name: pulumi.Output.secret(values[name]) for name in secret if values[name]}
        return cls(**values, aws=aws)

    def args(self, shape: type, prefix: str = "") -> dict[str, Any]:
        """The args of one component that the config decides: a key is named as the arg, or with the prefix."""
        return {
            name: value
            for name in shape.__annotations__
            if (value := getattr(self, prefix + name, getattr(self, name, None))) is not None
        }


@dataclass(frozen=True)
class _Given:
    """A key that the stack sets."""

    name: str
    text: str
    is_secret: bool

    def checked(self, limit: Any) -> Any:
        """Return the plain value; raises ArgumentError, which does not show what is secret."""
        inner = limit.limit if isinstance(limit, _Optional) else limit
        if not self.is_secret:
            return limit.check(self.name, _decoded(inner, self.text))
        if not isinstance(inner, OrOutput):
            raise ArgumentError(
                f"{self.name} is secret, but this program needs the plain value to decide what to make; "
                f"set it with: pulumi config set --plaintext {self.name} VALUE."
            )
        try:
            return limit.check(self.name, _decoded(inner, self.text))
        except ArgumentError:
            raise ArgumentError(f"{self.name} is [secret], but must be {inner.limit.form}.") from None


def _given(namespace: str) -> dict[str, _Given]:
    """What the stack sets in a namespace, by the keys without it."""
    prefix = f"{namespace}:"
    # The SDK has no public way to list the keys that are set, and a misspelt one must not be passed over.
    config: dict[str, str] = pulumi.runtime.config.CONFIG.get()
    return {
        name.removeprefix(prefix): _Given(name, text, pulumi.runtime.is_config_secret(name))
        for name, text in config.items()
        if name.startswith(prefix)
    }


@contextmanager
def _collected(errors: list[str]) -> Generator[None]:
    try:
        yield
    except ArgumentError as error:
        errors += str(error).splitlines()


def _decoded(limit: Any, text: str) -> object:
    limit = limit.limit if isinstance(limit, OrOutput) else limit
    is_text = isinstance(limit, Pattern | _Code) or (isinstance(limit, Choice) and isinstance(limit.values[0], str))
    return decoded(text, is_text=is_text)


def _region(name: str, own: str | None, aws_region: _Given | None) -> str:
    """The provider's own key wins; two that differ are an error, since one of them is not what was meant."""
    if aws_region is None:
        if own is None:
            raise ArgumentError("aws:region is missing; set it with: pulumi config set aws:region us-east-1.")
        return own
    region: str = aws_region.checked(limits.REGION)
    if own not in (None, region):
        raise ArgumentError(f"{name} is {own!r}, but aws:region is {region!r}; remove one of them.")
    return region


def _contradictions(project: str, values: Mapping[str, Any], secret: Collection[str]) -> list[str]:
    """What is wrong with keys that are each right by itself."""
    errors: list[str] = []
    if fault := processor_fault(values["processor"], values["processor_code"]):
        errors.append(f"{project}:{fault} Correct {project}:processor or {project}:processorCode.")
    too_long = (space.fault(values, camel_case) for space in limits.SHARED_SPACES)
    errors += [f"{project}:{fault}" for fault in too_long if fault]
    if fault := concurrency_fault(values["processing_max_concurrency"], values["processing_reserved_concurrency"]):
        errors.append(f"{project}:processingMaxConcurrency {fault}")
    region, key = values["region"], values["kms_key_arn"]
    if key is not None and key.split(":")[3] != region:
        shown = "[secret]" if "kms_key_arn" in secret else repr(key)
        errors.append(f"{project}:kmsKeyArn is {shown}, but S3 needs a key in the bucket's own region, {region}.")
    if values["user_pool_arn"] is not None and values["allow_sign_up"]:
        errors.append(f"{project}:allowSignUp is true, but the pool of userPoolArn has its own rules; leave it out.")
    if values["user_pool_arn"] is None and values["user_pool_client_id"] is not None:
        errors.append(
            f"{project}:userPoolClientId is set, but there is no {project}:userPoolArn, and a pool that is made here "
            "gets its own client; leave it out, or name its pool."
        )
    return errors
