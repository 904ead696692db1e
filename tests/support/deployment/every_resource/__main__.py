"""A program with every type that the table knows, small enough for a test."""

import json

import contract
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

provider = aws.Provider("here", region="us-east-1", default_tags={"tags": {"project": "everything"}})
here = pulumi.ResourceOptions(provider=provider)


def allow(service: str, action: str, resource: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


key = aws.kms.Key("key", enable_key_rotation=True, opts=here)
aws.kms.Alias("key", target_key_id=key.key_id, opts=here)

bucket = aws.s3.Bucket("Files", force_destroy=True, tags={"colour": "red"}, opts=here)
aws.s3.BucketVersioning("files", bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=here)
aws.s3.BucketPublicAccessBlock("files", bucket=bucket.id, block_public_acls=True, opts=here)
aws.s3.BucketOwnershipControls("files", bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=here)
aws.s3.BucketServerSideEncryptionConfiguration(
    "files",
    bucket=bucket.id,
    rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}, "bucket_key_enabled": True}],
    opts=here,
)
aws.s3.BucketCorsConfiguration(
    "files",
    bucket=bucket.id,
    cors_rules=[{"allowed_methods": ["PUT"], "allowed_origins": ["https://example.com"], "max_age_seconds": 300}],
    opts=here,
)
aws.s3.BucketLifecycleConfiguration(
    "files",
    bucket=bucket.id,
    rules=[
        {
            "id": "a",
            "status": "Enabled",
            "filter": {},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 2},
        },
        {"id": "b", "status": "Enabled", "filter": {"and_": {"tags": {"k": "v"}}}, "expiration": {"days": 9}},
    ],
    opts=here,
)
aws.s3.BucketNotification("files", bucket=bucket.id, eventbridge=True, opts=here)
aws.s3.BucketPolicy(
    "files",
    bucket=bucket.id,
    policy=bucket.arn.apply(lambda arn: allow("logging.s3.amazonaws.com", "s3:PutObject", f"{arn}/*")),
    opts=here,
)

table = aws.dynamodb.Table(
    "table",
    billing_mode="PAY_PER_REQUEST",
    hash_key="owner",
    range_key="id",
    attributes=[{"name": name, "type": "S"} for name in ("owner", "id", "open")],
    global_secondary_indexes=[
        {
            "name": "open",
            "hash_key": "open",
            "range_key": "id",
            "projection_type": "INCLUDE",
            "non_key_attributes": ["status"],
        }
    ],
    stream_enabled=True,
    stream_view_type="NEW_AND_OLD_IMAGES",
    ttl={"attribute_name": "expires_at", "enabled": True},
    point_in_time_recovery={"enabled": True, "recovery_period_in_days": 7},
    server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
    opts=here,
)

dead_letters = aws.sqs.Queue("dead-letters", sqs_managed_sse_enabled=True, opts=here)
queue = aws.sqs.Queue(
    "queue",
    visibility_timeout_seconds=60,
    redrive_policy=dead_letters.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})),
    opts=here,
)
aws.sqs.Queue("ordered", fifo_queue=True, opts=here)
aws.sqs.RedriveAllowPolicy(
    "dead-letters",
    queue_url=dead_letters.url,
    redrive_allow_policy=queue.arn.apply(
        lambda arn: json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn]})
    ),
    opts=here,
)
aws.sqs.QueuePolicy(
    "queue",
    queue_url=queue.url,
    policy=queue.arn.apply(lambda arn: allow("events.amazonaws.com", "sqs:SendMessage", arn)),
    opts=here,
)
rule = aws.cloudwatch.EventRule("rule", event_pattern=json.dumps({"source": ["aws.s3"]}), opts=here)
aws.cloudwatch.EventTarget(
    "target", rule=rule.name, arn=queue.arn, dead_letter_config={"arn": dead_letters.arn}, opts=here
)
aws.cloudwatch.EventArchive(
    "archive",
    event_source_arn=rule.arn.apply(lambda arn: f"{arn.rpartition(':')[0]}:event-bus/default"),
    event_pattern=json.dumps({"source": ["aws.s3"]}),
    retention_days=7,
    opts=here,
)

topic = aws.sns.Topic("topic", kms_master_key_id=key.arn, opts=here)
aws.sns.TopicPolicy(
    "topic",
    arn=topic.arn,
    policy=topic.arn.apply(lambda arn: allow("cloudwatch.amazonaws.com", "sns:Publish", arn)),
    opts=here,
)
aws.sns.TopicSubscription(
    "topic",
    topic=topic.arn,
    protocol="sqs",
    endpoint=queue.arn,
    raw_message_delivery=True,
    redrive_policy=dead_letters.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn})),
    opts=here,
)
aws.cloudwatch.MetricAlarm(
    "alarm",
    namespace="AWS/SQS",
    metric_name="ApproximateNumberOfMessagesVisible",
    dimensions={"QueueName": dead_letters.name},
    statistic="Maximum",
    period=300,
    evaluation_periods=1,
    comparison_operator="GreaterThanThreshold",
    threshold=0,
    treat_missing_data="notBreaching",
    alarm_actions=[topic.arn],
    opts=here,
)

zones = aws.get_availability_zones_output(state="available", opts=pulumi.InvokeOutputOptions(provider=provider))
vpc = aws.ec2.Vpc("vpc", cidr_block="10.1.0.0/16", enable_dns_hostnames=True, opts=here)
aws.ec2.DefaultSecurityGroup("vpc", vpc_id=vpc.id, opts=here)
subnet = aws.ec2.Subnet(
    "subnet",
    vpc_id=vpc.id,
    cidr_block="10.1.0.0/24",
    availability_zone=zones.names[0],
    map_public_ip_on_launch=True,
    tags={"Name": "subnet"},
    opts=here,
)
routes = aws.ec2.RouteTable("routes", vpc_id=vpc.id, opts=here)
aws.ec2.RouteTableAssociation("routes", subnet_id=subnet.id, route_table_id=routes.id, opts=here)
internet = aws.ec2.InternetGateway("internet", vpc_id=vpc.id, opts=here)
aws.ec2.Route(
    "internet", route_table_id=routes.id, destination_cidr_block="0.0.0.0/0", gateway_id=internet.id, opts=here
)
address = aws.ec2.Eip("address", domain="vpc", opts=here)
aws.ec2.NatGateway("nat", subnet_id=subnet.id, allocation_id=address.id, opts=here)
of_subnet = aws.ec2.get_subnet_output(id=subnet.id, opts=pulumi.InvokeOutputOptions(provider=provider))
inside = aws.ec2.SecurityGroup("inside", vpc_id=of_subnet.vpc_id, opts=here)
files = aws.ec2.VpcEndpoint(
    "files",
    vpc_id=vpc.id,
    service_name="com.amazonaws.us-east-1.s3",
    route_table_ids=[routes.id],
    policy=allow("*", "s3:GetObject", "*"),
    opts=here,
)
aws.vpc.SecurityGroupEgressRule(
    "inside",
    security_group_id=inside.id,
    ip_protocol="tcp",
    from_port=443,
    to_port=443,
    prefix_list_id=files.prefix_list_id,
    opts=here,
)
aws.vpc.SecurityGroupIngressRule(
    "inside",
    security_group_id=inside.id,
    ip_protocol="tcp",
    from_port=443,
    to_port=443,
    referenced_security_group_id=inside.id,
    opts=here,
)

role = aws.iam.Role(
    "role",
    assume_role_policy=aws.iam.get_policy_document_output(
        statements=[
            {
                "actions": ["sts:AssumeRole"],
                "principals": [
                    {"type": "Service", "identifiers": ["lambda.amazonaws.com", "apigateway.amazonaws.com"]}
                ],
            }
        ],
        opts=pulumi.InvokeOutputOptions(provider=provider),
    ).json,
    opts=here,
)
aws.iam.OpenIdConnectProvider(
    "tokens",
    url="https://token.actions.githubusercontent.com",
    client_id_lists=["sts.amazonaws.com"],
    opts=here,
)
receive = {"Effect": "Allow", "Action": ["sqs:*", "secretsmanager:*"], "Resource": "*"}
policy = aws.iam.RolePolicy(
    "role", role=role.name, policy=json.dumps({"Version": "2012-10-17", "Statement": [receive]}), opts=here
)
aws.iam.RolePolicyAttachment(
    "role",
    role=role.name,
    policy_arn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    opts=here,
)

logs = aws.cloudwatch.LogGroup("logs", retention_in_days=14, opts=here)
aws.ec2.FlowLog("flows", vpc_id=vpc.id, traffic_type="ALL", log_destination=logs.arn, iam_role_arn=role.arn, opts=here)
repository = aws.ecr.Repository(
    "images",
    image_tag_mutability="IMMUTABLE",
    image_scanning_configuration={"scan_on_push": True},
    encryption_configurations=[{"encryption_type": "AES256"}],
    force_delete=True,
    opts=here,
)
aws.ecr.LifecyclePolicy(
    "images",
    repository=repository.name,
    policy=json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
                    "action": {"type": "expire"},
                }
            ]
        }
    ),
    opts=here,
)
cluster = aws.ecs.Cluster("cluster", settings=[{"name": "containerInsights", "value": "enabled"}], opts=here)
aws.ecs.ClusterCapacityProviders(
    "cluster", cluster_name=cluster.name, capacity_providers=["FARGATE", "FARGATE_SPOT"], opts=here
)
task = aws.ecs.TaskDefinition(
    "task",
    family="task",
    requires_compatibilities=["FARGATE"],
    network_mode="awsvpc",
    cpu="256",
    memory="512",
    ephemeral_storage={"size_in_gib": 21},
    runtime_platform={"cpu_architecture": "ARM64", "operating_system_family": "LINUX"},
    execution_role_arn=role.arn,
    task_role_arn=role.arn,
    volumes=[{"name": "files"}],
    container_definitions=json.dumps([{"name": "one", "image": "an-image", "essential": True}]),
    opts=here,
)
service = aws.ecs.Service(
    "service",
    cluster=cluster.arn,
    task_definition=task.arn,
    desired_count=0,
    capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}],
    network_configuration={
        "subnets": [subnet.id],
        "security_groups": [inside.id],
        "assign_public_ip": False,
    },
    deployment_circuit_breaker={"enable": True, "rollback": True},
    deployment_minimum_healthy_percent=100,
    deployment_maximum_percent=200,
    enable_ecs_managed_tags=True,
    propagate_tags="SERVICE",
    opts=here,
)
scaled = aws.appautoscaling.Target(
    "service",
    service_namespace="ecs",
    scalable_dimension="ecs:service:DesiredCount",
    resource_id=pulumi.Output.concat("service/", cluster.name, "/", service.name),
    min_capacity=0,
    max_capacity=2,
    opts=here,
)
aws.appautoscaling.Policy(
    "first",
    service_namespace=scaled.service_namespace,
    scalable_dimension=scaled.scalable_dimension,
    resource_id=scaled.resource_id,
    policy_type="StepScaling",
    step_scaling_policy_configuration={
        "adjustment_type": "ChangeInCapacity",
        "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
    },
    opts=here,
)
shared = aws.efs.FileSystem(
    "shared",
    encrypted=True,
    kms_key_id=key.arn,
    throughput_mode="elastic",
    lifecycle_policies=[{"transition_to_ia": "AFTER_1_DAY"}],
    opts=here,
)
aws.efs.FileSystemPolicy(
    "shared",
    file_system_id=shared.id,
    policy=allow("lambda.amazonaws.com", "elasticfilesystem:ClientMount", "*"),
    opts=here,
)
mounted = aws.efs.MountTarget(
    "shared", file_system_id=shared.id, subnet_id=subnet.id, security_groups=[inside.id], opts=here
)
access = aws.efs.AccessPoint(
    "shared",
    file_system_id=shared.id,
    posix_user={"uid": 1000, "gid": 1000},
    root_directory={"path": "/jobs", "creation_info": {"owner_uid": 1000, "owner_gid": 1000, "permissions": "0700"}},
    opts=here,
)
layer = aws.lambda_.LayerVersion(
    "layer",
    layer_name="layer",
    code=pulumi.AssetArchive({"python/beside.py": pulumi.StringAsset("answer = 42")}),
    compatible_runtimes=["python3.13"],
    opts=here,
)
function = aws.lambda_.Function(
    "function",
    role=role.arn,
    runtime="python3.13",
    handler="answer.handle",
    code=pulumi.AssetArchive({"answer.py": pulumi.FileAsset("answer.py")}),
    architectures=["arm64"],
    timeout=10,
    publish=True,
    environment={"variables": {"GREETING": pulumi.Config().require_secret("greeting")}},
    dead_letter_config={"target_arn": dead_letters.arn},
    logging_config={"log_format": "JSON", "log_group": logs.name, "application_log_level": "INFO"},
    tracing_config={"mode": "Active"},
    ephemeral_storage={"size": 1024},
    reserved_concurrent_executions=5,
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[policy]),
)
live = aws.lambda_.Alias("live", name="live", function_name=function.name, function_version=function.version, opts=here)
aws.lambda_.EventSourceMapping(
    "mapping",
    function_name=live.arn,
    event_source_arn=queue.arn,
    maximum_batching_window_in_seconds=1,
    function_response_types=["ReportBatchItemFailures"],
    scaling_config={"maximum_concurrency": 2},
    opts=here,
)
aws.lambda_.FunctionEventInvokeConfig(
    "invocations", function_name=function.name, qualifier=live.name, maximum_retry_attempts=1, opts=here
)

rotator = aws.lambda_.Function(
    "rotator",
    role=role.arn,
    runtime="python3.13",
    handler="answer.rotate",
    code=pulumi.AssetArchive({"answer.py": pulumi.FileAsset("answer.py")}),
    timeout=10,
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[policy]),
)
aws.scheduler.Schedule(
    "schedule",
    schedule_expression="rate(5 minutes)",
    flexible_time_window={"mode": "OFF"},
    target={
        "arn": live.arn,
        "role_arn": role.arn,
        "retry_policy": {"maximum_event_age_in_seconds": 300, "maximum_retry_attempts": 3},
        "dead_letter_config": {"arn": dead_letters.arn},
    },
    opts=here,
)

secret = aws.secretsmanager.Secret(
    "secret", description="Made by rotation", kms_key_id=key.arn, recovery_window_in_days=0, opts=here
)
rotates = aws.lambda_.Permission(
    "rotates",
    function=rotator.name,
    action="lambda:InvokeFunction",
    principal="secretsmanager.amazonaws.com",
    source_arn=secret.arn,
    opts=here,
)
aws.secretsmanager.SecretRotation(
    "secret",
    secret_id=secret.id,
    rotation_lambda_arn=rotator.arn,
    rotation_rules={"automatically_after_days": 30},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[rotates]),
)

pool = aws.cognito.UserPool(
    "pool",
    username_attributes=["email"],
    password_policy={"minimum_length": 12},
    mfa_configuration="OPTIONAL",
    software_token_mfa_configuration={"enabled": True},
    opts=here,
)
aws.lambda_.Function(
    "mounter",
    role=role.arn,
    runtime="python3.13",
    handler="answer.handle",
    code=pulumi.AssetArchive({"answer.py": pulumi.FileAsset("answer.py")}),
    vpc_config={"subnet_ids": [subnet.id], "security_group_ids": [inside.id]},
    file_system_config={"arn": access.arn, "local_mount_path": "/mnt/jobs"},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[policy, mounted]),
)

client = aws.cognito.UserPoolClient(
    "client", user_pool_id=pool.id, explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH"], opts=here
)

api = aws.apigateway.RestApi(
    "api",
    body=pulumi.Output.all(pool.arn, live.invoke_arn).apply(lambda arns: contract.document(*arns)),
    endpoint_configuration={"types": "REGIONAL"},
    opts=here,
)
aws.lambda_.Permission(
    "api",
    function=function.name,
    qualifier=live.name,
    action="lambda:InvokeFunction",
    principal="apigateway.amazonaws.com",
    source_arn=pulumi.Output.concat(api.execution_arn, "/*/*/*"),
    opts=here,
)
aws.guardduty.MalwareProtectionPlan(
    "plan",
    role=role.arn,
    protected_resource={"s3_bucket": {"bucket_name": bucket.bucket, "object_prefixes": ["uploads/"]}},
    actions=[{"taggings": [{"status": "DISABLED"}]}],
    opts=here,
)
account = aws.apigateway.Account("account", cloudwatch_role_arn=role.arn, opts=here)
stage = aws.apigateway.Stage(
    "stage",
    rest_api=api.id,
    deployment=aws.apigateway.Deployment("deployment", rest_api=api.id, triggers={"document": "1"}, opts=here).id,
    stage_name="v1",
    xray_tracing_enabled=True,
    access_log_settings={"destination_arn": logs.arn, "format": "$context.requestId"},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[account]),
)
aws.apigateway.MethodSettings(
    "stage",
    rest_api=api.id,
    stage_name=stage.stage_name,
    method_path="*/*",
    settings={"throttling_burst_limit": 50, "throttling_rate_limit": 99.5},
    opts=here,
)

aws.sfn.StateMachine(
    "workflow",
    role_arn=role.arn,
    definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
    logging_configuration={
        "level": "ERROR",
        "include_execution_data": False,
        "log_destination": pulumi.Output.concat(logs.arn, ":*"),
    },
    tracing_configuration={"enabled": True},
    opts=here,
)

template = aws.ec2.LaunchTemplate(
    "nodes",
    block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"volume_size": 20, "encrypted": "true"}}],
    metadata_options={"http_tokens": "required"},
    opts=here,
)
cluster = aws.eks.Cluster(
    "cluster",
    role_arn=role.arn,
    version="1.34",
    vpc_config={"subnet_ids": [subnet.id], "endpoint_private_access": True},
    access_config={"authentication_mode": "API"},
    bootstrap_self_managed_addons=False,
    enabled_cluster_log_types=["audit"],
    encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
    opts=here,
)
aws.eks.NodeGroup(
    "nodes",
    cluster_name=cluster.name,
    node_role_arn=role.arn,
    subnet_ids=[subnet.id],
    instance_types=["m7g.large"],
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    scaling_config={"desired_size": 1, "min_size": 1, "max_size": 1},
    update_config={"max_unavailable": 1},
    opts=here,
)
aws.eks.FargateProfile(
    "pods",
    cluster_name=cluster.name,
    pod_execution_role_arn=role.arn,
    subnet_ids=[subnet.id],
    selectors=[{"namespace": "default"}],
    opts=here,
)
aws.eks.Addon(
    "dns",
    cluster_name=cluster.name,
    addon_name="coredns",
    resolve_conflicts_on_create="OVERWRITE",
    resolve_conflicts_on_update="OVERWRITE",
    opts=here,
)
entry = aws.eks.AccessEntry("admin", cluster_name=cluster.name, principal_arn=role.arn, opts=here)
aws.eks.AccessPolicyAssociation(
    "admin",
    cluster_name=cluster.name,
    principal_arn=entry.principal_arn,
    policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
    access_scope={"type": "cluster"},
    opts=here,
)
aws.eks.PodIdentityAssociation(
    "pods", cluster_name=cluster.name, namespace="default", service_account="pods", role_arn=role.arn, opts=here
)
aws.eks.Capability(
    "argo",
    cluster_name=cluster.name,
    capability_name="argo",
    type="ARGOCD",
    role_arn=role.arn,
    delete_propagation_policy="RETAIN",
    configuration={"argo_cd": {"aws_idc": {"idc_instance_arn": "arn:aws:sso:::instance/ssoins-0123456789abcdef"}}},
    opts=here,
)
on_cluster = pulumi.ResourceOptions(
    provider=kubernetes.Provider(
        "on-cluster",
        kubeconfig=pulumi.Output.json_dumps({"clusters": [{"name": "c", "cluster": {"server": cluster.endpoint}}]}),
    )
)
kubernetes.helm.v3.Release("argo", chart="argo-cd", version="9.1.0", namespace="argocd", opts=on_cluster)
kubernetes.core.v1.Secret("target", metadata={"name": "target"}, string_data={"server": cluster.arn}, opts=on_cluster)
kubernetes.apiextensions.CustomResource(
    "app",
    api_version="argoproj.io/v1alpha1",
    kind="Application",
    metadata={"name": "app", "namespace": "argocd"},
    spec={"source": {"chart": "keda"}},
    opts=on_cluster,
)

for name, value in {
    "account": aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=provider)).account_id,
    "bucket": bucket.id,
    "bucketDomain": bucket.bucket_regional_domain_name,
    "bucketTags": bucket.tags_all,
    "function": function.qualified_arn,
    "pool": pool.id,
    "queue": queue.url,
    "secret": secret.arn,
    "stream": table.stream_arn,
    "table": table.name,
    "url": stage.invoke_url,
    "vpc": of_subnet.vpc_id,
}.items():
    pulumi.export(name, value)
