"""Checks a component's name against every name that AWS resources derive from it, before any of them is made.

The AWS provider names a resource where the program does not: by the resource's name in the program, a hyphen and seven
random hexadecimal digits; a bucket in lower case. A component's name begins the names of all its resources.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from components.arguments import ArgumentError

RANDOM = "-0a1b2c3"
"""An example of what the provider adds."""


@dataclass(frozen=True)
class NameRule:
    """What AWS takes for the name of one type of resource."""

    type: str
    """As Pulumi has it."""
    noun: str
    max_length: int
    characters: str
    """The characters that AWS accepts, as the inside of a regular expression's class."""
    form: str
    """The same in words."""
    reserved: str = "(?!)"
    """A regular expression for the beginnings that AWS reserves."""
    is_lower_case: bool = False
    """Whether the provider writes it in lower case."""

    def physical(self, name: str) -> str:
        """Return an example of the name that AWS receives."""
        return f"{name.lower() if self.is_lower_case else name}{RANDOM}"

    def error(self, name: str) -> str | None:
        """Return why AWS would reject the resource's physical name, as the end of a sentence, or None."""
        physical = self.physical(name)
        if not re.fullmatch(f"[{self.characters}]+", physical):
            return f"must have only {self.form}"
        if self.is_lower_case and not physical[0].isalnum():
            return "must begin with a letter or digit"
        if found := re.match(self.reserved, physical):
            return f"must not begin with {found[0]}, which AWS reserves"
        return f"must have at most {self.max_length} characters" if len(physical) > self.max_length else None


_DASHED = "letters from a to z, digits, - and _"
_DOTTED = "letters from a to z, digits, ., - and _"
_FREE = "letters from a to z, digits and +=,.@-_"

BUCKET = NameRule(
    "aws:s3/bucket:Bucket",
    "bucket",
    63,
    "a-z0-9.-",
    "letters from a to z, digits, . and -",
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; reserved endings cannot come up.
    reserved="xn--|sthree-|amzn-s3-demo-",
    is_lower_case=True,
)
FUNCTION = NameRule("aws:lambda/function:Function", "Lambda function", 64, "A-Za-z0-9_-", _DASHED)
LAYER = NameRule("aws:lambda/layerVersion:LayerVersion", "Lambda layer", 140, "A-Za-z0-9_-", _DASHED)
CLUSTER = NameRule("aws:ecs/cluster:Cluster", "ECS cluster", 255, "A-Za-z0-9_-", _DASHED)
IMAGE_REPOSITORY = NameRule(
    "aws:ecr/repository:Repository",
    "ECR repository",
    255,
    "a-z0-9._/-",
    "lower-case letters, digits, ., _, - and /",
    is_lower_case=True,
)
SERVICE = NameRule("aws:ecs/service:Service", "ECS service", 255, "A-Za-z0-9_-", _DASHED)
NODE_GROUP = NameRule("aws:eks/nodeGroup:NodeGroup", "node group", 63, "A-Za-z0-9_-", _DASHED)
FARGATE_PROFILE = NameRule("aws:eks/fargateProfile:FargateProfile", "Fargate profile", 100, "A-Za-z0-9_-", _DASHED)
LAUNCH_TEMPLATE = NameRule(
    "aws:ec2/launchTemplate:LaunchTemplate", "launch template", 128, r"A-Za-z0-9()./_-", f"{_DASHED} and ()./"
)
PERMISSION = NameRule("aws:lambda/permission:Permission", "Lambda permission", 100, "A-Za-z0-9_-", _DASHED)
ROLE = NameRule("aws:iam/role:Role", "IAM role", 64, "A-Za-z0-9_+=,.@-", _FREE)
ROLE_POLICY = NameRule("aws:iam/rolePolicy:RolePolicy", "IAM policy", 128, "A-Za-z0-9_+=,.@-", _FREE)
QUEUE = NameRule("aws:sqs/queue:Queue", "queue", 80, "A-Za-z0-9_-", _DASHED)
RULE = NameRule("aws:cloudwatch/eventRule:EventRule", "EventBridge rule", 64, "A-Za-z0-9_.-", _DOTTED)
TARGET = NameRule("aws:cloudwatch/eventTarget:EventTarget", "EventBridge target", 64, "A-Za-z0-9_.-", _DOTTED)
ARCHIVE = NameRule("aws:cloudwatch/eventArchive:EventArchive", "EventBridge archive", 48, "A-Za-z0-9_.-", _DOTTED)
TABLE = NameRule("aws:dynamodb/table:Table", "DynamoDB table", 255, "A-Za-z0-9_.-", _DOTTED)
LOG_GROUP = NameRule("aws:cloudwatch/logGroup:LogGroup", "log group", 512, "A-Za-z0-9_./#-", f"{_DOTTED}, / and #")
SECRET = NameRule(
    "aws:secretsmanager/secret:Secret", "secret", 512, "A-Za-z0-9_/+=.@-", f"{_FREE} without comma, and /"
)
USER_POOL = NameRule("aws:cognito/userPool:UserPool", "user pool", 128, r"A-Za-z0-9_\s+=,.@-", f"{_FREE} and spaces")
USER_POOL_CLIENT = NameRule(
    "aws:cognito/userPoolClient:UserPoolClient",
    "user pool's client",
    128,
    r"A-Za-z0-9_\s+=,.@-",
    f"{_FREE} and spaces",
)
STATE_MACHINE = NameRule("aws:sfn/stateMachine:StateMachine", "state machine", 80, "A-Za-z0-9_-", _DASHED)
SCHEDULE = NameRule("aws:scheduler/schedule:Schedule", "schedule", 64, "A-Za-z0-9_.-", _DOTTED)
TOPIC = NameRule("aws:sns/topic:Topic", "SNS topic", 256, "A-Za-z0-9_-", _DASHED)
ALARM = NameRule("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm", 255, r"\s\S", "any characters")
SECURITY_GROUP = NameRule(
    "aws:ec2/securityGroup:SecurityGroup",
    "security group",
    255,
    r"A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-",
    "letters from a to z, digits, spaces and ._-:/()#,@[]+=&;{}!$*",
    reserved="sg-",
)
REST_API = NameRule("aws:apigateway/restApi:RestApi", "REST API", 255, r"\s\S", "any characters")


def check_names(component: str, name: str, longest: Mapping[NameRule, str]) -> None:
    """Raise ArgumentError if AWS would reject the name of one of a component's resources.

    `longest` has the longest suffix that the component gives to the name of a resource of each type.
    """
    for rule, suffix in longest.items():
        if error := rule.error(name + suffix):
            most = min(each.max_length - len(each.physical(more)) for each, more in longest.items())
            raise ArgumentError(
                f"{component}: with {name!r} as its name, its {rule.noun} would be {rule.physical(name + suffix)!r}, "
                f"which {error}. Name the component with at most {most} letters from a to z, digits and hyphens, such "
                f"as {_suggested(name, most)!r}."
            )


def _suggested(name: str, most: int) -> str:
    """Return a similar name that all rules accept."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()
    words = re.sub(f"^({BUCKET.reserved})", "", words)[:most].strip("-")
    return words or "uploads"
