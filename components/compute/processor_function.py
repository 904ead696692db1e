"""The function that runs a team's processor, with what a team may choose about it."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import is_empty
from components.arguments.lambda_compute import LambdaComputeArgs
from components.compute.lambda_function import RUNTIME, Image, LambdaFunction, LambdaFunctionArgs, Mount, VpcConnection
from components.compute.libraries import layers as library_layers
from components.compute.protocol import Jobs
from components.network.vpc import Network

_Layers = pulumi.Input[list[pulumi.Input[str]]]


def processor_function(
    pipeline: str,
    name: str,
    args: LambdaComputeArgs,
    jobs: Jobs,
    opts: pulumi.ResourceOptions,
    *,
    handler: str,
    statements: Sequence[iam.Statement],
    environment: Mapping[str, pulumi.Input[str]],
    mount: Mount | None = None,
) -> LambdaFunction:
    """Create the function `name` of a pipeline. With a mount, it is in the network of the mount."""
    code, layers = _code(pipeline, args, jobs, opts)
    return LambdaFunction(
        name,
        LambdaFunctionArgs(
            handler=handler,
            code=code,
            layers=layers,
            architecture=args.function_architecture,
            statements=list(statements),
            environment=environment,
            extra_environment=jobs.processor_environment,
            timeout_seconds=args.timeout_seconds,
            memory_mb=args.memory_mb,
            storage_mb=args.function_storage_mb,
            reserved_concurrency=args.reserved_concurrency,
            mount=mount,
            vpc=None if mount else _given_network(f"{pipeline}-functions-network", args, opts),
            log_level=args.log_level,
            log_retention_days=args.log_retention_days,
        ),
        opts,
    )


def _code(
    pipeline: str, args: LambdaComputeArgs, jobs: Jobs, opts: pulumi.ResourceOptions
) -> tuple[pulumi.Archive | Image, _Layers]:
    """Return what the function runs: an archive with layers, or an image."""
    if args.function_image is not None:
        return Image(args.function_image), []
    own = library_layers(pipeline, jobs.requirements, args.architecture, opts)
    if args.processor_code_bucket is not None:
        own.append(_code_layer(f"{pipeline}-processor-code", args, opts).arn)
    return jobs.code(), _all(own, args.function_layers)


def _code_layer(name: str, args: LambdaComputeArgs, opts: pulumi.ResourceOptions) -> aws.lambda_.LayerVersion:
    """Make a layer of a team's code in S3: Lambda takes a function's code from one place, and ours is an archive."""
    return aws.lambda_.LayerVersion(
        name,
        layer_name=name,
        s3_bucket=args.processor_code_bucket,
        s3_key=args.processor_code_key,
        s3_object_version=args.processor_code_version,
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[args.function_architecture],
        opts=opts,
    )


def _all(own: list[pulumi.Input[str]], given: _Layers) -> _Layers:
    if isinstance(given, list):
        return [*own, *given]
    return pulumi.Output.all(own, given).apply(lambda both: [*both[0], *both[1]])


def _given_network(name: str, args: LambdaComputeArgs, opts: pulumi.ResourceOptions) -> VpcConnection | None:
    """Return the connection with the subnets that are given, if any: a function needs no VPC without a reason."""
    if is_empty(args.subnet_ids):
        return None
    network = Network(name, args, (), opts)
    return VpcConnection(subnet_ids=network.subnet_ids, security_group_ids=network.security_group_ids)
