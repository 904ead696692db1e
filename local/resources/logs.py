"""CloudWatch log groups."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import Given
from local.resources.rows import Autoname, Call, Row, by

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTIONS = frozenset(
    (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
)


def _retention(days: Given) -> Mapping[str, Any]:
    if days.value not in _RETENTIONS:
        raise days.refuse(f"must be one of {', '.join(map(str, sorted(_RETENTIONS)))} (logs PutRetentionPolicy)")
    return {"retentionInDays": days}


TABLE = {
    "aws:cloudwatch/logGroup:LogGroup": Row(
        service="logs",
        create=Call(operation="CreateLogGroup", moves={"name": "logGroupName"}),
        then=(
            Call(
                operation="PutRetentionPolicy",
                moves={"name": "logGroupName", "retentionInDays": _retention},
                when="retentionInDays",
            ),
        ),
        replace_on=("name", "logGroupClass"),
        delete=Call(operation="DeleteLogGroup", moves={"name": "logGroupName"}),
        id=by("name"),
        outputs=lambda made: {"arn": made.account.arn("logs", f"log-group:{made.inputs['name']}")},
        autoname=Autoname(limit=512),
        neutral={"retentionInDays": 0},
        not_emulated={"retentionInDays": "the retention is stored, but no entry ever expires"},
        provider_only={"skipDestroy": "leaves the group behind when the resource is deleted"},
    ),
}
