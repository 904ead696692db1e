"""The shim's gateway, through HTTP, on APIs made by boto3 as the operator."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3

from local.emulator.process import Emulator

PROBLEM = "application/problem+json"
_HTTP = urllib3.PoolManager(retries=False)


@dataclass
class Api:
    """A REST API with one stage, which is deployed at the first request."""

    emulator: Emulator
    resource: str = "things"
    _id: str = ""
    _resource_id: str = ""
    _deployed: bool = field(default=False)

    def __post_init__(self) -> None:
        created = self.gateway.create_rest_api(name="api")
        self._id = created["id"]
        self._resource_id = self.gateway.create_resource(
            restApiId=self._id, parentId=created["rootResourceId"], pathPart=self.resource
        )["id"]

    @property
    def gateway(self) -> Any:
        return self.emulator.client("apigateway")

    def method(self, verb: str, integration: dict[str, Any], **options: Any) -> None:
        place = {"restApiId": self._id, "resourceId": self._resource_id, "httpMethod": verb}
        responses = integration.pop("responses", [])
        self.gateway.put_method(**place, **{"authorizationType": "NONE"} | options)
        self.gateway.put_integration(**place, integrationHttpMethod="POST", **integration)
        for response in responses:
            self.gateway.put_integration_response(**place, **response)

    def gateway_response(self, kind: str, template: str, **options: Any) -> None:
        self.gateway.put_gateway_response(
            restApiId=self._id, responseType=kind, responseTemplates={"application/json": template}, **options
        )

    def model(self, name: str, schema: dict[str, Any]) -> None:
        self.gateway.create_model(
            restApiId=self._id, name=name, contentType="application/json", schema=json.dumps(schema)
        )

    def body_validator(self) -> str:
        return self.gateway.create_request_validator(
            restApiId=self._id, name="body", validateRequestBody=True, validateRequestParameters=False
        )["id"]

    def cognito_authorizer(self, pool_arn: str) -> str:
        return self.gateway.create_authorizer(
            restApiId=self._id,
            name="users",
            type="COGNITO_USER_POOLS",
            providerARNs=[pool_arn],
            identitySource="method.request.header.Authorization",
        )["id"]

    def request(self, verb: str, path: str = "/things", **options: Any) -> urllib3.BaseHTTPResponse:
        if not self._deployed:
            self.gateway.create_deployment(restApiId=self._id, stageName="v1", variables={"colour": "blue"})
            self._deployed = True
        return _HTTP.request(verb, f"{self.emulator.endpoint}/_aws/execute-api/{self._id}/v1{path}", **options)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def api(emulator: Emulator) -> Api:
    return Api(emulator)


@pytest.fixture(scope="module")
def user(emulator: Emulator) -> dict[str, str]:
    """A signed-in user, with pool_arn, token and sub."""
    cognito = emulator.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users")["UserPool"]
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="test", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    user = {"Username": "ada@example.com", "UserPoolId": pool["Id"]}
    attributes = cognito.admin_create_user(**user)["User"]["Attributes"]
    cognito.admin_set_user_password(**user, Password="Correct-horse-1", Permanent=True)
    token = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada@example.com", "PASSWORD": "Correct-horse-1"},
    )["AuthenticationResult"]["IdToken"]
    return {
        "pool_arn": pool["Arn"],
        "token": token,
        "sub": next(attribute["Value"] for attribute in attributes if attribute["Name"] == "sub"),
    }


@pytest.fixture(scope="module")
def table(emulator: Emulator, user: dict[str, str]) -> str:
    dynamodb = emulator.client("dynamodb")
    arn = dynamodb.create_table(
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "owner", "KeyType": "HASH"},
            {"AttributeName": "id", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "owner", "AttributeType": "S"},
            {"AttributeName": "id", "AttributeType": "S"},
        ],
    )["TableDescription"]["TableArn"]
    for owner in (user["sub"], "someone else"):
        item = {"owner": owner, "id": f"of {owner}", "name": 'a "thing"'}
        dynamodb.put_item(TableName="things", Item={name: {"S": value} for name, value in item.items()})
    return arn


def mock(template: str = '{"statusCode": 200}', **response: Any) -> dict[str, Any]:
    return {
        "type": "MOCK",
        "requestTemplates": {"application/json": template},
        "responses": [{"statusCode": "200"} | response],
    }


class TestPayloadLimit:
    def test_a_body_of_ten_megabytes_passes(self, api: Api) -> None:
        api.method("POST", mock())
        assert api.request("POST", body=b" " * 10_485_760).status == 200

    def test_one_byte_more_is_answered_by_the_apis_own_gateway_response(self, api: Api) -> None:
        api.method("POST", mock())
        api.gateway_response(
            "REQUEST_TOO_LARGE",
            '{"title": "$context.error.responseType", "detail": $context.error.messageString}',
            responseParameters={"gatewayresponse.header.Access-Control-Allow-Origin": "'https://a.example'"},
        )
        response = api.request("POST", body=b" " * 10_485_761)
        assert response.status == 413
        assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert response.json() == {
            "title": "REQUEST_TOO_LARGE",
            "detail": "HTTP content length exceeded 10485760 bytes.",
        }


class TestGatewayResponses:
    @pytest.mark.parametrize("name", ["Origin", "origin"])
    def test_they_find_a_header_by_the_name_that_was_sent(self, api: Api, name: str) -> None:
        api.method("POST", mock())
        parameters = {
            "gatewayresponse.header.X-Upper": "method.request.header.Origin",
            "gatewayresponse.header.X-Lower": "method.request.header.origin",
        }
        api.gateway_response("REQUEST_TOO_LARGE", "{}", responseParameters=parameters)

        headers = api.request("POST", body=b" " * 10_485_761, headers={name: "x"}).headers

        assert (headers.get("X-Upper"), headers.get("X-Lower")) == (("x", None) if name == "Origin" else (None, "x"))


class TestMock:
    def test_response_templates_see_the_request_and_override_the_response(self, api: Api) -> None:
        template = """
            #set($origin = $input.params().header.get('Origin'))
            #set($allowed = ["https://a.example", "https://b.example"])
            #if($allowed.contains($origin))
            #set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
            #set($context.responseOverride.status = 204)
            #end
            $stageVariables.colour $context.requestId"""
        api.method(
            "OPTIONS",
            mock(
                responseTemplates={"application/json": template},
                responseParameters={"method.response.header.Vary": "'Origin'"},
            ),
        )
        known = api.request("OPTIONS", headers={"Origin": "https://b.example"})
        assert (known.status, known.headers["Vary"]) == (204, "Origin")
        assert known.headers["Access-Control-Allow-Origin"] == "https://b.example"
        unknown = api.request("OPTIONS", headers={"Origin": "https://c.example"})
        assert unknown.status == 200
        assert "Access-Control-Allow-Origin" not in unknown.headers
        assert unknown.data.decode().split() == ["blue", unknown.headers["x-amzn-RequestId"]]

    @pytest.mark.parametrize("name", ["Origin", "origin"])
    def test_templates_find_a_header_by_the_name_that_was_sent(self, api: Api, name: str) -> None:
        template = "[$input.params('Origin')][$input.params('origin')]"
        api.method("GET", mock(responseTemplates={"application/json": template}))

        found = api.request("GET", headers={name: "x"}).data.decode()

        assert found == ("[x][]" if name == "Origin" else "[][x]")

    def test_the_rendered_status_code_chooses_the_response(self, api: Api) -> None:
        integration = mock("#if($input.params('q') == 'x'){statusCode: 404}#else{\"statusCode\": 200}#end")
        integration["responses"].append({"statusCode": "404", "selectionPattern": "4\\d\\d"})
        api.method("GET", integration)
        assert api.request("GET").status == 200
        assert api.request("GET", "/things?q=x").status == 404

    def test_without_a_status_code_the_api_is_at_fault(self, api: Api) -> None:
        api.method("GET", mock("{}"))
        assert api.request("GET").status == 500

    @pytest.mark.parametrize("template", ["#if($x)", "$util.nothing()", "$input.path('$[')"])
    def test_a_template_that_cannot_be_evaluated_is_a_fault_with_a_gateway_response(
        self, api: Api, template: str
    ) -> None:
        api.method("GET", mock(responseTemplates={"application/json": template}))
        response = api.request("GET")
        assert (response.status, response.json()) == (500, {"message": "Internal server error"})
        assert "response template" in api.emulator.log_path.read_text()

    def test_a_content_type_without_template_is_refused_if_the_api_says_so(self, api: Api) -> None:
        api.method("POST", mock() | {"passthroughBehavior": "WHEN_NO_TEMPLATES"})
        assert api.request("POST", body=b"x", headers={"Content-Type": "text/plain"}).status == 415


class TestService:
    """`AWS` integrations of DynamoDB, with the caller's claims in the key."""

    REQUEST = """{
        "TableName": "things",
        "Key": {"owner": {"S": "$context.authorizer.claims.sub"}, "id": {"S": "$input.params('id')"}}
    }"""
    RESPONSE = """#set($item = $input.path('$.Item'))
        #if(!$item)
        #set($context.responseOverride.status = 404)
        #set($context.responseOverride.header.Content-Type = "application/problem+json")
        {"title": "No such thing"}
        #else
        {"id": $input.json('$.Item.id.S'), "name": "$util.escapeJavaScript($input.path('$.Item.name.S'))"}
        #end"""

    def role(self, emulator: Emulator, name: str, table: str, action: str, service: str) -> str:
        iam = emulator.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        permission = {"Effect": "Allow", "Action": action, "Resource": table}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        policy = json.dumps({"Version": "2012-10-17", "Statement": [permission]})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
        return arn["Role"]["Arn"]

    def integrate(self, api: Api, role: str, user: dict[str, str], **options: Any) -> None:
        integration = {
            "type": "AWS",
            "uri": f"arn:aws:apigateway:{api.emulator.region}:dynamodb:action/GetItem",
            "credentials": role,
            "requestTemplates": {"application/json": self.REQUEST},
            "responses": [
                {"statusCode": "200", "responseTemplates": {"application/json": self.RESPONSE}},
                {
                    "statusCode": "502",
                    "selectionPattern": "[45]\\d\\d",
                    "responseTemplates": {PROBLEM: "{\"type\": $input.json('$.__type')}"},
                    "responseParameters": {
                        "method.response.header.X-Backend": "integration.response.header.Content-Type",
                        "method.response.header.X-Type": "integration.response.body.__type",
                        "method.response.header.X-Stage": "context.stage",
                    },
                },
            ],
        }
        authorizer = api.cognito_authorizer(user["pool_arn"])
        api.method("GET", integration | options, authorizationType="COGNITO_USER_POOLS", authorizerId=authorizer)

    def get(self, api: Api, user: dict[str, str], key: str) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {user['token']}"}
        return api.request("GET", "/things", fields={"id": key}, headers=headers)

    def test_answers_with_the_callers_own_item_and_with_no_others(
        self, api: Api, user: dict[str, str], table: str
    ) -> None:
        role = self.role(api.emulator, "reader", table, "dynamodb:GetItem", "apigateway.amazonaws.com")
        self.integrate(api, role, user)
        own = self.get(api, user, f"of {user['sub']}")
        assert (own.status, own.json()) == (200, {"id": f"of {user['sub']}", "name": 'a "thing"'})
        other = self.get(api, user, "of someone else")
        assert (other.status, other.json()) == (404, {"title": "No such thing"})
        assert other.headers["Content-Type"] == PROBLEM

    def test_a_role_without_the_permission_is_refused_by_iam(self, api: Api, user: dict[str, str], table: str) -> None:
        role = self.role(api.emulator, "querier", table, "dynamodb:Query", "apigateway.amazonaws.com")
        self.integrate(api, role, user)
        response = self.get(api, user, "any")
        assert response.status == 502
        assert response.json()["type"].endswith("AccessDeniedException")
        assert response.headers["Content-Type"] == PROBLEM
        assert response.headers["X-Type"] == response.json()["type"]
        assert response.headers["X-Backend"].startswith("application/x-amz-json-1.0")
        assert response.headers["X-Stage"] == "v1"

    def test_a_role_that_does_not_trust_api_gateway_is_not_assumed(
        self, api: Api, user: dict[str, str], table: str
    ) -> None:
        role = self.role(api.emulator, "functions", table, "dynamodb:GetItem", "lambda.amazonaws.com")
        self.integrate(api, role, user)
        assert self.get(api, user, "any").status == 500
        assert "API Gateway does not have permission to assume" in api.emulator.log_path.read_text()

    @pytest.mark.parametrize(
        ("uri", "reason"),
        [
            ("sns:action/Publish", "JSON protocol"),
            ("dynamodb:action/GetThing", "no operation 'GetThing'"),
            ("nothing:action/Get", "no service 'nothing'"),
            ("s3:path/bucket/key", "s3:path/bucket/key"),
        ],
    )
    def test_what_cannot_be_called_is_a_fault_whose_reason_is_logged(
        self, api: Api, user: dict[str, str], uri: str, reason: str
    ) -> None:
        self.integrate(api, "arn:aws:iam::0:role/none", user, uri=f"arn:aws:apigateway:us-east-1:{uri}")
        assert self.get(api, user, "any").status == 500
        assert reason in api.emulator.log_path.read_text()


THING = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["file_name", "size_bytes"],
    "additionalProperties": False,
    "properties": {
        "file_name": {"type": "string", "minLength": 1, "maxLength": 5},
        "content_type": {"type": "string", "pattern": "^[a-z]+/[a-z]+$"},
        "size_bytes": {"type": "integer", "minimum": 1},
    },
}


class TestValidation:
    @pytest.fixture
    def validated(self, api: Api) -> Api:
        api.model("Thing", THING)
        api.method(
            "POST",
            mock(),
            requestValidatorId=api.body_validator(),
            requestModels={"application/json": "Thing"},
        )
        api.gateway_response(
            "BAD_REQUEST_BODY",
            '{"detail": "$context.error.validationErrorString", "request_id": "$context.requestId",'
            ' "method": "$context.httpMethod", "path": "$context.path", "who": "$context.authorizer.claims.sub"}',
        )
        return api

    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            ({"file_name": "a"}, '[object has missing required properties (["size_bytes"])]'),
            ({}, '[object has missing required properties (["file_name","size_bytes"])]'),
            (
                {"file_name": "a", "size_bytes": "1"},
                '[instance type (string) does not match any allowed primitive type (allowed: ["integer"])]',
            ),
            (
                {"file_name": "", "size_bytes": 0},
                (
                    '[string "" is too short (length: 0, required minimum: 1),'
                    " numeric instance is lower than the required minimum (minimum: 1, found: 0)]"
                ),
            ),
            (
                {"file_name": "a", "size_bytes": 1, 'x"y': 1},
                '[object instance has properties which are not allowed by the schema: ["x\\"y"]]',
            ),
            (
                {"file_name": "a", "size_bytes": 1, "content_type": "A"},
                '[ECMA 262 regex "^[a-z]+/[a-z]+$" does not match input string "A"]',
            ),
        ],
    )
    def test_every_violation_is_named(self, validated: Api, body: Any, detail: str) -> None:
        response = validated.request("POST", json=body)
        assert response.status == 400
        assert response.json() == {
            "detail": detail,
            "request_id": response.headers["x-amzn-RequestId"],
            "method": "POST",
            "path": "/v1/things",
            "who": "",
        }

    def test_a_body_that_is_not_json_is_named_too(self, validated: Api) -> None:
        response = validated.request("POST", body=b"{", headers={"Content-Type": "application/json"})
        assert response.status == 400
        assert response.json()["detail"].startswith("[Could not parse request body into json:")

    def test_a_content_type_without_a_model_is_not_validated(self, validated: Api) -> None:
        body = b'{"statusCode": 200}'  # the template is for JSON: the mock is handed the body itself
        assert validated.request("POST", body=body, headers={"Content-Type": "text/plain"}).status == 200

    def test_a_charset_does_not_hide_the_model(self, validated: Api) -> None:
        content_type = {"Content-Type": "application/json; charset=utf-8"}
        assert validated.request("POST", body=b"{}", headers=content_type).status == 400
