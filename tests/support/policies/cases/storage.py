"""Cases of the rules for S3 and for uploads."""

import json

import pulumi_aws as aws

from tests.support.policies.cases.case import case, deny_without_tls, document, role_with, trust

EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}


@case("s3-bucket-blocks-public-access")
def public_access_block(n: str, *, ok: bool) -> None:
    aws.s3.BucketPublicAccessBlock(
        n,
        bucket="b",
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=ok,
    )


@case("s3-bucket-has-public-access-block")
def bucket_with_public_access_block(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(n)
    aws.s3.BucketPublicAccessBlock(f"{n}-block", bucket=bucket.id if ok else "another")


@case("s3-bucket-has-public-access-block")
def bucket_that_is_named_by_text(n: str, *, ok: bool) -> None:
    aws.s3.Bucket(n, bucket="films")
    aws.s3.BucketPublicAccessBlock(f"{n}-block", bucket="films" if ok else "another")


@case("s3-bucket-policy-requires-tls")
def bucket_policy(n: str, *, ok: bool) -> None:
    aws.s3.BucketPolicy(n, bucket="b", policy=document(deny_without_tls("s3:*" if ok else "s3:GetObject")))


@case("s3-bucket-policy-is-not-public")
def public_bucket_policy(n: str, *, ok: bool) -> None:
    limited = {**EVERYBODY, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
    aws.s3.BucketPolicy(n, bucket="b", policy=document(limited if ok else EVERYBODY))


@case("s3-bucket-policy-is-not-public")
def bucket_with_public_policy(n: str, *, ok: bool) -> None:
    aws.s3.Bucket(n, policy=document(EVERYBODY) if not ok else None)


@case("s3-bucket-policy-requires-tls")
def bucket_with_policy_of_its_own(n: str, *, ok: bool) -> None:
    aws.s3.Bucket(n, policy=document(deny_without_tls("s3:*" if ok else "s3:GetObject")))


@case("s3-bucket-has-public-access-block")
def bucket_of_an_older_provider(n: str, *, ok: bool) -> None:
    bucket = aws.s3.BucketV2(n)
    aws.s3.BucketPublicAccessBlock(f"{n}-block", bucket=bucket.id if ok else "another")


@case("s3-bucket-has-policy")
def bucket_with_policy(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(n)
    if ok:
        aws.s3.BucketPolicy(f"{n}-policy", bucket=bucket.id, policy=document())


@case("s3-bucket-is-versioned")
def versioned_bucket(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(n)
    aws.s3.BucketVersioning(
        f"{n}-v", bucket=bucket.id, versioning_configuration={"status": "Enabled" if ok else "Suspended"}
    )


@case("s3-bucket-has-lifecycle")
def bucket_with_lifecycle(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(n)
    if ok:
        aws.s3.BucketLifecycleConfiguration(f"{n}-l", bucket=bucket.id, rules=[{"id": "a", "status": "Enabled"}])


@case("s3-bucket-has-no-acls")
def ownership(n: str, *, ok: bool) -> None:
    owner = "BucketOwnerEnforced" if ok else "ObjectWriter"
    aws.s3.BucketOwnershipControls(n, bucket="b", rule={"object_ownership": owner})


@case("s3-bucket-encrypts-with-kms")
def encryption(n: str, *, ok: bool) -> None:
    default: aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgsDict = {
        "sse_algorithm": "aws:kms" if ok else "AES256"
    }
    aws.s3.BucketServerSideEncryptionConfiguration(
        n, bucket="b", rules=[{"apply_server_side_encryption_by_default": default}]
    )


@case("s3-bucket-has-encryption-configuration")
def bucket_with_encryption(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(n)
    aws.s3.BucketServerSideEncryptionConfiguration(f"{n}-e", bucket=bucket.id if ok else "another", rules=[])


@case("uploads-ingest-bucket-aborts-incomplete-parts")
def ingest_lifecycle(n: str, *, ok: bool) -> None:
    ingest_bucket(n, {"prefix": "" if ok else "some/"})


@case("uploads-ingest-bucket-aborts-incomplete-parts")
def ingest_lifecycle_with_several_conditions(n: str, *, ok: bool) -> None:
    ingest_bucket(n, {"and_": {"prefix": "" if ok else "some/", "object_size_less_than": 9}})


def ingest_bucket(n: str, objects: aws.s3.BucketLifecycleConfigurationRuleFilterArgsDict) -> None:
    aws.s3.BucketLifecycleConfiguration(
        f"{n}l",
        bucket=aws.s3.Bucket(f"{n}ingest").id,
        rules=[
            {
                "id": "parts",
                "status": "Enabled",
                "filter": objects,
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            }
        ],
    )


@case("uploads-cors-names-origins")
def cors_of_everybody(n: str, *, ok: bool) -> None:
    origins = ["https://app.example.com", "http://localhost:8000"] if ok else ["*"]
    aws.s3.BucketCorsConfiguration(n, bucket="b", cors_rules=[{"allowed_methods": ["PUT"], "allowed_origins": origins}])


@case("uploads-cors-names-origins")
def cors_without_tls(n: str, *, ok: bool) -> None:
    origin = "https://app.example.com" if ok else "http://app.example.com"
    aws.s3.BucketCorsConfiguration(
        n, bucket="b", cors_rules=[{"allowed_methods": ["PUT"], "allowed_origins": [origin]}]
    )


@case("uploads-signature-age-is-bounded")
def signature_age(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}ingest")
    age = {"NumericGreaterThan": {"s3:signatureAge": "43200000" if ok else "43200001"}}
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": age}
    aws.s3.BucketPolicy(f"{n}policy", bucket=bucket.id, policy=document(statement))


@case("uploads-signature-age-is-bounded")
def signature_age_of_one_role(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}ingest")
    age = {"NumericGreaterThan": {"s3:signatureAge": "900000"}}
    principal = "*" if ok else {"AWS": "arn:aws:iam::123456789012:role/r"}
    statement = {"Effect": "Deny", "Principal": principal, "Action": "s3:*", "Resource": "*", "Condition": age}
    aws.s3.BucketPolicy(f"{n}policy", bucket=bucket.id, policy=document(statement))


@case("uploads-signature-age-is-bounded")
def signature_age_that_is_allowed(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}ingest")
    age = {"NumericGreaterThan": {"s3:signatureAge": "900000"}}
    effect = "Deny" if ok else "Allow"
    statement = {"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": age}
    aws.s3.BucketPolicy(f"{n}policy", bucket=bucket.id, policy=document(statement))


@case("uploads-ingest-bucket-aborts-incomplete-parts")
def ingest_lifecycle_that_is_off(n: str, *, ok: bool) -> None:
    aws.s3.BucketLifecycleConfiguration(
        f"{n}l",
        bucket=aws.s3.Bucket(f"{n}ingest").id,
        rules=[
            {
                "id": "parts",
                "status": "Enabled" if ok else "Disabled",
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            }
        ],
    )


@case("uploads-ingest-bucket-aborts-incomplete-parts")
def ingest_lifecycle_without_parts(n: str, *, ok: bool) -> None:
    aws.s3.BucketLifecycleConfiguration(
        f"{n}l",
        bucket=aws.s3.Bucket(f"{n}ingest").id,
        rules=[
            {"id": "old", "status": "Enabled", "expiration": {"days": 30}},
            {
                "id": "parts",
                "status": "Enabled",
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7} if ok else None,
            },
        ],
    )


@case("uploads-writers-do-not-read-or-delete")
def writer(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}ingest")
    objects = bucket.arn.apply(lambda arn: f"{arn}/uploads/*")
    read = "s3:ListMultipartUploadParts" if ok else "s3:GetObject"
    role_with(n, {"Effect": "Allow", "Action": ["s3:PutObject", read], "Resource": [objects]})


@case("uploads-writers-do-not-read-or-delete")
def writer_with_another_policy(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}ingest")
    objects = bucket.arn.apply(lambda arn: f"{arn}/*")
    role = role_with(n, {"Effect": "Allow", "Action": "s3:PutObject", "Resource": objects})
    allowed = {"Effect": "Allow", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::other/*" if ok else "*"}
    policy = aws.iam.Policy(f"{n}more", policy=document(allowed))
    aws.iam.RolePolicyAttachment(f"{n}a", role=role.name, policy_arn=policy.arn)


@case("uploads-writers-do-not-read-or-delete")
def reader_that_writes_one_object(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}ingest")
    role_with(
        n,
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": bucket.arn.apply(lambda arn: f"{arn}/*")},
        {
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": bucket.arn.apply(lambda arn: f"{arn}/test-object" if ok else f"{arn}/uploads/*"),
        },
    )


@case("uploads-presigner-reaches-one-prefix")
def presigner_of_all(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}any")
    objects = bucket.arn.apply(lambda arn: f"{arn}/uploads/*" if ok else f"{arn}/*")
    role_with(f"{n}sign-parts", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": objects})


@case("uploads-presigner-reaches-one-prefix")
def presigner_with_a_policy_of_aws(n: str, *, ok: bool) -> None:
    aws.s3.Bucket(f"{n}any")
    role = role_with(f"{n}presigner")
    name = "service-role/AWSLambdaBasicExecutionRole" if ok else "AmazonS3FullAccess"
    aws.iam.RolePolicyAttachment(f"{n}a", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{name}")


@case("uploads-results-are-not-written-by-presigner")
def presigner_with_managed_policies(n: str, *, ok: bool) -> None:
    aws.s3.Bucket(f"{n}results")
    name = "AmazonS3ReadOnlyAccess" if ok else "PowerUserAccess"
    aws.iam.Role(
        f"{n}presigner",
        assume_role_policy=trust("lambda.amazonaws.com"),
        managed_policy_arns=[f"arn:aws:iam::aws:policy/{name}"],
    )


@case("uploads-presigner-reaches-one-prefix")
def presigner_of_two(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}any")
    second = bucket.arn.apply(lambda arn: f"{arn}/uploads/*" if ok else f"{arn}/exports/*")
    role_with(
        f"{n}presigner",
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": bucket.arn.apply(lambda arn: f"{arn}/uploads/*")},
        {"Effect": "Allow", "Action": "s3:AbortMultipartUpload", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": second},
    )


@case("uploads-results-are-not-written-by-presigner")
def results_that_are_deleted(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}results")
    objects = bucket.arn.apply(lambda arn: f"{arn}/*")
    action = "s3:GetObject" if ok else "s3:DeleteObjectVersion"
    role_with(f"{n}create-upload", {"Effect": "Allow", "Action": action, "Resource": objects})


@case("uploads-results-are-not-written-by-presigner")
def results(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}results")
    objects = bucket.arn.apply(lambda arn: f"{arn}/*")
    action = "s3:GetObject" if ok else "s3:PutObject"
    role_with(f"{n}create-upload", {"Effect": "Allow", "Action": action, "Resource": objects})


@case("uploads-cors-names-origins")
def cors_of_an_older_provider(n: str, *, ok: bool) -> None:
    rules: list[aws.s3.BucketCorsConfigurationV2CorsRuleArgsDict] = [
        {"allowed_methods": ["PUT"], "allowed_origins": ["https://app.example.com" if ok else "*"]}
    ]
    aws.s3.BucketCorsConfigurationV2(n, bucket="b", cors_rules=rules)


@case("uploads-cors-names-origins")
def cors_of_the_bucket_itself(n: str, *, ok: bool) -> None:
    rules: list[aws.s3.BucketCorsRuleArgsDict] = [
        {"allowed_methods": ["PUT"], "allowed_origins": ["https://app.example.com" if ok else "*"]}
    ]
    aws.s3.Bucket(n, cors_rules=rules)


@case("uploads-writers-do-not-read-or-delete")
def writer_that_reads_all_but_something(n: str, *, ok: bool) -> None:
    bucket = aws.s3.Bucket(f"{n}ingest")
    objects = bucket.arn.apply(lambda arn: f"{arn}/uploads/*")
    key = "Resource" if ok else "NotResource"
    role_with(
        n,
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": objects},
        {"Effect": "Allow", "Action": "s3:GetObject", key: "arn:aws:s3:::other/*"},
    )


@case("uploads-methods-are-authorized")
def method(n: str, *, ok: bool) -> None:
    aws.apigateway.Method(
        n, rest_api="a", resource_id="r", http_method="POST", authorization="AWS_IAM" if ok else "NONE"
    )


@case("uploads-methods-are-authorized")
def document_of_api(n: str, *, ok: bool) -> None:
    paths: dict[str, object] = {"/uploads": {"post": {"security": [{"users": []}] if ok else []}, "options": {}}}
    aws.apigateway.RestApi(n, body=json.dumps({"openapi": "3.0.1", "paths": paths}))


@case("uploads-methods-are-authorized")
def document_of_http_api(n: str, *, ok: bool) -> None:
    paths: dict[str, object] = {"/uploads": {"post": {"security": [{"users": []}]} if ok else {}}}
    aws.apigatewayv2.Api(n, protocol_type="HTTP", body=json.dumps({"openapi": "3.0.1", "paths": paths}))


@case("uploads-methods-are-authorized")
def document_with_an_alternative(n: str, *, ok: bool) -> None:
    allowed: list[dict[str, list[str]]] = [{"users": []}] if ok else [{"users": []}, {}]
    aws.apigateway.RestApi(
        n, body=json.dumps({"security": [{"a": []}], "paths": {"/a": {"get": {"security": allowed}}}})
    )


@case("uploads-methods-are-authorized")
def document_that_switches_security_off(n: str, *, ok: bool) -> None:
    everywhere: list[dict[str, list[str]]] = [{"users": []}] if ok else []
    aws.apigateway.RestApi(n, body=json.dumps({"security": everywhere, "paths": {"/a": {"get": {}}}}))


@case("uploads-methods-are-authorized")
def document_with_signed_requests(n: str, *, ok: bool) -> None:
    method = {"x-amazon-apigateway-auth": {"type": "AWS_IAM" if ok else "NONE"}}
    aws.apigateway.RestApi(n, body=json.dumps({"paths": {"/a": {"get": method}}}))


@case("uploads-api-has-no-catch-all-binary-type")
def binary_types(n: str, *, ok: bool) -> None:
    aws.apigateway.RestApi(n, binary_media_types=["image/png" if ok else "*/*"])


@case("uploads-api-has-no-catch-all-binary-type")
def binary_types_of_a_document(n: str, *, ok: bool) -> None:
    body = {"x-amazon-apigateway-binary-media-types": ["image/png", "application/zip" if ok else "*/*"]}
    aws.apigateway.RestApi(n, body=json.dumps(body))


@case("uploads-visibility-timeout-covers-run")
def visibility_of_batches(n: str, *, ok: bool) -> None:
    queue = aws.sqs.Queue(f"{n}queue", visibility_timeout_seconds=60)
    function = aws.lambda_.Function(f"{n}function", role="arn:aws:iam::123456789012:role/r", timeout=30)
    aws.lambda_.EventSourceMapping(
        f"{n}m",
        event_source_arn=queue.arn,
        function_name=function.arn,
        maximum_batching_window_in_seconds=30 if ok else 31,
    )


@case("uploads-visibility-timeout-covers-run")
def visibility(n: str, *, ok: bool) -> None:
    queue = aws.sqs.Queue(f"{n}queue", visibility_timeout_seconds=60 if ok else 59)
    function = aws.lambda_.Function(
        f"{n}function", role="arn:aws:iam::123456789012:role/r", runtime="python3.13", handler="a.b", timeout=60
    )
    alias = aws.lambda_.Alias(f"{n}live", function_name=function.name, function_version="1")
    aws.lambda_.EventSourceMapping(f"{n}m", event_source_arn=queue.arn, function_name=alias.arn)


@case("uploads-event-target-has-dead-letters")
def target(n: str, *, ok: bool) -> None:
    queue = aws.sqs.Queue(f"{n}queue")
    aws.cloudwatch.EventTarget(n, rule="r", arn=queue.arn, dead_letter_config={"arn": queue.arn} if ok else None)


@case("uploads-event-target-has-dead-letters")
def schedule(n: str, *, ok: bool) -> None:
    dead: aws.scheduler.ScheduleTargetDeadLetterConfigArgsDict = {"arn": "arn:aws:sqs:eu-west-1:1:q" if ok else ""}
    aws.scheduler.Schedule(
        n,
        schedule_expression="rate(1 hour)",
        flexible_time_window={"mode": "OFF"},
        target={"arn": "arn:aws:lambda:eu-west-1:1:function:f", "role_arn": "r", "dead_letter_config": dead},
    )


@case("uploads-stream-has-failure-destination")
def stream(n: str, *, ok: bool) -> None:
    aws.lambda_.EventSourceMapping(
        n,
        event_source_arn="arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/s",
        function_name="f",
        maximum_retry_attempts=5 if ok else -1,
        destination_config={"on_failure": {"destination_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}},
    )


@case("uploads-stream-has-failure-destination")
def stream_without_destination(n: str, *, ok: bool) -> None:
    aws.lambda_.EventSourceMapping(
        n,
        event_source_arn="arn:aws:kinesis:eu-west-1:123456789012:stream/s",
        function_name="f",
        maximum_retry_attempts=5,
        destination_config={"on_failure": {"destination_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}} if ok else None,
    )


@case("uploads-log-group-exists-before-function")
def log_group_by_name(n: str, *, ok: bool) -> None:
    group = aws.cloudwatch.LogGroup(f"{n}log")
    aws.lambda_.Function(
        n,
        role="arn:aws:iam::123456789012:role/r",
        logging_config={"log_format": "JSON", "log_group": group.name if ok else "/of/somebody/else"},
    )


@case("uploads-log-group-exists-before-function")
def log_group_of_lambda(n: str, *, ok: bool) -> None:
    function = aws.lambda_.Function(n, role="arn:aws:iam::123456789012:role/r")
    aws.cloudwatch.LogGroup(f"{n}log", name=function.name.apply(lambda name: f"/aws/lambda/{name}" if ok else name))


@case("uploads-function-does-not-log-secrets")
def log_level(n: str, *, ok: bool) -> None:
    level = "INFO" if ok else "DEBUG"
    aws.lambda_.Function(n, role="r", logging_config={"log_format": "JSON", "application_log_level": level})


@case("uploads-function-does-not-log-secrets")
def log_level_of_powertools(n: str, *, ok: bool) -> None:
    level = "INFO" if ok else "debug"
    aws.lambda_.Function(n, role="r", environment={"variables": {"POWERTOOLS_LOG_LEVEL": level}})
