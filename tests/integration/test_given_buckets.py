"""Results and rejected objects go to buckets that others have made, which the deployment leaves as they are."""

import pytest

from local.emulator.process import Emulator
from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System, eventually, http

pytestmark = pytest.mark.variant

RESULTS, QUARANTINE = "results-of-a-team", "quarantine-of-security"


@pytest.fixture(scope="module")
def given(deploy_with: DeployWith, emulator: Emulator) -> System:
    s3 = emulator.client("s3")
    for bucket in (RESULTS, QUARANTINE):
        s3.create_bucket(Bucket=bucket)
    return deploy_with(
        "given-buckets",
        resultsBucketArn=f"arn:aws:s3:::{RESULTS}",
        quarantineBucketArn=f"arn:aws:s3:::{QUARANTINE}",
    )


def test_a_result_is_stored_in_the_given_bucket_and_handed_out_by_the_api(given: System) -> None:
    user = given.new_user()
    upload_id = given.send(user)
    upload = given.await_status(user, upload_id, "completed")

    answer = given.call("GET", f"/uploads/{upload_id}/result", token=user.token)
    url = answer.json["url"] if answer.status == 200 else answer.headers["Location"]

    assert upload["result"]["bucket"] == RESULTS
    assert http("GET", url).status == 200


def test_a_rejected_object_is_put_into_the_given_bucket(given: System) -> None:
    user = given.new_user()
    upload_id = given.send(user, b"%PDF-1.7 no picture", "a.png", "image/png")
    given.await_status(user, upload_id, "rejected")

    def kept() -> list[str]:
        found = given.emulator.client("s3").list_objects_v2(Bucket=QUARANTINE).get("Contents", [])
        return [each["Key"].rpartition("/")[2] for each in found]

    eventually(kept, lambda names: names == [upload_id])  # the record of the upload is written first


def test_the_given_buckets_are_left_as_they_are(given: System) -> None:
    kinds = {each.type for each in given.deployment.resources if {RESULTS, QUARANTINE} & {*each.id.split(":")}}

    assert kinds == set()
