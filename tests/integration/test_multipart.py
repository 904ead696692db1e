"""Large files in parts: through the API and S3, resumed, raced, aborted, and held against the plan."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from client import Portage
from tests.support.deployment.system import Answer, System, User, http

MEBIBYTE = 1024**2
SIZE = 40 * MEBIBYTE
CONTENT = random.Random(1).randbytes(SIZE)


def create(system: System, user: User, size_bytes: int = SIZE) -> Any:
    body = {
        "file_name": "film.bin",
        "content_type": "application/octet-stream",
        "size_bytes": size_bytes,
        "method": "multipart",
    }
    answer = system.call("POST", "/uploads", body, token=user.token)
    assert answer.status == 201, answer.text
    return answer.json


def sign(system: System, user: User, plan: Any, first: int, last: int) -> Answer:
    body = {"session": plan["session"], "first_part": first, "last_part": last}
    return system.call("POST", f"/uploads/{plan['upload_id']}/parts", body, token=user.token)


def send_part(plan: Any, signed: Any, number: int) -> Answer:
    size = plan["part_size_bytes"]
    body = CONTENT[(number - 1) * size : number * size]
    signature = signed["signatures"][number - signed["first_part"]]
    url = f"{signed['url_prefix']}{number}{signed['url_suffix']}{signature}"
    return http("PUT", url, body, {"Content-Length": str(len(body))})


def send_parts(system: System, user: User, plan: Any, first: int, last: int) -> None:
    signed = sign(system, user, plan, first, last).json
    for number in range(first, last + 1):
        answer = send_part(plan, signed, number)
        assert answer.status == 200, answer.text


def complete(system: System, user: User, plan: Any) -> Answer:
    return system.call("POST", f"/uploads/{plan['upload_id']}/complete", {}, token=user.token)


def test_parts_become_the_file_and_are_processed(system: System, user: User) -> None:
    plan = create(system, user)
    assert (plan["part_size_bytes"], plan["part_count"]) == (16 * MEBIBYTE, 3)
    send_parts(system, user, plan, 1, 3)
    done = complete(system, user, plan)
    assert done.status == 200, done.text
    upload = system.await_status(user, plan["upload_id"], "completed", "failed")
    stored = system.emulator.client("s3").get_object(Bucket=upload["result"]["bucket"], Key=upload["result"]["key"])
    assert json.loads(stored["Body"].read())["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    again = complete(system, user, plan)
    assert (again.status, again.json["status"]) == (200, "completed")


def test_another_device_goes_on_where_the_first_stopped(system: System, user: User) -> None:
    plan = create(system, user)
    send_parts(system, user, plan, 2, 2)
    there = system.call("GET", f"/uploads/{plan['upload_id']}/parts", token=user.token).json
    assert [part["part_number"] for part in there["parts"]] == [2]
    assert there["part_size_bytes"] == plan["part_size_bytes"]
    early = complete(system, user, plan)
    assert early.status == 409
    assert "1" in early.json["detail"]
    assert "3" in early.json["detail"]
    resumed = {**plan, "session": there["session"]}
    send_parts(system, user, resumed, 1, 1)
    send_parts(system, user, resumed, 3, 3)
    assert complete(system, user, resumed).status == 200
    assert system.await_status(user, plan["upload_id"], "completed", "failed")["status"] == "completed"


class TestAbort:
    def test_nothing_is_left_of_an_aborted_upload(self, system: System, user: User) -> None:
        plan = create(system, user)
        send_parts(system, user, plan, 1, 1)
        signed = sign(system, user, plan, 2, 2).json
        path = f"/uploads/{plan['upload_id']}"
        assert system.call("DELETE", path, token=user.token).status == 204
        assert system.call("DELETE", path, token=user.token).status == 204
        assert system.status(user, plan["upload_id"])["status"] == "aborted"
        assert send_part(plan, signed, 2).status == 404
        assert complete(system, user, plan).status == 409
        listed = system.emulator.client("s3").list_multipart_uploads(Bucket=system.outputs["ingestBucket"])
        assert not [each for each in listed.get("Uploads", []) if each["Key"].endswith(plan["upload_id"])]

    def test_a_completed_upload_is_not_aborted(self, system: System, user: User) -> None:
        upload_id = system.send(user)
        system.await_status(user, upload_id, "completed")
        assert system.call("DELETE", f"/uploads/{upload_id}", token=user.token).status == 409


def test_an_upload_of_one_put_has_no_parts(system: System, user: User) -> None:
    upload_id = system.create(user)["upload_id"]
    assert system.call("GET", f"/uploads/{upload_id}/parts", token=user.token).status == 409


def test_the_server_chooses_parts_for_what_is_large(system: System, user: User) -> None:
    body = {"file_name": "a", "content_type": "a/b", "size_bytes": 65 * MEBIBYTE}
    assert system.call("POST", "/uploads", body, token=user.token).json["method"] == "multipart"
    assert system.call("POST", "/uploads", {**body, "size_bytes": 5}, token=user.token).json["method"] == "put"


def test_ten_thousand_signatures_fit_one_answer(system: System, user: User) -> None:
    plan = create(system, user, 10_000 * 16 * MEBIBYTE)
    signed = sign(system, user, plan, 1, plan["part_count"])
    assert len(signed.json["signatures"]) == plan["part_count"] == 10_000
    assert system.status(user, plan["upload_id"])["size_bytes"] == 167_772_160_000


def test_the_client_sends_in_parts_and_follows(system: System, user: User, tmp_path: Path) -> None:
    path = tmp_path / "film.bin"
    path.write_bytes(CONTENT * 2)
    with Portage(system.outputs["apiUrl"], user.session.id_token) as portage:
        upload = portage.upload(path)
        finished = portage.wait(upload.upload_id, timeout_seconds=60)
    assert finished.status == "completed"


class TestList:
    def test_newest_first_a_page_at_a_time(self, system: System) -> None:
        lister = system.new_user()
        made = [system.create(lister)["upload_id"] for _ in range(5)]
        first = system.call("GET", "/uploads?limit=2", token=lister.token).json
        second = system.call("GET", f"/uploads?limit=2&after={first['next']}", token=lister.token).json
        third = system.call("GET", f"/uploads?limit=2&after={second['next']}", token=lister.token).json
        seen = [upload["upload_id"] for page in (first, second, third) for upload in page["uploads"]]
        assert seen == made[::-1]
        assert "next" not in third
        assert first["uploads"][0] == system.status(lister, made[-1])

    def test_others_uploads_are_not_in_it(self, system: System, user: User) -> None:
        system.create(user)
        assert system.call("GET", "/uploads", token=system.new_user().token).json == {"uploads": []}

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "after=x", "after=%22"])
    def test_a_bad_query_is_named(self, system: System, user: User, query: str) -> None:
        answer = system.call("GET", f"/uploads?{query}", token=user.token)
        assert answer.status == 400
        assert query.split("=", maxsplit=1)[0] in answer.json["detail"]


class TestResult:
    def test_it_can_be_downloaded_by_its_owner_under_its_files_name(self, system: System, user: User) -> None:
        upload_id = system.send(user, b"12345", "größe.bin")
        before = system.call("GET", f"/uploads/{upload_id}/result", token=user.token)
        assert before.status in {200, 409}
        system.await_status(user, upload_id, "completed")
        link = system.call("GET", f"/uploads/{upload_id}/result", token=user.token).json
        answer = http("GET", link["url"], None, {"Origin": "http://localhost:8000"})
        assert answer.json["size_bytes"] == 5
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:8000"
        assert "filename*=UTF-8''gr%C3%B6%C3%9Fe.bin.json" in answer.headers["Content-Disposition"]

    def test_there_is_none_of_a_pending_upload(self, system: System, user: User) -> None:
        upload_id = system.create(user)["upload_id"]
        assert system.call("GET", f"/uploads/{upload_id}/result", token=user.token).status == 409

    def test_a_stranger_finds_none(self, system: System, user: User) -> None:
        upload_id = system.send(user)
        system.await_status(user, upload_id, "completed")
        assert system.call("GET", f"/uploads/{upload_id}/result", token=system.new_user().token).status == 404
