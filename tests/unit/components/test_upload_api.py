"""The front door grants uploads, takes the bytes past the gateway, and says when they came."""

import json
from typing import Any

import pulumi_aws as aws
import pytest

from components.api.openapi import Deployment
from components.api.operations import functions
from handlers.storage.places import LONGEST_CREATION
from local.resources.parameters import plain
from tests.support.components.examples import KMS_KEY_ARN, NAME, TABLE, TAGS, UPLOAD_API, USER_POOL_ARN
from tests.support.components.recording import PARTITION, REGION, Recording, arn_of, physical, record, refusal
from tests.support.each_case import each_case

INGEST, USERS, REST, SESSION_KEY = (f"{NAME}-{part}" for part in ("ingest", "users", "rest", "session-key"))
FUNCTIONS = {operation_id: operation for operation_id, (operation, _) in functions().items()}
OUTPUTS = ("url", "user_pool_id", "user_pool_client_id", "result_reader_role_name", "bucket_name", "bucket_arn")
ORIGINS = ["https://app.example.com", "http://localhost:8000"]

GATEWAY_SECONDS = 29
"""After which API Gateway gives a function up (API Gateway guide, "Quotas": integration timeout)."""

METHODS = {
    "createUpload": "POST/uploads",
    "signParts": "POST/uploads/*/parts",
    "listParts": "GET/uploads/*/parts",
    "completeUpload": "POST/uploads/*/complete",
    "listUploads": "GET/uploads",
    "getResult": "GET/uploads/*/result",
    "abortUpload": "DELETE/uploads/*",
}

VARIABLES = {
    "UPLOADS_TABLE": "another-table",
    "INGEST_BUCKET": physical(INGEST),
    "SESSION_KEY_SECRET": arn_of(aws.secretsmanager.Secret, SESSION_KEY),
    "KMS_KEY_ARN": KMS_KEY_ARN,
    "MAX_UPLOAD_BYTES": "1000000",
    "MAX_OPEN_UPLOADS": "7",
    "ALLOWED_CONTENT_TYPES": "application/pdf,image/*",
    "ALLOWED_METHODS": "put,multipart",
    "MULTIPART_THRESHOLD_BYTES": "500000",
    "URL_EXPIRES_IN_SECONDS": "60",
    "SESSION_EXPIRES_IN_SECONDS": "7200",
    "RECORD_RETENTION_DAYS": "7",
    "ALLOWED_ORIGINS": "https://app.example.com",
}
"""With all arguments given."""

TOLD = {
    "createUpload": [*VARIABLES],
    "signParts": ["ALLOWED_ORIGINS", "INGEST_BUCKET", "URL_EXPIRES_IN_SECONDS", "SESSION_KEY_SECRET"],
    "listParts": [
        "ALLOWED_ORIGINS",
        "UPLOADS_TABLE",
        "INGEST_BUCKET",
        "SESSION_KEY_SECRET",
        "SESSION_EXPIRES_IN_SECONDS",
    ],
    "completeUpload": ["ALLOWED_ORIGINS", "UPLOADS_TABLE", "INGEST_BUCKET"],
    "listUploads": ["ALLOWED_ORIGINS", "UPLOADS_TABLE"],
    "getResult": ["ALLOWED_ORIGINS", "UPLOADS_TABLE", "URL_EXPIRES_IN_SECONDS"],
    "abortUpload": ["ALLOWED_ORIGINS", "UPLOADS_TABLE", "INGEST_BUCKET"],
}


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        api = UPLOAD_API.make(**args)
        return {each: getattr(api, each) for each in OUTPUTS}

    return record(program)


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


@pytest.fixture(scope="module")
def with_everything() -> Recording:
    return recorded(**{name: value for name, value in UPLOAD_API.other.items() if name != "user_pool_arn"})


def contract(recording: Recording) -> dict[str, Any]:
    return recording.json_input(aws.apigateway.RestApi, REST, "body")


def function_name(operation: str) -> str:
    return f"{NAME}-{FUNCTIONS[operation].purpose}"


def invoke_arn(operation: str) -> str:
    return f"{arn_of(aws.lambda_.Alias, f'{function_name(operation)}-live')}/invocations"


def permissions_on(recording: Recording, operation: str) -> list[dict[str, Any]]:
    permissions = [plain(each.inputs) for each in recording.all(aws.lambda_.Permission)]
    return [each for each in permissions if each["function"] == physical(function_name(operation))]


class TestTheBucketTakesTheBytes:
    def test_it_announces_what_comes_to_any_number_of_listeners(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.s3.BucketNotification) == {"bucket": physical(INGEST), "eventbridge": True}

    def test_it_answers_browsers_of_allowed_origins_alone(self) -> None:
        assert recorded(allowed_origins=ORIGINS).inputs(aws.s3.BucketCorsConfiguration) == {
            "bucket": physical(INGEST),
            "corsRules": [
                {
                    "allowedOrigins": ORIGINS,
                    "allowedMethods": ["PUT", "POST"],
                    "allowedHeaders": [
                        "content-type",
                        "if-none-match",
                        "x-amz-checksum-crc32",
                        "x-amz-checksum-sha256",
                        "x-amz-server-side-encryption",
                        "x-amz-server-side-encryption-aws-kms-key-id",
                    ],
                    "exposeHeaders": ["ETag"],
                    "maxAgeSeconds": 600,
                }
            ],
        }

    def test_no_browser_may_send_by_default(self, by_default: Recording) -> None:
        assert by_default.all(aws.s3.BucketCorsConfiguration) == []

    def test_objects_expire_after_their_own_days(self, with_everything: Recording) -> None:
        rules = with_everything.inputs(aws.s3.BucketLifecycleConfiguration)["rules"]

        assert rules[2]["expiration"] == {"days": 8}
        assert rules[1]["noncurrentVersionExpiration"] == {"noncurrentDays": 9}

    def test_it_is_encrypted_with_the_customers_key_where_there_is_one(self, with_everything: Recording) -> None:
        rule = with_everything.inputs(aws.s3.BucketServerSideEncryptionConfiguration)["rules"][0]

        assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KMS_KEY_ARN


class TestWhatUsersHaveIsGuardedUnlessToldOtherwise:
    def test_bucket_and_user_pool_refuse_to_be_deleted_by_default(self, by_default: Recording) -> None:
        assert by_default.only(aws.s3.Bucket).options.protect
        assert by_default.inputs(aws.cognito.UserPool)["deletionProtection"] == "ACTIVE"

    def test_both_can_be_let_go(self, with_everything: Recording) -> None:
        assert not with_everything.only(aws.s3.Bucket).options.protect
        assert with_everything.inputs(aws.cognito.UserPool)["deletionProtection"] == "INACTIVE"


class TestAFunctionIsReachedThroughTheGatewayAlone:
    @each_case("operation", FUNCTIONS)
    def test_its_operation_invokes_its_live_alias(self, by_default: Recording, operation: str) -> None:
        (asked,) = [
            each["x-amazon-apigateway-integration"]
            for methods in contract(by_default)["paths"].values()
            for each in methods.values()
            if each["operationId"] == operation
        ]

        assert asked["uri"] == invoke_arn(operation)

    @each_case("operation", FUNCTIONS)
    def test_one_method_of_one_api_may_invoke_it(self, by_default: Recording, operation: str) -> None:
        # Function and alias apart: of an alias's ARN the provider makes the two, and replaces the permission at every
        # run (https://github.com/hashicorp/terraform-provider-aws/issues/38558).
        assert permissions_on(by_default, operation) == [
            {
                "action": "lambda:InvokeFunction",
                "function": physical(function_name(operation)),
                "qualifier": "live",
                "principal": "apigateway.amazonaws.com",
                "sourceArn": f"{arn_of(aws.apigateway.RestApi, REST)}/execution/*/{METHODS[operation]}",
            }
        ]

    @each_case("operation", FUNCTIONS)
    def test_the_permission_waits_for_the_alias(self, by_default: Recording, operation: str) -> None:
        permission = by_default.only(aws.lambda_.Permission, f"{NAME}-invokes-{FUNCTIONS[operation].purpose}")
        alias = by_default.only(aws.lambda_.Alias, f"{function_name(operation)}-live")

        assert alias.urn in permission.options.depends_on

    @each_case("operation", FUNCTIONS)
    def test_it_runs_for_less_time_than_the_gateway_waits(self, by_default: Recording, operation: str) -> None:
        assert 0 < by_default.inputs(aws.lambda_.Function, function_name(operation))["timeout"] < GATEWAY_SECONDS

    @each_case("operation", FUNCTIONS)
    def test_its_log_has_the_level_and_days_asked_for(self, with_everything: Recording, operation: str) -> None:
        function = with_everything.inputs(aws.lambda_.Function, function_name(operation))

        assert function["loggingConfig"]["applicationLogLevel"] == "DEBUG"
        assert with_everything.inputs(aws.cloudwatch.LogGroup, f"{function_name(operation)}-log") == {
            "retentionInDays": 14,
            "tags": TAGS,
        }

    @each_case("operation", FUNCTIONS)
    def test_it_is_told_what_it_may_grant_and_no_more(self, with_everything: Recording, operation: str) -> None:
        variables = with_everything.inputs(aws.lambda_.Function, function_name(operation))["environment"]["variables"]

        assert variables == {name: VARIABLES[name] for name in TOLD[operation]}


def test_nobody_else_may_invoke_a_function(by_default: Recording) -> None:
    invoked = [each.inputs["function"] for each in by_default.all(aws.lambda_.Permission)]
    functions = [physical(each.name) for each in by_default.all(aws.lambda_.Function)]

    assert sorted(invoked) == sorted(functions)


def test_create_upload_ends_before_its_place_counts_as_left_behind_by_a_crash(by_default: Recording) -> None:
    timeout = by_default.inputs(aws.lambda_.Function, function_name("createUpload"))["timeout"]
    assert timeout < LONGEST_CREATION.total_seconds()


class TestTheKeyOfSessions:
    def test_is_made_as_the_args_say(self, with_everything: Recording) -> None:
        secret = with_everything.inputs(aws.secretsmanager.Secret, SESSION_KEY)
        rotation = with_everything.inputs(aws.secretsmanager.SecretRotation)

        assert (secret["kmsKeyId"], secret["recoveryWindowInDays"]) == (KMS_KEY_ARN, 0)
        assert rotation["rotationRules"] == {"automaticallyAfterDays": 9}
        assert with_everything.inputs(aws.cloudwatch.LogGroup, f"{SESSION_KEY}-rotate-log") == {
            "retentionInDays": 14,
            "tags": TAGS,
        }

    def test_can_be_restored_by_default(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.secretsmanager.Secret)["recoveryWindowInDays"] == 30

    @each_case("operation", [name for name, told in TOLD.items() if "SESSION_KEY_SECRET" in told])
    def test_is_being_made_before_a_function_looks_for_it(self, by_default: Recording, operation: str) -> None:
        function = by_default.only(aws.lambda_.Function, function_name(operation))

        assert by_default.only(aws.secretsmanager.SecretRotation).urn in function.options.depends_on


class TestTheContractIsWhatIsDeployed:
    @each_case("origins", [[], ORIGINS])
    def test_the_document_is_the_contract_in_its_surroundings(self, origins: list[str]) -> None:
        document = contract(recorded(allowed_origins=origins))

        assert document == json.loads(
            json.dumps(
                Deployment(
                    allowed_origins=origins,
                    allow_forms=True,
                    region=REGION,
                    partition=PARTITION,
                    table_name=TABLE["table_name"],
                    user_pool_arn=arn_of(aws.cognito.UserPool, USERS),
                    invoke_arns={operation: invoke_arn(operation) for operation in FUNCTIONS},
                    read_status_role_arn=arn_of(aws.iam.Role, f"{NAME}-read-status-role"),
                ).document()
            )
        )

    def test_the_api_is_not_on_the_air_before_it_may_read_the_status(self, by_default: Recording) -> None:
        policy = by_default.only(aws.iam.RolePolicy, f"{NAME}-read-status-policy")

        assert policy.urn in by_default.only(aws.apigateway.RestApi).options.depends_on

    @each_case("argument", ["table_name", "user_pool_arn", "allowed_origins", "allow_forms"])
    def test_what_changes_the_contract_deploys_it_anew(self, by_default: Recording, argument: str) -> None:
        other = recorded(**{argument: UPLOAD_API.other[argument]}).inputs(aws.apigateway.Deployment)

        assert other["triggers"] != by_default.inputs(aws.apigateway.Deployment)["triggers"]

    def test_nothing_else_does(self, by_default: Recording) -> None:
        contracts = {"table_name", "user_pool_arn", "allowed_origins", "allow_forms"}
        others = {name: value for name, value in UPLOAD_API.other.items() if name not in contracts}

        other = recorded(**others).inputs(aws.apigateway.Deployment)

        assert other["triggers"] == by_default.inputs(aws.apigateway.Deployment)["triggers"]


class TestUsersSignInToAPoolMadeHereOrGiven:
    def test_a_pool_is_made_in_which_nobody_signs_up(self, by_default: Recording) -> None:
        pool = by_default.inputs(aws.cognito.UserPool)

        assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}

    def test_a_pool_that_is_given_stays_its_owners(self) -> None:
        recording = recorded(user_pool_arn=USER_POOL_ARN)
        authorizer = contract(recording)["components"]["securitySchemes"]["users"]["x-amazon-apigateway-authorizer"]

        assert authorizer["providerARNs"] == [USER_POOL_ARN]
        assert recording.all(aws.cognito.UserPool) == recording.all(aws.cognito.UserPoolClient) == []
        assert recording.outputs["user_pool_id"] == "eu-central-1_AbCdEf123"
        assert recording.outputs.get("user_pool_client_id") is None


def test_throttles_and_logging_reach_the_gateway(with_everything: Recording) -> None:
    settings = with_everything.inputs(aws.apigateway.MethodSettings)["settings"]

    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (5, 6)
    assert with_everything.all(aws.apigateway.Account) == []


def test_what_a_user_pastes_next_comes_out(by_default: Recording) -> None:
    assert by_default.outputs == {
        "url": f"https://{physical(f'{REST}-stage')}.example",
        "user_pool_id": f"{physical(USERS)}-id",
        "user_pool_client_id": f"{physical(f'{USERS}-client')}-id",
        "result_reader_role_name": physical(f"{NAME}-get-result-role"),
        "bucket_name": physical(INGEST),
        "bucket_arn": arn_of(aws.s3.Bucket, INGEST),
    }


MANY_ORIGINS = [f"https://{number:03}.example.com" for number in range(60)]  # 24 characters each, with the comma
MANY_TYPES = [f"application/x-{number:05}" for number in range(78)]  # 20 each
MANY_CIDRS = [f"10.{number:03}.100.0/24" for number in range(100, 200)]  # 18 each, with quotes and comma
MANY_VPC_IDS = [f"vpc-{number:017}" for number in range(591)]  # 24 each


class TestListsThatShareALimitedSpace:
    """The longest allowed values must fit beside all others."""

    def test_the_longest_fit_into_the_environment(self) -> None:
        recording = recorded(allowed_origins=MANY_ORIGINS, allowed_content_types=MANY_TYPES, kms_key_arn=KMS_KEY_ARN)
        function = recording.inputs(aws.lambda_.Function, function_name("createUpload"))
        spare = 4_096 - len(json.dumps(function["environment"]["variables"], separators=(",", ":")))

        assert sum(len(item) + 1 for item in (*MANY_ORIGINS, *MANY_TYPES)) == 3_000
        assert spare > 400, "names in AWS may be longer than in this test"

    def test_more_are_refused_with_the_numbers_before_anything_is_made(self) -> None:
        message = refusal(
            lambda: UPLOAD_API.make(allowed_origins=MANY_ORIGINS, allowed_content_types=[*MANY_TYPES, "image/*"])
        )

        assert message.startswith(
            "UploadApi: allowed_origins has 1,440 characters and allowed_content_types has 1,568 characters, but at "
            "most 3,000 in all fit into a function's environment (4 KB, "
        )

    def test_the_longest_fit_into_the_buckets_policy(self) -> None:
        recording = recorded(
            allowed_source_cidrs=MANY_CIDRS, allowed_source_vpc_ids=MANY_VPC_IDS, kms_key_arn=KMS_KEY_ARN
        )
        policy = recording.inputs(aws.s3.BucketPolicy, f"{INGEST}-policy")["policy"]

        assert sum(len(item) + 3 for item in (*MANY_CIDRS, *MANY_VPC_IDS)) == 15_984
        assert 20_480 - len(policy) > 500, "names in AWS may be longer than in this test"

    def test_more_are_refused_with_the_numbers_before_anything_is_made_too(self) -> None:
        message = refusal(
            lambda: UPLOAD_API.make(
                allowed_source_cidrs=[*MANY_CIDRS, "::/0"], allowed_source_vpc_ids=[*MANY_VPC_IDS] * 2
            )
        )

        assert message.startswith(
            "UploadApi: allowed_source_cidrs has 1,807 characters and allowed_source_vpc_ids has 28,368 characters, "
            "but at most 16,000 in all fit into a bucket's policy (20 KB, "
        )
