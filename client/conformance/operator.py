"""What an operator does for the suite with AWS credentials, on the resources that the stack's outputs name."""

import json
import secrets
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from msgspec import Struct, structs

from ..auth.cognito import Session, UserPool
from ..errors import TransportFault, WrongConfig
from ..operators.aws import OperatorRefused, aws_client, aws_errors
from .verdict import Failed, Skipped

PERMISSIONS = (
    "cognito-idp:AdminCreateUser",
    "cognito-idp:AdminSetUserPassword",
    "cognito-idp:AdminDeleteUser",
    "s3:ListBucketVersions",
    "s3:DeleteObjectVersion",
    "sqs:SendMessage",
    "sqs:GetQueueAttributes",
)
"""The actions that an operator needs."""

_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


class Resources(Struct, frozen=True, rename="camel"):
    """The stack's outputs that name what an operator works on."""

    region: str
    user_pool_id: str
    ingest_bucket: str
    results_bucket: str
    queue_url: str
    quarantine_bucket: str = ""
    """Empty if the stack deletes rejected objects."""


class Operator:
    """Works on one stack. Raises WrongConfig without an output of the stack."""

    def __init__(self, resources: Resources) -> None:
        fields = structs.fields(resources)
        if missing := [each.encode_name for each in fields if each.required and not getattr(resources, each.name)]:
            raise WrongConfig(
                f"the configuration has no {', '.join(missing)}, which --operator needs: write it with "
                "`pulumi stack output --json > portage.json`"
            )
        self._resources = resources
        self._client = cache(self._new_client)

    def check(self) -> None:
        """Raise WrongConfig if AWS does not accept the credentials, or TransportFault if it cannot be reached."""
        with suppress(OperatorRefused):  # what they may do, each case finds out
            self.is_queue_empty()

    @contextmanager
    def temporary_user(self, pool: UserPool) -> Generator[Session]:
        """Make a user of the pool, sign in as this user, and delete the user at the end. Sends no mail."""
        email, password = f"portage-verify-{uuid.uuid4()}@example.com", f"Aa1-{secrets.token_urlsafe(24)}"
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        cognito = self._client("cognito-idp")
        user = {"UserPoolId": self._resources.user_pool_id, "Username": email}
        with _made():
            cognito.admin_create_user(**user, UserAttributes=attributes, MessageAction="SUPPRESS")
        try:
            with _made():
                cognito.admin_set_user_password(**user, Password=password, Permanent=True)
            yield pool.sign_in(email, password)
        finally:
            try:
                with aws_errors():
                    cognito.admin_delete_user(**user)
            except (OperatorRefused, TransportFault, WrongConfig) as error:
                raise type(error)(
                    f"the temporary user {email} was not deleted from the user pool {self._resources.user_pool_id}: "
                    f"{error}. Delete this user with `aws cognito-idp admin-delete-user`"
                ) from error

    def send_event_again(self, owner: str, upload_id: str) -> None:
        """Send an "Object Created" event of a stored object to the queue, as S3 does when it repeats one."""
        versions = self._versions(self._resources.ingest_bucket, _object_key(owner, upload_id))
        if not versions:
            raise Failed(f"the ingest bucket has no object of upload {upload_id}")
        event = {
            "id": str(uuid.uuid4()),
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": self._resources.ingest_bucket},
                "object": {"key": versions[0]["Key"], "version-id": versions[0]["VersionId"]},
            },
        }
        with aws_errors():
            self._client("sqs").send_message(QueueUrl=self._resources.queue_url, MessageBody=json.dumps(event))

    def is_queue_empty(self) -> bool:
        """Whether no message waits or is being processed."""
        with aws_errors():
            found = self._client("sqs").get_queue_attributes(
                QueueUrl=self._resources.queue_url, AttributeNames=list(_COUNTS)
            )
        return not any(int(found["Attributes"][name]) for name in _COUNTS)

    def is_put_away(self, owner: str, upload_id: str) -> bool:
        """Whether a rejected object has left the ingest bucket, and is in the quarantine if the stack has one."""
        ours, key = self._resources, _object_key(owner, upload_id)
        if self._versions(ours.ingest_bucket, key):
            return False
        return not ours.quarantine_bucket or bool(self._versions(ours.quarantine_bucket, key))

    def delete(self, owner: str, upload_id: str) -> None:
        """Delete all versions of the objects and the result of an upload that has ended.

        Its record stays, because S3 may repeat an event, which without the record would become a dead letter.
        """
        ours, key, result = self._resources, _object_key(owner, upload_id), f"results/{owner}/{upload_id}"
        places = [(ours.ingest_bucket, key), (ours.results_bucket, result), (ours.quarantine_bucket, key)]
        for bucket, prefix in places:
            for version in self._versions(bucket, prefix) if bucket else ():
                with aws_errors():
                    self._client("s3").delete_object(Bucket=bucket, **version)

    def _versions(self, bucket: str, prefix: str) -> list[dict[str, str]]:
        with aws_errors():
            pages = self._client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
            return [
                {"Key": each["Key"], "VersionId": each["VersionId"]}
                for page in pages
                for kind in ("Versions", "DeleteMarkers")
                for each in page.get(kind, [])
            ]

    def _new_client(self, service: str) -> Any:
        return aws_client(service, self._resources.region)


@contextmanager
def _made() -> Generator[None]:
    """Raise Skipped if AWS refuses to make the user."""
    try:
        with aws_errors():
            yield
    except OperatorRefused as refused:
        raise Skipped(f"needs a second user, which could not be made: {refused}") from refused


def _object_key(owner: str, upload_id: str) -> str:
    return f"uploads/{owner}/{upload_id}"
