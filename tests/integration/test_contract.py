"""Generated requests, valid and invalid ones: the API answers all of them as the contract says."""

# schemathesis is typed in part.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportUntypedFunctionDecorator=false, reportAttributeAccessIssue=false

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.components.openapi_document import contract
from tests.support.deployment.system import System, User

EXAMPLES = 15
"""For each operation; together some 300 requests."""

API = schemathesis.openapi.from_dict(contract())


@pytest.fixture(scope="module")
def caller(system: System) -> User:
    """Somebody of their own: what is made here fills nobody else's quota."""
    return system.new_user()


@pytest.fixture
def pending(system: System, caller: User) -> str:
    """An upload in parts that S3 has no part of."""
    body = {"file_name": "a", "content_type": "a/b", "size_bytes": 5, "method": "multipart"}
    return system.call("POST", "/uploads", body, token=caller.token).json["upload_id"]


@pytest.mark.parametrize("upload", ["unknown", "pending"])
@API.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
def test_no_request_is_a_server_error_and_every_answer_keeps_the_contract(
    case: schemathesis.Case, upload: str, system: System, caller: User, pending: str
) -> None:
    if upload == "pending" and "upload_id" in case.path_parameters:
        case.path_parameters["upload_id"] = pending
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {caller.token}"}
    answer = case.call(base_url=system.outputs["apiUrl"])
    case.validate_response(
        answer,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            negative_data_rejection,
        ],
    )
