"""The stack's config: read here and nowhere else, and validated whole before any resource is made.

A key is derived from an argument of a component: `throttle_rate` of UploadApi is `throttleRate`. Arguments that the
program connects, such as a table's name, have no key.
"""

from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar, cast

import pulumi
import pulumi.runtime.config

from aws_provider import camel_case, decoded, nearest, provider_args
from components.arguments import Argument, ArgumentError, Arguments, argument, limits
from components.arguments.constraints import (
    Boolean,
    Choice,
    Constraint,
    ListOf,
    MapOf,
    MapsOf,
    MaybeOutput,
    Range,
)
from components.arguments.eks_argo_deploy import EksArgoDeployArgs
from components.arguments.processing_pipeline import EKS, ProcessingPipelineArgs
from components.arguments.status_tracker import StatusTrackerArgs
from components.arguments.upload_api import UploadApiArgs
from components.compute.code_archive import is_zip_file

A = TypeVar("A", bound=Arguments)


class StackArgs(Arguments):
    """Settings of the program itself."""

    region: str | None = argument(limits.REGION, default=None)
    """AWS region to deploy into, where the AWS provider's own key aws:region is not set."""
    user_pool_client_id: pulumi.Input[str] | None = argument(limits.USER_POOL_CLIENT_ID, default=None)
    """Id of the client in the pool of userPoolArn through which users sign in, for the stack's outputs."""
    eks_git_repository_url: pulumi.Input[str] | None = argument(limits.GIT_URL, default=None)
    """Git repository with the manifests in gitops/, https://HOST/PATH.git. Required by the compute eks."""


CONNECTED = frozenset({"notification_topic_arn", "result_reader_role_name", "aws_profile", "deployer_role_arn"})
"""Optional arguments that the program connects, as it does all required ones."""

PROCESSING = ("timeout_seconds", "memory_mb", "max_concurrency", "reserved_concurrency", "max_attempts")
"""Arguments of ProcessingPipeline with keys that begin with `processing`."""


_PREFIXES: Mapping[type[Arguments], tuple[str, Collection[str]]] = {
    ProcessingPipelineArgs: ("processing", PROCESSING),
    EksArgoDeployArgs: ("eks", EksArgoDeployArgs.declared.keys() - ProcessingPipelineArgs.declared.keys()),
}
"""Beginnings of keys, and the arguments with such keys. Others may share a key with those of other components."""


@cache
def keys_of(shape: type[Arguments]) -> dict[str, str]:
    """Return the key of each argument of a component that the stack's config decides, by the argument's name."""
    prefix, prefixed = _PREFIXES.get(shape, ("", ()))
    return {
        name: camel_case(f"{prefix}_{name}" if name in prefixed else name)
        for name, each in shape.declared.items()
        if not each.is_required and name not in CONNECTED
    }


SHAPES: tuple[type[Arguments], ...] = (
    StackArgs,
    StatusTrackerArgs,
    UploadApiArgs,
    ProcessingPipelineArgs,
    EksArgoDeployArgs,
)


@cache
def keys() -> dict[str, tuple[type[Arguments], str]]:
    """Return where each key is declared, as the first class of args that has it and the argument's name."""
    found: dict[str, tuple[type[Arguments], str]] = {}
    for shape in SHAPES:
        for name, key in keys_of(shape).items():
            found.setdefault(key, (shape, name))
    return found


_UPLOAD_RULES = ("allowed_content_types", "allow_forms", "allowed_origins", "max_upload_bytes")


@dataclass(frozen=True)
class Section(Generic[A]):
    """The settings of one component."""

    shape: type[A]
    values: Mapping[str, Any]

    def args(self, **connected: Any) -> A:
        """Return the component's args: the settings, and the arguments that the program connects.

        Warnings name them by their keys.
        """
        return self.shape(**connected, **self.values).named(_spelled(pulumi.get_project(), self.shape))

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True)
class Settings:
    """One section for each component.

    A key may be secret where its argument takes an Output; its value then is a secret Output.
    """

    region: str
    user_pool_client_id: pulumi.Input[str] | None
    status_tracker: Section[StatusTrackerArgs]
    upload_api: Section[UploadApiArgs]
    processing_pipeline: Section[ProcessingPipelineArgs]
    eks_argo_deploy: Section[EksArgoDeployArgs]
    """Used with the compute eks."""
    eks_git_repository_url: pulumi.Input[str] | None
    aws: Mapping[str, Any]
    """The AWS provider's arguments, from the stack's other `aws:` keys."""

    @property
    def upload_rules(self) -> dict[str, Any]:
        """The settings that decide which uploads the stack accepts, by key, for the stack's outputs."""
        rules = {keys_of(UploadApiArgs)[name]: self.upload_api[name] for name in _UPLOAD_RULES}
        return {**rules, "malwareScan": self.processing_pipeline["malware_scan"]}

    @property
    def assumed_role_arn(self) -> pulumi.Input[str] | None:
        """The role that the AWS provider assumes at last, if it assumes one."""
        roles = self.aws.get("assume_roles")
        if isinstance(roles, pulumi.Output):
            known = cast("pulumi.Output[list[dict[str, str]]]", roles)
            return known.apply(lambda listed: listed[-1]["roleArn"])
        return roles[-1].get("roleArn") if roles else None

    @classmethod
    def load(cls) -> Self:
        """Read the stack's config; raises RunError with a line for every key that is wrong, and its fix."""
        project = pulumi.get_project()
        given, aws_given = _given(project), _given("aws")
        errors = [
            f"{each.name} is not a key of this program; {nearest(f'{project}:', key, keys())}"
            for key, each in given.items()
            if key not in keys()
        ]
        values: dict[str, Any] = {}
        for key, (shape, name) in keys().items():
            if key not in given:
                errors.append(f"{project}:{key} has no value; set it with: pulumi config set {project}:{key} VALUE.")
                continue
            with _collected(errors):
                values[key] = given[key].checked(shape.declared[name])
        aws_region = aws_given.pop("region", None)
        region = ""
        if "region" in values:
            with _collected(errors):
                region = _region(f"{project}:region", values["region"], aws_region)
        aws: dict[str, Any] = {}
        with _collected(errors):
            secret_aws_keys = {key for key, each in aws_given.items() if each.is_secret}
            aws = provider_args({key: each.text for key, each in aws_given.items()}, secret_aws_keys)
        secret = {key for key in values if given[key].is_secret}
        errors = errors or _conflicts(project, region, values, secret)
        if errors:
            raise pulumi.RunError("The stack's config is wrong:\n  " + "\n  ".join(errors))
        # An empty value hides nothing, and components must see that it is empty to make nothing for it.
        values |= {key: pulumi.Output.secret(values[key]) for key in secret if values[key]}
        if idle := _without_effect(values):
            named = ", ".join(f"{project}:{key}" for key in idle)
            pulumi.log.warn(f"With the compute {values['compute']}, these have no effect: {named}.")
        return cls(
            region=region,
            user_pool_client_id=values["userPoolClientId"],
            status_tracker=_section(StatusTrackerArgs, values),
            upload_api=_section(UploadApiArgs, values),
            processing_pipeline=_section(ProcessingPipelineArgs, values),
            eks_argo_deploy=_section(EksArgoDeployArgs, values),
            eks_git_repository_url=values["eksGitRepositoryUrl"],
            aws=aws,
        )


def _section(shape: type[A], values: Mapping[str, Any]) -> Section[A]:
    return Section(shape, {name: values[key] for name, key in keys_of(shape).items()})


@dataclass(frozen=True)
class _Given:
    """A key that the stack sets."""

    name: str
    text: str
    is_secret: bool

    def checked(self, declared: Argument) -> Any:
        """Return the plain value; raises ArgumentError, which does not show what is secret."""
        if self.is_secret and not isinstance(declared.constraint, MaybeOutput):
            raise ArgumentError(
                f"{self.name} is secret, but this program needs the plain value to decide what to make; "
                f"set it with: pulumi config set --plaintext {self.name} VALUE."
            )
        value = decoded(self.text, is_text=config_type(declared.constraint) == "string")
        if declared.default is None and value == value_for_none(declared.constraint) and not isinstance(value, bool):
            return None
        try:
            if declared.constraint is limits.ARCHIVE:
                return _archive(self.name, self.text)
            return declared.constraint.check(self.name, value)
        except ArgumentError:
            if not self.is_secret:
                raise
        raise ArgumentError(f"{self.name} is [secret], but must be {declared.constraint.form}.")


def config_type(constraint: Constraint) -> Literal["array", "boolean", "integer", "object", "string"]:
    """Return the type that Pulumi.yaml declares for a key with this constraint."""
    match constraint.value if isinstance(constraint, MaybeOutput) else constraint:
        case Boolean():
            return "boolean"
        case Range() | Choice(values=(int(), *_)):
            return "integer"
        case ListOf() | MapsOf():
            return "array"
        case MapOf():
            return "object"
        case _:
            return "string"


def item_type(constraint: Constraint) -> Literal["object", "string"]:
    """Return the type that Pulumi.yaml declares for the items of a list."""
    kind = constraint.value if isinstance(constraint, MaybeOutput) else constraint
    return "object" if isinstance(kind, MapsOf) else "string"


def value_for_none(constraint: Constraint) -> object:
    """Return the config value that stands for None, which cannot be a key's default in Pulumi.yaml."""
    return 0 if config_type(constraint) == "integer" else ""


def _archive(name: str, path: str) -> pulumi.Archive:
    if not limits.is_there(path):
        raise ArgumentError(f"{name} is {path!r}, but there is nothing of that name in {Path.cwd()}.")
    if not Path(path).is_dir() and not is_zip_file(Path(path)):
        raise ArgumentError(f"{name} is {path!r}, but must be a folder or a zip file.")
    return pulumi.FileArchive(path)


def _given(namespace: str) -> dict[str, _Given]:
    """Return what the stack sets in a namespace, by key without the namespace."""
    prefix = f"{namespace}:"
    # The SDK has no public way to list the keys that are set. Without the list, a misspelled key would be ignored.
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


def _region(name: str, own: str | None, aws_region: _Given | None) -> str:
    """Return the provider's own key, or the program's; raises ArgumentError if there is none, or if the two differ."""
    if aws_region is None:
        if own is None:
            raise ArgumentError("aws:region is missing; set it with: pulumi config set aws:region us-east-1.")
        return own
    region: str = aws_region.checked(Argument(limits.REGION, "us-east-1"))
    if own not in (None, region):
        raise ArgumentError(f"{name} is {own!r}, but aws:region is {region!r}; remove one of them.")
    return region


def _conflicts(project: str, region: str, values: Mapping[str, Any], secret: Collection[str]) -> list[str]:
    """Return the conflicts between keys that are each valid alone."""
    errors: list[str] = []
    is_eks = values["compute"] == EKS
    for shape in SHAPES:
        if shape is EksArgoDeployArgs and not is_eks:
            continue
        section: Section[Arguments] = _section(shape, values)
        errors += shape.conflicts_among(section.values, _spelled(project, shape))
    if (key := values["kmsKeyArn"]) is not None and key.split(":")[3] != region:
        shown = "[secret]" if "kmsKeyArn" in secret else repr(key)
        errors.append(f"{project}:kmsKeyArn is {shown}, but S3 needs a key in the bucket's own region, {region}.")
    if values["userPoolArn"] is None and values["userPoolClientId"] is not None:
        errors.append(
            f"{project}:userPoolClientId is set, but there is no {project}:userPoolArn, and a pool that is made here "
            "gets its own client; leave it out, or name its pool."
        )
    if is_eks and values["eksGitRepositoryUrl"] is None:
        errors.append(
            f"{project}:eksGitRepositoryUrl is missing, but with compute eks Argo CD reads the worker's manifests from "
            f"it; set it with: pulumi config set {project}:eksGitRepositoryUrl URL."
        )
    return errors


def _without_effect(values: Mapping[str, Any]) -> list[str]:
    """Return the keys of a component that the program does not make. Each component warns of its other arguments."""
    if values["compute"] == EKS:
        return []
    _, prefixed = _PREFIXES[EksArgoDeployArgs]
    of_eks = {
        key: EksArgoDeployArgs.declared[name] for name, key in keys_of(EksArgoDeployArgs).items() if name in prefixed
    }
    of_eks["eksGitRepositoryUrl"] = StackArgs.declared["eks_git_repository_url"]
    return sorted(key for key, each in of_eks.items() if values[key] != each.default)


def _spelled(project: str, shape: type[Arguments]) -> Callable[[str], str]:
    return lambda name: f"{project}:{keys_of(shape)[name]}"
