"""Functions in the embedded AWS: their errors, their logs and what they can import."""

import base64
import io
import json
import queue
import zipfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from local.emulator.patches import lambda_
from local.emulator.process import Emulator

SOURCE = """
import os
import sys

class Outer:
    class Rejected(ValueError):
        pass

def handle(event, context):
    match event["do"]:
        case "answer":
            return {"statusCode": 201, "body": context.aws_request_id, "headers": {"X-Id": "1"}}
        case "log":
            print(event["line"])
            sys.stderr.write(event["line"] + "\\n")
            return {}
        case "import":
            return __import__(event["name"]).__name__
        case "environment":
            return dict(os.environ)
        case "raise":
            raise Outer.Rejected(event["message"])
        case "chain":
            try:
                {}["missing"]
            except KeyError as error:
                raise RuntimeError from error

def proxy(event, context):
    match event["queryStringParameters"]["do"]:
        case "raise":
            raise ValueError("secret")
        case "no-status":
            return {"body": "x"}
        case "no-text":
            return {"statusCode": 200, "body": {"x": 1}}
        case "nothing":
            return None
        case "answer":
            return {"statusCode": 201, "body": event["requestContext"]["requestId"]}
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def role(emulator: Emulator) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    created = emulator.client("iam").create_role(
        RoleName="function", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    return created["Role"]["Arn"]


def create(emulator: Emulator, role: str, handler: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("main.py", SOURCE)
    return emulator.client("lambda").create_function(
        FunctionName=handler,
        Role=role,
        Runtime="python3.13",
        Handler=f"main.{handler}",
        Code={"ZipFile": archive.getvalue()},
        Timeout=10,
        Environment={"Variables": {"LOG_LEVEL": "of the function"}},
    )["FunctionArn"]


@pytest.fixture(scope="module")
def function(emulator: Emulator, role: str) -> str:
    return create(emulator, role, "handle")


def invoke(emulator: Emulator, function: str, **event: Any) -> tuple[Any, list[str]]:
    """The result, and the lines logged by this invocation."""
    response = emulator.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
    log = base64.b64decode(response.get("LogResult", "")).decode().splitlines()
    return json.load(response["Payload"]), log


class TestErrors:
    @pytest.mark.parametrize("message", ["wrong", "", "two\nlines", "ends: with\n", "Traceback: no"])
    def test_carry_the_exceptions_name_message_and_frames(
        self, emulator: Emulator, function: str, message: str
    ) -> None:
        error, _ = invoke(emulator, function, do="raise", message=message)
        assert (error["errorType"], error["errorMessage"]) == ("Rejected", message)
        assert "main.py" in "".join(error["stackTrace"])

    def test_carry_the_name_of_the_last_exception_of_a_chain(self, emulator: Emulator, function: str) -> None:
        error, _ = invoke(emulator, function, do="chain")
        assert error["errorType"] == "RuntimeError"

    @pytest.mark.parametrize("log", ["", "Worker process died", "no trace: message"])
    def test_without_a_trace_keep_the_type_they_have(self, log: str) -> None:
        assert lambda_.describe(log, "message") == {}


class TestLogs:
    def test_belong_to_their_invocation(self, emulator: Emulator, function: str) -> None:
        for line in map(str, range(1, 30)):
            _, log = invoke(emulator, function, do="log", line=line)
            assert [logged for logged in log if logged.isdigit()] == [line, line]
            assert not any("portage" in logged for logged in log)

    def test_are_read_up_to_the_mark_and_not_waited_for_longer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lambda_, "_LOST_MARK_SECONDS", 600)
        lines: queue.Queue[str] = queue.Queue()
        for line in ("1", "2", lambda_.MARK, "of the next call"):
            lines.put(line)
        worker = SimpleNamespace(config={"Runtime": "python3.13"}, _stderr_queue=lines)

        assert lambda_.up_to_mark(pytest.fail)(worker) == "1\n2"
        assert lines.get_nowait() == "of the next call"


class TestPackages:
    @pytest.mark.parametrize("name", ["json", "boto3", "urllib3", "dateutil", "main"])
    def test_of_the_runtime_can_be_imported(self, emulator: Emulator, function: str, name: str) -> None:
        assert invoke(emulator, function, do="import", name=name)[0] == name

    @pytest.mark.parametrize("name", ["pulumi", "ministack", "rich", "local", "components"])
    def test_of_this_environment_cannot(self, emulator: Emulator, function: str, name: str) -> None:
        assert invoke(emulator, function, do="import", name=name)[0]["errorType"] == "ModuleNotFoundError"


class TestVariables:
    def test_are_the_runtimes_and_the_functions(self, emulator: Emulator, function: str) -> None:
        variables, _ = invoke(emulator, function, do="environment")
        assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "handle"
        assert variables["LOG_LEVEL"] == "of the function"
        assert not {"AUTH", "GATEWAY_PORT", "HOME", "MINISTACK_REGION", "S3_DATA_DIR"} & variables.keys()


class TestProxyIntegration:
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, emulator: Emulator, role: str) -> str:
        gateway = emulator.client("apigateway")
        arn = create(emulator, role, "proxy")
        created = gateway.create_rest_api(name="api")
        place = {"restApiId": created["id"], "resourceId": created["rootResourceId"], "httpMethod": "GET"}
        gateway.put_method(**place, authorizationType="NONE")
        invocation = f"lambda:path/2015-03-31/functions/{arn}/invocations"
        gateway.put_integration(
            **place,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{emulator.region}:{invocation}",
        )
        gateway.put_gateway_response(
            restApiId=created["id"],
            responseType="DEFAULT_5XX",
            responseTemplates={"application/json": '{"title": $context.error.messageString}'},
            responseParameters={"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
        )
        gateway.create_deployment(restApiId=created["id"], stageName="v1")
        return f"{emulator.endpoint}/_aws/execute-api/{created['id']}/v1/"

    @pytest.mark.parametrize("do", ["raise", "no-status", "no-text", "nothing"])
    def test_a_failed_function_is_answered_by_the_gateway_response(self, url: str, do: str) -> None:
        response = urllib3.request("GET", url, fields={"do": do}, retries=False)
        assert (response.status, response.json()) == (502, {"title": "Internal server error"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_the_event_and_the_response_have_one_request_id(self, url: str) -> None:
        response = urllib3.request("GET", url, fields={"do": "answer"}, retries=False)
        assert response.status == 201
        assert response.data.decode() == response.headers["x-amzn-RequestId"]
