"""A platform team's own processor: how it succeeds, fails and recovers."""

import io
import json
import zipfile
from typing import Any

from PIL import Image

from tests.support.deployment.system import System, User, eventually

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"


def result_of(system: System, user: User, upload_id: str) -> Any:
    upload = system.await_status(user, upload_id, "completed", "failed")
    assert upload["status"] == "completed", str(upload)
    stored = system.emulator.client("s3").get_object(Bucket=upload["result"]["bucket"], Key=upload["result"]["key"])
    return json.loads(stored["Body"].read())


def test_a_teams_own_code_processes(team_system: System, team_user: User) -> None:
    upload_id = team_system.send(team_user, b"12345")
    assert result_of(team_system, team_user, upload_id) == {"processed_by": "the team", "size_bytes": 5}


def test_each_type_has_its_own_processor_and_what_matches_no_rule_the_default(
    team_system: System, team_user: User
) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.txt", "text")
    photo = io.BytesIO()
    Image.new("RGB", (800, 400)).save(photo, "JPEG")
    files = {
        ("Sheet.CSV", "application/vnd.ms-excel"): b"id,day\n1,2026-11-25\n",
        ("a.zip", "application/zip"): zipped.getvalue(),
        ("a.png", "image/png"): PNG,
        ("a.jpg", "image/jpeg"): photo.getvalue(),
        ("notes.txt", "text/plain"): b"12345",
    }
    ids = [team_system.send(team_user, content, *declared) for declared, content in files.items()]

    sheet, archive_, picture, small, notes = (result_of(team_system, team_user, upload_id) for upload_id in ids)

    assert (sheet["rows"], [column["type"] for column in sheet["columns"]]) == (1, ["integer", "date"])
    assert archive_ == {"processed_by": "the archives' own", "names": ["a.txt"]}
    assert picture == {"processed_by": "the pictures' own", "size_bytes": len(PNG)}
    assert (small["width"], small["thumbnail"]["width"]) == (800, 320)
    assert notes == {"processed_by": "the team", "size_bytes": 5}


def test_it_uses_the_libraries_variables_and_permissions_that_the_stack_gives_it(
    team_system: System, team_user: User
) -> None:
    secrets = team_system.emulator.client("secretsmanager")
    for name in ("team-secret", "another-secret"):
        secrets.create_secret(Name=name, SecretString=f"the value of {name}")

    upload_id = team_system.send(team_user, file_name="uses-more.bin")

    assert result_of(team_system, team_user, upload_id) == {
        "secret": "the value of team-secret",
        "another": "AccessDeniedException",
        "newer": True,
    }


def test_a_processor_that_raises_ends_in_failed_with_the_message_in_the_dead_letter_queue(
    team_system: System, team_user: User
) -> None:
    upload_id = team_system.send(team_user, file_name="raises.bin")
    upload = team_system.await_status(team_user, upload_id, "failed", "completed")
    assert upload["status"] == "failed"
    assert upload["failure"]["code"] == "processing-failed"
    assert "RuntimeError at the last of 2 tries" in upload["failure"]["detail"]
    assert "secret" not in upload["failure"]["detail"], "what a processor says may be meant for its team alone"
    assert "result" not in upload
    eventually(lambda: team_system.is_dead(upload_id), bool)


def test_a_fault_that_passes_is_outlived(team_system: System, team_user: User) -> None:
    upload_id = team_system.send(team_user, file_name="recovers.bin")
    upload = team_system.await_status(team_user, upload_id, "completed", "failed")
    assert upload["status"] == "completed"
    assert not team_system.is_dead(upload_id)


def test_what_cannot_be_processed_fails_at_once_with_a_sentence_for_the_uploader(
    team_system: System, team_user: User
) -> None:
    upload_id = team_system.send(team_user, file_name="unprocessable.bin")
    upload = team_system.await_status(team_user, upload_id, "failed", "completed")
    assert upload["failure"] == {"code": "unprocessable", "detail": "The file has no pages."}
    assert upload["version"] == 4, "one try was enough"
    team_system.await_idle()
    assert not team_system.is_dead(upload_id)


def test_an_event_of_an_unknown_upload_is_kept_in_the_dead_letter_queue(team_system: System) -> None:
    key = "uploads/nobody/01890000-0000-7000-8000-00000000dead"
    team_system.emulator.client("s3").put_object(
        Bucket=team_system.outputs["ingestBucket"], Key=key, Body=b"x", IfNoneMatch="*"
    )
    eventually(lambda: team_system.is_dead(key), bool)
