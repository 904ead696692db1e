"""Nobody signs up who was not asked, and nobody learns who has an account."""

from typing import Any

import pulumi_aws as aws
import pytest

from tests.support.components.examples import NAME, USER_POOL
from tests.support.components.recording import Recording, arn_of, physical, record


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        users = USER_POOL.make(**args)
        return {each: getattr(users, each) for each in ("user_pool_arn", "user_pool_id", "client_id")}

    return record(program)


@pytest.fixture(scope="module")
def closed() -> Recording:
    return recorded()


class TestThePool:
    @pytest.mark.parametrize("open_to_all", [True, False])
    def test_lets_anybody_sign_up_only_where_that_is_allowed(self, *, open_to_all: bool) -> None:
        pool = recorded(allow_sign_up=open_to_all).inputs(aws.cognito.UserPool)

        assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": not open_to_all}

    @pytest.mark.parametrize(("protected", "state"), [(True, "ACTIVE"), (False, "INACTIVE")])
    def test_refuses_to_be_deleted_only_where_it_is_protected(self, *, protected: bool, state: str) -> None:
        assert recorded(deletion_protection=protected).inputs(aws.cognito.UserPool)["deletionProtection"] == state

    def test_knows_people_by_an_address_that_is_verified_whatever_its_case(self, closed: Recording) -> None:
        pool = closed.inputs(aws.cognito.UserPool)

        assert pool["usernameAttributes"] == pool["autoVerifiedAttributes"] == ["email"]
        assert pool["usernameConfiguration"] == {"caseSensitive": False}
        assert pool["accountRecoverySetting"] == {"recoveryMechanisms": [{"name": "verified_email", "priority": 1}]}

    def test_asks_for_long_passwords_and_offers_a_second_factor(self, closed: Recording) -> None:
        pool = closed.inputs(aws.cognito.UserPool)

        assert pool["passwordPolicy"] == {
            "minimumLength": 12,
            "requireLowercase": True,
            "requireUppercase": True,
            "requireNumbers": True,
            "requireSymbols": True,
            "temporaryPasswordValidityDays": 3,
        }
        assert (pool["mfaConfiguration"], pool["softwareTokenMfaConfiguration"]) == ("OPTIONAL", {"enabled": True})


class TestTheClient:
    def test_has_no_secret_since_browsers_cannot_keep_one(self, closed: Recording) -> None:
        assert closed.inputs(aws.cognito.UserPoolClient)["generateSecret"] is False

    def test_does_not_tell_whether_a_user_exists(self, closed: Recording) -> None:
        assert closed.inputs(aws.cognito.UserPoolClient)["preventUserExistenceErrors"] == "ENABLED"

    def test_signs_in_with_a_password_or_a_proof_of_it_and_nothing_else(self, closed: Recording) -> None:
        client = closed.inputs(aws.cognito.UserPoolClient)

        assert set(client["explicitAuthFlows"]) == {
            "ALLOW_USER_PASSWORD_AUTH",
            "ALLOW_USER_SRP_AUTH",
            "ALLOW_REFRESH_TOKEN_AUTH",
        }
        assert not any(name.startswith("allowedOauth") for name in client)

    def test_has_tokens_of_an_hour_that_can_be_revoked(self, closed: Recording) -> None:
        client = closed.inputs(aws.cognito.UserPoolClient)

        assert client["enableTokenRevocation"] is True
        assert (client["idTokenValidity"], client["accessTokenValidity"], client["refreshTokenValidity"]) == (
            60,
            60,
            30,
        )
        assert client["tokenValidityUnits"] == {"idToken": "minutes", "accessToken": "minutes", "refreshToken": "days"}

    def test_belongs_to_the_pool(self, closed: Recording) -> None:
        assert closed.inputs(aws.cognito.UserPoolClient)["userPoolId"] == f"{physical(NAME)}-id"


def test_arn_id_and_client_come_out(closed: Recording) -> None:
    assert closed.outputs == {
        "user_pool_arn": arn_of(aws.cognito.UserPool, NAME),
        "user_pool_id": f"{physical(NAME)}-id",
        "client_id": f"{physical(f'{NAME}-client')}-id",
    }
