"""What the system refuses, and which part of it does."""

import base64
import json
import time
from typing import Any

import pytest

from tests.support.deployment.system import URL_SECONDS, Answer, System, User, http, put

GOOD: dict[str, object] = {"file_name": "a.pdf", "content_type": "application/pdf", "size_bytes": 5}


LatePut = tuple[dict[str, Any], float]


@pytest.fixture(scope="module", autouse=True)
def late_put(team_system: System, team_user: User) -> LatePut:
    """A plan, and when it was made: before all tests of the module, in which its URL expires."""
    return team_system.create(team_user, 5), time.monotonic()


def assert_not_kept(answer: Answer) -> None:
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def assert_problem(answer: Answer, status: int, *words: str) -> None:
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert_not_kept(answer)
    problem = answer.json
    assert set(problem) == {"type", "title", "status", "detail", "request_id"}
    assert problem["status"] == status
    assert problem["type"].startswith("urn:portage:problem:")
    for word in words:
        assert word in problem["detail"]


class TestTokens:
    @pytest.mark.parametrize(("method", "path"), [("POST", "/uploads"), ("GET", "/uploads/x")])
    def test_a_missing_token_is_refused(self, system: System, method: str, path: str) -> None:
        answer = system.call(method, path, GOOD if method == "POST" else None)
        assert_problem(answer, 401, "ID token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_token_whose_claims_were_changed_is_refused(self, system: System, user: User) -> None:
        head, payload, signature = user.token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        claims["sub"] = "00000000-0000-0000-0000-000000000000"
        forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        assert_problem(system.call("POST", "/uploads", GOOD, token=f"{head}.{forged}.{signature}"), 401)

    def test_a_token_without_a_signature_is_refused(self, system: System, user: User) -> None:
        head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
        assert_problem(system.call("POST", "/uploads", GOOD, token=f"{head}.{user.token.split('.')[1]}."), 401)

    @pytest.mark.parametrize("token", ["x", "a.b.c", "Bearer", "\t"])
    def test_what_is_no_token_is_refused(self, system: System, token: str) -> None:
        assert_problem(system.call("POST", "/uploads", GOOD, token=token), 401)

    def test_another_pools_token_is_refused(self, system: System, team_user: User) -> None:
        assert_problem(system.call("POST", "/uploads", GOOD, token=team_user.token), 401)

    def test_an_access_token_is_refused(self, system: System, user: User) -> None:
        tokens = http(
            "POST",
            system.emulator.endpoint,
            json.dumps(
                {
                    "ClientId": system.outputs["userPoolClientId"],
                    "AuthFlow": "USER_PASSWORD_AUTH",
                    "AuthParameters": {"USERNAME": user.email, "PASSWORD": user.password},
                }
            ).encode(),
            {
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
            },
        ).json["AuthenticationResult"]
        assert_problem(system.call("POST", "/uploads", GOOD, token=tokens["AccessToken"]), 401)
        assert system.call("POST", "/uploads", GOOD, token=tokens["IdToken"]).status == 201

    def test_an_expired_token_is_refused(self, system: System) -> None:
        cognito = system.emulator.client("cognito-idp")
        pool, client = system.outputs["userPoolId"], system.outputs["userPoolClientId"]
        settings = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]
        short = {"IdTokenValidity": 1, "TokenValidityUnits": {**settings["TokenValidityUnits"], "IdToken": "seconds"}}
        keep = {name: settings[name] for name in ("IdTokenValidity", "TokenValidityUnits", "ExplicitAuthFlows")}
        cognito.update_user_pool_client(UserPoolId=pool, ClientId=client, **(keep | short))
        try:
            token = system.new_user().token
        finally:
            cognito.update_user_pool_client(UserPoolId=pool, ClientId=client, **keep)
        time.sleep(2)
        assert_problem(system.call("POST", "/uploads", GOOD, token=token), 401)


class TestOwners:
    def test_another_users_upload_is_not_there(self, system: System, user: User) -> None:
        upload_id = system.create(user)["upload_id"]
        stranger = system.new_user()
        theirs = system.call("GET", f"/uploads/{upload_id}", token=stranger.token)
        assert_problem(theirs, 404)
        nobodys = system.call("GET", "/uploads/01890000-0000-7000-8000-000000000000", token=stranger.token)
        assert theirs.json["detail"] == nobodys.json["detail"], "another owner's id is answered like an unknown one"

    @pytest.mark.parametrize(
        "upload_id",
        [
            "x",
            "none",
            "%22",
            "%22%7D%2C%22a%22%3A%7B",
            "'",
            "%5C",
            "a" * 2000,
            "%0A",
            "$context.requestId",
            "%E6%9D%B1",
        ],
    )
    def test_an_id_of_another_form_is_not_found(self, system: System, user: User, upload_id: str) -> None:
        assert_problem(system.call("GET", f"/uploads/{upload_id}", token=user.token), 404)


class TestContract:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"file_name": None}, ["file_name"]),
            ({"file_name": ""}, []),
            ({"file_name": "a/b"}, []),
            ({"file_name": "a\u0000b"}, []),
            ({"file_name": "x" * 256}, []),
            ({"content_type": "pdf"}, []),
            ({"content_type": "a/b\r\nX-Evil: 1"}, []),
            ({"size_bytes": 0}, []),
            ({"size_bytes": -1}, []),
            ({"size_bytes": 10_000 * 5 * 1024**3 + 1}, []),
            ({"size_bytes": "5"}, []),
            ({"size_bytes": 1.5}, []),
            ({"size_bytes": True}, []),
            ({"more": 1}, []),
        ],
    )
    def test_a_body_that_violates_the_contract_is_named(
        self, system: System, user: User, change: dict[str, Any], words: list[str]
    ) -> None:
        body = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
        answer = system.call("POST", "/uploads", body, token=user.token)
        assert_problem(answer, 400, *words)
        assert len(answer.json["detail"]) > 20, "the detail says what is wrong"

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 5000])
    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/xml"])
    def test_what_is_no_object_is_refused_whatever_it_calls_itself(
        self, system: System, user: User, body: bytes, content_type: str
    ) -> None:
        answer = system.call("POST", "/uploads", body, token=user.token, headers={"Content-Type": content_type})
        assert_problem(answer, 400)

    @pytest.mark.parametrize("depth", [900, 991, 100_000])
    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
    def test_a_body_nested_deeply_is_no_server_error_anywhere(
        self, system: System, user: User, depth: int, content_type: str
    ) -> None:
        upload = f"/uploads/{system.create(user)['upload_id']}"
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        in_a_field = b'{"file_name":' + nested + b',"content_type":"a/b","size_bytes":5}'
        with_body = ("/uploads", f"{upload}/parts", f"{upload}/complete")
        without = ("/uploads", upload, f"{upload}/parts", f"{upload}/result", "/uploads/x")
        for body in (nested, in_a_field):
            for path in with_body:
                headers = {"Content-Type": content_type}
                assert_problem(system.call("POST", path, body, token=user.token, headers=headers), 400)
            for path in without:
                answer = system.call("GET", path, body, token=user.token, headers={"Content-Type": content_type})
                assert answer.status in {200, 404, 409, 415}, answer.text
                assert_not_kept(answer)

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/xml"])
    @pytest.mark.parametrize("body", [b'{"parts": [1]}', b"[]", b"x"])
    def test_a_completion_that_says_anything_is_refused_whatever_it_calls_itself(
        self, system: System, user: User, body: bytes, content_type: str
    ) -> None:
        path = f"/uploads/{system.create(user)['upload_id']}/complete"
        assert_problem(system.call("POST", path, body, token=user.token, headers={"Content-Type": content_type}), 400)

    def test_a_lone_surrogate_is_refused(self, system: System, user: User) -> None:
        body = b'{"file_name": "a\\ud800", "content_type": "a/b", "size_bytes": 5}'
        assert_problem(system.call("POST", "/uploads", body, token=user.token), 400)

    @pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("DELETE", "/uploads"), ("PUT", "/uploads/x")])
    def test_a_path_or_method_that_is_not_there_is_not_found(
        self, system: System, user: User, method: str, path: str
    ) -> None:
        assert_problem(system.call(method, path, token=user.token), 404)


class TestPresignedPut:
    def test_a_late_put_is_refused(self, late_put: LatePut) -> None:
        plan, signed_at = late_put
        time.sleep(max(0, signed_at + URL_SECONDS + 1 - time.monotonic()))
        answer = put(plan, b"12345")
        assert answer.status == 403
        assert "expired" in answer.text.lower()

    def test_a_refused_upload_is_still_awaited(self, system: System, user: User) -> None:
        plan = system.create(user, 5)
        assert put(plan, b"123456").status == 403
        assert system.status(user, plan["upload_id"])["status"] == "pending"
        assert put(plan, b"12345").status == 200

    def test_nobody_gets_at_the_bucket_without_a_signature(self, system: System, user: User) -> None:
        plan = system.create(user, 5)
        assert http("GET", plan["url"].split("?")[0].rsplit("/", 3)[0]).status == 403


class TestCors:
    ORIGIN = "http://localhost:8000"
    SPELLINGS = ("Origin", "origin")
    """HTTP/1.1's, and HTTP/2's: API Gateway's mappings compare names with their case."""

    @pytest.mark.parametrize("header", SPELLINGS)
    def test_a_preflight_names_an_allowed_origin(self, system: System, header: str) -> None:
        answer = system.call("OPTIONS", "/uploads", headers={header: self.ORIGIN})
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == self.ORIGIN
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]

    def test_a_preflight_names_no_other_origin(self, system: System) -> None:
        answer = system.call("OPTIONS", "/uploads", headers={"Origin": "http://evil.example.com"})
        assert "Access-Control-Allow-Origin" not in answer.headers

    @pytest.mark.parametrize("header", SPELLINGS)
    def test_answers_and_problems_may_be_read_by_an_allowed_origin(
        self, system: System, user: User, header: str
    ) -> None:
        headers = {header: self.ORIGIN}
        created = system.call("POST", "/uploads", GOOD, token=user.token, headers=headers)
        answers = {
            201: created,
            200: system.call("GET", f"/uploads/{created.json['upload_id']}", token=user.token, headers=headers),
            400: system.call("POST", "/uploads", {}, token=user.token, headers=headers),
            401: system.call("POST", "/uploads", GOOD, headers=headers),
            404: system.call("GET", "/uploads/x", token=user.token, headers=headers),
            413: system.call("POST", "/uploads", bytes(11 * 1024**2), token=user.token, headers=headers),
        }
        for status, answer in answers.items():
            assert answer.status == status
            # What the gateway answers itself may be read by any page, as two origins are allowed here.
            allowed = "*" if status in {400, 401, 413} else self.ORIGIN
            assert answer.headers["Access-Control-Allow-Origin"] == allowed, status
            assert_not_kept(answer)

    def test_the_bucket_lets_a_browser_put(self, system: System, user: User) -> None:
        plan = system.create(user, 5)
        headers = {
            "Origin": self.ORIGIN,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type,if-none-match",
        }
        answer = http("OPTIONS", plan["url"], None, headers)
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == self.ORIGIN
