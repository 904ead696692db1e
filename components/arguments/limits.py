"""Constraints that several arguments share, and those on names and ARNs, each with its source."""

from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.arguments.architecture import ARCHITECTURES
from components.arguments.constraints import (
    ArgumentError,
    Boolean,
    Choice,
    InstanceOf,
    ListOf,
    MapOf,
    MapsOf,
    MaybeOutput,
    Network,
    Origin,
    Pattern,
    Range,
    VpcNetwork,
)
from handlers.aws.endpoints import PARTITIONS, partition_of
from handlers.domain.delays import LONGEST_FUNCTION_SECONDS
from handlers.processors import PROCESSOR_PATTERN

_ARN = r"arn:aws(-[a-z]+)*"
_REGION = r"[a-z]{2,}(-[a-z]+)+-[0-9]+"
_REGION_AND_ACCOUNT = rf"{_REGION}:[0-9]{{12}}"
_TABLE = r"[A-Za-z0-9_.-]{3,255}"
_BUCKET = (
    r"(?!\d+(\.\d+){3}$|xn--|sthree-|amzn-s3-demo-|.*\.\.|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)"
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
)
"""S3 user guide, "General purpose bucket naming rules"."""
_REPOSITORY_FOLDER = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY = rf"(?=[^@]{{2,256}}(@|$)){_REPOSITORY_FOLDER}(/{_REPOSITORY_FOLDER})*"
"""ECR's API reference, CreateRepository."""
_REGISTRY = rf"[0-9]{{12}}\.dkr\.ecr\.{_REGION}\.amazonaws\.com(\.cn)?"
_KEY_ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
"""KMS developer guide, "Key identifiers"."""
_EC2_ID = r"[0-9a-f]{8}([0-9a-f]{9})?"
"""EC2's ids have 17 digits; those of resources that were made before 2018 may have 8 (EC2 user guide, resource IDs)."""


@dataclass(frozen=True)
class Region(Pattern):
    """A region that has every service that a deployment needs."""

    def check(self, name: str, value: object) -> str:
        """Return the region. For a region without a needed service, the error names the service."""
        region = super().check(name, value)
        partition = partition_of(region)
        if not partition.has_user_pools:
            deployable = ", ".join(each.name for each in PARTITIONS if each.has_user_pools)
            raise ArgumentError(
                f"{name} is {region!r}, but the API needs Amazon Cognito user pools, which partition {partition.name} "
                f"does not have; choose a region of one of the partitions {deployable}."
            )
        return region


def is_there(path: str) -> bool:
    """Return whether a path exists; no path can be longer than the file system allows."""
    try:
        return Path(path).exists()
    except OSError:
        return False


@dataclass(frozen=True)
class FilePath(Pattern):
    """The path of a file that exists, absolute or relative to the program's folder."""

    def check(self, name: str, value: object) -> str:
        """Return the path."""
        path = super().check(name, value)
        if not is_there(path) or not Path(path).is_file():
            raise ArgumentError(
                f"{name} is {path!r}, but must be {self.form}; there is none of that name in {Path.cwd()}."
            )
        return path


BOOLEAN = Boolean()
ARCHIVE = InstanceOf(pulumi.Archive, "an archive, such as pulumi.FileArchive of a folder")
REGION = Region(_REGION, "an AWS region such as eu-central-1")

RETENTION_DAYS = Range(1, 3650, "ten years; what must be kept longer belongs in an archive of its own")
LOG_RETENTION_DAYS = Choice(
    (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
    "the values that CloudWatch Logs takes, see PutRetentionPolicy",
)
LOG_LEVEL = Choice(("DEBUG", "INFO", "WARN", "ERROR", "FATAL"), "Lambda's application log levels")
FUNCTION_SECONDS = Range(1, LONGEST_FUNCTION_SECONDS, "Lambda's limit is 15 minutes")
INCLUDED_STORAGE_MB = 512
"""Ephemeral storage that a function has without asking, and without a price."""

FUNCTION_STORAGE_MB = Range(INCLUDED_STORAGE_MB, 10_240, "Lambda's limits for ephemeral storage")
ARCHITECTURE = Choice(tuple(ARCHITECTURES), "the processors that Lambda has")
MEMORY_MB = Range(128, 10_240, "Lambda's limits")
RESERVED_CONCURRENCY = Range(
    2,
    900,
    "SQS cannot limit to less than 2; Lambda keeps 100 executions of the account's quota unreserved, so the quota must "
    "be at least 100 more than all reservations. It is 1,000 by default, but often 10 or 50 in new accounts",
)
HANDLER = Pattern(PROCESSOR_PATTERN, "of the form module.function")

CODE_BUCKET = MaybeOutput(Pattern(_BUCKET, "the name of an S3 bucket"))
CODE_KEY = MaybeOutput(Pattern(r"\S([^\t\r\n]{0,1022}\S)?", "the key of an object, of up to 1,024 characters"))
CODE_VERSION = MaybeOutput(Pattern(r"\S{1,1024}", "the version id of an object"))
MAX_LAYERS = 5
"""Lambda's limit for a function (Lambda quotas)."""

LAYER_ARNS = MaybeOutput(
    ListOf(
        Pattern(
            rf"{_ARN}:lambda:{_REGION_AND_ACCOUNT}:layer:[A-Za-z0-9_-]{{1,140}}:[0-9]+",
            "the ARN of a layer version, arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION",
        )
    )
)

FILE = FilePath(".+", "the path of a file")
DISTRIBUTIONS = ListOf(
    Pattern(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", "the name of an installed Python distribution, such as pypdf")
)
_ANY_TEXT = Pattern(r"[^\0]*", "text of printable characters, tabs and line breaks")
VARIABLES = MaybeOutput(
    MapOf(
        Pattern(
            r"(?!AWS_|LAMBDA_|PYTHON)[A-Za-z][A-Za-z0-9_]+",
            "a name of two or more letters, digits and underscores that begins with a letter, but not with AWS_ or "
            "LAMBDA_, which Lambda reserves, or PYTHON, which changes how Portage's own code runs",
        ),
        _ANY_TEXT,
    )
)
STATEMENTS = MaybeOutput(
    MapsOf(
        required={
            "actions": ListOf(
                Pattern(r"[a-z0-9-]+:[A-Za-z0-9*?]+", "an IAM action such as secretsmanager:GetSecretValue")
            ),
            "resources": ListOf(
                Pattern(rf"\*|{_ARN}:[^\t\n\r]+", "an ARN, or * where the service knows no resources for the action")
            ),
        },
        optional={},
    )
)

ORIGINS = MaybeOutput(ListOf(Origin()))
_CONTENT_TYPES = ListOf(
    Pattern(
        r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/(\*|[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*)",
        "a media type without parameters, such as application/pdf or image/*",
    )
)
CONTENT_TYPES = MaybeOutput(_CONTENT_TYPES)
PROCESSORS = MapsOf(
    required={"processor": HANDLER},
    optional={
        "content_types": _CONTENT_TYPES,
        "file_names": ListOf(Pattern(r"\*[^*?/\\\t\n\r]+", "* and then the end of a file name, such as *.csv")),
    },
)
CIDRS = MaybeOutput(ListOf(Network()))
VPC_IDS = MaybeOutput(ListOf(Pattern(rf"vpc-{_EC2_ID}", "the id of a VPC, such as vpc-0a1b2c3d4e5f60718")))
SUBNET_IDS = MaybeOutput(ListOf(Pattern(rf"subnet-{_EC2_ID}", "the id of a subnet, such as subnet-0a1b2c3d4e5f60718")))
SECURITY_GROUP_IDS = MaybeOutput(
    ListOf(Pattern(rf"sg-{_EC2_ID}", "the id of a security group, such as sg-0a1b2c3d4e5f60718"))
)
_KEY_PART = Pattern(
    r"[^*?\t\n\r]{1,1024}",
    "1 to 1,024 printable characters without * and ?: S3 compares filters literally. For wildcards, use an EventBridge "
    'rule, which has {"wildcard": "uploads/*.csv"}',
)
NOTIFICATIONS = MapsOf(
    required={
        "target": MaybeOutput(
            Pattern(rf"{_ARN}:(sqs|sns):{_REGION_AND_ACCOUNT}:[A-Za-z0-9_-]+", "the ARN of a standard queue or topic")
        )
    },
    optional={"prefix": _KEY_PART, "suffix": _KEY_PART},
)
EVENT_TARGETS = ListOf(
    MaybeOutput(
        Pattern(
            rf"{_ARN}:(sqs:{_REGION_AND_ACCOUNT}:[A-Za-z0-9_-]+|sns:{_REGION_AND_ACCOUNT}:[A-Za-z0-9_-]+"
            rf"|lambda:{_REGION_AND_ACCOUNT}:function:[A-Za-z0-9_:-]+"
            rf"|events:{_REGION_AND_ACCOUNT}:event-bus/[A-Za-z0-9_./-]+"
            rf"|states:{_REGION_AND_ACCOUNT}:stateMachine:[A-Za-z0-9_:-]+"
            rf"|firehose:{_REGION_AND_ACCOUNT}:deliverystream/[A-Za-z0-9_.-]+)",
            "the ARN of a standard queue, a standard topic, a Lambda function, an event bus, a state machine or a "
            "Firehose stream",
        )
    )
)
VPC_CIDR = VpcNetwork(16, 24)
ENDPOINT_SERVICES = ListOf(
    Pattern(
        r"(?!(s3|dynamodb)$)[a-z0-9]+([.-][a-z0-9]+)*",
        "the NAME of an AWS service's interface endpoint, com.amazonaws.REGION.NAME, such as bedrock-runtime",
    )
)
KMS_KEY_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:kms:{_REGION_AND_ACCOUNT}:key/{_KEY_ID}",
        "the ARN of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID, not of an alias",
    )
)
_ONE_LINE = r"(?![^\t\n\r]*[\t\n\r])"
TAGS = MaybeOutput(
    MapOf(
        Pattern(
            rf"(?!(?i:aws:)){_ONE_LINE}[\w\s.:/=+@-]{{1,128}}",
            "1 to 128 letters, digits, spaces and .:/=+@_-, but not with aws: at the start, which AWS reserves",
        ),
        Pattern(rf"{_ONE_LINE}[\w\s.:/=+@-]{{0,256}}", "at most 256 letters, digits, spaces and .:/=+@_-"),
    )
)
BOUNDARY_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:iam::([0-9]{{12}}|aws):policy/[A-Za-z0-9+=,.@_/-]+",
        "the ARN of an IAM policy, arn:aws:iam::ACCOUNT:policy/NAME",
    )
)
USER_POOL_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:cognito-idp:{_REGION_AND_ACCOUNT}:userpool/{_REGION}_[0-9A-Za-z]+",
        "the ARN of a Cognito user pool, arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID",
    )
)
USER_POOL_CLIENT_ID = MaybeOutput(Pattern(r"[A-Za-z0-9_+]{1,128}", "the id of a client of the Cognito user pool"))
TABLE_NAME = MaybeOutput(Pattern(_TABLE, "the name of a DynamoDB table, such as StatusTracker's table_name"))
TABLE_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:dynamodb:{_REGION_AND_ACCOUNT}:table/{_TABLE}",
        "the ARN of a DynamoDB table, arn:aws:dynamodb:REGION:ACCOUNT:table/NAME, such as StatusTracker's table_arn",
    )
)
BUCKET_NAME = MaybeOutput(Pattern(_BUCKET, "the name of an S3 bucket, such as UploadApi's bucket_name"))
BUCKET_ARN = MaybeOutput(
    Pattern(rf"{_ARN}:s3:::{_BUCKET}", "the ARN of an S3 bucket, arn:aws:s3:::NAME, such as UploadApi's bucket_arn")
)
GIVEN_BUCKET_ARN = MaybeOutput(Pattern(rf"{_ARN}:s3:::{_BUCKET}", "the ARN of an S3 bucket, arn:aws:s3:::NAME"))
ROLE_NAME = MaybeOutput(
    Pattern(
        r"[A-Za-z0-9+=,.@_-]{1,64}",
        "the name of an IAM role, not its ARN, such as UploadApi's result_reader_role_name",
    )
)
ECR_IMAGE = MaybeOutput(
    Pattern(
        rf"{_REGISTRY}/{_REPOSITORY}@sha256:[0-9a-f]{{64}}",
        "an image in ECR by its digest, ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:DIGEST",
    )
)
ECS_CLUSTER_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:ecs:{_REGION_AND_ACCOUNT}:cluster/[A-Za-z0-9_-]{{1,255}}",
        "the ARN of an ECS cluster, arn:aws:ecs:REGION:ACCOUNT:cluster/NAME",
    )
)
TOPIC_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:sns:{_REGION_AND_ACCOUNT}:[A-Za-z0-9_-]{{1,256}}",
        "the ARN of a standard SNS topic, arn:aws:sns:REGION:ACCOUNT:NAME",
    )
)
QUEUE_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:sqs:{_REGION_AND_ACCOUNT}:[A-Za-z0-9_-]{{1,80}}",
        "the ARN of a standard queue, such as ProcessingPipeline's queue_arn",
    )
)
QUEUE_URL = MaybeOutput(Pattern(r"https?://[!-~]+", "the URL of a standard queue"))
POLICY = MaybeOutput(
    Pattern(r"(?s:\{.+\})", "an IAM policy document in JSON, such as ProcessingPipeline's worker_policy"),
)
WORKER_VARIABLES = MaybeOutput(
    MapOf(
        Pattern(r"[A-Za-z][A-Za-z0-9_]+", "the name of a variable"),
        _ANY_TEXT,
    )
)
CLUSTER_NAME = MaybeOutput(Pattern(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", "the name of an EKS cluster, not its ARN"))
AWS_PROFILE = MaybeOutput(Pattern(r"[^\s-]\S*", "the name of a profile of the AWS CLI"))
_ROLE_ARN = Pattern(
    rf"{_ARN}:iam::[0-9]{{12}}:role/[A-Za-z0-9+=,.@_/-]+", "the ARN of an IAM role, arn:aws:iam::ACCOUNT:role/NAME"
)
ROLE_ARN = MaybeOutput(_ROLE_ARN)
ROLE_ARNS = ListOf(_ROLE_ARN)
IDENTITY_CENTER_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:sso:::instance/(sso)?ins-[0-9a-zA-Z.-]{{16}}",
        "the ARN of an IAM Identity Center instance, arn:aws:sso:::instance/ID",
    )
)
OIDC_ISSUER = Pattern(r"https://[!-.0-~]+(/[!-~]*)?", "the https URL of an OpenID Connect issuer")
OIDC_PROVIDER_ARN = MaybeOutput(
    Pattern(
        rf"{_ARN}:iam::[0-9]{{12}}:oidc-provider/[A-Za-z0-9./_-]+",
        "the ARN of an IAM OIDC provider, arn:aws:iam::ACCOUNT:oidc-provider/HOST",
    )
)
GIT_URL = MaybeOutput(
    Pattern(r"https://[!-.0-?A-~]+/[!-?A-~]+", "the https URL of a Git repository, without credentials")
)
IMAGE_REPOSITORY = MaybeOutput(
    Pattern(
        rf"{_REGISTRY}/{_REPOSITORY}",
        "a repository in ECR, ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME",
    )
)
