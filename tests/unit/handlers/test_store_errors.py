"""What DynamoDB refuses for another reason than a condition comes out of the store as it is."""

import pytest
from botocore.stub import Stubber

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.client import AwsError
from handlers.domain.errors import UnknownUpload
from handlers.storage.upload_store import UploadStore
from tests.support.aws.moto_cloud import LATER, OWNER, REF, TABLE, Cloud
from tests.support.handlers.status_transitions import STEPS


class TestReading:
    def test_what_was_written_a_moment_ago_is_read(self, cloud: Cloud, store: UploadStore) -> None:
        key = {"owner": {"S": OWNER}, "upload_id": {"S": REF.upload_id}}
        with Stubber(cloud.dynamodb) as stubber:
            stubber.add_response("get_item", {}, {"TableName": TABLE, "Key": key, "ConsistentRead": True})
            with pytest.raises(UnknownUpload):
                store.find(REF)


class TestFaults:
    @pytest.mark.parametrize(
        "code", ["ProvisionedThroughputExceededException", "ResourceNotFoundException", "AccessDeniedException"]
    )
    def test_any_other_refusal_of_dynamodb_comes_out_as_it_is(
        self, cloud: Cloud, store: UploadStore, code: str
    ) -> None:
        for step in STEPS.values():
            with Stubber(cloud.dynamodb) as stubber:
                stubber.add_client_error("update_item", code)
                with pytest.raises(AwsError) as caught:
                    step.call(store, REF)
            assert caught.value.code == code

    def test_a_table_that_does_not_exist_is_an_error(self, cloud: Cloud) -> None:
        elsewhere = UploadStore(Boto3Json(cloud.dynamodb), f"{TABLE}-of-nobody")
        with pytest.raises(AwsError, match="ResourceNotFoundException"):
            elsewhere.record_uploaded(REF, LATER, version_id="v1")
