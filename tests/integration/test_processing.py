"""A platform team's own processor: how it succeeds, fails and recovers."""

import json

from tests.support.deployment.system import System, User, eventually


def test_a_teams_own_code_processes(team_system: System, team_user: User) -> None:
    upload_id = team_system.send(team_user, b"12345")
    upload = team_system.await_status(team_user, upload_id, "completed")
    stored = team_system.emulator.client("s3").get_object(
        Bucket=upload["result"]["bucket"], Key=upload["result"]["key"]
    )
    assert json.loads(stored["Body"].read()) == {"processed_by": "the team", "size_bytes": 5}


def test_it_uses_the_libraries_variables_and_permissions_that_the_stack_gives_it(
    team_system: System, team_user: User
) -> None:
    secrets = team_system.emulator.client("secretsmanager")
    for name in ("team-secret", "another-secret"):
        secrets.create_secret(Name=name, SecretString=f"the value of {name}")

    upload_id = team_system.send(team_user, file_name="uses-more.bin")

    upload = team_system.await_status(team_user, upload_id, "completed", "failed")
    stored = team_system.emulator.client("s3").get_object(
        Bucket=upload["result"]["bucket"], Key=upload["result"]["key"]
    )
    assert json.loads(stored["Body"].read()) == {
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
