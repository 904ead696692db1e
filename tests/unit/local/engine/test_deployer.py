"""A program's resources exist afterwards as AWS would have made them, or the deployment says which one does not."""

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from local.emulator.process import Emulator
from local.engine.built_in.deployer import deploy
from local.engine.deployment import DeployedResource, Deployment
from local.engine.provider import KNOWN, UnknownTypeError
from local.resources.calls import RefusedError
from local.resources.parameters import InvalidInputError
from tests.support.paths import EVERY_RESOURCE


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def everything(emulator: Emulator) -> Deployment:
    return deploy(emulator, project_dir=EVERY_RESOURCE)


@pytest.fixture
def attempt(emulator: Emulator, tmp_path: Path) -> Callable[[str], Deployment]:
    def deploy_one(main: str) -> Deployment:
        (tmp_path / "Pulumi.yaml").write_text("name: one\nruntime: python\n")
        (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
        (tmp_path / "__main__.py").write_text(f"import json, pulumi, pulumi_aws as aws\n{textwrap.dedent(main)}\n")
        return deploy(emulator, project_dir=tmp_path)

    return deploy_one


def only(deployment: Deployment, kind: str) -> DeployedResource:
    (found,) = [resource for resource in deployment.resources if resource.type == kind]
    return found


class TestEverything:
    """One deployment of a program with every type that the table knows."""

    def test_no_type_of_the_table_is_left_out(self, everything: Deployment) -> None:
        assert {resource.type for resource in everything.resources} == KNOWN.keys() - {
            "aws:sqs/redrivePolicy:RedrivePolicy"
        }

    def test_outputs_are_what_the_provider_gives(self, everything: Deployment, emulator: Emulator) -> None:
        outputs, account = everything.outputs, emulator.account_id

        assert outputs["account"] == account
        assert outputs["bucketDomain"] == f"{outputs['bucket']}.s3.us-east-1.amazonaws.com"
        assert outputs["bucketTags"] == {"project": "everything", "colour": "red"}
        assert outputs["function"].startswith(f"arn:aws:lambda:us-east-1:{account}:function:function-")
        assert outputs["function"].endswith(":1")
        assert outputs["stream"].startswith(f"arn:aws:dynamodb:us-east-1:{account}:table/{outputs['table']}/stream/")
        assert outputs["pool"] == only(everything, "aws:cognito/userPool:UserPool").id

    @pytest.mark.parametrize(
        ("kind", "pattern"),
        [
            ("aws:s3/bucket:Bucket", r"files-[0-9a-f]{7}"),
            ("aws:dynamodb/table:Table", r"table-[0-9a-f]{7}"),
            ("aws:kms/alias:Alias", r"alias/key-[0-9a-f]{7}"),
            ("aws:sqs/queue:Queue", r".*/ordered-[0-9a-f]{7}\.fifo"),
        ],
    )
    def test_automatic_names_end_with_seven_random_digits(
        self, everything: Deployment, kind: str, pattern: str
    ) -> None:
        assert [each.id for each in everything.resources if each.type == kind and re.fullmatch(pattern, each.id)]

    def test_default_tags_are_on_what_takes_tags(self, everything: Deployment, emulator: Emulator) -> None:
        bucket_tags = emulator.client("s3").get_bucket_tagging(Bucket=everything.outputs["bucket"])["TagSet"]
        queue_tags = emulator.client("sqs").list_queue_tags(QueueUrl=everything.outputs["queue"])["Tags"]

        assert {"Key": "project", "Value": "everything"} in bucket_tags
        assert queue_tags == {"project": "everything"}

    def test_the_table_got_what_other_operations_set(self, everything: Deployment, emulator: Emulator) -> None:
        dynamodb, name = emulator.client("dynamodb"), everything.outputs["table"]

        table = dynamodb.describe_table(TableName=name)["Table"]
        ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]

        assert [each["KeyType"] for each in table["KeySchema"]] == ["HASH", "RANGE"]
        assert table["GlobalSecondaryIndexes"][0]["Projection"] == {
            "ProjectionType": "INCLUDE",
            "NonKeyAttributes": ["status"],
        }
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"

    def test_the_function_has_its_concurrency_and_its_secret(self, everything: Deployment, emulator: Emulator) -> None:
        function = emulator.client("lambda").get_function(
            FunctionName=everything.outputs["function"].removesuffix(":1")
        )

        assert function["Concurrency"] == {"ReservedConcurrentExecutions": 5}
        assert function["Configuration"]["Environment"]["Variables"] == {"GREETING": "hello"}

    def test_the_secret_has_the_value_that_its_rotation_made(self, everything: Deployment, emulator: Emulator) -> None:
        secret, secrets = everything.outputs["secret"], emulator.client("secretsmanager")

        assert secrets.get_secret_value(SecretId=secret)["SecretString"] == "rotated"
        assert secrets.describe_secret(SecretId=secret)["Tags"] == [{"Key": "project", "Value": "everything"}]

    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "answer"),
        [
            ("POST", "/notes", '{"text": "x"}', 200, "hello /notes"),
            ("POST", "/notes", '{"text": ""}', 422, '{"problem": "Invalid request body"}'),
            ("GET", "/notes/1", None, 401, '{"message":"Unauthorized"}'),
            ("OPTIONS", "/notes", None, 204, ""),
        ],
    )
    def test_the_api_answers_by_its_document(  # noqa: PLR0917 - a table's columns
        self, everything: Deployment, method: str, path: str, body: str | None, status: int, answer: str
    ) -> None:
        response = urllib3.request(method, everything.outputs["url"] + path, body=body)

        assert (response.status, " ".join(response.data.decode().split())) == (status, answer)
        if method == "OPTIONS":
            assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_what_nothing_acts_on_is_told(self, everything: Deployment) -> None:
        told = {(each.type.rpartition(":")[2], each.property) for each in everything.not_emulated}

        assert {("Function", "tracingConfig"), ("BucketLifecycleConfiguration", "")} <= told
        assert ("Function", "memorySize") not in told  # the program does not set it


def test_each_resource_is_told_when_it_is_made(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: one\nruntime: python\n")
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    (tmp_path / "__main__.py").write_text("import pulumi_aws as aws\naws.s3.Bucket('a')\naws.s3.Bucket('b')\n")
    told: list[DeployedResource] = []

    deployment = deploy(emulator, project_dir=tmp_path, on_resource=told.append)

    assert tuple(told) == deployment.resources
    assert {resource.name for resource in told} == {"a", "b"}


@pytest.mark.parametrize(
    ("main", "error", "message"),
    [
        (
            "aws.kinesis.Stream('news')",
            UnknownTypeError,
            "aws:kinesis/stream:Stream news: local mode has no row for this type; add one",
        ),
        ("aws.get_regions()", UnknownTypeError, "getRegions: local mode does not have"),
        (
            "aws.s3.Bucket('b', acceleration_status='Enabled')",
            InvalidInputError,
            "aws:s3/bucket:Bucket b: accelerationStatus is 'Enabled'; it is not an input that s3 CreateBucket takes",
        ),
        (
            "aws.sqs.Queue('q', visibility_timeout_seconds=50000)",
            InvalidInputError,
            "aws:sqs/queue:Queue q: visibilityTimeoutSeconds is 50000.0; it must be from 0 to 43200",
        ),
        (
            "aws.sqs.Queue('q' * 80)",
            InvalidInputError,
            "name would be q.*, longer than 80 characters; name the resource shorter",
        ),
        (
            "aws.s3.Bucket('b', region='eu-west-1')",
            InvalidInputError,
            "b: region is 'eu-west-1'; it must be us-east-1: local mode has one region",
        ),
        (
            "aws.Provider('p', region='eu-west-1')",
            InvalidInputError,
            "pulumi:providers:aws p: region is 'eu-west-1'; it must be us-east-1",
        ),
        (
            "aws.Provider('p', profile='me')",
            InvalidInputError,
            "pulumi:providers:aws p: profile is 'me'; it cannot be set locally",
        ),
        (
            "aws.s3.BucketVersioning('v', bucket='nowhere', versioning_configuration={'status': 'Enabled'})",
            RefusedError,
            "aws:s3/bucketVersioning:BucketVersioning v: s3 PutBucketVersioning was refused: NoSuchBucket: ",
        ),
        (
            "aws.apigateway.RestApi('a', body='{}')",
            InvalidInputError,
            "aws:apigateway/restApi:RestApi a: body is '{}'; it must be an OpenAPI 3.0 document",
        ),
        ("raise KeyError('mine')", KeyError, "mine"),
    ],
)
def test_the_first_failure_ends_the_deployment(
    attempt: Callable[[str], Deployment], main: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        attempt(main)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("aws:region: eu-west-1", "the config of stack local: aws:region is 'eu-west-1'; it must be us-east-1"),
        ("aws:regoin: us-east-1", r"aws:regoin is 'us-east-1'; .*did you mean aws:region\?"),
        (
            "aws:profile: me",
            "the config of stack local: aws:profile is 'me'; it is not supported in local mode; remove it",
        ),
    ],
)
def test_config_of_the_default_provider_is_not_ignored(
    emulator: Emulator, tmp_path: Path, config: str, message: str
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: one\nruntime: python\n")
    (tmp_path / "Pulumi.local.yaml").write_text(f"config:\n  {config}\n")
    (tmp_path / "__main__.py").write_text("raise AssertionError('started')")

    with pytest.raises(InvalidInputError, match=message):
        deploy(emulator, project_dir=tmp_path)


def test_nothing_that_waits_for_a_refused_resource_is_made(
    attempt: Callable[[str], Deployment], emulator: Emulator
) -> None:
    with pytest.raises(RefusedError, match="NoSuchEntity"):
        attempt(
            """
            attached = aws.iam.RolePolicyAttachment("a", role="nobody", policy_arn="arn:aws:iam::aws:policy/None")
            aws.s3.Bucket("never", bucket="never-made", opts=pulumi.ResourceOptions(depends_on=[attached]))
            """
        )

    assert "never-made" not in {bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]}


def test_resources_are_made_under_iam(attempt: Callable[[str], Deployment], emulator: Emulator) -> None:
    iam: Any = emulator.client("iam")
    user = emulator.client("sts").get_caller_identity()["Arn"].rpartition("/")[2]
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sqs:CreateQueue", "Resource": "*"}]}
    iam.put_user_policy(UserName=user, PolicyName="no-queues", PolicyDocument=json.dumps(deny))
    try:
        with pytest.raises(RefusedError, match=r"aws:sqs/queue:Queue q: sqs CreateQueue was refused: AccessDenied"):
            attempt("aws.sqs.Queue('q')")
    finally:
        iam.delete_user_policy(UserName=user, PolicyName="no-queues")
