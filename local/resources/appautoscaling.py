"""Application Auto Scaling, which MiniStack does not have."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.resources.parameters import Given
from local.resources.rows import Autoname, Call, Made, Row, by


def _bound(member: str) -> Any:
    """Bounds are text in the provider, and numbers in the API."""

    def move(text: Given) -> Mapping[str, Any]:
        try:
            return {member: replace(text, value=float(text.value))}
        except ValueError as error:
            raise text.refuse("must be a number") from error

    return move


def _arn(made: Made) -> str:
    return made.account.arn("autoscaling", f"scalingPolicy:{made.inputs['name']}")


_STEPS = "stepScalingPolicyConfiguration.stepAdjustments"
_FIXED = {"": "MiniStack does not scale: the number of tasks stays as it is"}

TABLE = {
    "aws:appautoscaling/target:Target": Row(
        service="application-autoscaling",
        create=Call(operation="RegisterScalableTarget"),
        repeatable=True,
        replace_on=("resourceId", "scalableDimension", "serviceNamespace"),
        delete=Call(
            operation="DeregisterScalableTarget",
            moves={
                "resourceId": "ResourceId",
                "scalableDimension": "ScalableDimension",
                "serviceNamespace": "ServiceNamespace",
            },
        ),
        id=by("resourceId"),
        outputs=lambda made: {"arn": made.account.arn("application-autoscaling", "scalable-target/0")},
        is_called=False,
        not_emulated=_FIXED,
    ),
    "aws:appautoscaling/policy:Policy": Row(
        service="application-autoscaling",
        create=Call(
            operation="PutScalingPolicy",
            moves={
                "name": "PolicyName",
                f"{_STEPS}.metricIntervalLowerBound": _bound("MetricIntervalLowerBound"),
                f"{_STEPS}.metricIntervalUpperBound": _bound("MetricIntervalUpperBound"),
            },
        ),
        repeatable=True,
        replace_on=("name", "resourceId", "scalableDimension", "serviceNamespace"),
        delete=Call(
            operation="DeleteScalingPolicy",
            moves={
                "name": "PolicyName",
                "resourceId": "ResourceId",
                "scalableDimension": "ScalableDimension",
                "serviceNamespace": "ServiceNamespace",
            },
        ),
        id=by("name"),
        outputs=lambda made: {"arn": _arn(made)},
        autoname=Autoname(limit=256),
        is_called=False,
        not_emulated=_FIXED,
    ),
}
