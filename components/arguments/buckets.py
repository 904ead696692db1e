"""The arguments of ProcessingPipeline about buckets: those that exist, and those that it makes."""

from collections.abc import Callable

import pulumi

from components.arguments import limits
from components.arguments.constraints import Choice
from components.arguments.declaration import argument
from components.arguments.shared import UploadsArgs


class BucketArgs(UploadsArgs):
    """Arguments of ProcessingPipeline that decide about buckets: which there are, and which are made."""

    bucket_name: pulumi.Input[str] = argument(limits.BUCKET_NAME)
    """Name of UploadApi's bucket. Its events go to EventBridge."""
    bucket_arn: pulumi.Input[str] = argument(limits.BUCKET_ARN)
    """ARN of UploadApi's bucket."""
    results_bucket_arn: pulumi.Input[str] | None = argument(limits.GIVEN_BUCKET_ARN, default=None)
    """ARN of a bucket of yours for results; if omitted, one is made.

    Nothing of the bucket is changed: its lifecycle, CORS and policy are yours. Results begin with results/, and the
    compute step-functions leaves objects under steps/, which can expire after 14 days. The
    bucket must exist, in the account and region of the deployment, which needs s3:ListBucket there. A customer
    managed key of the bucket must be that of `kms_key_arn`.
    """
    result_expiration_days: int | None = argument(limits.RETENTION_DAYS, default=None)
    """Days after which results are deleted; if omitted, never."""
    rejected_objects: str = argument(
        Choice(("quarantine", "delete"), "where they go, so that nobody takes them for good ones"),
        default="quarantine",
    )
    """What happens to an object that is not as declared, or not safe."""
    quarantine_bucket_arn: pulumi.Input[str] | None = argument(limits.GIVEN_BUCKET_ARN, default=None)
    """ARN of a bucket of yours for rejected objects, such as a security team's; if omitted, one is made.

    As with `results_bucket_arn`, nothing of the bucket is changed, and it must exist, in the account and region of the
    deployment. Objects keep their keys, which begin with uploads/.
    """
    quarantine_expiration_days: int = argument(limits.RETENTION_DAYS, default=30)
    """Days after which objects in quarantine are deleted."""

    def bucket_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used together, with `spelled` names."""
        given = {
            "results_bucket_arn": ("result_expiration_days",),
            "quarantine_bucket_arn": ("quarantine_expiration_days", "rejected_objects"),
        }
        return [
            f"{spelled(other)} is {vars(self)[other]!r}, but is for a bucket that is made, and {spelled(name)} is "
            "given; leave one of them out."
            for name, others in given.items()
            if vars(self)[name] is not None
            for other in self.changed(others)
        ] + [
            f"{spelled(name)} is the bucket that receives uploads, where what is stored would be taken for another "
            "upload, or be refused by its policy; give another bucket."
            for name in given
            if isinstance(vars(self)[name], str) and vars(self)[name] == self.bucket_arn
        ]
