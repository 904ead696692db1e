"""The building block that makes every Lambda function: role, log group, function, version and alias."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import ArgumentError, argument, is_empty, limits
from components.arguments.architecture import ARM64
from components.arguments.constraints import InstanceOf
from components.arguments.shared import LogArgs

RUNTIME = "python3.13"
"""The newest of Lambda's runtimes under which local mode can run the same code as well."""

ENVIRONMENT_BYTES = 4 * 1024
"""Lambda's limit for all variables of a function, as the JSON that Lambda measures: its error message shows it."""

LIVE = "live"
"""The alias that all callers invoke. It names the version that was published last."""


@dataclass(frozen=True, kw_only=True)
class VpcConnection:
    """Where a function has network interfaces in a VPC."""

    subnet_ids: pulumi.Input[Sequence[str]]
    security_group_ids: pulumi.Input[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file system that a function mounts, and the network in which both are."""

    file_system_arn: pulumi.Input[str]
    access_point_arn: pulumi.Input[str]
    """Known when there is a mount target in each subnet."""
    path: str
    """Where the function has it; begins with /mnt/."""
    vpc: VpcConnection


@dataclass(frozen=True)
class Image:
    """What a function runs instead of an archive; its entry point is Lambda's runtime interface client."""

    uri: pulumi.Input[str]
    """In ECR, by its digest."""


class LambdaFunctionArgs(LogArgs):
    """What differs between two functions."""

    handler: str = argument(limits.HANDLER)
    """`module.function` of the entry."""
    code: pulumi.Archive | Image = argument(InstanceOf(pulumi.Archive | Image, "an archive or an Image"))
    """The function's archive, see code_archive, or an image. An image has no layers."""
    statements: Sequence[iam.Statement] = argument(InstanceOf(list, "a list of statements, see iam.py"))
    """All that the function may do, in addition to writing its own log and traces."""
    environment: Mapping[str, pulumi.Input[str]] = argument(InstanceOf(Mapping, "a map of variables"))
    """Variables that the entry reads."""
    extra_environment: pulumi.Input[Mapping[str, pulumi.Input[str]]] = argument(limits.VARIABLES, default={})
    """Additional variables of a team."""
    layers: pulumi.Input[Sequence[pulumi.Input[str]]] = argument(limits.LAYER_ARNS, default=[])
    """ARNs of layer versions, at most 5."""
    timeout_seconds: int = argument(limits.FUNCTION_SECONDS)
    """Seconds for one invocation."""
    memory_mb: int = argument(limits.MEMORY_MB, default=256)
    """Memory in MB, and in proportion CPU."""
    reserved_concurrency: int | None = argument(limits.RESERVED_CONCURRENCY, default=None)
    """Executions at once that are reserved for this function, and its maximum; if omitted, the account's pool."""
    storage_mb: int = argument(limits.FUNCTION_STORAGE_MB, default=limits.INCLUDED_STORAGE_MB)
    """Ephemeral storage in MB, under /tmp."""
    architecture: str = argument(limits.ARCHITECTURE, default=ARM64.name)
    """Processor (instruction set) that the code is for."""
    mount: Mount | None = argument(InstanceOf(Mount, "a Mount"), default=None)
    """A file system; if omitted, the function has none."""
    vpc: VpcConnection | None = argument(InstanceOf(VpcConnection, "a VpcConnection"), default=None)
    """Its connection with a VPC; if omitted, it has that of its mount, or none."""


class LambdaFunction(pulumi.ComponentResource):
    """A function with a role of its own. Callers invoke its alias LIVE."""

    function_name: pulumi.Output[str]
    """Name of the function. Use it together with the alias LIVE."""
    role_name: pulumi.Output[str]
    """Name of the role, so that the owner of another resource can attach permissions to it."""
    role: aws.iam.Role
    """That role."""
    alias_arn: pulumi.Output[str]
    """ARN of the alias, for event sources."""
    invoke_arn: pulumi.Output[str]
    """ARN for API Gateway's integrations."""

    def __init__(self, name: str, args: LambdaFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = LambdaFunctionArgs.of(args)
        environment = _checked_environment(name, args.environment, args.extra_environment)
        super().__init__("portage:index:LambdaFunction", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        vpc = args.mount.vpc if args.mount else args.vpc

        # Otherwise Lambda creates the log group at the first call, without a retention time.
        log_group = aws.cloudwatch.LogGroup(f"{name}-log", retention_in_days=args.log_retention_days, opts=child)
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust("lambda.amazonaws.com"), opts=child)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-policy",
                *args.statements,
                *([iam.use_network_interfaces()] if vpc else []),
                *_to_mount(args.mount),
                iam.write_logs(log_group.arn),
                iam.send_traces(),
            ),
            opts=child,
        )
        function = aws.lambda_.Function(
            name,
            **_package(name, args),
            architectures=[args.architecture],
            role=role.arn,
            timeout=args.timeout_seconds,
            memory_size=args.memory_mb,
            ephemeral_storage={"size": args.storage_mb} if args.storage_mb > limits.INCLUDED_STORAGE_MB else None,
            reserved_concurrent_executions=args.reserved_concurrency,
            environment={"variables": environment},
            logging_config={
                "log_group": log_group.name,
                "log_format": "JSON",
                "application_log_level": args.log_level,
                # At WARN, Lambda leaves out the REPORT lines, which have duration and memory.
                "system_log_level": "INFO",
            },
            tracing_config={"mode": "Active"},
            vpc_config=vpc and {"subnet_ids": vpc.subnet_ids, "security_group_ids": vpc.security_group_ids},
            file_system_config=args.mount and {"arn": args.mount.access_point_arn, "local_mount_path": args.mount.path},
            publish=True,
            # Lambda checks some permissions when an event source is created, so the policy must exist first.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        alias = aws.lambda_.Alias(
            f"{name}-live", name=LIVE, function_name=function.name, function_version=function.version, opts=child
        )
        self.function_name = alias.function_name  # the alias's, so that a user of both names gets both
        self.role, self.role_name = role, role.name
        self.alias_arn = alias.arn
        self.invoke_arn = alias.invoke_arn
        self.register_outputs(
            {
                "function_name": self.function_name,
                "role_name": self.role_name,
                "alias_arn": self.alias_arn,
                "invoke_arn": self.invoke_arn,
            }
        )


def _to_mount(mount: Mount | None) -> list[iam.Statement]:
    if mount is None:
        return []
    return [iam.use_file_system(mount.file_system_arn, mount.access_point_arn)]


class _Package(TypedDict, total=False):
    """What a function runs, in AWS's words: a runtime with an archive and layers, or an image."""

    package_type: str
    runtime: str
    handler: str
    code: pulumi.Archive
    layers: pulumi.Output[Sequence[str]]
    image_uri: pulumi.Input[str]
    image_config: aws.lambda_.FunctionImageConfigArgsDict


def _package(name: str, args: LambdaFunctionArgs) -> _Package:
    if isinstance(args.code, Image):
        return {"package_type": "Image", "image_uri": args.code.uri, "image_config": {"commands": [args.handler]}}
    package: _Package = {"runtime": RUNTIME, "handler": args.handler, "code": args.code}
    return package if is_empty(args.layers) else {**package, "layers": _checked_layers(name, args.layers)}


def _checked_layers(name: str, arns: pulumi.Input[Sequence[pulumi.Input[str]]]) -> pulumi.Output[Sequence[str]]:
    """Return the layers. Raises ArgumentError for more than Lambda takes, as soon as they are known."""

    def checked(known: Sequence[str]) -> Sequence[str]:
        if len(known) > limits.MAX_LAYERS:
            raise ArgumentError(f"{name} has {len(known)} layers, but Lambda takes at most {limits.MAX_LAYERS}.")
        return known

    return cast("pulumi.Output[Sequence[str]]", pulumi.Output.from_input(arns)).apply(checked)


def _checked_environment(
    name: str, own: Mapping[str, pulumi.Input[str]], extra: pulumi.Input[Mapping[str, pulumi.Input[str]]]
) -> pulumi.Output[dict[str, str]]:
    """Return all variables. Raises ArgumentError for more bytes than Lambda takes: at once for the known values.

    It also raises ArgumentError for an extra variable with the name of one of the function's own.
    """
    known = {**own, **(extra if isinstance(extra, Mapping) else {})}
    _check_environment(name, {key: value for key, value in known.items() if isinstance(value, str)})

    def merged(both: list[dict[str, str]]) -> dict[str, str]:
        if taken := sorted(both[0].keys() & both[1].keys()):
            raise ArgumentError(f"{name}: the variable {taken[0]} is set already; rename it.")
        return _check_environment(name, {**both[0], **both[1]})

    return pulumi.Output.all(dict(own), extra).apply(merged)


def _check_environment(name: str, variables: dict[str, str]) -> dict[str, str]:
    measured = len(json.dumps(variables, separators=(",", ":")).encode())
    if measured > ENVIRONMENT_BYTES:
        longest = sorted(variables, key=lambda key: len(variables[key]), reverse=True)[:2]
        raise ArgumentError(
            f"{name}: the function's environment has {measured:,} bytes, but Lambda takes at most "
            f"{ENVIRONMENT_BYTES:,}. Shorten the longest variables: "
            + ", ".join(f"{key} with {len(variables[key]):,}" for key in longest)
            + "."
        )
    return variables


def joined(items: pulumi.Input[Sequence[pulumi.Input[str]]]) -> pulumi.Input[str]:
    """Write a checked list as an environment variable. A known list becomes text, so its length is checked at once."""
    if isinstance(items, pulumi.Output):
        return cast("pulumi.Output[Sequence[str]]", items).apply(",".join)
    return ",".join(cast("Sequence[str]", items))
