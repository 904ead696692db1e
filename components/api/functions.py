"""The building block of UploadApi's functions: one for each operation of the contract that a Lambda answers."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components import iam
from components.arguments.upload_api import UploadApiArgs
from components.compute.code_archive import code_archive
from components.compute.lambda_function import LambdaFunction, LambdaFunctionArgs, joined
from handlers.domain.plan import allowed_methods

ANSWER_SECONDS = 28
"""Putting thousands of parts together takes S3 a while; after 29 s API Gateway gives up."""


@dataclass(frozen=True)
class Call:
    """How one function is reached."""

    verb: str
    path: str
    """With * for each parameter, as the source of a permission."""
    purpose: str
    """What resources and the handler are named by."""


CALLS = {
    "createUpload": Call("POST", "/uploads", "create-upload"),
    "signParts": Call("POST", "/uploads/*/parts", "sign-parts"),
    "listParts": Call("GET", "/uploads/*/parts", "list-parts"),
    "completeUpload": Call("POST", "/uploads/*/complete", "complete-upload"),
    "listUploads": Call("GET", "/uploads", "list-uploads"),
    "getResult": Call("GET", "/uploads/*/result", "get-result"),
    "abortUpload": Call("DELETE", "/uploads/*", "abort-upload"),
}
"""By operationId."""


class UploadFunctions(pulumi.ComponentResource):
    """Each function may do what its operation does, and no more."""

    functions: Mapping[str, LambdaFunction]
    """By operationId."""

    def __init__(
        self,
        name: str,
        args: UploadApiArgs,
        *,
        bucket_name: pulumi.Input[str],
        bucket_arn: pulumi.Input[str],
        session_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the functions. They sign sessions with the versions of the secret `session_key_arn`."""
        super().__init__("portage:index:UploadFunctions", name, {}, opts)
        self._name = name
        self._args = args
        self._code = code_archive()
        table, bucket = args.table_arn, bucket_arn
        origins = {"ALLOWED_ORIGINS": joined(args.allowed_origins)}
        records = {"UPLOADS_TABLE": args.table_name}
        objects = {"INGEST_BUCKET": bucket_name}
        urls = {"URL_EXPIRES_IN_SECONDS": str(args.url_expires_in_seconds)}
        keys = {"SESSION_KEY_SECRET": session_key_arn}
        sessions = {**keys, "SESSION_EXPIRES_IN_SECONDS": str(args.session_expires_in_seconds)}
        sign_sessions = iam.read_a_secret(session_key_arn)
        kms = args.kms_key_arn
        self.functions = {
            "createUpload": self._function(
                "createUpload",
                [
                    iam.record_new_uploads(table),
                    iam.read_an_upload(table),
                    iam.advance_uploads(table),
                    iam.list_uploads(table),
                    iam.put_objects(bucket),
                    iam.abort_multipart_uploads(bucket),
                    sign_sessions,
                    *iam.encrypt_and_decrypt(kms),
                ],
                {
                    **origins,
                    **records,
                    **objects,
                    **urls,
                    **sessions,
                    "KMS_KEY_ARN": "" if kms is None else kms,
                    "MAX_UPLOAD_BYTES": str(args.max_upload_bytes),
                    "MAX_OPEN_UPLOADS": str(args.max_open_uploads),
                    "ALLOWED_CONTENT_TYPES": joined(args.allowed_content_types),
                    "ALLOWED_METHODS": ",".join(allowed_methods(allow_forms=args.allow_forms)),
                    "MULTIPART_THRESHOLD_BYTES": str(args.multipart_threshold_bytes),
                    "RECORD_RETENTION_DAYS": str(args.record_retention_days),
                },
            ),
            "signParts": self._function(
                "signParts",
                [iam.put_objects(bucket), sign_sessions, *iam.encrypt_and_decrypt(kms)],
                {**origins, **objects, **urls, **keys},
            ),
            "listParts": self._function(
                "listParts",
                [iam.read_an_upload(table), iam.list_parts(bucket), sign_sessions, *iam.decrypt(kms)],
                {**origins, **records, **objects, **sessions},
            ),
            "completeUpload": self._function(
                "completeUpload",
                [
                    iam.read_an_upload(table),
                    iam.list_parts(bucket),
                    iam.see_objects(bucket),
                    iam.put_objects(bucket),
                    *iam.encrypt_and_decrypt(kms),
                ],
                {**origins, **records, **objects},
            ),
            "listUploads": self._function(
                "listUploads",
                [iam.list_uploads(table), *iam.decrypt(kms)],
                {**origins, **records},
            ),
            # What it may read of results, the ProcessingPipeline says: it owns them.
            "getResult": self._function(
                "getResult",
                [iam.read_an_upload(table), *iam.decrypt(kms)],
                {**origins, **records, **urls},
            ),
            "abortUpload": self._function(
                "abortUpload",
                [
                    iam.read_an_upload(table),
                    iam.advance_uploads(table),
                    iam.abort_multipart_uploads(bucket),
                    *iam.encrypt_and_decrypt(kms),
                ],
                {**origins, **records, **objects},
            ),
        }
        self.register_outputs({})

    def _function(
        self, operation: str, statements: list[iam.Statement], environment: dict[str, pulumi.Input[str]]
    ) -> LambdaFunction:
        purpose = CALLS[operation].purpose
        return LambdaFunction(
            f"{self._name}-{purpose}",
            LambdaFunctionArgs(
                handler=f"handlers.entries.{purpose.replace('-', '_')}.handle",
                code=self._code,
                statements=statements,
                environment=environment,
                timeout_seconds=ANSWER_SECONDS,
                log_level=self._args.log_level,
                log_retention_days=self._args.log_retention_days,
            ),
            pulumi.ResourceOptions(parent=self),
        )
