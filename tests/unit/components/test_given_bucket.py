"""A given bucket is in the account and region of the deployment: a mistyped name may be a stranger's."""

import json
from typing import Any

import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from tests.support.components.examples import KMS_KEY_ARN, PROCESSING_PIPELINE, TABLE
from tests.support.components.recording import Recording, record

RESULTS, QUARANTINE = "arn:aws:s3:::the-results", "arn:aws:s3:::the-quarantine"
ACCOUNT = TABLE["table_arn"].split(":")[4]
OWN = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
UNDER = {f"{RESULTS}/results/*", f"{RESULTS}/steps/*", f"{QUARANTINE}/uploads/*"}

CSV = "handlers.processors.csv_summary.process"
STEPS = {"compute": "step-functions", "step_functions_processors": ["handlers.processors.inspect.process", CSV]}
MAP = {
    "compute": "step-functions",
    "step_functions_map_processor": "handlers.processors.inspect.process",
}


def recorded(**args: Any) -> Recording:
    return record(lambda: PROCESSING_PIPELINE.make(**{"result_reader_role_name": "the-reader", **args}) and None)


def statements_about(bucket_arns: tuple[str, ...], recording: Recording) -> list[dict[str, Any]]:
    policies = [json.loads(each.inputs["policy"]) for each in recording.all(aws.iam.RolePolicy)]
    statements = [each for policy in policies for each in policy["Statement"]]
    return [each for each in statements if any(arn.startswith(bucket_arns) for arn in each["Resource"])]


@pytest.mark.parametrize(
    "compute", [{}, {"kms_key_arn": KMS_KEY_ARN}, STEPS, MAP], ids=["lambda", "key", "steps", "map"]
)
def test_every_permission_in_a_given_bucket_is_for_the_account_of_the_deployment(compute: dict[str, Any]) -> None:
    recording = recorded(results_bucket_arn=RESULTS, quarantine_bucket_arn=QUARANTINE, **compute)
    found = statements_about((RESULTS, QUARANTINE), recording)

    assert {RESULTS, QUARANTINE} == {arn.partition("/")[0] for each in found for arn in each["Resource"]}
    assert {arn for each in found for arn in each["Resource"]} <= UNDER
    assert [each for each in found if each.get("Condition") != OWN] == []


@pytest.mark.parametrize("argument", ["results_bucket_arn", "quarantine_bucket_arn"])
def test_a_bucket_in_another_region_is_refused(argument: str) -> None:
    with pytest.raises(ArgumentError, match=f"{argument} is arn:aws:s3:::elsewhere, a bucket in ap-south-2"):
        recorded(**{argument: "arn:aws:s3:::elsewhere"})
