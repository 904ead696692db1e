"""The operations of the API: one row for each.

The OpenAPI document (openapi.py), the Lambda functions (functions.py), the permissions to invoke them
(upload_api.py) and the published contract (docs/openapi.json) follow from these rows.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from components import iam
from components.api import mapping_templates
from components.arguments.upload_api import UploadApiArgs
from components.compute.lambda_function import joined
from handlers.domain.plan import allowed_methods
from handlers.domain.upload import IDEMPOTENCY_KEY_PATTERN

Environment = dict[str, pulumi.Input[str]]


@dataclass(frozen=True)
class Backing:
    """The resources that operations work with, and the environment variables that describe them."""

    args: UploadApiArgs
    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    session_key_arn: pulumi.Input[str]
    """ARN of the secret that signs sessions."""

    @property
    def table_arn(self) -> pulumi.Input[str]:
        """ARN of the status table."""
        return self.args.table_arn

    @property
    def kms_key_arn(self) -> pulumi.Input[str] | None:
        """ARN of the customer's key; None if there is none."""
        return self.args.kms_key_arn

    @property
    def table(self) -> Environment:
        """The status table."""
        return {"UPLOADS_TABLE": self.args.table_name}

    @property
    def bucket(self) -> Environment:
        """The bucket that receives the objects."""
        return {"INGEST_BUCKET": self.bucket_name}

    @property
    def urls(self) -> Environment:
        """The lifetime of presigned URLs."""
        return {"URL_EXPIRES_IN_SECONDS": str(self.args.url_expires_in_seconds)}

    @property
    def session_key(self) -> Environment:
        """The secret that signs sessions."""
        return {"SESSION_KEY_SECRET": self.session_key_arn}

    @property
    def sessions(self) -> Environment:
        """The secret that signs sessions, and their lifetime."""
        return {**self.session_key, "SESSION_EXPIRES_IN_SECONDS": str(self.args.session_expires_in_seconds)}

    @property
    def rules_of_new_uploads(self) -> Environment:
        """Quotas, and what a client may choose."""
        args = self.args
        return {
            "KMS_KEY_ARN": "" if args.kms_key_arn is None else args.kms_key_arn,
            "MAX_UPLOAD_BYTES": str(args.max_upload_bytes),
            "MAX_OPEN_UPLOADS": str(args.max_open_uploads),
            "ALLOWED_CONTENT_TYPES": joined(args.allowed_content_types),
            "ALLOWED_METHODS": ",".join(allowed_methods(allow_forms=args.allow_forms)),
            "MULTIPART_THRESHOLD_BYTES": str(args.multipart_threshold_bytes),
            "RECORD_RETENTION_DAYS": str(args.record_retention_days),
        }


Statements = Callable[[Backing], list[iam.Statement]]


@dataclass(frozen=True)
class Function:
    """A Lambda function of its own performs the operation."""

    entry: str
    """`module.function` that Lambda calls."""
    statements: Statements
    """Statements of the function's role, besides those for its log and traces."""
    environment: Callable[[Backing], Environment]
    """The variables that the entry reads, besides the allowed origins."""


@dataclass(frozen=True)
class TableRead:
    """API Gateway reads the status table itself, without Lambda. The templates are VTL."""

    action: str
    """Operation of DynamoDB's API."""
    statements: Statements
    """Statements of the role that API Gateway uses."""
    request: Callable[[str], str]
    """Returns the template of DynamoDB's request for a table's name."""
    response: Callable[[Sequence[str]], str]
    """Returns the template of the response for the allowed origins."""
    error: Callable[[Sequence[str]], str]
    """Returns the template of the response to an error of DynamoDB for the allowed origins."""
    error_status: int


@dataclass(frozen=True)
class Parameter:
    """An optional parameter of a request."""

    name: str
    place: Literal["query", "header"]
    description: str
    pattern: str | None = None


@dataclass(frozen=True)
class Success:
    """The response to a request that succeeds."""

    status: int
    description: str
    schema: str | None = None
    """Name of the body's schema in schemas.py; None for no body."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of the API."""

    operation_id: str
    """Also the dimension `operation` of its metrics."""
    verb: Literal["GET", "POST", "DELETE"]
    path: str
    """With its parameters in braces."""
    summary: str
    success: Success
    errors: Mapping[int, str]
    """Description of each error by status, besides those that every operation has."""
    performed_by: Function | TableRead
    body: str | None = None
    """Name of the request's schema in schemas.py; None for no body."""
    parameters: Sequence[Parameter] = field(default=())
    """Besides those of the path."""

    @property
    def purpose(self) -> str:
        """The operation's part in the names of resources, such as create-upload."""
        return re.sub("(?=[A-Z])", "-", self.operation_id).lower()

    @property
    def source_path(self) -> str:
        """The path as ARNs have it, with * for each parameter."""
        return re.sub(r"\{\w+\}", "*", self.path)


OPERATIONS = (
    Operation(
        operation_id="listUploads",
        verb="GET",
        path="/uploads",
        summary="List your uploads, newest first",
        parameters=[
            Parameter("limit", "query", "Uploads a page, 1 to 100"),
            Parameter("after", "query", "The page before's next"),
        ],
        success=Success(200, "A page", "UploadPage"),
        errors={400: "The query breaks the contract"},
        performed_by=Function(
            "handlers.entries.list_uploads.handle",
            statements=lambda to: [iam.list_uploads(to.table_arn), *iam.decrypt(to.kms_key_arn)],
            environment=lambda to: to.table,
        ),
    ),
    Operation(
        operation_id="createUpload",
        verb="POST",
        path="/uploads",
        summary="Declare a file and receive a presigned PUT, a form, or a plan of parts for it",
        parameters=[
            Parameter(
                "Idempotency-Key",
                "header",
                "For a day, the same key and body give the same upload while it is pending; best a UUID",
                IDEMPOTENCY_KEY_PATTERN,
            )
        ],
        body="CreateUploadRequest",
        success=Success(201, "The permission to send the file", "CreatedUpload"),
        errors={
            400: "The request breaks the contract",
            403: "The upload is over your quota",
            409: "The Idempotency-Key was sent with another body, or its upload is no longer pending",
        },
        performed_by=Function(
            "handlers.entries.create_upload.handle",
            statements=lambda to: [
                iam.record_new_uploads(to.table_arn),
                iam.read_an_upload(to.table_arn),
                iam.advance_uploads(to.table_arn),
                iam.list_uploads(to.table_arn),
                iam.put_objects(to.bucket_arn),
                iam.abort_multipart_uploads(to.bucket_arn),
                iam.read_a_secret(to.session_key_arn),
                *iam.encrypt_and_decrypt(to.kms_key_arn),
            ],
            environment=lambda to: {**to.table, **to.bucket, **to.urls, **to.sessions, **to.rules_of_new_uploads},
        ),
    ),
    Operation(
        operation_id="getUpload",
        verb="GET",
        path="/uploads/{upload_id}",
        summary="Ask how far an upload of your own is",
        success=Success(200, "How far the upload is", "Upload"),
        errors={
            404: "You have no such upload",
            415: "The request has a Content-Type other than application/json",
            503: "The status cannot be read at the moment",
        },
        performed_by=TableRead(
            "GetItem",
            statements=lambda to: [iam.read_an_upload(to.table_arn), *iam.decrypt(to.kms_key_arn)],
            request=mapping_templates.get_upload_request,
            response=mapping_templates.get_upload_response,
            error=mapping_templates.status_unavailable,
            error_status=503,
        ),
    ),
    Operation(
        operation_id="abortUpload",
        verb="DELETE",
        path="/uploads/{upload_id}",
        summary="Abort an upload before it is complete; repeating the request changes nothing",
        success=Success(204, "The upload is aborted"),
        errors={404: "You have no such upload", 409: "The upload is complete already"},
        performed_by=Function(
            "handlers.entries.abort_upload.handle",
            statements=lambda to: [
                iam.read_an_upload(to.table_arn),
                iam.advance_uploads(to.table_arn),
                iam.abort_multipart_uploads(to.bucket_arn),
                *iam.encrypt_and_decrypt(to.kms_key_arn),
            ],
            environment=lambda to: {**to.table, **to.bucket},
        ),
    ),
    Operation(
        operation_id="listParts",
        verb="GET",
        path="/uploads/{upload_id}/parts",
        summary="Ask which parts S3 holds, and receive a new session to go on with",
        success=Success(200, "The parts that are there", "UploadedParts"),
        errors={404: "You have no such upload", 409: "The upload does not come in parts, or is over"},
        performed_by=Function(
            "handlers.entries.list_parts.handle",
            statements=lambda to: [
                iam.read_an_upload(to.table_arn),
                iam.list_parts(to.bucket_arn),
                iam.read_a_secret(to.session_key_arn),
                *iam.decrypt(to.kms_key_arn),
            ],
            environment=lambda to: {**to.table, **to.bucket, **to.sessions},
        ),
    ),
    Operation(
        operation_id="signParts",
        verb="POST",
        path="/uploads/{upload_id}/parts",
        summary="Sign the URLs of a range of parts, again if they have expired",
        body="SignPartsRequest",
        success=Success(200, "One signature a part", "SignedParts"),
        errors={
            400: "The range is not one of the plan",
            403: "The session is not one of this upload, or has expired",
            404: "There can be no such upload",
        },
        performed_by=Function(
            "handlers.entries.sign_parts.handle",
            statements=lambda to: [
                iam.put_objects(to.bucket_arn),
                iam.read_a_secret(to.session_key_arn),
                *iam.encrypt_and_decrypt(to.kms_key_arn),
            ],
            environment=lambda to: {**to.bucket, **to.urls, **to.session_key},
        ),
    ),
    Operation(
        operation_id="getResult",
        verb="GET",
        path="/uploads/{upload_id}/result",
        summary="Receive a link from which an upload's result can be downloaded",
        success=Success(200, "The link", "ResultLink"),
        errors={404: "You have no such upload", 409: "There is no result, or none yet"},
        performed_by=Function(
            "handlers.entries.get_result.handle",
            # ProcessingPipeline owns the results, and allows this function's role to read them.
            statements=lambda to: [iam.read_an_upload(to.table_arn), *iam.decrypt(to.kms_key_arn)],
            environment=lambda to: {**to.table, **to.urls},
        ),
    ),
    Operation(
        operation_id="completeUpload",
        verb="POST",
        path="/uploads/{upload_id}/complete",
        summary="Put the parts together, and declare the size if it was not known; again, it changes nothing",
        body="CompleteUploadRequest",
        success=Success(200, "How far the upload is", "Upload"),
        errors={
            400: "The request breaks the contract, or declares no size although none was declared before",
            403: "The size is over your quota",
            404: "You have no such upload",
            409: "Parts are missing, or of another size together, or another size was declared, or the upload is over",
            503: "S3 is working on the object for another request: complete again after Retry-After",
        },
        performed_by=Function(
            "handlers.entries.complete_upload.handle",
            statements=lambda to: [
                iam.read_an_upload(to.table_arn),
                iam.advance_uploads(to.table_arn),
                iam.list_parts(to.bucket_arn),
                iam.see_objects(to.bucket_arn),
                iam.put_objects(to.bucket_arn),
                *iam.encrypt_and_decrypt(to.kms_key_arn),
            ],
            environment=lambda to: {**to.table, **to.bucket},
        ),
    ),
)

ERRORS_OF_EVERY_OPERATION: Mapping[int, str] = {
    401: "There is no valid ID token of the user pool in the header Authorization",
    413: "The request is larger than API Gateway takes",
    429: "There are too many requests at the moment",
    504: "There was no answer in time",
}
"""Description of each error with which API Gateway itself responds, by status."""


def functions() -> dict[str, tuple[Operation, Function]]:
    """Return the operations that Lambda functions perform, by operationId."""
    return {
        each.operation_id: (each, each.performed_by) for each in OPERATIONS if isinstance(each.performed_by, Function)
    }
