"""The program that `pulumi up` runs for a stack."""

import sys

import pulumi

# First of all: the other modules cannot be imported by an older Python, and pip installs what they need all the same.
if sys.version_info < (3, 11):  # noqa: UP036
    raise pulumi.RunError(
        "Portage needs Python 3.11 or newer, and this virtual environment has Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}. Delete it (.venv), put a newer python3 first on PATH, and run "
        "`pulumi install`."
    )

import pulumi_aws as aws

from aws_provider import with_tags
from components.eks_argo_deploy import EksArgoDeploy
from components.processing_pipeline import ProcessingPipeline
from components.status_tracker import StatusTracker
from components.upload_api import UploadApi
from settings import Settings

settings = Settings.load()
tags = {"project": pulumi.get_project(), "stack": pulumi.get_stack(), "managed-by": "pulumi"}
provider = aws.Provider("aws", region=settings.region, **with_tags(settings.aws, tags))
on_aws = pulumi.ResourceOptions(providers={"aws": provider})

tracker = StatusTracker("status", settings.status_tracker.args(), on_aws)
api = UploadApi(
    "upload-api",
    settings.upload_api.args(table_name=tracker.table_name, table_arn=tracker.table_arn),
    on_aws,
)
by_topic = settings.processing_pipeline["trigger"] == "s3-notifications"
pipeline = ProcessingPipeline(
    "processing",
    settings.processing_pipeline.args(
        bucket_name=api.bucket_name,
        bucket_arn=api.bucket_arn,
        result_reader_role_name=api.result_reader_role_name,
        notification_topic_arn=api.notification_topic_arn if by_topic else None,
        table_name=tracker.table_name,
        table_arn=tracker.table_arn,
    ),
    on_aws,
)

processor_role_name = pipeline.processor_role_name
if settings.processing_pipeline["compute"] == "eks":
    deploy = EksArgoDeploy(
        "deploy",
        settings.eks_argo_deploy.args(
            git_repository_url=settings.eks_git_repository_url,
            aws_profile=settings.aws.get("profile"),
            deployer_role_arn=settings.assumed_role_arn,
            worker_policy=pipeline.worker_policy,
            worker_environment=pipeline.worker_environment,
            image_repository_url=pipeline.image_repository_url,
            queue_url=pipeline.queue_url,
            queue_arn=pipeline.queue_arn,
        ),
        on_aws,
    )
    processor_role_name = deploy.worker_role_name
    pulumi.export("clusterName", deploy.cluster_name)
    pulumi.export("clusterSecurityGroupId", deploy.cluster_security_group_id)
    pulumi.export("githubRoleArn", deploy.github_role_arn)

client_id = settings.user_pool_client_id
pulumi.export("region", settings.region)
pulumi.export("apiUrl", api.url)
pulumi.export("userPoolId", api.user_pool_id)
pulumi.export("userPoolClientId", api.user_pool_client_id if client_id is None else client_id)
pulumi.export("uploadRules", settings.upload_rules)
pulumi.export("ingestBucket", api.bucket_name)
pulumi.export("resultsBucket", pipeline.results_bucket_name)
if settings.processing_pipeline["rejected_objects"] == "quarantine":
    pulumi.export("quarantineBucket", pipeline.quarantine_bucket_name)
if settings.processing_pipeline["image_repository"]:
    pulumi.export("imageRepositoryUrl", pipeline.image_repository_url)
pulumi.export("processorRole", processor_role_name)
pulumi.export("uploadsTable", tracker.table_name)
pulumi.export("queueUrl", pipeline.queue_url)
pulumi.export("deadLetterQueueUrl", pipeline.dead_letter_queue_url)
pulumi.export("alarmTopicArn", pipeline.alarm_topic_arn)
if by_topic:
    pulumi.export("notificationTopicArn", api.notification_topic_arn)
else:
    pulumi.export("eventRuleArn", pipeline.event_rule_arn)
if settings.processing_pipeline["archive_days"] is not None:
    pulumi.export("eventArchiveArn", pipeline.event_archive_arn)
