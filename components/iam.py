"""IAM policies, trust policies and their statements. No other module writes IAM JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from components.arguments import ArgumentError, is_empty
from components.arguments.constraints import StatementArgs
from handlers.aws.endpoints import partition_of
from handlers.domain.upload_ref import OBJECT_PREFIX, RESULT_PREFIX, STEP_RESULT_PREFIX
from handlers.storage.table import OPEN_INDEX
from handlers.storage.upload_signer import ENCRYPTION_HEADER, KMS_KEY_HEADER

Statement = Mapping[str, Any]
Arn = pulumi.Input[str]
Texts = pulumi.Input[Sequence[pulumi.Input[str]]]

MALWARE_PROTECTION = "malware-protection-plan.guardduty.amazonaws.com"
"""The service that scans objects: the principal of its role, and the manager of its event rules."""

CLOUDWATCH = "cloudwatch.amazonaws.com"
"""The service that evaluates alarms, as a principal."""

ECS_TASKS = "ecs-tasks.amazonaws.com"
"""The service that starts containers, as a principal."""

GITHUB = "token.actions.githubusercontent.com"
"""The issuer of the tokens of GitHub's workflows, without https://, as condition keys begin with it."""

STS = "sts.amazonaws.com"
"""The audience of tokens that workflows and pods exchange for credentials."""

EKS = "eks.amazonaws.com"
"""The service that runs the control plane of clusters, as a principal."""

EKS_FARGATE_PODS = "eks-fargate-pods.amazonaws.com"
"""The service that starts the pods of Fargate profiles, as a principal."""

EKS_CAPABILITIES = "capabilities.eks.amazonaws.com"
"""The service that runs the managed Argo CD, as a principal."""

EC2 = "ec2.amazonaws.com"
"""The service that starts nodes, as a principal."""

FLOW_LOGS = "vpc-flow-logs.amazonaws.com"
"""The service that writes a VPC's flow logs, as a principal."""

ROLE_POLICY_CHARACTERS = 10_240
BUCKET_POLICY_CHARACTERS = 20 * 1024

_PRESIGNED = {"StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]}}
"""URLs and forms. A caller that signs in the Authorization header has its own credentials, as our functions do."""


def role_policy(
    name: str, *statements: Statement, more: pulumi.Input[Sequence[Statement]] = (), limit: int = ROLE_POLICY_CHARACTERS
) -> pulumi.Output[str]:
    """Return a role's inline policy. IAM limits the sum of a role's inline policies, without white space.

    Source: IAM user guide, "IAM and AWS STS quotas".
    """
    return _policy(name, statements, limit, "IAM", more)


def bucket_policy(name: str, *statements: Statement) -> pulumi.Output[str]:
    """Return a bucket's policy. Source of the limit: S3 user guide, "Bucket policies for Amazon S3"."""
    return _policy(name, statements, BUCKET_POLICY_CHARACTERS, "S3")


def queue_policy(name: str, *statements: Statement) -> pulumi.Output[str]:
    """Return a queue's policy. Source of the limit: SQS developer guide, "Amazon SQS policy quotas"."""
    return _policy(name, statements, 8_192, "SQS")


def topic_policy(name: str, *statements: Statement) -> pulumi.Output[str]:
    """Return a topic's policy. Source: SNS developer guide, "Amazon SNS policy quotas"."""
    return _policy(name, statements, 30_720, "SNS")


def key_policy(name: str, *statements: Statement) -> pulumi.Output[str]:
    """Return a KMS key's policy. Source: KMS developer guide, "Quotas"."""
    return _policy(name, statements, 32_768, "KMS")


def endpoint_policy(name: str, *statements: Statement) -> pulumi.Output[str]:
    """Return a VPC endpoint's policy. Source: AWS PrivateLink guide, "Control access using endpoint policies"."""
    return _policy(name, statements, 20_480, "a VPC endpoint")


def _policy(
    name: str,
    statements: Sequence[Statement],
    limit: int,
    service: str,
    more: pulumi.Input[Sequence[Statement]] = (),
) -> pulumi.Output[str]:
    """Return a policy document. Raises ArgumentError when the document is known, if it is too long."""

    def check(document: str) -> str:
        if len(document) <= limit:
            return document
        longest = max(json.loads(document)["Statement"], key=lambda each: len(_compact(each)))
        raise ArgumentError(
            f"{name} has {len(document):,} characters, but {service} takes at most {limit:,} in a policy; "
            f"{len(_compact(longest)):,} of them are in the statement {longest.get('Sid') or longest['Action']}. "
            "Shorten the lists in its arguments."
        )

    known = pulumi.Output.all(list(statements), more)
    document = known.apply(lambda lists: _compact(_document(*lists[0], *lists[1])))
    return document.apply(check)


def _document(*statements: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def trust(service: str) -> str:
    """Return the trust policy of a role that one AWS service may assume."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps(_document(statement))


def trust_github(provider_arn: Arn, repository: str, environment: str, branch: str) -> pulumi.Output[str]:
    """Return the trust policy of a role that a repository's workflows may assume, in one environment and branch.

    `repository` is spelled as in GitHub's tokens: owner/name, or owner@id/name@id for a repository with immutable
    subject claims. Sources: GitHub, "OpenID Connect reference"; IAM user guide, "Available keys for AWS OIDC
    federation".
    """
    exact = {
        f"{GITHUB}:aud": STS,
        f"{GITHUB}:sub": f"repo:{repository}:environment:{environment}",
        f"{GITHUB}:ref": f"refs/heads/{branch}",
    }
    return pulumi.Output.json_dumps(_document(_web_identity(provider_arn, exact)))


def _web_identity(provider_arn: Arn, exact: Mapping[str, str]) -> Statement:
    """Let holders of an OIDC provider's token assume a role, if the token has exactly these claims."""
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": exact},
    }


def trust_with_tags(service: str) -> str:
    """Return the trust policy of a role that a service of EKS may assume, and tag its sessions."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    return json.dumps(_document(statement))


def trust_pods(cluster_arn: Arn, namespace: str, service_account: str) -> pulumi.Output[str]:
    """Return the trust policy of a role for the pods of one service account of one cluster, by EKS Pod Identity.

    Source: EKS user guide, "Assign an IAM role to a Kubernetes service account", on session tags in trust policies.
    """
    tags = {
        "aws:RequestTag/eks-cluster-arn": cluster_arn,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": service_account,
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": tags},
    }
    return pulumi.Output.json_dumps(_document(statement))


def trust_service_account(provider_arn: Arn, namespace: str, service_account: str) -> pulumi.Output[str]:
    """Return the trust policy of a role for the pods of one service account, by tokens of the cluster's OIDC provider.

    Source: EKS user guide, "IAM roles for service accounts".
    """

    def document(arn: str) -> str:
        issuer = arn.partition(":oidc-provider/")[2]
        whose = {
            f"{issuer}:aud": STS,
            f"{issuer}:sub": f"system:serviceaccount:{namespace}:{service_account}",
        }
        return json.dumps(_document(_web_identity(arn, whose)))

    return pulumi.Output.from_input(provider_arn).apply(document)


def allow(actions: Sequence[pulumi.Input[str]], *resources: pulumi.Input[str]) -> Statement:
    """Allow these actions on these resources."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def only_in_account(statement: Statement, arn_of_the_account: Arn) -> Statement:
    """Return a statement, which has no condition, for this account's resources only.

    An S3 ARN names no account: otherwise, the statement is also for a stranger's bucket of the same name.
    Source: IAM user guide, "AWS global condition context keys", on aws:ResourceAccount.
    """
    return {**statement, "Condition": {"StringEquals": {"aws:ResourceAccount": _account_of(arn_of_the_account)}}}


def protect_tasks(cluster_arn: Arn) -> Statement:
    """Protect the tasks of an ECS cluster from being stopped by auto scaling or a deployment."""
    tasks = pulumi.Output.from_input(cluster_arn).apply(lambda arn: f"{arn.replace(':cluster/', ':task/', 1)}/*")
    return allow(["ecs:UpdateTaskProtection"], tasks)


def record_new_uploads(table_arn: Arn) -> Statement:
    """Put new records into the status table."""
    return allow(["dynamodb:PutItem"], table_arn)


def advance_uploads(table_arn: Arn) -> Statement:
    """Write the next state of a record."""
    return allow(["dynamodb:UpdateItem"], table_arn)


def read_an_upload(table_arn: Arn) -> Statement:
    """Read one record by its full key."""
    return allow(["dynamodb:GetItem"], table_arn)


def list_open_uploads(table_arn: Arn) -> Statement:
    """Read the index of open uploads."""
    return allow(["dynamodb:Query"], pulumi.Output.concat(table_arn, "/index/", OPEN_INDEX))


def list_uploads(table_arn: Arn) -> Statement:
    """Query an owner's records, or the places of their uploads."""
    return allow(["dynamodb:Query"], table_arn)


def allow_processor(
    statements: pulumi.Input[list[pulumi.Input[StatementArgs]]],
) -> pulumi.Output[Sequence[Statement]]:
    """Return the statements that a team declares for its processor."""
    known = cast("pulumi.Output[list[StatementArgs]]", pulumi.Output.from_input(statements))
    return known.apply(lambda listed: [allow(each["actions"], *each["resources"]) for each in listed])


def put_objects(bucket_arn: Arn) -> Statement:
    """Put objects under the prefix of uploads. A presigned URL has the permissions of the role that signed it."""
    return allow(["s3:PutObject"], _under(bucket_arn, OBJECT_PREFIX))


def list_parts(bucket_arn: Arn) -> Statement:
    """List the parts of an upload that S3 has."""
    return allow(["s3:ListMultipartUploadParts"], _under(bucket_arn, OBJECT_PREFIX))


def see_objects(bucket_arn: Arn) -> Statement:
    """Get 404 for a missing object instead of 403."""
    under = {"StringLike": {"s3:prefix": f"{OBJECT_PREFIX}*"}}
    return {**allow(["s3:ListBucket"], bucket_arn), "Condition": under}


def abort_multipart_uploads(bucket_arn: Arn) -> Statement:
    """Abort an upload in parts, and delete its parts."""
    return allow(["s3:AbortMultipartUpload"], _under(bucket_arn, OBJECT_PREFIX))


def read_objects(bucket_arn: Arn) -> Statement:
    """Read a version of an uploaded object."""
    return allow(["s3:GetObjectVersion"], _under(bucket_arn, OBJECT_PREFIX))


def see_versions(bucket_arn: Arn) -> Statement:
    """List the versions of an uploaded object."""
    under = {"StringLike": {"s3:prefix": f"{OBJECT_PREFIX}*"}}
    return {**allow(["s3:ListBucketVersions"], bucket_arn), "Condition": under}


def delete_versions(bucket_arn: Arn) -> Statement:
    """Delete a version of an uploaded object for good."""
    return allow(["s3:DeleteObjectVersion"], _under(bucket_arn, OBJECT_PREFIX))


def fill_quarantine(bucket_arn: Arn) -> Statement:
    """Write objects to the quarantine, and abort multipart copies. Does not allow reading them."""
    return allow(["s3:PutObject", "s3:AbortMultipartUpload"], _under(bucket_arn, OBJECT_PREFIX))


def scan_objects(bucket_arn: Arn, role_arn: Arn, kms_key_arn: Arn | None) -> list[Statement]:
    """Return what GuardDuty needs to scan each new upload in the account of this role, without tagging it.

    Source: GuardDuty user guide, "Create or update IAM role policy" of Malware Protection for S3.
    """
    rules = pulumi.Output.from_input(role_arn).apply(_scan_rules)
    test_object = pulumi.Output.concat(bucket_arn, "/malware-protection-resource-validation-object")
    manage = allow([f"events:{verb}" for verb in ("PutRule", "DeleteRule", "PutTargets", "RemoveTargets")], rules)
    statements = [
        {**manage, "Condition": {"StringLike": {"events:ManagedBy": MALWARE_PROTECTION}}},
        allow(["events:DescribeRule", "events:ListTargetsByRule"], rules),
        allow(["s3:GetBucketNotification", "s3:PutBucketNotification", "s3:ListBucket"], bucket_arn),
        allow(["s3:PutObject"], test_object),
        allow(["s3:GetObject", "s3:GetObjectVersion"], _under(bucket_arn, OBJECT_PREFIX), test_object),
    ]
    through_s3 = {"Condition": {"StringLike": {"kms:ViaService": "s3.*"}}}
    return statements + [{**statement, **through_s3} for statement in encrypt_and_decrypt(kms_key_arn)]


def _scan_rules(role_arn: str) -> str:
    _, partition, _, _, account_id, _ = role_arn.split(":", 5)
    return f"arn:{partition}:events:*:{account_id}:rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*"


def put_results(bucket_arn: Arn) -> Statement:
    """Store processors' results."""
    return allow(["s3:PutObject"], _under(bucket_arn, RESULT_PREFIX))


def read_results(bucket_arn: Arn) -> Statement:
    """Read processors' results."""
    return allow(["s3:GetObject"], _under(bucket_arn, RESULT_PREFIX))


def poll(queue_arn: Arn) -> Statement:
    """Let Lambda deliver a queue's messages to a function. Source: Lambda guide, "Using Lambda with Amazon SQS"."""
    return allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue_arn)


def consume(queue_arn: Arn) -> Statement:
    """Receive and delete messages of a queue, and change when a failed message is delivered again."""
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
    return allow(actions, queue_arn)


def send_messages(queue_arn: Arn) -> Statement:
    """Send messages to a queue."""
    return allow(["sqs:SendMessage"], queue_arn)


_DELIVERIES = {
    "events": "events:PutEvents",
    "firehose": "firehose:PutRecord",
    "lambda": "lambda:InvokeFunction",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
    "states": "states:StartExecution",
}
"""Source: EventBridge user guide, "IAM roles for sending events to targets"."""


def deliver_events(target_arn: Arn) -> Statement:
    """Send events to a target of a rule."""
    action = pulumi.Output.from_input(target_arn).apply(lambda known: _DELIVERIES[known.split(":")[2]])
    return allow([action], target_arn)


def count_messages(queue_arn: Arn) -> Statement:
    """Read how many messages wait in a queue."""
    return allow(["sqs:GetQueueAttributes"], queue_arn)


def request_scans() -> Statement:
    """Ask for malware scans; GuardDuty knows no resources for this action (Service Authorization Reference)."""
    return allow(["guardduty:SendObjectMalwareScan"], "*")


def invoke(function_arn: Arn) -> Statement:
    """Invoke a Lambda function, or its alias."""
    return allow(["lambda:InvokeFunction"], function_arn)


def start_executions(state_machine_arn: Arn) -> Statement:
    """Start executions of a state machine."""
    return allow(["states:StartExecution"], state_machine_arn)


def store_step_results(bucket_arn: Arn) -> Statement:
    """Store what the processors of a workflow return, until the upload's result is recorded."""
    return allow(["s3:PutObject"], _under(bucket_arn, STEP_RESULT_PREFIX))


def read_step_results(bucket_arn: Arn) -> Statement:
    """Read what the processors of a workflow have returned."""
    return allow(["s3:GetObject"], _under(bucket_arn, STEP_RESULT_PREFIX))


def read_records(bucket_arn: Arn) -> Statement:
    """Read a version of an uploaded object as the records of a map.

    The Step Functions guide ("IAM policies for using Distributed Map states") names GetObject; S3 requires
    GetObjectVersion of a request with a version.
    """
    return allow(["s3:GetObject", "s3:GetObjectVersion"], _under(bucket_arn, OBJECT_PREFIX))


def write_map_results(bucket_arn: Arn) -> Statement:
    """Write what the batches of a map returned, in parts if it is large. Source: the same page, "ResultWriter"."""
    actions = ["s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"]
    return allow(actions, _under(bucket_arn, RESULT_PREFIX))


def run_maps(state_machine_arn: Arn) -> list[Statement]:
    """Run the Distributed Maps of a state machine, and read their counts.

    The ARN of a map's execution has the state machine's name and the map's label, NAME/LABEL:ID.
    Source: the same page, and the Service Authorization Reference.
    """
    arn = pulumi.Output.from_input(state_machine_arn)
    executions = arn.apply(lambda known: known.replace(":stateMachine", ":execution", 1))
    runs = arn.apply(lambda known: known.replace(":stateMachine", ":mapRun", 1) + "/*")
    of_maps = (pulumi.Output.concat(executions, ":*"), pulumi.Output.concat(executions, "/*"))
    return [
        start_executions(arn),
        allow(["states:DescribeExecution", "states:StopExecution"], *of_maps),
        allow(["states:DescribeMapRun"], runs),
    ]


def deliver_logs() -> Statement:
    """Let Step Functions log to a log group. These actions support no resource ARNs.

    Source: Step Functions developer guide, "Using CloudWatch Logs to log execution history".
    """
    verbs = ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries")
    more = ("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")
    return allow([f"logs:{verb}" for verb in (*verbs, *more)], "*")


def trace_workflows() -> Statement:
    """Send X-Ray segments, and read which to send. Source: Step Functions guide, "X-Ray and Step Functions"."""
    verbs = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
    return allow([f"xray:{verb}" for verb in verbs], "*")


def decrypt(kms_key_arn: Arn | None) -> list[Statement]:
    """Decrypt with the customer's key, if there is one. The key's own policy must allow it, too."""
    return [allow(["kms:Decrypt"], kms_key_arn)] if kms_key_arn is not None else []


def encrypt_and_decrypt(kms_key_arn: Arn | None) -> list[Statement]:
    """Encrypt and decrypt with the customer's key, if there is one. The key's own policy must allow it, too."""
    return [allow(["kms:Decrypt", "kms:GenerateDataKey"], kms_key_arn)] if kms_key_arn is not None else []


def read_a_secret(secret_arn: Arn) -> Statement:
    """Read the value of every version of a secret."""
    return allow(["secretsmanager:GetSecretValue"], secret_arn)


def rotate_a_secret(secret_arn: Arn) -> Statement:
    """Create a version of a secret, and make it current. Source: Secrets Manager guide, rotation permissions."""
    actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    return allow([f"secretsmanager:{action}" for action in actions], secret_arn)


def write_logs(log_group_arn: Arn) -> Statement:
    """Write to an existing log group."""
    streams = pulumi.Output.concat(log_group_arn, ":*")
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], streams)


def pull_image(image: Arn) -> list[Statement]:
    """Pull an image of ECR, which is given by its whole name. The token's action has no resources."""
    read = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    repository = pulumi.Output.from_input(image).apply(_repository_arn)
    return [allow(["ecr:GetAuthorizationToken"], "*"), allow(read, repository)]


def push_images(repository_url: Arn) -> list[Statement]:
    """Push images to one repository of ECR, which is given by its URL. The token's action has no resources.

    Source: ECR user guide, "IAM permissions for pushing an image to an Amazon ECR private repository".
    """
    actions = ["BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage"]
    repository = pulumi.Output.from_input(repository_url).apply(_repository_arn)
    push = allow([f"ecr:{action}" for action in (*actions, "UploadLayerPart")], repository)
    return [allow(["ecr:GetAuthorizationToken"], "*"), push]


def _repository_arn(image: str) -> str:
    """Return the ARN of the repository in ACCOUNT.dkr.ecr.REGION.SUFFIX/NAME@DIGEST."""
    host, _, path = image.partition("@")[0].partition("/")
    account, _, _, region, *_ = host.split(".")
    return f"arn:{partition_of(region).name}:ecr:{region}:{account}:repository/{path}"


def write_flow_logs(log_group_arn: Arn) -> list[Statement]:
    """Return what a VPC's flow logs need of their log group, which exists.

    Source: VPC user guide, "IAM role for publishing flow logs to CloudWatch Logs". Only DescribeLogGroups has no
    resource that would be narrower.
    """
    return [
        write_logs(log_group_arn),
        allow(["logs:DescribeLogStreams"], pulumi.Output.concat(log_group_arn, ":*")),
        allow(["logs:DescribeLogGroups"], "*"),
    ]


def use_network_interfaces() -> Statement:
    """Let Lambda connect a function to a VPC, as AWSLambdaVPCAccessExecutionRole does. The function's code may not.

    The condition key is in each request that the code of a function sends. DescribeNetworkInterfaces and others know
    no resources. Source: Lambda guide, "Giving Lambda functions access to resources in an Amazon VPC".
    """
    verbs = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface", "DescribeSubnets")
    more = ("AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")
    not_by_code = {"Null": {"lambda:SourceFunctionArn": "true"}}
    return {**allow([f"ec2:{verb}" for verb in (*verbs, *more)], "*"), "Condition": not_by_code}


_FILE_CLIENT = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")


def use_file_system(file_system_arn: Arn, access_point_arn: Arn) -> Statement:
    """Mount a file system through one access point, to read and write. Source: Lambda guide, "Configuring file system".

    ClientRootAccess is left out: the access point sets the user.
    """
    through = {"StringEquals": {"elasticfilesystem:AccessPointArn": access_point_arn}}
    return {**allow(_FILE_CLIENT, file_system_arn), "Condition": through}


def file_system_policy(name: str, file_system_arn: Arn, access_point_arn: Arn) -> pulumi.Output[str]:
    """Return the policy of a file system that is used by TLS and through one access point alone.

    With a policy of its own, a file system has no anonymous clients: each needs permissions of its own.
    Source: EFS user guide, "Using IAM to control access to file systems".
    """
    refuse: dict[str, Any] = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": file_system_arn}
    elsewhere = {"StringNotEquals": {"elasticfilesystem:AccessPointArn": access_point_arn}}
    return _policy(
        name,
        [
            {**refuse, "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {**refuse, "Action": [*_FILE_CLIENT, "elasticfilesystem:ClientRootAccess"], "Condition": elsewhere},
        ],
        20_000,
        "EFS",
    )


def send_traces() -> Statement:
    """Send X-Ray segments. These actions support no resource ARNs (Service Authorization Reference)."""
    return allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")


def push_api_logs() -> Statement:
    """Write all log groups: API Gateway requires it of the role with which it logs for an account.

    Source: API Gateway developer guide, "Permissions for CloudWatch logging".
    """
    actions = ["CreateLogGroup", "CreateLogStream", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents"]
    return allow([f"logs:{action}" for action in (*actions, "GetLogEvents", "FilterLogEvents")], "*")


def send_from_rule(queue_arn: Arn, rule_arn: Arn) -> Statement:
    """Queue policy: allow one EventBridge rule to send messages."""
    return _send_from("events.amazonaws.com", queue_arn, rule_arn)


def send_from_topic(queue_arn: Arn, topic_arn: Arn) -> Statement:
    """Queue policy: allow one SNS topic to send messages."""
    return _send_from("sns.amazonaws.com", queue_arn, topic_arn)


def _send_from(service: str, queue_arn: Arn, source_arn: Arn) -> Statement:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
    }


def publish_alarms(topic_arn: Arn) -> Statement:
    """Topic policy: let the account's CloudWatch alarms publish.

    Source: SNS developer guide, "Example cases for Amazon SNS access control".
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": CLOUDWATCH},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": _account_of(topic_arn)}},
    }


def only_from_account(arn_of_the_account: Arn) -> Statement:
    """Endpoint policy: let only this account's roles use the endpoint. What each may do is in its own policy.

    Otherwise somebody else's credentials, in a job that was broken into, could carry data out of the VPC.
    """
    return _through_endpoint("*", "*", {"StringEquals": {"aws:PrincipalAccount": _account_of(arn_of_the_account)}})


def stay_in_account(arn_of_the_account: Arn) -> Statement:
    """Endpoint policy: let only this account's roles use the endpoint, and only for this account's resources.

    Source: AWS whitepaper "Building a Data Perimeter on AWS", on VPC endpoint policies.
    """
    account = _account_of(arn_of_the_account)
    return _through_endpoint(
        "*", "*", {"StringEquals": {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}}
    )


def read_image_layers(arn_of_the_account: Arn) -> Statement:
    """Endpoint policy of S3: let ECR's clients read the layers of images, which are in a bucket of AWS's.

    Source: ECR user guide, "Amazon ECR interface VPC endpoints", on the gateway endpoint of S3.
    """
    layers = pulumi.Output.from_input(arn_of_the_account).apply(
        lambda arn: f"arn:{arn.split(':')[1]}:s3:::prod-{arn.split(':')[3]}-starport-layer-bucket/*"
    )
    return _through_endpoint("s3:GetObject", layers, {})


def read_any_image_layers() -> Statement:
    """Endpoint policy of S3: let clients of any registry read layers, with URLs that the registry has signed."""
    return _through_endpoint("s3:GetObject", "*", {})


def _through_endpoint(actions: str, resources: Arn, condition: Mapping[str, Any]) -> Statement:
    statement = {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


S3 = "s3.amazonaws.com"
"""The service that sends notifications of a bucket, as a principal."""


def publish_notifications(topic_arn: Arn, bucket_arn: Arn, arn_of_the_account: Arn) -> Statement:
    """Topic policy: let S3 publish the notifications of one bucket of this account.

    Source: S3 user guide, "Granting permissions to publish event notification messages to a destination".
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": S3},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": bucket_arn},
            "StringEquals": {"aws:SourceAccount": _account_of(arn_of_the_account)},
        },
    }


def encrypt_notifications(arn_of_the_account: Arn) -> Statement:
    """Key policy: let S3 publish notifications of the account's buckets to topics that the key encrypts.

    AWS's own key for SNS does not let it. Source: the same page, "AWS KMS key policy".
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": S3},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": _account_of(arn_of_the_account)}},
    }


def administer_key(arn_of_the_account: Arn) -> Statement:
    """Key policy: let the account's IAM policies decide about the key; `arn_of_the_account` is any ARN in it."""
    root = pulumi.Output.from_input(arn_of_the_account).apply(
        lambda arn: f"arn:{arn.split(':')[1]}:iam::{arn.split(':')[4]}:root"
    )
    return {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}


def encrypt_alarms(arn_of_the_account: Arn) -> Statement:
    """Key policy: let the account's CloudWatch alarms publish to topics that the key encrypts.

    AWS's own key for SNS does not let them.
    Source: CloudWatch user guide, "Notifying users on alarm changes", on encrypted topics.
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": CLOUDWATCH},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": _account_of(arn_of_the_account)}},
    }


def _account_of(arn: Arn) -> pulumi.Output[str]:
    return pulumi.Output.from_input(arn).apply(lambda known: known.split(":")[4])


def refuse_plain_http(resource_arn: Arn, actions: str, *more_arns: Arn) -> Statement:
    """Resource policy: deny all requests without TLS."""
    return _refuse("PlainHttp", actions, [resource_arn, *more_arns], {"Bool": {"aws:SecureTransport": "false"}})


def refuse_old_signatures(bucket_arn: Arn, expires_in_seconds: int) -> Statement:
    """Bucket policy: deny presigned requests later than this after their signing, even if their own expiry is later.

    Source: S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy Keys".
    """
    age = {"NumericGreaterThan": {"s3:signatureAge": str(expires_in_seconds * 1000)}}
    return _refuse("OldSignatures", "s3:*", _all_of(bucket_arn), {**_PRESIGNED, **age})


def refuse_overwrites(bucket_arn: Arn, *, allow_forms: bool) -> Statement:
    """Bucket policy: deny requests that make an upload's object without If-None-Match.

    Starting a multipart upload and sending its parts make no object. A form cannot have the condition (POST Object), so
    the policy allows all forms or none. It denies all copies, because CopyObject returns 501 for the condition.
    Source: S3 user guide, "Enforce conditional writes on Amazon S3 buckets".
    """
    condition: dict[str, Any] = {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    if allow_forms:
        condition["StringNotEquals"] = {"s3:authType": "POST"}
    return _refuse("Overwrites", "s3:PutObject", [_under(bucket_arn, OBJECT_PREFIX)], condition)


def refuse_other_encryption(bucket_arn: Arn, kms_key_arn: Arn | None) -> list[Statement]:
    """Bucket policy: deny uploads with another encryption than aws:kms, or another key than the customer's.

    The bucket itself blocks a client's own keys (SSE-C). GuardDuty writes its test object outside of the uploads.
    A request without encryption headers gets the bucket's encryption, but S3 evaluates the policy first. AWS does not
    document whether parts and completion are evaluated with the key of their upload. So the policy requires no key: a
    request with aws:kms but no key gets AWS's key. Without a customer's key, it denies no key: it could be AWS's.
    """
    sse, key = f"s3:{ENCRYPTION_HEADER}", f"s3:{KMS_KEY_HEADER}"
    conditions: dict[str, Any] = {
        "OtherEncryption": {"Null": {sse: "false"}, "StringNotEquals": {sse: "aws:kms"}},
    }
    if kms_key_arn is not None:
        conditions["OtherKeys"] = {"Null": {key: "false"}, "StringNotEquals": {key: kms_key_arn}}
    return [
        _refuse(what, "s3:PutObject", [_under(bucket_arn, OBJECT_PREFIX)], each) for what, each in conditions.items()
    ]


def refuse_other_networks(bucket_arn: Arn, cidrs: Texts, vpc_ids: Texts) -> list[Statement]:
    """Bucket policy: deny presigned requests from other addresses and other VPCs.

    If both lists are empty, nothing is denied. A request through a VPC endpoint has no aws:SourceIp, any other request
    has no aws:SourceVpc, and a negated operator matches a missing key.
    Source: IAM user guide, "AWS global condition context keys" and "Condition operators".
    """
    elsewhere: dict[str, Any] = {}
    if not is_empty(cidrs):
        elsewhere["NotIpAddress"] = {"aws:SourceIp": cidrs}
    if not is_empty(vpc_ids):
        elsewhere["StringNotEquals"] = {"aws:SourceVpc": vpc_ids}
    if not elsewhere:
        return []
    return [_refuse("OtherNetworks", "s3:*", _all_of(bucket_arn), {**_PRESIGNED, **elsewhere})]


def _refuse(what: str, actions: str, resources: Sequence[Arn], condition: Mapping[str, Any]) -> Statement:
    return {
        "Sid": f"Refuse{what}",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": list(resources),
        "Condition": condition,
    }


def _all_of(bucket_arn: Arn) -> list[Arn]:
    return [bucket_arn, _under(bucket_arn, "")]


def _under(bucket_arn: Arn, prefix: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(bucket_arn, "/", prefix, "*")
