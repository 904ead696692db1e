"""Every component with the least that it must be given, and all that it may be given: good, other and bad."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import pulumi

from components import iam
from components.api.rest_api import RestApi
from components.api.session_key import SessionKey
from components.api.user_pool import UserPool
from components.arguments.declaration import Arguments
from components.arguments.eks_argo_deploy import EksArgoDeployArgs
from components.arguments.processing_pipeline import ProcessingPipelineArgs
from components.arguments.shared import LogArgs
from components.arguments.status_tracker import StatusTrackerArgs
from components.arguments.upload_api import UploadApiArgs
from components.compute.code_archive import HANDLERS
from components.compute.lambda_function import LambdaFunction, LambdaFunctionArgs, Mount, VpcConnection
from components.eks_argo_deploy import EksArgoDeploy
from components.messaging.arrivals import Arrivals, ArrivalsArgs
from components.messaging.event_targets import EventTargets, EventTargetsArgs
from components.messaging.malware_gate import MalwareGate
from components.messaging.object_queue import ObjectQueue, ObjectQueueArgs
from components.operations.alarms import Alarms, AlarmsArgs
from components.operations.reconciler import Reconciler, ReconcilerArgs
from components.processing_pipeline import ProcessingPipeline
from components.status_tracker import StatusTracker
from components.storage.ingest_bucket import IngestBucket
from components.storage.private_bucket import PrivateBucket, PrivateBucketArgs
from components.upload_api import UploadApi

NAME = "example"
KMS_KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/0f5e2f0c-5f0b-4a3e-9d1c-2b7c1a9e8d47"
USER_POOL_ARN = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEf123"
TABLE = {"table_name": "the-table", "table_arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/the-table"}
SESSION_KEY_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:the-key-AbCdEf"
BUCKET = {"bucket_name": "the-bucket", "bucket_arn": "arn:aws:s3:::the-bucket"}
TEAM_CODE = pulumi.AssetArchive({"team.py": pulumi.StringAsset("def process(job): return {}")})
OTHER_TEAM_CODE = pulumi.AssetArchive({"team.py": pulumi.StringAsset("def process(job): return {'by': 'another'}")})

REQUIREMENTS = str(HANDLERS / "processors" / "requirements" / "thumbnail.txt")

IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/worker@sha256:{'0a' * 32}"
ECS_CLUSTER_ARN = "arn:aws:ecs:eu-central-1:123456789012:cluster/shared"
FARGATE = {"compute": "fargate", "worker_image": IMAGE}
EKS = {"compute": "eks", "image_repository": True}
SUBNET_IDS = ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"]
MOUNT = Mount(
    file_system_arn="arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-0a1b2c3d4e5f60718",
    access_point_arn="arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0a1b2c3d4e5f60718",
    path="/mnt/jobs",
    vpc=VpcConnection(subnet_ids=SUBNET_IDS, security_group_ids=["sg-0a1b2c3d4e5f60718"]),
)
LAYER_ARN = "arn:aws:lambda:eu-central-1:123456789012:layer:the-layer:1"

CODE_IN_S3 = {
    "processor": "team.process",
    "processor_code_bucket": "the-builds",
    "processor_code_key": "build.zip",
}

LEAVE_OUT_CODE_IN_S3 = ("processor_code_bucket", "processor_code_key", "processor_code_version")
LEAVE_OUT_THE_NETWORK = ("subnet_ids", "security_group_ids", "network_endpoints")

STEPS = ["handlers.processors.inspect.process", "handlers.processors.csv_summary.process"]
MAP = {"compute": "step-functions", "step_functions_map_processor": "handlers.processors.csv_summary.process"}
BOUNDARY_ARN = "arn:aws:iam::123456789012:policy/the-boundary"
TAGS = {"cost-centre": "4711"}
CIDRS = ["203.0.113.0/24", "2001:db8::/32"]
QUEUE_ARN = "arn:aws:sqs:eu-central-1:123456789012:audit"
TOPIC_ARN = "arn:aws:sns:eu-central-1:123456789012:the-topic"
VPC_IDS = ["vpc-0a1b2c3d4e5f60718"]


def write_once(bucket_arn: pulumi.Output[str]) -> list[iam.Statement]:
    return [iam.refuse_overwrites(bucket_arn, allow_forms=True)]


@dataclass(frozen=True, eq=False)
class Example:
    """One component; `make` it with what it requires, and some args more."""

    component: Any
    shape: Any
    required: Mapping[str, Any]
    other: Mapping[str, Any]
    """For every argument, a value that differs from its default, or from the required one."""
    beside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """For an argument that makes sense only with others: these others, and a value to change from."""
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Lowest and highest value, as its docstring says."""
    bad: Mapping[str, tuple[Any, str]] = field(default_factory=dict[str, tuple[Any, str]])
    """For every other argument, a value that its constraint refuses, and what the error demands instead."""
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the component's parent gives it beside the args."""
    chosen_by: str = ""
    """The argument that chooses between kinds of children, if there is one."""
    choices: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict[str, Sequence[Mapping[str, Any]]])
    """For each of its values: the least arguments with it, and others that only make sense with it."""

    @property
    def title(self) -> str:
        return self.component.__name__

    @property
    def arguments(self) -> list[str]:
        return [each.name for each in fields(self.shape)] if is_dataclass(self.shape) else list(self.shape.declared)

    def create(self, name: str, args: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> Any:
        more = {key: args.get(key, value) for key, value in self.more.items()}
        given = {key: value for key, value in args.items() if key in self.arguments or key not in more}
        return self.component(name, self.shape(**given), **more, opts=opts)

    def make(self, name: str = NAME, /, **args: Any) -> Any:
        return self.create(name, {**self.required, **args})

    def everything(self, name: str = NAME) -> dict[str, Any]:
        """Every argument, except those that would leave resources out."""
        left_out = {"user_pool_arn", "manage_account_logging", "cluster_name", *LEAVE_OUT_THE_NETWORK}
        left_out |= {*LEAVE_OUT_CODE_IN_S3}
        if "processor" in self.other:
            left_out |= {"trigger", "results_bucket_arn", "quarantine_bucket_arn"}
        args = {key: value for key, value in self.other.items() if key not in left_out}
        if "bucket_name" in args:
            args["bucket_name"] = f"bucket-of-{name}"  # a bucket has one pipeline
        if "processor" in args:
            args["processor"] = "team.process"
        return {**self.required, **args}


_OTHER: Mapping[str, Any] = {
    "table_name": "another-table",
    "table_arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/another-table",
    "trigger": "s3-notifications",
    "allowed_origins": ["https://app.example.com"],
    "allowed_content_types": ["application/pdf", "image/*"],
    "noncurrent_version_days": 9,
    "log_level": "DEBUG",
    "log_retention_days": 14,
    "subnet_ids": SUBNET_IDS,
    "security_group_ids": ["sg-0a1b2c3d4e5f60718"],
    "network_cidr": "10.1.0.0/16",
    "network_flow_log_days": 7,
    "kms_key_arn": KMS_KEY_ARN,
    "deletion_protection": False,
    "tags": TAGS,
    "permissions_boundary_arn": BOUNDARY_ARN,
}
"""For every argument that several components have, a value that differs from its default."""

_BAD: Mapping[str, tuple[Any, str]] = {
    "table_name": ("my table", "the name of a DynamoDB table"),
    "table_arn": (TABLE["table_name"], "the ARN of a DynamoDB table"),
    "trigger": ("sns", "one of eventbridge, s3-notifications"),
    "allowed_origins": (["null"], "an origin"),
    "allowed_content_types": (["image"], "a media type"),
    "log_level": ("info", "one of DEBUG, INFO"),
    "log_retention_days": (2, "one of 1, 3, 5"),
    "subnet_ids": (["subnet"], "the id of a subnet"),
    "security_group_ids": (["group"], "the id of a security group"),
    "network_cidr": ("10.0.0.0/8", "an IPv4 network"),
    "network_flow_log_days": (2, "one of 1, 3, 5"),
    "kms_key_arn": ("alias/mine", "the ARN of a KMS key"),
    "deletion_protection": ("true", "true or false"),
    "tags": ("team=scans", "a map"),
    "permissions_boundary_arn": ("the-boundary", "the ARN of an IAM policy"),
}
"""For every such argument without a range, a value that its constraint refuses, and what the error demands instead."""


def _shared(values: Mapping[str, Any], shape: type[Arguments]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in shape.declared}


STATUS_TRACKER = Example(
    StatusTracker,
    StatusTrackerArgs,
    required={},
    other=_shared(_OTHER, StatusTrackerArgs) | {"recovery_days": 7},
    ranges={"recovery_days": (1, 35)},
    bad=_shared(_BAD, StatusTrackerArgs),
)
UPLOAD_API = Example(
    UploadApi,
    UploadApiArgs,
    required=TABLE,
    other=_shared(_OTHER, UploadApiArgs)
    | {
        "user_pool_arn": USER_POOL_ARN,
        "allow_sign_up": True,
        "allowed_source_cidrs": CIDRS,
        "allowed_source_vpc_ids": VPC_IDS,
        "max_upload_bytes": 1_000_000,
        "max_open_uploads": 7,
        "allow_forms": False,
        "bucket_notifications": [{"target": QUEUE_ARN, "prefix": "reports/", "suffix": ".csv"}],
        "multipart_threshold_bytes": 500_000,
        "url_expires_in_seconds": 60,
        "session_expires_in_seconds": 7_200,
        "session_key_rotation_days": 9,
        "record_retention_days": 7,
        "object_expiration_days": 8,
        "throttle_rate": 5,
        "throttle_burst": 6,
        "manage_account_logging": False,
    },
    ranges={
        "max_upload_bytes": (1, 10_000 * 5 * 1024**3),
        "max_open_uploads": (1, 5_000),
        "multipart_threshold_bytes": (1, 5 * 1024**3),
        "url_expires_in_seconds": (1, 3_600),
        "session_expires_in_seconds": (3_600, 604_800),
        "session_key_rotation_days": (8, 1_000),
        "record_retention_days": (1, 3_650),
        "object_expiration_days": (1, 3_650),
        "noncurrent_version_days": (1, 3_650),
        "throttle_rate": (1, 10_000),
        "throttle_burst": (1, 5_000),
    },
    bad=_shared(_BAD, UploadApiArgs)
    | {
        "user_pool_arn": ("eu-central-1_AbCdEf123", "the ARN of a Cognito user pool"),
        "allowed_source_cidrs": (["anywhere"], "a network"),
        "allowed_source_vpc_ids": (["vpc"], "the id of a VPC"),
        "allow_forms": ("true", "true or false"),
        "bucket_notifications": ([{"target": "audit"}], "the ARN of a standard queue or topic"),
        "allow_sign_up": ("true", "true or false"),
        "manage_account_logging": ("true", "true or false"),
    },
)
PROCESSING_PIPELINE = Example(
    ProcessingPipeline,
    ProcessingPipelineArgs,
    chosen_by="compute",
    choices={
        "lambda": [{}],
        "step-functions": [{"compute": "step-functions"}, {"compute": "step-functions", "workspace": "efs"}, MAP],
        "fargate": [FARGATE],
        "eks": [EKS],
    },
    required={**BUCKET, **TABLE},
    other=_shared(_OTHER, ProcessingPipelineArgs)
    | {
        "bucket_name": "another-bucket",
        "bucket_arn": "arn:aws:s3:::another-bucket",
        "compute": "fargate",
        "image_repository": True,
        "worker_image": IMAGE,
        "fargate_cluster_arn": ECS_CLUSTER_ARN,
        "fargate_cpu": 2_048,
        "fargate_memory_mb": 8_192,
        "fargate_storage_gib": 40,
        "fargate_min_tasks": 0,
        "fargate_max_tasks": 3,
        "fargate_backlog_per_task": 5,
        "fargate_weight": 2,
        "fargate_spot_weight": 3,
        "eks_jobs_at_once": 7,
        "function_storage_mb": 1_024,
        "function_architecture": "x86_64",
        "function_layers": [LAYER_ARN],
        "function_image": IMAGE,
        "processor_code_bucket": "the-builds",
        "processor_code_key": "build.zip",
        "processor_code_version": "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        "network_egress": "nat-per-zone",
        "network_endpoints": ["bedrock-runtime"],
        "step_functions_processors": STEPS,
        "step_functions_parallel": True,
        "step_functions_map_processor": "handlers.processors.inspect.process",
        "step_functions_map_batch_records": 10,
        "step_functions_map_concurrency": 7,
        "step_functions_map_csv_delimiter": "semicolon",
        "step_functions_map_tolerated_failure_percentage": 5,
        "workspace": "efs",
        "processor": "handlers.processors.load_processor",
        "processors": [{"processor": "handlers.processors.csv_summary.process", "file_names": ["*.csv"]}],
        "processor_code": TEAM_CODE,
        "processor_distributions": ["packaging"],
        "processor_requirements": REQUIREMENTS,
        "processor_environment": {"MODEL": "a-model"},
        "processor_statements": [{"actions": ["secretsmanager:GetSecretValue"], "resources": [SESSION_KEY_ARN]}],
        "result_reader_role_name": "the-reader",
        "results_bucket_arn": "arn:aws:s3:::the-results",
        "quarantine_bucket_arn": "arn:aws:s3:::the-quarantine",
        "rejected_objects": "delete",
        "quarantine_expiration_days": 7,
        "malware_scan": True,
        "unscannable_objects": "process",
        "timeout_seconds": 60,
        "memory_mb": 1_024,
        "max_concurrency": 4,
        "reserved_concurrency": 5,
        "max_attempts": 4,
        "result_expiration_days": 8,
        "reconcile_minutes": 30,
        "alarm_topic_arn": TOPIC_ARN,
        "event_targets": [QUEUE_ARN],
        "archive_days": 7,
        "notification_topic_arn": TOPIC_ARN,
    },
    beside={
        "trigger": {"notification_topic_arn": TOPIC_ARN},
        "notification_topic_arn": {"trigger": "s3-notifications", "notification_topic_arn": f"{TOPIC_ARN}-before"},
        # apart from allowed_origins, which are for the bucket that is made
        "results_bucket_arn": {"results_bucket_arn": "arn:aws:s3:::the-results-before"},
        "compute": {"worker_image": IMAGE},
        "worker_image": {**FARGATE, "worker_image": IMAGE.replace("0a", "1b")},
        **dict.fromkeys(
            (
                *(
                    "fargate_cluster_arn",
                    "fargate_cpu",
                    "fargate_memory_mb",
                    "fargate_storage_gib",
                    "fargate_min_tasks",
                    "fargate_max_tasks",
                ),
                *("fargate_backlog_per_task", "fargate_weight", "fargate_spot_weight", "subnet_ids", "network_cidr"),
                *("network_egress", "network_endpoints", "network_flow_log_days"),
            ),
            FARGATE,
        ),
        "eks_jobs_at_once": EKS,
        "timeout_seconds": FARGATE,
        "security_group_ids": {**FARGATE, "subnet_ids": SUBNET_IDS},
        # apart from function_layers, which an image does not have
        "function_image": {"function_image": IMAGE.replace("0a", "1b")},
        "processor_code_bucket": {**CODE_IN_S3, "processor_code_bucket": "another"},
        "processor_code_key": {**CODE_IN_S3, "processor_code_key": "another.zip"},
        "processor_code_version": CODE_IN_S3,
        "fargate_min_tasks": {**FARGATE, "fargate_max_tasks": 1_000},
        "fargate_weight": {**FARGATE, "fargate_spot_weight": 1},
        "step_functions_processors": {"compute": "step-functions"},
        "step_functions_parallel": {"compute": "step-functions", "step_functions_processors": STEPS},
        "step_functions_map_processor": {"compute": "step-functions"},
        **dict.fromkeys(
            (
                "step_functions_map_batch_records",
                "step_functions_map_concurrency",
                "step_functions_map_csv_delimiter",
                "step_functions_map_tolerated_failure_percentage",
            ),
            MAP,
        ),
        "workspace": {"compute": "step-functions"},
    }
    | {
        argument: {"processor": "team.process", "processor_code": OTHER_TEAM_CODE}
        for argument in (
            "processor_code",
            "processor_distributions",
            "processor_requirements",
            "processor_environment",
            "processor_statements",
        )
    },
    ranges={
        "fargate_storage_gib": (20, 200),
        "fargate_min_tasks": (0, 1_000),
        "fargate_max_tasks": (1, 1_000),
        "fargate_backlog_per_task": (1, 100_000),
        "fargate_weight": (0, 1_000),
        "fargate_spot_weight": (0, 1_000),
        "step_functions_map_batch_records": (1, 100_000),
        "step_functions_map_concurrency": (1, 10_000),
        "step_functions_map_tolerated_failure_percentage": (0, 100),
        "eks_jobs_at_once": (1, 100_000),
        "timeout_seconds": (10, 42_000),
        "function_storage_mb": (512, 10_240),
        "memory_mb": (128, 10_240),
        "max_concurrency": (2, 1_000),
        "reserved_concurrency": (2, 900),
        "max_attempts": (1, 1_000),
        "quarantine_expiration_days": (1, 3_650),
        "result_expiration_days": (1, 3_650),
        "noncurrent_version_days": (1, 3_650),
        "reconcile_minutes": (5, 1_440),
        "archive_days": (1, 3_650),
    },
    bad=_shared(_BAD, ProcessingPipelineArgs)
    | {
        "results_bucket_arn": ("the-results", "the ARN of an S3 bucket"),
        "quarantine_bucket_arn": ("the-quarantine", "the ARN of an S3 bucket"),
        "step_functions_processors": (["process"], "of the form module.function"),
        "step_functions_parallel": ("true", "true or false"),
        "step_functions_map_processor": ("process", "of the form module.function"),
        "step_functions_map_csv_delimiter": (";", "one of comma, pipe"),
        "workspace": ("ebs", "one of ephemeral, efs "),
        "rejected_objects": ("keep", "one of quarantine, delete "),
        "unscannable_objects": ("quarantine", "one of reject, process "),
        "bucket_name": ("The-Bucket", "the name of an S3 bucket"),
        "bucket_arn": ("the-bucket", "the ARN of an S3 bucket"),
        "result_reader_role_name": ("the reader", "the name of an IAM role"),
        "compute": ("ec2", "one of lambda, step-functions, fargate, eks "),
        "image_repository": ("true", "true or false"),
        "worker_image": ("an-image:latest", "an image in ECR by its digest"),
        "fargate_cluster_arn": ("shared", "the ARN of an ECS cluster"),
        "function_architecture": ("arm", "one of arm64, x86_64 "),
        "function_layers": (["the-layer"], "the ARN of a layer version"),
        "function_image": ("an-image:latest", "an image in ECR by its digest"),
        "processor_code_bucket": ("The-Builds", "the name of an S3 bucket"),
        "processor_code_key": ("", "the key of an object"),
        "processor_code_version": ("a version", "the version id of an object"),
        "fargate_cpu": (1_000, "one of 256, 512"),
        "fargate_memory_mb": (1_000, "one of 512, 1024"),
        "network_egress": ("internet", "one of endpoints, nat"),
        "network_endpoints": (["Bedrock"], "the NAME of an AWS service"),
        "processor": ("process", "of the form module.function"),
        "processors": ("*.csv", "a list, each item with processor"),
        "processor_code": ("folder", "an archive"),
        "processor_distributions": (["-x"], "the name of an installed Python distribution"),
        "processor_requirements": ("no-such-file.txt", "the path of a file"),
        "processor_environment": ("MODEL=a-model", "a map"),
        "processor_statements": ("*", "a list, each item with actions"),
        "notification_topic_arn": ("the-topic", "the ARN of a standard SNS topic"),
        "event_targets": (["audit"], "the ARN of a standard queue"),
        "alarm_topic_arn": ("the-topic", "the ARN of a standard SNS topic"),
        "malware_scan": ("true", "true or false"),
    },
)
_ROLE_ARN = "arn:aws:iam::123456789012:role/ci/the-deployer"
_OF_NODES = {"mode": "managed-nodes"}
_SIGN_IN = {"argo_oidc_issuer": "https://id.example.com", "argo_oidc_client_id": "argo"}
_IDENTITY_CENTER_ARN = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
EKS_ARGO_DEPLOY = Example(
    EksArgoDeploy,
    EksArgoDeployArgs,
    chosen_by="mode",
    choices={"auto": [{}], "managed-nodes": [_OF_NODES], "fargate": [{"mode": "fargate"}]},
    required={
        "git_repository_url": "https://github.com/example/portage.git",
        "worker_policy": '{"Version":"2012-10-17","Statement":[]}',
        "worker_environment": {"UPLOADS_TABLE": "the-table"},
        "image_repository_url": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/worker",
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/the-queue",
        "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:the-queue",
    },
    other=_shared(_OTHER, EksArgoDeployArgs)
    | {
        "git_repository_url": "https://git.example.com/another.git",
        "git_path": "gitops/overlays/prod",
        "git_revision": "v1",
        "worker_policy": '{"Version":"2012-10-17","Statement":[{}]}',
        "worker_environment": {"UPLOADS_TABLE": "another-table"},
        "image_repository_url": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/another",
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/another-queue",
        "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:another-queue",
        "cluster_name": "the-cluster",
        "aws_profile": "video",
        "deployer_role_arn": _ROLE_ARN,
        "mode": "managed-nodes",
        "kubernetes_version": "1.35",
        "public_access_cidrs": ["203.0.113.0/24"],
        "admin_role_arns": [_ROLE_ARN],
        "node_instance_types": ["m8g.xlarge"],
        "on_demand_nodes": 3,
        "spot_nodes": 4,
        "node_disk_gib": 100,
        "storage_drivers": ["efs"],
        "addon_versions": {"coredns": "v9.9.9-eksbuild.9", "kube-proxy": "v9.9.9-eksbuild.9"},
        "nat_per_zone": True,
        "argo": "capability",
        "argo_high_availability": True,
        "argo_identity_center_arn": _IDENTITY_CENTER_ARN,
        **_SIGN_IN,
        "argo_admin_groups": ["admins"],
        "github_repository": "example/portage",
        "github_environment": "dev",
        "github_oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
    },
    beside={
        "security_group_ids": {"subnet_ids": SUBNET_IDS},
        "cluster_name": {"cluster_name": "another-cluster"},
        "addon_versions": _OF_NODES,
        "node_instance_types": _OF_NODES,
        "on_demand_nodes": {**_OF_NODES, "spot_nodes": 1},
        "spot_nodes": _OF_NODES,
        "node_disk_gib": _OF_NODES,
        "argo": {"argo_identity_center_arn": _IDENTITY_CENTER_ARN},
        "argo_identity_center_arn": {
            "argo": "capability",
            "argo_identity_center_arn": _IDENTITY_CENTER_ARN.replace("abcdef", "000000"),
        },
        "argo_oidc_issuer": {**_SIGN_IN, "argo_oidc_issuer": "https://id.example.org"},
        "argo_oidc_client_id": {**_SIGN_IN, "argo_oidc_client_id": "another"},
        "argo_admin_groups": _SIGN_IN,
        "github_repository": {"github_environment": "dev"},
        "github_environment": {"github_repository": "example/portage", "github_environment": "staging"},
        "github_oidc_provider_arn": {"github_repository": "example/portage", "github_environment": "dev"},
    },
    ranges={
        "on_demand_nodes": (0, 450),
        "spot_nodes": (0, 450),
        "node_disk_gib": (20, 16_384),
    },
    bad=_shared(_BAD, EksArgoDeployArgs)
    | {
        "git_repository_url": ("git@github.com:example/portage.git", "the https URL"),
        "git_path": ("/gitops", "a folder in the repository"),
        "git_revision": ("-main", "a branch, a tag or a commit"),
        "worker_policy": ("s3:*", "an IAM policy document"),
        "worker_environment": ("TABLE=the-table", "a map"),
        "image_repository_url": ("docker.io/worker", "a repository in ECR"),
        "queue_url": ("the-queue", "the URL of a standard queue"),
        "queue_arn": ("the-queue", "the ARN of a standard queue"),
        "cluster_name": ("the cluster", "the name of an EKS cluster"),
        "aws_profile": ("--endpoint-url", "the name of a profile"),
        "deployer_role_arn": ("deployer", "the ARN of an IAM role"),
        "mode": ("spot", "one of auto, managed-nodes, fargate "),
        "kubernetes_version": ("1.9", "a version of Kubernetes"),
        "public_access_cidrs": (["anywhere"], "a network"),
        "admin_role_arns": (["the-role"], "the ARN of an IAM role"),
        "node_instance_types": (["large"], "an EC2 instance type"),
        "storage_drivers": (["nfs"], "ebs or efs"),
        "addon_versions": ({"coredns": "latest"}, "a version such as"),
        "nat_per_zone": ("true", "true or false"),
        "argo": ("given", "one of helm, capability "),
        "argo_high_availability": ("true", "true or false"),
        "argo_identity_center_arn": ("ssoins-0", "the ARN of an IAM Identity Center instance"),
        "argo_oidc_issuer": ("http://id.example.com", "the https URL"),
        "argo_oidc_client_id": ("a client", "the id of a client"),
        "argo_admin_groups": (["the admins"], "the id of a group"),
        "github_repository": ("portage", "a repository on GitHub as OWNER/NAME"),
        "github_environment": ("dev/eu", "the name of an environment"),
        "github_oidc_provider_arn": ("github", "the ARN of an IAM OIDC provider"),
    },
)
OBJECT_QUEUE = Example(
    ObjectQueue,
    ObjectQueueArgs,
    required={
        "event_pattern": {"source": ["aws.s3"]},
        "visibility_timeout_seconds": 1_800,
        "max_attempts": 3,
        "log": LogArgs(),
    },
    other={
        "event_pattern": {"source": ["aws.guardduty"]},
        "visibility_timeout_seconds": 60,
        "max_attempts": 4,
        "log": LogArgs(log_level="DEBUG", log_retention_days=14),
        "archive_days": 7,
    },
)
EVENT_TARGETS = Example(
    EventTargets,
    EventTargetsArgs,
    required={
        "rule_name": "the-rule",
        "rule_arn": "arn:aws:events:eu-central-1:123456789012:rule/the-rule",
        "target_arns": [QUEUE_ARN],
    },
    other={
        "rule_name": "another-rule",
        "rule_arn": "arn:aws:events:eu-central-1:123456789012:rule/another-rule",
        "target_arns": [TOPIC_ARN],
    },
)
ARRIVALS = Example(
    Arrivals,
    ArrivalsArgs,
    required={
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/the-queue",
        "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:the-queue",
        "dead_letter_queue_arn": "arn:aws:sqs:eu-central-1:123456789012:the-dead-letters",
        "log": LogArgs(),
    },
    other={
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/another-queue",
        "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:another-queue",
        "dead_letter_queue_arn": "arn:aws:sqs:eu-central-1:123456789012:other-dead-letters",
        "log": LogArgs(log_level="DEBUG", log_retention_days=14),
    },
)
MALWARE_GATE = Example(
    MalwareGate,
    ProcessingPipelineArgs,
    required={**BUCKET, **TABLE},
    other={"bucket_arn": "arn:aws:s3:::another-bucket", "kms_key_arn": KMS_KEY_ARN},
    more={"bucket_name": BUCKET["bucket_name"]},
)
_REQUIRED: dict[str, Any] = {**BUCKET, **TABLE}
_QUEUE = {
    "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/the-queue",
    "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:the-queue",
}
RECONCILER = Example(
    Reconciler,
    ReconcilerArgs,
    required={
        "pipeline": ProcessingPipelineArgs(**_REQUIRED),
        **_QUEUE,
        "visibility_timeout_seconds": 900,
    },
    other={
        "pipeline": ProcessingPipelineArgs(**_REQUIRED, malware_scan=True, reconcile_minutes=30),
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/another-queue",
        "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:another-queue",
        "visibility_timeout_seconds": 60,
    },
)
ALARMS = Example(
    Alarms,
    AlarmsArgs,
    required={
        "topic_arn": None,
        "queue_arn": _QUEUE["queue_arn"],
        "oldest_message_seconds": 600,
        "dead_letter_queue_arns": {"dead-letters": "arn:aws:sqs:eu-central-1:123456789012:the-dead-letters"},
        "reconciler_name": "the-reconciler",
        "reconcile_minutes": 15,
    },
    other={
        "topic_arn": TOPIC_ARN,
        "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:another-queue",
        "oldest_message_seconds": 60,
        "dead_letter_queue_arns": {},
        "reconciler_name": "another-reconciler",
        "reconcile_minutes": 5,
    },
)
LAMBDA_FUNCTION = Example(
    LambdaFunction,
    LambdaFunctionArgs,
    required={
        "handler": "module.function",
        "code": pulumi.AssetArchive({"module.py": pulumi.StringAsset("")}),
        "statements": [iam.allow(["s3:GetObject"], "arn:aws:s3:::the-bucket/*")],
        "environment": {"COLOUR": "blue"},
        "timeout_seconds": 10,
    },
    other=_shared(_OTHER, LambdaFunctionArgs)
    | {
        "handler": "another.function",
        "code": pulumi.AssetArchive({"another.py": pulumi.StringAsset("")}),
        "statements": [],
        "environment": {"COLOUR": "green"},
        "extra_environment": {"SHAPE": "round"},
        "layers": [LAYER_ARN],
        "timeout_seconds": 11,
        "memory_mb": 512,
        "reserved_concurrency": 5,
        "storage_mb": 1_024,
        "architecture": "x86_64",
        "mount": MOUNT,
        "vpc": VpcConnection(subnet_ids=SUBNET_IDS, security_group_ids=["sg-1a1b2c3d4e5f60718"]),
    },
    ranges={
        "timeout_seconds": (1, 900),
        "memory_mb": (128, 10_240),
        "storage_mb": (512, 10_240),
        "reserved_concurrency": (2, 900),
    },
    bad=_shared(_BAD, LambdaFunctionArgs)
    | {
        "handler": ("function", "of the form module.function"),
        "code": ("folder", "an archive"),
        "statements": ("s3:GetObject", "a list of statements"),
        "environment": ("COLOUR=blue", "a map of variables"),
        "extra_environment": ("COLOUR=blue", "a map"),
        "layers": (["the-layer"], "the ARN of a layer version"),
        "architecture": ("arm", "one of arm64, x86_64 "),
        "mount": ("/mnt/jobs", "a Mount"),
        "vpc": ("subnet-1", "a VpcConnection"),
    },
)
PRIVATE_BUCKET = Example(
    PrivateBucket,
    PrivateBucketArgs,
    required={
        "deletion_protection": True,
        "kms_key_arn": None,
        "noncurrent_version_days": 30,
        "expiration_days": None,
    },
    other={
        "deletion_protection": False,
        "kms_key_arn": KMS_KEY_ARN,
        "noncurrent_version_days": 9,
        "expiration_days": 8,
        "policy_statements": write_once,
    },
)


def _others_of_the_api(*arguments: str) -> dict[str, Any]:
    return {argument: UPLOAD_API.other[argument] for argument in arguments}


INGEST_BUCKET = Example(
    IngestBucket,
    UploadApiArgs,
    required=TABLE,
    other=_others_of_the_api(
        "allowed_origins",
        "allowed_source_cidrs",
        "allowed_source_vpc_ids",
        "allow_forms",
        "url_expires_in_seconds",
        "deletion_protection",
        "kms_key_arn",
        "noncurrent_version_days",
        "object_expiration_days",
    ),
)
REST_API = Example(
    RestApi,
    UploadApiArgs,
    required=TABLE,
    other=_others_of_the_api("throttle_rate", "throttle_burst", "log_retention_days", "manage_account_logging"),
    more={"body": '{"openapi": "3.0.1"}'},
)
SESSION_KEY = Example(
    SessionKey,
    UploadApiArgs,
    required=TABLE,
    other=_others_of_the_api(
        "session_key_rotation_days", "log_level", "log_retention_days", "kms_key_arn", "deletion_protection"
    ),
)
USER_POOL = Example(
    UserPool, UploadApiArgs, required=TABLE, other=_others_of_the_api("allow_sign_up", "deletion_protection")
)

COMPONENTS = (STATUS_TRACKER, UPLOAD_API, PROCESSING_PIPELINE, EKS_ARGO_DEPLOY)
"""What a platform team composes."""
BUILDING_BLOCKS = (
    LAMBDA_FUNCTION,
    PRIVATE_BUCKET,
    INGEST_BUCKET,
    OBJECT_QUEUE,
    ARRIVALS,
    EVENT_TARGETS,
    MALWARE_GATE,
    RECONCILER,
    ALARMS,
    REST_API,
    SESSION_KEY,
    USER_POOL,
)
ALL = (*COMPONENTS, *BUILDING_BLOCKS)
