"""How many uploads an owner may have open, and what a repeated request gets: by HTTP, with the deployed permissions."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.deployment.system import OPEN_UPLOADS, Answer, System, User, eventually, put

PLACES_LEFT = 3
REQUESTS = 20
BODY: dict[str, Any] = {"file_name": "a.bin", "content_type": "application/octet-stream", "size_bytes": 5}


def declare(system: System, user: User, *, key: str | None = None, **fields: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key else {}
    return system.call("POST", "/uploads", {**BODY, **fields}, token=user.token, headers=headers)


def places_of(system: System, upload_id: str) -> list[str]:
    """The places that an upload holds, as the table has them."""
    items = system.emulator.client("dynamodb").scan(
        TableName=system.outputs["uploadsTable"],
        FilterExpression="held_by = :upload_id AND held_until > :over",
        ExpressionAttributeValues={":upload_id": {"S": upload_id}, ":over": {"N": "0"}},
        ConsistentRead=True,
    )["Items"]
    return [item["upload_id"]["S"] for item in items]


class TestTheLimit:
    @pytest.mark.parametrize("method", ["put", "multipart"])
    def test_of_many_requests_at_once_as_many_get_in_as_places_are_left(
        self, guarded_system: System, method: str
    ) -> None:
        user = guarded_system.new_user()
        opened = [
            declare(guarded_system, user, method=method).json["upload_id"] for _ in range(OPEN_UPLOADS - PLACES_LEFT)
        ]
        with ThreadPoolExecutor(REQUESTS) as threads:
            asked = [threads.submit(declare, guarded_system, user, method=method) for _ in range(REQUESTS)]
        statuses = sorted(answer.result().status for answer in asked)
        assert statuses == [201] * PLACES_LEFT + [403] * (REQUESTS - PLACES_LEFT)

        aborted = guarded_system.call("DELETE", f"/uploads/{opened[0]}", token=user.token)
        assert aborted.status == 204
        # Parts end with their upload; a URL of an aborted upload works until it expires, and holds its place.
        assert declare(guarded_system, user).status == (201 if method == "multipart" else 403)
        assert declare(guarded_system, user).json["type"] == "urn:portage:problem:quota-exceeded"

    def test_an_upload_that_is_there_holds_no_place(self, system: System, user: User) -> None:
        plan = declare(system, user).json
        assert len(places_of(system, plan["upload_id"])) == 1
        assert put(plan, b"12345").status == 200
        system.await_status(user, plan["upload_id"], "completed")
        eventually(lambda: places_of(system, plan["upload_id"]), lambda places: places == [])


class TestARepeatedKey:
    @pytest.mark.parametrize("method", ["put", "post", "multipart"])
    def test_renews_the_permission_while_the_upload_is_pending(self, system: System, user: User, method: str) -> None:
        key = secrets.token_hex()
        first, again = (declare(system, user, key=key, method=method) for _ in range(2))
        assert (first.status, again.status) == (201, 201)
        assert first.json["upload_id"] == again.json["upload_id"]
        assert len(places_of(system, first.json["upload_id"])) == 1

    @pytest.mark.parametrize("method", ["put", "post", "multipart"])
    def test_gets_the_state_and_no_permission_once_it_is_not(self, system: System, user: User, method: str) -> None:
        key = secrets.token_hex()
        upload_id = declare(system, user, key=key, method=method).json["upload_id"]
        assert system.call("DELETE", f"/uploads/{upload_id}", token=user.token).status == 204
        self.refuses(declare(system, user, key=key, method=method), upload_id, "aborted")

    def test_gets_the_state_of_an_upload_that_is_complete(self, system: System, user: User) -> None:
        key = secrets.token_hex()
        plan = declare(system, user, key=key).json
        assert put(plan, b"12345").status == 200
        system.await_status(user, plan["upload_id"], "completed")
        self.refuses(declare(system, user, key=key), plan["upload_id"], "completed")

    def refuses(self, answer: Answer, upload_id: str, status: str) -> None:
        assert answer.status == answer.json["status"] == 409
        assert answer.json["type"] == "urn:portage:problem:not-open"
        assert (answer.json["upload_id"], answer.json["upload_status"]) == (upload_id, status)
        assert not {"url", "fields", "session"} & answer.json.keys()
