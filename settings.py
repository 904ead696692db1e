"""The stack's config: read here and nowhere else, and validated whole before any resource is made."""

import difflib
import json
import zipfile
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import pulumi
import pulumi.runtime.config

from components import limits
from components.arguments import ArgumentError, Choice, Each, Flag, Pattern
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
    """One field a key, in camelCase there; Pulumi.yaml has types, defaults and descriptions."""

    region: str = _key(limits.REGION)
    deletion_protection: bool = _key(Flag())
    kms_key_arn: str | None = _key(_Optional(limits.KMS_KEY_ARN, none=""))
    allowed_origins: list[str] = _key(Each(limits.ORIGIN))
    user_pool_arn: str | None = _key(_Optional(limits.USER_POOL_ARN, none=""))
    allow_sign_up: bool = _key(Flag())
    allowed_source_cidrs: list[str] = _key(Each(limits.SOURCE_CIDR))
    allowed_source_vpc_ids: list[str] = _key(Each(limits.SOURCE_VPC_ID))
    max_upload_bytes: int = _key(limits.UPLOAD_BYTES)
    max_open_uploads: int = _key(limits.OPEN_UPLOADS)
    allowed_content_types: list[str] = _key(Each(limits.CONTENT_TYPE))
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

    @classmethod
    def load(cls) -> Self:
        """Read the stack's config; raises RunError with a line for every key that is wrong, and its fix."""
        namespace = pulumi.get_project()
        # The SDK has no public way to list the keys that are set, and a misspelt one must not be passed over.
        given: dict[str, str] = {
            key.removeprefix(f"{namespace}:"): value
            for key, value in pulumi.runtime.config.CONFIG.get().items()
            if key.startswith(f"{namespace}:")
        }
        known = {_camel_case(each.name): each for each in fields(cls)}
        faults = [_unknown_key_fault(namespace, key, list(known)) for key in given if key not in known]
        values: dict[str, Any] = {}
        for key, each in known.items():
            name = f"{namespace}:{key}"
            if key not in given:
                faults.append(f"{name} has no value; set it with: pulumi config set {name} VALUE.")
                continue
            try:
                values[each.name] = each.metadata["limit"].check(name, _decoded(each, given[key]))
            except ArgumentError as fault:
                faults.append(str(fault))
        if not faults:
            faults = _contradictions(namespace, values)
        if faults:
            raise pulumi.RunError("The stack's config is wrong:\n  " + "\n  ".join(faults))
        return cls(**values)

    def args(self, shape: type, prefix: str = "") -> dict[str, Any]:
        """The args of one component that the config decides: a key is named as the arg, or with the prefix."""
        return {
            name: value
            for name in shape.__annotations__
            if (value := getattr(self, prefix + name, getattr(self, name, None))) is not None
        }


def _decoded(each: Field[Any], text: str) -> object:
    """Pulumi hands over text: that of a string is itself, that of anything else is JSON."""
    limit = each.metadata["limit"]
    inner = limit.limit if isinstance(limit, _Optional) else limit
    is_text = isinstance(inner, Pattern | _Code) or (isinstance(inner, Choice) and isinstance(inner.values[0], str))
    if is_text:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # which its limit refuses, by name


def _contradictions(namespace: str, values: dict[str, Any]) -> list[str]:
    """What is wrong with keys that are each right by itself."""
    faults: list[str] = []
    if fault := processor_fault(values["processor"], values["processor_code"]):
        faults.append(f"{namespace}:{fault} See {namespace}:processorCode.")
    together = (lists.fault(values, _camel_case) for lists in limits.LISTS)
    faults += [f"{namespace}:{fault}" for fault in together if fault]
    if fault := concurrency_fault(values["processing_max_concurrency"], values["processing_reserved_concurrency"]):
        faults.append(f"{namespace}:processingMaxConcurrency {fault}")
    region, key = values["region"], values["kms_key_arn"]
    if key is not None and key.split(":")[3] != region:
        faults.append(f"{namespace}:kmsKeyArn is {key!r}, but S3 needs a key in the bucket's own region, {region}.")
    if values["user_pool_arn"] is not None and values["allow_sign_up"]:
        faults.append(f"{namespace}:allowSignUp is true, but the pool of userPoolArn has its own rules; leave it out.")
    return faults


def _unknown_key_fault(namespace: str, key: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {namespace}:{nearest[0]}?" if nearest else f"the keys are {', '.join(sorted(known))}."
    return f"{namespace}:{key} is not a key of this program; {hint}"


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)
