"""The limits of component args and stack config, each once and with its source."""

from dataclasses import dataclass

from components.arguments import ArgumentError, Choice, Network, Origin, Pattern, Range, SharedSpace
from handlers.processors import PROCESSOR_PATTERN
from handlers.regions import PARTITIONS, partition_of
from handlers.uploads.places import MOST_PLACES
from handlers.uploads.plan import MAX_OBJECT_BYTES, MAX_SINGLE_REQUEST_BYTES

_ARN = r"arn:aws[a-z-]*"
_REGION_AND_ACCOUNT = r"[a-z0-9-]+:[0-9]{12}"
_TABLE = r"[A-Za-z0-9_.-]{3,255}"
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"


@dataclass(frozen=True)
class Region(Pattern):
    """A region that has every service that a deployment needs."""

    def check(self, name: str, value: object) -> str:
        """Return the region; raises ArgumentError that names argument, value, and the service that is missing."""
        region = super().check(name, value)
        partition = partition_of(region)
        if not partition.has_user_pools:
            deployable = ", ".join(each.name for each in PARTITIONS if each.has_user_pools)
            raise ArgumentError(
                f"{name} is {region!r}, but the API needs Amazon Cognito user pools, which partition {partition.name} "
                f"does not have; choose a region of one of the partitions {deployable}."
            )
        return region


RECOVERY_DAYS = Range(1, 35, "DynamoDB's limit for point-in-time recovery")
RETENTION_DAYS = Range(1, 3650, "ten years; what must be kept longer belongs in an archive of its own")
LOG_RETENTION_DAYS = Choice(
    (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
    "the values that CloudWatch Logs takes, see PutRetentionPolicy",
)
LOG_LEVEL = Choice(("DEBUG", "INFO", "WARN", "ERROR", "FATAL"), "Lambda's application log levels")
ROTATION_DAYS = Range(
    8, 1_000, "Secrets Manager's limit; a session of 7 days at most must end before its key's second rotation"
)
URL_SECONDS = Range(1, 3_600, "a transfer has to start within it; longer ones are for whoever finds the URL")
SESSION_SECONDS = Range(3_600, 604_800, "an upload that takes longer than a week asks for a new session")
MULTIPART_THRESHOLD = Range(1, MAX_SINGLE_REQUEST_BYTES, "S3 takes at most 5 GiB in one PUT")
UPLOAD_BYTES = Range(1, MAX_OBJECT_BYTES, "S3 makes an object of at most 10,000 parts of 5 GiB")
OPEN_UPLOADS = Range(1, MOST_PLACES, "an owner's open uploads must fit one page of a DynamoDB Query, 1 MB")
CONTENT_TYPE = Pattern(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/(\*|[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*)",
    "a media type without parameters, such as application/pdf or image/*",
)
THROTTLE_RATE = Range(1, 10_000, "requests a second; an account's default quota in API Gateway")
THROTTLE_BURST = Range(1, 5_000, "requests at once; an account's default quota in API Gateway")
FUNCTION_SECONDS = Range(1, 900, "Lambda's limit is 15 minutes")
PROCESSING_SECONDS = Range(
    10, 900, "Lambda's limit is 15 minutes; under 10 seconds a failure could not be recorded in time"
)
MEMORY_MB = Range(128, 10_240, "Lambda's limits")
REJECTED_OBJECTS = Choice(("quarantine", "delete"), "where they go, so that nobody takes them for good ones")
UNSCANNABLE_OBJECTS = Choice(("reject", "process"), "what to do with what GuardDuty cannot look into")
CONCURRENCY = Range(
    2,
    900,
    "SQS cannot limit to less than 2; Lambda keeps 100 executions of the account's quota unreserved, so the quota must "
    "be at least 100 more than all reservations. It is 1,000 by default, but often 10 or 50 in new accounts",
)
MAX_CONCURRENCY = Range(2, 1_000, "Lambda's limits for an SQS event source's maximum concurrency")
ATTEMPTS = Range(1, 1_000, "SQS's limits for maxReceiveCount")
ORIGIN = Origin()
SOURCE_CIDR = Network()
SOURCE_VPC_ID = Pattern(r"vpc-[0-9a-f]+", "the id of a VPC, such as vpc-0a1b2c3d4e5f60718")
PROCESSOR = Pattern(PROCESSOR_PATTERN, "of the form module.function")
KMS_KEY_ARN = Pattern(
    rf"{_ARN}:kms:{_REGION_AND_ACCOUNT}:key/[\w-]+",
    "the ARN of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID, not of an alias",
)
USER_POOL_ARN = Pattern(
    rf"{_ARN}:cognito-idp:{_REGION_AND_ACCOUNT}:userpool/[\w-]+",
    "the ARN of a Cognito user pool, arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID",
)
USER_POOL_CLIENT_ID = Pattern(r"[A-Za-z0-9_+]{1,128}", "the id of a client of the Cognito user pool")
TABLE_NAME = Pattern(_TABLE, "the name of a DynamoDB table, such as StatusTracker's table_name")
TABLE_ARN = Pattern(
    rf"{_ARN}:dynamodb:{_REGION_AND_ACCOUNT}:table/{_TABLE}",
    "the ARN of a DynamoDB table, arn:aws:dynamodb:REGION:ACCOUNT:table/NAME, such as StatusTracker's table_arn",
)
BUCKET_NAME = Pattern(_BUCKET, "the name of an S3 bucket, such as UploadApi's bucket_name")
BUCKET_ARN = Pattern(
    rf"{_ARN}:s3:::{_BUCKET}", "the ARN of an S3 bucket, arn:aws:s3:::NAME, such as UploadApi's bucket_arn"
)
ROLE_NAME = Pattern(
    r"[A-Za-z0-9+=,.@_-]{1,64}", "the name of an IAM role, not its ARN, such as UploadApi's result_reader_role_name"
)
REGION = Region(r"[a-z]{2,}(-[a-z]+)+-\d+", "an AWS region such as eu-central-1")

SHARED_SPACES = (
    SharedSpace(
        ("allowed_origins", "allowed_content_types"),
        3_000,
        quotes=0,
        container="a function's environment (4 KB, Lambda quotas), beside its other variables",
        fix="Use fewer, such as image/* for all types of images.",
    ),
    SharedSpace(
        ("allowed_source_cidrs", "allowed_source_vpc_ids"),
        16_000,
        quotes=2,
        container="a bucket's policy (20 KB, S3 user guide), beside its other statements",
        fix="Use fewer, or larger networks.",
    ),
)
"""What UploadApi's lists may take in all."""
