"""The light client uses AWS's JSON protocols, and raises errors with the same names as boto3."""

import json
from collections.abc import Generator, Iterator
from typing import Any
from zlib import crc32

import pytest

from handlers.aws.client import AwsError
from handlers.aws.json_client import DYNAMODB, SECRETS_MANAGER, AwsJson
from local.emulator.process import Emulator
from tests.support.aws.connected_client import ConnectedClient
from tests.support.aws.scripted_server import answer, error


class TestACall:
    def test_is_the_services_json(self) -> None:
        with ConnectedClient(answer({"Item": {"name": {"S": "é"}}})) as connected:
            assert connected.client.call("GetItem", {"TableName": "t", "Key": {"k": {"S": "ü"}}}) == {
                "Item": {"name": {"S": "é"}}
            }

        (request,) = connected.server.requests
        assert json.loads(request.body) == {"TableName": "t", "Key": {"k": {"S": "ü"}}}
        assert request.headers["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
        assert request.headers["Content-Type"] == "application/x-amz-json-1.0"
        assert request.headers["X-Amz-Security-Token"] == "token"
        assert connected.waits == []

    def test_of_secrets_manager_is_json_1_1(self) -> None:
        with ConnectedClient(answer({"SecretString": "s"}), service=SECRETS_MANAGER) as connected:
            connected.client.call("GetSecretValue", {"SecretId": "arn"})

        (request,) = connected.server.requests
        assert request.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        assert request.headers["Content-Type"] == "application/x-amz-json-1.1"

    def test_is_signed_with_the_credentials_of_its_own_time(self) -> None:
        with ConnectedClient(answer(), answer()) as connected, pytest.MonkeyPatch.context() as patch:
            connected.call()
            patch.setenv("AWS_ACCESS_KEY_ID", "ASIARENEWED")
            patch.delenv("AWS_SESSION_TOKEN")
            connected.call()

        first, second = connected.server.requests
        assert "Credential=ASIAEXAMPLE/20260228/eu-central-1/dynamodb/aws4_request" in first.headers["Authorization"]
        assert "Credential=ASIARENEWED/" in second.headers["Authorization"]
        assert "X-Amz-Security-Token" not in second.headers

    def test_uses_the_connection_of_the_one_before(self) -> None:
        with ConnectedClient(*[answer()] * 3) as connected:
            for _ in range(3):
                connected.call()

        assert [each.connection for each in connected.server.requests] == [1, 1, 1]

    def test_opens_another_connection_where_the_service_has_closed_it_meanwhile_without_a_wait(self) -> None:
        with ConnectedClient(answer(keep=False), answer({"n": 2})) as connected:
            connected.call()
            assert connected.server.farewells.acquire(timeout=60)
            assert connected.call() == {"n": 2}

        assert (connected.server.connections, connected.waits) == (2, [])


class TestARefusal:
    def test_has_the_name_the_sentence_and_all_else_that_the_service_says(self) -> None:
        told = {
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": {"owner": {"S": "o"}},
        }
        with ConnectedClient(answer(told, status=400)) as connected, pytest.raises(AwsError) as caught:
            connected.call()

        assert caught.value.code == "ConditionalCheckFailedException"
        assert caught.value.message == "The conditional request failed"
        assert caught.value.status == 400
        assert caught.value.body == told
        assert str(caught.value) == "ConditionalCheckFailedException: The conditional request failed"
        assert len(connected.server.requests) == 1

    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            ({"__type": "NoSuchThing", "Message": "It is gone."}, "NoSuchThing", "It is gone."),
            ({"__type": "a#b#InvalidRequestException"}, "InvalidRequestException", "no message"),
            ({}, "404", "no message"),
            (b"<html>", "404", "no message"),
            (b"", "404", "no message"),
            (b"\xff\xfe\x00", "404", "no message"),
            (b'"text"', "404", "no message"),
            (b"[1]", "404", "no message"),
        ],
    )
    def test_is_named_as_well_as_it_can_be(self, body: Any, code: str, message: str) -> None:
        with ConnectedClient(answer(body, status=404)) as connected, pytest.raises(AwsError) as caught:
            connected.call()

        assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, 404)

    def test_of_a_wrong_signature_does_not_repeat_the_request_that_was_signed(self) -> None:
        signed = "The signature is wrong.\n\nThe Canonical String should have been\n'POST\nx-amz-security-token:token'"
        told = {"__type": "com.amazon#InvalidSignatureException", "message": signed}
        with ConnectedClient(answer(told, status=400)) as connected, pytest.raises(AwsError) as caught:
            connected.call()
        assert str(caught.value) == "InvalidSignatureException: The signature is wrong."
        assert caught.value.message == "The signature is wrong."

    def test_does_not_cost_the_connection(self) -> None:
        with ConnectedClient(error("ValidationException"), answer()) as connected:
            with pytest.raises(AwsError):
                connected.call()
            connected.call()

        assert connected.server.connections == 1


class TestAChecksum:
    def test_that_is_right_lets_the_answer_through(self) -> None:
        with ConnectedClient(answer({"n": 1}, headers=[("x-amz-crc32", str(crc32(b'{"n": 1}')))])) as connected:
            assert connected.call() == {"n": 1}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.client("dynamodb").create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        )
        running.client("secretsmanager").create_secret(Name="secret", SecretString="kept")
        yield running


class TestOnTheEmbeddedAws:
    """Signatures are verified there, and permissions asked for."""

    @pytest.fixture
    def surroundings(self, emulator: Emulator) -> Generator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
            patch.setenv("AWS_ACCESS_KEY_ID", emulator.operator.access_key_id)
            patch.setenv("AWS_SECRET_ACCESS_KEY", emulator.operator.secret_access_key)
            patch.delenv("AWS_SESSION_TOKEN", raising=False)
            yield

    @pytest.fixture
    def dynamodb(self, emulator: Emulator, surroundings: None) -> Iterator[AwsJson]:  # noqa: ARG002
        client = AwsJson(DYNAMODB, emulator.region)
        yield client
        client.close()

    def test_dynamodb_writes_once_and_reads(self, dynamodb: AwsJson) -> None:
        put = {
            "TableName": "table",
            "Item": {"key": {"S": "ключ"}, "number": {"N": "1"}},
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": "key"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

        assert dynamodb.call("PutItem", put) == {}
        got = dynamodb.call("GetItem", {"TableName": "table", "Key": {"key": {"S": "ключ"}}, "ConsistentRead": True})
        assert got["Item"] == put["Item"]
        with pytest.raises(AwsError) as caught:
            dynamodb.call("PutItem", put)
        assert caught.value.code == "ConditionalCheckFailedException"
        assert caught.value.body["Item"] == put["Item"]

    def test_a_table_that_is_not_there_is_named_as_boto3_names_it(self, dynamodb: AwsJson) -> None:
        with pytest.raises(AwsError) as caught:
            dynamodb.call("GetItem", {"TableName": "missing", "Key": {"key": {"S": "k"}}})
        assert caught.value.code == "ResourceNotFoundException"

    @pytest.mark.usefixtures("surroundings")
    def test_a_signature_by_a_wrong_secret_is_refused_at_once(self, emulator: Emulator) -> None:
        waits: list[float] = []
        client = AwsJson(DYNAMODB, emulator.region, sleep=waits.append)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
            with pytest.raises(AwsError) as caught:
                client.call("GetItem", {"TableName": "table", "Key": {"key": {"S": "k"}}})
        client.close()

        assert (caught.value.code, waits) == ("InvalidSignatureException", [])

    @pytest.mark.usefixtures("surroundings")
    def test_secrets_manager_answers(self, emulator: Emulator) -> None:
        client = AwsJson(SECRETS_MANAGER, emulator.region)
        assert client.call("GetSecretValue", {"SecretId": "secret"})["SecretString"] == "kept"
        client.close()
