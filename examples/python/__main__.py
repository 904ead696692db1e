"""A platform team's own program. Portage is a Git submodule in portage/, or any other folder on PYTHONPATH."""

from pathlib import Path

import pulumi

from components.processing_pipeline import ProcessingPipeline, ProcessingPipelineArgs
from components.status_tracker import StatusTracker, StatusTrackerArgs
from components.upload_api import UploadApi, UploadApiArgs

ORIGINS: list[pulumi.Input[str]] = ["https://scans.example.com"]
TYPES: list[pulumi.Input[str]] = ["application/pdf"]

status = StatusTracker("status", StatusTrackerArgs())
api = UploadApi(
    "api",
    UploadApiArgs(
        table_name=status.table_name,
        table_arn=status.table_arn,
        allowed_content_types=TYPES,
        allowed_origins=ORIGINS,
        max_upload_bytes=1_000_000_000,
    ),
)
scans = ProcessingPipeline(
    "scans",
    ProcessingPipelineArgs(
        table_name=status.table_name,
        table_arn=status.table_arn,
        bucket_name=api.bucket_name,
        bucket_arn=api.bucket_arn,
        result_reader_role_name=api.result_reader_role_name,
        allowed_content_types=TYPES,
        allowed_origins=ORIGINS,
        processor="scans.process",
        processor_code=pulumi.FileArchive(str(Path(__file__).parents[1] / "processor")),
        processor_environment={"ARCHIVE": pulumi.Output.secret("the-scans")},
    ),
)
pulumi.export("apiUrl", api.url)
pulumi.export("resultsBucket", scans.results_bucket_name)
pulumi.export("userPoolId", api.user_pool_id)
pulumi.export("userPoolClientId", api.user_pool_client_id)
