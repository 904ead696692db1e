"""GuardDuty's Malware Protection plans, which MiniStack does not have."""

from local.resources.rows import Call, Made, Row


def _plan_id(made: Made) -> str:
    """Return the resource's own name as its id."""
    return made.subject.rpartition(" ")[2]


TABLE = {
    "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan": Row(
        service="guardduty",
        create=Call(operation="CreateMalwareProtectionPlan", moves={"actions.taggings": "Tagging"}),
        repeatable=True,
        replace_on=("protectedResource.s3Bucket.bucketName",),
        delete=Call(operation="DeleteMalwareProtectionPlan", also=lambda made: {"MalwareProtectionPlanId": made.id}),
        id=_plan_id,
        outputs=lambda made: {"arn": made.account.arn("guardduty", f"malware-protection-plan/{_plan_id(made)}")},
        is_called=False,
        not_emulated={
            "": "nothing is scanned, and so no object is processed until its scan's result is put on the bus"
        },
    ),
}
