"""A component's tags and permissions boundary reach every resource below it."""

from functools import cache

import pulumi
import pulumi_aws as aws
import pytest

from local.resources.parameters import plain
from tests.support.components.examples import BOUNDARY_ARN, COMPONENTS, NAME, PROCESSING_PIPELINE, TAGS, Example
from tests.support.components.recording import Recording, record, token

WITHOUT_TAGS = {
    # Parts of a resource that has them, and bindings between two.
    *("aws:apigateway/account:Account", "aws:apigateway/deployment:Deployment"),
    *("aws:apigateway/methodSettings:MethodSettings", "aws:appautoscaling/policy:Policy"),
    *("aws:cloudwatch/eventArchive:EventArchive", "aws:cloudwatch/eventTarget:EventTarget"),
    *("aws:cognito/userPoolClient:UserPoolClient", "aws:ec2/route:Route"),
    *("aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ecr/lifecyclePolicy:LifecyclePolicy"),
    *("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",),
    *("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "aws:iam/rolePolicy:RolePolicy"),
    *("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:lambda/alias:Alias"),
    *("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "aws:lambda/permission:Permission"),
    *("aws:scheduler/schedule:Schedule", "aws:secretsmanager/secretRotation:SecretRotation"),
    *("aws:sns/topicPolicy:TopicPolicy", "aws:sqs/queuePolicy:QueuePolicy"),
    *("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",),
}


@cache
def made(example: Example) -> Recording:
    return record(lambda: example.create(NAME, example.everything()) and None)


@pytest.mark.parametrize("example", COMPONENTS)
class TestAComponent:
    def test_tags_each_resource_that_aws_can_tag(self, example: Example) -> None:
        of_aws = [each for each in made(example).registrations if each.type.startswith("aws:")]
        tagged = [each for each in of_aws if "tags" in each.inputs]

        assert tagged
        assert all(plain(each.inputs["tags"]).items() >= TAGS.items() for each in tagged)
        others = {each.type for each in of_aws} - {each.type for each in tagged}
        assert {kind for kind in others if not kind.startswith("aws:s3/bucket")} <= WITHOUT_TAGS

    def test_bounds_each_role(self, example: Example) -> None:
        roles = made(example).all(aws.iam.Role)

        assert {each.inputs.get("permissionsBoundary") for each in roles} <= {BOUNDARY_ARN}
        assert bool(roles) == ("permissions_boundary_arn" in example.arguments)


def test_a_resources_own_tags_have_priority() -> None:
    tags = {"Name": "not this", **TAGS}

    def program() -> None:
        args = {**PROCESSING_PIPELINE.everything(), "tags": pulumi.Output.from_input(tags)}
        PROCESSING_PIPELINE.create(NAME, args)

    recording = record(program)

    assert recording.inputs(aws.ec2.Vpc)["tags"] == {**tags, "Name": "example-workers-network"}
    assert recording.inputs(aws.s3.Bucket, "example-results")["tags"] == tags


def test_transformations_of_the_program_still_run_and_win() -> None:
    def own(each: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if each.type_ != token(aws.sqs.Queue):
            return None
        return pulumi.ResourceTransformationResult({**each.props, "tags": {"cost-centre": "another"}}, each.opts)

    opts = pulumi.ResourceOptions(transformations=[own])
    args = {**PROCESSING_PIPELINE.required, "tags": TAGS}
    recording = record(lambda: PROCESSING_PIPELINE.create(NAME, args, opts) and None)

    assert recording.inputs(aws.sqs.Queue, "example-objects")["tags"] == {"cost-centre": "another"}
    assert recording.inputs(aws.s3.Bucket, "example-results")["tags"] == TAGS
    assert opts.transformations == [own]
