"""The building block that makes every Lambda function: role, log group, function, version and alias."""

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws

from components import iam, limits
from components.arguments import ARCHIVE, ArgumentError, Kind, checked

RUNTIME = "python3.13"
"""The newest of Lambda's runtimes under which local mode can run the same code as well."""

ENVIRONMENT_BYTES = 4 * 1024
"""Lambda's limit for all variables of a function, as the JSON that Lambda measures: its error message shows it."""

LIVE = "live"
"""The alias that everything invokes: a version is published, and then becomes live at once."""


class LambdaFunctionArgs(TypedDict):
    """What differs between two functions of ours."""

    handler: str
    """`module.function` of the entry."""
    code: pulumi.Archive
    """Its archive; see code_archive."""
    statements: Sequence[iam.Statement]
    """All that the function may do, besides writing its own log and traces."""
    environment: Mapping[str, pulumi.Input[str]]
    """Variables that the entry reads into its own dataclass."""
    timeout_seconds: int
    memory_mb: NotRequired[int]
    """Memory, and in proportion CPU: 128 to 10,240 MB, 256 if left out."""
    reserved_concurrency: NotRequired[int | None]
    """Executions at once that are kept for this function, and its limit; the account's pool if left out."""
    log_level: NotRequired[str]
    """DEBUG, INFO, WARN, ERROR or FATAL; INFO if left out."""
    log_retention_days: NotRequired[int]
    """Days for which its log is kept, as CloudWatch Logs allows them; 30 if left out."""


class LambdaFunction(pulumi.ComponentResource):
    """A function with a role of its own, that is invoked by its alias alone."""

    function_name: pulumi.Output[str]
    """To be named together with the alias."""
    role_name: pulumi.Output[str]
    """For what an owner of another resource allows the function besides."""
    alias_arn: pulumi.Output[str]
    """What event sources invoke."""
    invoke_arn: pulumi.Output[str]
    """What API Gateway invokes."""

    def __init__(self, name: str, args: LambdaFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = checked(
            LambdaFunctionArgs,
            args,
            {
                "handler": (limits.PROCESSOR, None),
                "code": (ARCHIVE, None),
                "statements": (Kind(list, "a list of statements, see iam.py"), None),
                "environment": (Kind(Mapping, "a map of variables"), None),
                "timeout_seconds": (limits.FUNCTION_SECONDS, None),
                "memory_mb": (limits.MEMORY_MB, 256),
                "reserved_concurrency": (limits.CONCURRENCY, None),
                "log_level": (limits.LOG_LEVEL, "INFO"),
                "log_retention_days": (limits.LOG_RETENTION_DAYS, 30),
            },
        )
        environment = _checked_environment(name, args["environment"])
        super().__init__("portage:index:LambdaFunction", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)

        # Made here, not by Lambda at the first call: Lambda's would keep the log for ever.
        log_group = aws.cloudwatch.LogGroup(f"{name}-log", retention_in_days=given["log_retention_days"], opts=child)
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust("lambda.amazonaws.com"), opts=child)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-policy", *args["statements"], iam.write_logs(log_group.arn), iam.send_traces()
            ),
            opts=child,
        )
        function = aws.lambda_.Function(
            name,
            runtime=RUNTIME,
            architectures=["arm64"],
            handler=args["handler"],
            code=args["code"],
            role=role.arn,
            timeout=given["timeout_seconds"],
            memory_size=given["memory_mb"],
            reserved_concurrent_executions=given["reserved_concurrency"],
            environment={"variables": environment},
            logging_config={
                "log_group": log_group.name,
                "log_format": "JSON",
                "application_log_level": given["log_level"],
                # At WARN, Lambda leaves out the REPORT lines, which have duration and memory.
                "system_log_level": "INFO",
            },
            tracing_config={"mode": "Active"},
            publish=True,
            # Lambda checks some permissions (an event source's, for one) when they are first used, not later.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        alias = aws.lambda_.Alias(
            f"{name}-live", name=LIVE, function_name=function.name, function_version=function.version, opts=child
        )
        self.function_name = alias.function_name  # the alias's, so that whoever names both finds both
        self.role_name = role.name
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


def _checked_environment(name: str, variables: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[dict[str, str]]:
    """Return the variables; raises ArgumentError for more than Lambda takes, at once where the known ones are."""
    _check_environment(name, {key: value for key, value in variables.items() if isinstance(value, str)})
    return pulumi.Output.all(**variables).apply(lambda known: _check_environment(name, known))


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
    """Return a checked list as the environment holds it: text where it is known, so that its length is checked now."""
    if isinstance(items, pulumi.Output):
        return cast("pulumi.Output[Sequence[str]]", items).apply(",".join)
    return ",".join(cast("Sequence[str]", items))
