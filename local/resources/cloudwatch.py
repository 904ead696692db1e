"""CloudWatch alarms."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import Given
from local.resources.rows import Autoname, Call, Row, by, checked, tag_list

_SHORT_PERIODS = frozenset((10, 20, 30))


def _period(seconds: Given) -> Mapping[str, Any]:
    """Limits: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    if seconds.value not in _SHORT_PERIODS and (seconds.value <= 0 or seconds.value % 60):
        raise seconds.refuse("must be 10, 20, 30 or a multiple of 60 (cloudwatch PutMetricAlarm)")
    return {"Period": seconds}


TABLE = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": Row(
        service="cloudwatch",
        create=Call(
            operation="PutMetricAlarm",
            moves={
                "name": "AlarmName",
                "dimensions": tag_list("Dimensions", "Name", "Value"),
                "period": _period,
                "metricQueries": "Metrics",
                "metricQueries.metric": "MetricStat",
                "metricQueries.metric.namespace": "Metric.Namespace",
                "metricQueries.metric.metricName": "Metric.MetricName",
                "metricQueries.metric.dimensions": tag_list("Metric.Dimensions", "Name", "Value"),
                "treatMissingData": checked(
                    "TreatMissingData",
                    "breaching|notBreaching|ignore|missing",
                    "must be one of breaching, notBreaching, ignore, missing (cloudwatch PutMetricAlarm)",
                ),
                "tags": tag_list(),
            },
        ),
        repeatable=True,
        replace_on=("name",),
        delete=Call(operation="DeleteAlarms", moves={"name": lambda name: {"AlarmNames": [name]}}),
        id=by("name"),
        outputs=lambda made: {"arn": made.account.arn("cloudwatch", f"alarm:{made.inputs['name']}")},
        autoname=Autoname(limit=255),
        defaults={"actionsEnabled": True},
        not_emulated={
            "": "the queues have no metrics, and no records of functions become metrics, so no alarm goes off"
        },
    ),
}
