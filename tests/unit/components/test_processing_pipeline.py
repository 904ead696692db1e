"""Every created object reaches the processor, however often it fails, and none is lost on the way."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.arguments.fargate import FargateArgs
from components.arguments.shared import JobArgs
from handlers.domain.upload_ref import UploadRef
from tests.support.components.examples import (
    BUCKET,
    KMS_KEY_ARN,
    LEAVE_OUT_CODE_IN_S3,
    NAME,
    PROCESSING_PIPELINE,
    TAGS,
    TEAM_CODE,
)
from tests.support.components.recording import Recording, arn_of, physical, record, refusal, url_of
from tests.support.each_case import each_case

QUEUE, ARRIVALS, DEAD_LETTERS = f"{NAME}-objects", f"{NAME}-arrivals", f"{NAME}-dead-letters"
MAPPING = f"{NAME}-queue-triggers-process-object"
RULE, RESULTS, QUARANTINE, FUNCTION = (
    f"{NAME}-{part}" for part in ("object-events", "results", "quarantine", "process-object")
)
FOURTEEN_DAYS = 1_209_600
OUTPUTS = ("queue_url", "dead_letter_queue_url", "results_bucket_name", "quarantine_bucket_name", "alarm_topic_arn")


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        pipeline = PROCESSING_PIPELINE.make(**args)
        return {each: getattr(pipeline, each) for each in OUTPUTS}

    return record(program)


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


@pytest.fixture(scope="module")
def with_everything() -> Recording:
    left_out = {"compute", "trigger", *FargateArgs.declared} - {*JobArgs.declared}
    left_out |= {"results_bucket_arn", "quarantine_bucket_arn", "function_image", *LEAVE_OUT_CODE_IN_S3}
    given = {name: each for name, each in PROCESSING_PIPELINE.other.items() if name not in left_out}
    return recorded(**{**given, "processor": "team.process"})


def variables(recording: Recording) -> dict[str, str]:
    return recording.inputs(aws.lambda_.Function, FUNCTION)["environment"]["variables"]


class TestCreatedObjectsReachTheQueue:
    def test_the_rule_matches_what_s3_says_of_this_buckets_uploads(self, by_default: Recording) -> None:
        key = UploadRef("owner", "id").object_key

        assert by_default.json_input(aws.cloudwatch.EventRule, RULE, "eventPattern") == {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": ["the-bucket"]}, "object": {"key": [{"prefix": "uploads/"}]}},
        }
        assert key.startswith("uploads/")

    def test_the_rule_sends_to_the_queue_and_what_it_cannot_send_to_the_dead_letters(
        self, by_default: Recording
    ) -> None:
        assert by_default.inputs(aws.cloudwatch.EventTarget) == {
            "rule": physical(RULE),
            "arn": arn_of(aws.sqs.Queue, ARRIVALS),
            "deadLetterConfig": {"arn": arn_of(aws.sqs.Queue, DEAD_LETTERS)},
        }

    def test_the_rule_sends_nothing_before_both_queues_let_it(self, by_default: Recording) -> None:
        policies = {
            by_default.only(aws.sqs.QueuePolicy, f"{NAME}-{queue}-policy").urn for queue in ("arrivals", "dead-letters")
        }

        assert policies <= by_default.only(aws.cloudwatch.EventTarget).options.depends_on

    def test_a_rule_that_sent_to_the_queue_itself_may_do_so_until_it_sends_to_the_arrivals(
        self, by_default: Recording
    ) -> None:
        policy = by_default.only(aws.sqs.QueuePolicy, f"{QUEUE}-policy")

        assert by_default.only(aws.cloudwatch.EventTarget).urn in policy.options.depends_on

    def test_arrivals_are_sent_to_the_queue_in_batches_as_large_as_sqs_takes(self, by_default: Recording) -> None:
        function = by_default.inputs(aws.lambda_.Function, ARRIVALS)

        assert by_default.inputs(aws.lambda_.EventSourceMapping, f"{ARRIVALS}-trigger") == {
            "eventSourceArn": arn_of(aws.sqs.Queue, ARRIVALS),
            "functionName": arn_of(aws.lambda_.Alias, f"{ARRIVALS}-live"),
            "batchSize": 10,
            "functionResponseTypes": ["ReportBatchItemFailures"],
            "scalingConfig": {"maximumConcurrency": 5},
        }
        assert function["handler"] == "handlers.entries.group_arrivals.handle"
        assert function["environment"]["variables"] == {"QUEUE_URL": url_of(QUEUE)}
        assert by_default.inputs(aws.sqs.Queue, ARRIVALS)["visibilityTimeoutSeconds"] == 6 * function["timeout"]


class TestNoMessageIsLost:
    @pytest.mark.parametrize("timeout", [10, 900])
    def test_a_message_stays_hidden_for_as_long_as_any_function_may_run(self, timeout: int) -> None:
        recording = recorded(timeout_seconds=timeout)

        assert recording.inputs(aws.lambda_.Function, FUNCTION)["timeout"] == timeout
        assert recording.inputs(aws.sqs.Queue, QUEUE)["visibilityTimeoutSeconds"] == 900

    @pytest.mark.parametrize("compute", ["lambda", "step-functions"])
    def test_a_job_that_no_function_can_end_is_refused_before_any_resource(self, compute: str) -> None:
        message = refusal(lambda: PROCESSING_PIPELINE.make(compute=compute, timeout_seconds=901))

        assert message.startswith("ProcessingPipeline: timeout_seconds is 901, but must be at most 900 ")
        assert f" {compute} " in message

    @pytest.mark.parametrize(("args", "tries"), [({}, 5), ({"max_attempts": 4}, 4)])
    def test_after_its_tries_it_goes_to_the_dead_letters(self, args: dict[str, int], tries: int) -> None:
        recording = recorded(**args)

        assert recording.json_input(aws.sqs.Queue, QUEUE, "redrivePolicy") == {
            "deadLetterTargetArn": arn_of(aws.sqs.Queue, DEAD_LETTERS),
            "maxReceiveCount": tries,
        }
        assert variables(recording)["MAX_ATTEMPTS"] == str(tries)

    def test_an_arrival_that_cannot_be_sent_on_goes_to_the_same_dead_letters(self, by_default: Recording) -> None:
        assert by_default.json_input(aws.sqs.Queue, ARRIVALS, "redrivePolicy") == {
            "deadLetterTargetArn": arn_of(aws.sqs.Queue, DEAD_LETTERS),
            "maxReceiveCount": 10,
        }

    def test_the_dead_letters_take_the_messages_of_both_queues_alone(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.sqs.RedriveAllowPolicy)["queueUrl"] == url_of(DEAD_LETTERS)
        assert by_default.json_input(aws.sqs.RedriveAllowPolicy, None, "redriveAllowPolicy") == {
            "redrivePermission": "byQueue",
            "sourceQueueArns": [arn_of(aws.sqs.Queue, QUEUE), arn_of(aws.sqs.Queue, ARRIVALS)],
        }

    @pytest.mark.parametrize("queue", [QUEUE, ARRIVALS, DEAD_LETTERS])
    def test_each_queue_is_encrypted_and_keeps_its_messages_as_long_as_sqs_can(
        self, by_default: Recording, queue: str
    ) -> None:
        inputs = by_default.inputs(aws.sqs.Queue, queue)

        assert (inputs["sqsManagedSseEnabled"], inputs["messageRetentionSeconds"]) == (True, FOURTEEN_DAYS)

    def test_there_is_no_queue_without_dead_letters_behind_it(self, by_default: Recording) -> None:
        names = {each.name: "redrivePolicy" in each.inputs for each in by_default.all(aws.sqs.Queue)}

        assert names == {QUEUE: True, ARRIVALS: True, DEAD_LETTERS: False, f"{NAME}-reconcile-dead-letters": False}


class TestTheQueueTriggersTheLiveAlias:
    def test_one_object_at_a_time_and_only_failed_messages_come_back(self, by_default: Recording) -> None:
        assert by_default.inputs(aws.lambda_.EventSourceMapping, MAPPING) == {
            "eventSourceArn": arn_of(aws.sqs.Queue, QUEUE),
            "functionName": arn_of(aws.lambda_.Alias, f"{FUNCTION}-live"),
            "batchSize": 1,
            "functionResponseTypes": ["ReportBatchItemFailures"],
            "scalingConfig": {"maximumConcurrency": 50},
        }

    @pytest.mark.parametrize(
        ("args", "maximum"),
        [
            ({"max_concurrency": 2}, 2),
            ({"max_concurrency": 1_000}, 1_000),
            ({"reserved_concurrency": 5}, 5),
            ({"reserved_concurrency": 51}, 50),
            ({"reserved_concurrency": 5, "max_concurrency": 5}, 5),
        ],
    )
    def test_deliveries_are_always_limited_and_never_above_what_is_reserved(
        self, args: dict[str, int], maximum: int
    ) -> None:
        recording = recorded(**args)

        assert recording.inputs(aws.lambda_.EventSourceMapping, MAPPING)["scalingConfig"] == {
            "maximumConcurrency": maximum
        }
        reserved = recording.inputs(aws.lambda_.Function, FUNCTION).get("reservedConcurrentExecutions")
        assert reserved == args.get("reserved_concurrency")

    def test_a_limit_above_the_reservation_is_refused_before_anything_is_made(self) -> None:
        def program() -> None:
            with pytest.raises(ArgumentError, match=r"ProcessingPipeline: max_concurrency is 6, but .* at most .* 5: "):
                PROCESSING_PIPELINE.make(max_concurrency=6, reserved_concurrency=5)

        assert record(program).registrations == ()

    def test_nothing_is_reserved_by_default(self, by_default: Recording) -> None:
        assert "reservedConcurrentExecutions" not in by_default.inputs(aws.lambda_.Function, FUNCTION)


class TestTheProcessor:
    def test_is_the_built_in_one_by_default(self, by_default: Recording) -> None:
        assert variables(by_default)["PROCESSOR"] == "handlers.processors.inspect.process"
        assert "processor" not in by_default.inputs(aws.lambda_.Function, FUNCTION)["code"].assets

    def test_is_a_teams_own_with_its_code_in_a_folder_of_its_own(self) -> None:
        recording = recorded(processor="team.process", processor_code=TEAM_CODE)
        code = recording.inputs(aws.lambda_.Function, FUNCTION)["code"]

        assert variables(recording)["PROCESSOR"] == "team.process"
        assert isinstance(code.assets["processor"], pulumi.AssetArchive)
        assert list(code.assets["processor"].assets) == ["team.py"]

    def test_has_the_memory_and_the_log_asked_for(self, with_everything: Recording) -> None:
        function = with_everything.inputs(aws.lambda_.Function, FUNCTION)

        assert (function["memorySize"], function["loggingConfig"]["applicationLogLevel"]) == (1_024, "DEBUG")
        assert with_everything.inputs(aws.cloudwatch.LogGroup, f"{FUNCTION}-log") == {
            "retentionInDays": 14,
            "tags": TAGS,
        }

    def test_is_told_where_things_are(self, by_default: Recording) -> None:
        assert variables(by_default) == {
            "UPLOADS_TABLE": "the-table",
            "INGEST_BUCKET": "the-bucket",
            "RESULTS_BUCKET": physical(RESULTS),
            "QUARANTINE_BUCKET": physical(QUARANTINE),
            "QUEUE_URL": url_of(QUEUE),
            "PROCESSOR": "handlers.processors.inspect.process",
            "PROCESSORS": "[]",
            "MAX_ATTEMPTS": "5",
            "MALWARE_SCAN": "off",
            "UNSCANNABLE_OBJECTS": "reject",
            "ALLOWED_CONTENT_TYPES": "",
        }

    def test_knows_the_types_that_may_be_declared(self) -> None:
        assert variables(recorded(allowed_content_types=["application/pdf", "image/*"]))["ALLOWED_CONTENT_TYPES"] == (
            "application/pdf,image/*"
        )


class TestResultsAreKeptAsTheObjectsAre:
    def test_protected_and_for_ever_by_default(self, by_default: Recording) -> None:
        rules = by_default.inputs(aws.s3.BucketLifecycleConfiguration, f"{RESULTS}-lifecycle")["rules"]

        assert by_default.only(aws.s3.Bucket, RESULTS).options.protect
        assert not any("days" in rule.get("expiration", {}) for rule in rules)

    def test_or_as_asked_for(self, with_everything: Recording) -> None:
        rules = with_everything.inputs(aws.s3.BucketLifecycleConfiguration)["rules"]
        encryption = with_everything.inputs(aws.s3.BucketServerSideEncryptionConfiguration)["rules"][0]

        assert not with_everything.only(aws.s3.Bucket).options.protect
        assert rules[1]["noncurrentVersionExpiration"] == {"noncurrentDays": 9}
        assert rules[2]["expiration"] == {"days": 8}
        assert encryption["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KMS_KEY_ARN

    def test_no_page_may_read_them_by_default(self, by_default: Recording) -> None:
        assert by_default.all(aws.s3.BucketCorsConfiguration) == []

    def test_pages_of_allowed_origins_may_read_results_and_nothing_else(self) -> None:
        origins = ["https://app.example.com", "https://other.example.com"]
        recording = recorded(allowed_origins=origins)

        assert recording.inputs(aws.s3.BucketCorsConfiguration) == {
            "bucket": physical(RESULTS),
            "corsRules": [{"allowedOrigins": origins, "allowedMethods": ["GET"], "maxAgeSeconds": 600}],
        }


class TestWhatWasRejected:
    def test_is_kept_for_thirty_days_and_protected_by_default(self, by_default: Recording) -> None:
        rules = by_default.inputs(aws.s3.BucketLifecycleConfiguration, f"{QUARANTINE}-lifecycle")["rules"]

        assert by_default.only(aws.s3.Bucket, QUARANTINE).options.protect
        assert rules[2]["expiration"] == {"days": 30}

    def test_is_kept_as_asked_for_with_the_customers_key(self) -> None:
        recording = recorded(quarantine_expiration_days=7, kms_key_arn=KMS_KEY_ARN, deletion_protection=False)
        rules = recording.inputs(aws.s3.BucketLifecycleConfiguration, f"{QUARANTINE}-lifecycle")["rules"]
        encryption = recording.inputs(aws.s3.BucketServerSideEncryptionConfiguration, f"{QUARANTINE}-encryption")

        assert not recording.only(aws.s3.Bucket, QUARANTINE).options.protect
        assert rules[2]["expiration"] == {"days": 7}
        assert encryption["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KMS_KEY_ARN

    def test_or_deleted_and_then_there_is_no_quarantine(self) -> None:
        recording = recorded(rejected_objects="delete")

        assert [each.name for each in recording.all(aws.s3.Bucket)] == [RESULTS]
        assert variables(recording)["QUARANTINE_BUCKET"] == ""
        assert recording.outputs["quarantine_bucket_name"] == ""


THE_RESULTS, THE_QUARANTINE = "arn:aws:s3:::the-results", "arn:aws:s3:::the-quarantine"


@pytest.fixture(scope="module")
def given() -> Recording:
    def program() -> dict[str, Any]:
        pipeline = PROCESSING_PIPELINE.make(
            results_bucket_arn=THE_RESULTS,
            quarantine_bucket_arn=pulumi.Output.from_input(THE_QUARANTINE),
            allowed_origins=["https://app.example.com"],
            result_reader_role_name="the-reader",
        )
        return {each: getattr(pipeline, each) for each in OUTPUTS}

    return record(program)


class TestBucketsThatExist:
    def test_take_the_place_of_those_that_are_made(self, given: Recording) -> None:
        assert [each for each in given.registrations if each.type.startswith("aws:s3/")] == []
        assert variables(given)["RESULTS_BUCKET"] == given.outputs["results_bucket_name"] == "the-results"
        assert variables(given)["QUARANTINE_BUCKET"] == given.outputs["quarantine_bucket_name"] == "the-quarantine"

    def test_are_all_that_the_roles_may_write_to_and_the_reader_may_read(self, given: Recording) -> None:
        function = given.json_input(aws.iam.RolePolicy, f"{FUNCTION}-policy", "policy")["Statement"]
        reader = given.json_input(aws.iam.RolePolicy, f"{NAME}-results-are-read-by-api", "policy")["Statement"]
        written = {tuple(each["Resource"]) for each in map(_as_lists, function) if "s3:PutObject" in each["Action"]}

        assert written == {(f"{THE_RESULTS}/results/*",), (f"{THE_QUARANTINE}/uploads/*",)}
        assert [_as_lists(each)["Resource"] for each in reader] == [[f"{THE_RESULTS}/results/*"]]

    @each_case(
        ("args", "beginning"),
        [
            (
                {"results_bucket_arn": THE_RESULTS, "result_expiration_days": 8},
                "result_expiration_days is 8, but is for",
            ),
            (
                {"quarantine_bucket_arn": THE_QUARANTINE, "quarantine_expiration_days": 8},
                "quarantine_expiration_days is 8, but is for a bucket that is made",
            ),
            (
                {"quarantine_bucket_arn": THE_QUARANTINE, "rejected_objects": "delete"},
                "rejected_objects is 'delete', but is for a bucket that is made",
            ),
            *(
                ({name: bucket}, f"{name} is the bucket that receives uploads")
                for name in ("results_bucket_arn", "quarantine_bucket_arn")
                for bucket in (BUCKET["bucket_arn"],)
            ),
        ],
    )
    def test_exclude_what_only_one_that_is_made_has(self, args: dict[str, Any], beginning: str) -> None:
        assert refusal(lambda: PROCESSING_PIPELINE.make(**args)).startswith(f"ProcessingPipeline: {beginning}")

    def test_are_not_that_of_uploads_when_it_is_known_later(self) -> None:
        def program() -> None:
            PROCESSING_PIPELINE.make(results_bucket_arn=pulumi.Output.from_input(BUCKET["bucket_arn"]))

        with pytest.raises(
            ArgumentError, match=r"^ProcessingPipeline: results_bucket_arn is the bucket that receives "
        ):
            record(program)


def _as_lists(statement: dict[str, Any]) -> dict[str, list[str]]:
    return {key: each if isinstance(each, list) else [each] for key, each in statement.items()}


class TestMalwareGate:
    def test_there_is_none_by_default(self, by_default: Recording) -> None:
        assert by_default.all(aws.guardduty.MalwareProtectionPlan) == []

    def test_guardduty_scans_what_clients_send_and_leaves_no_tags(self) -> None:
        recording = recorded(malware_scan=True)

        assert recording.inputs(aws.guardduty.MalwareProtectionPlan) == {
            "role": arn_of(aws.iam.Role, f"{NAME}-scan-role"),
            "protectedResource": {"s3Bucket": {"bucketName": "the-bucket", "objectPrefixes": ["uploads/"]}},
        }

    def test_the_plan_is_made_when_its_role_may_do_its_work(self) -> None:
        recording = recorded(malware_scan=True)
        plan = recording.only(aws.guardduty.MalwareProtectionPlan)

        assert recording.only(aws.iam.RolePolicy, f"{NAME}-scan-policy").urn in plan.options.depends_on

    def test_processing_starts_from_the_scans_result_and_not_from_the_creation(self) -> None:
        recording = recorded(malware_scan=True)
        rule = f"{NAME}-object-events"

        assert [each.name for each in recording.all(aws.cloudwatch.EventRule)] == [rule]
        assert recording.json_input(aws.cloudwatch.EventRule, rule, "eventPattern") == {
            "source": ["aws.guardduty"],
            "detail-type": ["GuardDuty Malware Protection Object Scan Result"],
            "detail": {"s3ObjectDetails": {"bucketName": ["the-bucket"], "objectKey": [{"prefix": "uploads/"}]}},
        }
        assert recording.inputs(aws.cloudwatch.EventTarget)["arn"] == arn_of(aws.sqs.Queue, ARRIVALS)

    def test_the_function_knows_that_scans_are_required(self) -> None:
        assert variables(recorded(malware_scan=True))["MALWARE_SCAN"] == "required"

    def test_what_cannot_be_scanned_is_processed_where_that_is_asked_for(self) -> None:
        recording = recorded(malware_scan=True, unscannable_objects="process")

        assert variables(recording)["UNSCANNABLE_OBJECTS"] == "process"


def test_queues_and_buckets_come_out(by_default: Recording) -> None:
    assert by_default.outputs == {
        "queue_url": url_of(QUEUE),
        "dead_letter_queue_url": url_of(DEAD_LETTERS),
        "results_bucket_name": physical(RESULTS),
        "quarantine_bucket_name": physical(QUARANTINE),
        "alarm_topic_arn": arn_of(aws.sns.Topic, f"{NAME}-alarms"),
    }
