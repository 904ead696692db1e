"""The container worker, as a process that works on a queue."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from handlers.aws.task_protection import PROTECTED_MINUTES
from handlers.domain.delays import retry_delay_seconds
from handlers.domain.slots import slots_of
from handlers.entries import worker_health
from tests.support.handlers.worker_process import (
    SECRET_KEY,
    SESSION_TOKEN,
    WorkerCloud,
    await_that,
    serving,
    working,
)
from tests.support.paths import PROJECT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers run Linux")

PROCESSOR = '''
    """Waits until a file exists, and notes when it has begun."""
    import signal, time
    from pathlib import Path

    FOLDER = Path(__file__).parent

    def process(job):
        (FOLDER / "signals").write_text(repr(signal.getsignal(signal.SIGTERM)))
        (FOLDER / "oom").write_text(Path("/proc/self/oom_score_adj").read_text())
        (FOLDER / "begun").touch()
        while not (FOLDER / "go").exists():
            time.sleep(0.02)
        return {"size_bytes": job.size_bytes}
'''


HURRIED = """
import sys
from handlers.aws import task_protection
from handlers.entries.worker import main
from handlers.use_cases import lease
task_protection.EXTENDED_AFTER_SECONDS = lease.RENEW_EVERY_SECONDS = 0.1
sys.exit(main())
"""
"""The worker, with tenths of a second in place of what it does every 20 and 50 seconds in a job."""


@pytest.fixture
def cloud() -> Generator[WorkerCloud]:
    with serving() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "waits.py").write_text(dedent(PROCESSOR))
    return tmp_path


def run_jobs(folder: Path) -> None:
    (folder / "go").touch()


def test_each_message_is_a_job_that_is_done_and_deleted(cloud: WorkerCloud, folder: Path) -> None:
    run_jobs(folder)
    cloud.waiting += ["first", "second"]
    with working(cloud, folder, "waits.process") as worker:
        await_that(lambda: len(cloud.deleted) == 2, "both messages are deleted")
        assert worker.stop() == 0
    assert cloud.deleted == ["first", "second"]
    assert cloud.results == [{"size_bytes": 5}] * 2
    records = [json.loads(line) for line in worker.log.splitlines()]
    assert [each["upload_status"] for each in records if each.get("operation") == "processObject"] == ["completed"] * 2
    assert {each["level"] for each in records} == {"INFO"}
    assert (folder / "signals").read_text() == repr(signal.SIG_DFL), "the job's own processes end by SIGTERM"
    assert int((folder / "oom").read_text()) == 1000, "the job dies before the worker if memory runs out"


def test_a_task_of_ecs_is_protected_while_a_job_runs(cloud: WorkerCloud, folder: Path) -> None:
    with working(cloud, folder, "waits.process", ECS_AGENT_URI=f"{cloud.url}/agent") as worker:
        await_that(lambda: cloud.polls > 1, "the slot polls")
        assert cloud.protections == [], "without a job it may be stopped"
        cloud.waiting.append("first")
        await_that((folder / "begun").exists, "the job has begun")
        run_jobs(folder)
        await_that(lambda: cloud.deleted, "the job is done")
        assert worker.stop() == 0
    assert cloud.protections == [{"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTED_MINUTES}]


def test_while_a_job_runs_its_lease_is_renewed_its_task_protected_and_its_slot_healthy(
    cloud: WorkerCloud, folder: Path
) -> None:
    cloud.waiting.append("first")
    hurried, agent = (sys.executable, "-c", HURRIED), f"{cloud.url}/agent"
    with working(cloud, folder, "waits.process", command=hurried, WORKER_JOB_SECONDS="300", ECS_AGENT_URI=agent):
        await_that((folder / "begun").exists, "the job has begun")
        leases, hidden, protections = len(cloud.leases), len(cloud.hidden), len(cloud.protections)
        (sign_of_life,) = folder.glob("portage-slot-*")
        os.utime(sign_of_life, (0, 0))
        await_that(lambda: sign_of_life.stat().st_mtime > 0, "the slot shows a sign of life")
        await_that(lambda: len(cloud.leases) > leases + 1, "the lease is renewed")
        await_that(lambda: len(cloud.hidden) > hidden + 1, "the message stays hidden")
        await_that(lambda: len(cloud.protections) > protections + 1, "the task stays protected")
        assert cloud.deleted == []
        run_jobs(folder)
        await_that(lambda: cloud.deleted, "the job is done")


def test_a_job_that_takes_too_long_is_ended_and_its_message_comes_again(cloud: WorkerCloud, folder: Path) -> None:
    cloud.waiting.append("first")
    with working(cloud, folder, "waits.process", WORKER_JOB_SECONDS="6") as worker:
        await_that(lambda: ("first", retry_delay_seconds(1, 3)) in cloud.hidden, "the message comes again")
        assert worker.stop() == 0
    assert cloud.deleted == cloud.results == []
    assert datetime.fromisoformat(cloud.leases[-1]) <= datetime.now(UTC), "the lease is over"


@pytest.mark.parametrize("agent", ["http://127.0.0.1:9", "not an address"])
def test_a_job_runs_though_its_task_cannot_be_protected(cloud: WorkerCloud, folder: Path, agent: str) -> None:
    run_jobs(folder)
    cloud.waiting.append("first")
    with working(cloud, folder, "waits.process", ECS_AGENT_URI=agent):
        await_that(lambda: cloud.deleted, "the job is done")


def test_it_runs_as_many_jobs_at_once_as_fit_into_its_memory(cloud: WorkerCloud, folder: Path) -> None:
    cloud.waiting += ["first", "second", "third"]
    with working(cloud, folder, "waits.process", WORKER_MEMORY_MB="1024", WORKER_JOB_MEMORY_MB="448") as worker:
        await_that(lambda: len(cloud.leases) == 2, "two jobs have begun")
        assert len(worker.slots()) == 2
        assert cloud.waiting == ["third"]
        run_jobs(folder)
        await_that(lambda: len(cloud.deleted) == 3, "all messages are deleted")


@pytest.mark.parametrize(
    ("memory_mb", "job_memory_mb", "slots"), [(512, 384, 1), (512, 385, 0), (2048, 512, 3), (2048, 480, 4), (64, 1, 0)]
)
def test_jobs_never_overcommit_the_memory(memory_mb: int, job_memory_mb: int, slots: int) -> None:
    assert slots_of(memory_mb, job_memory_mb) == slots


def test_a_container_without_memory_for_a_job_fails(cloud: WorkerCloud, folder: Path) -> None:
    with working(cloud, folder, "waits.process", WORKER_JOB_MEMORY_MB="385") as worker:
        assert worker.process.wait(120) == 1
    assert cloud.polls == 0
    assert "385" in worker.log


def test_at_sigterm_it_ends_its_job_and_takes_no_other(cloud: WorkerCloud, folder: Path) -> None:
    cloud.waiting += ["first", "second"]
    with working(cloud, folder, "waits.process") as worker:
        await_that((folder / "begun").exists, "the job has begun")
        worker.begin_to_stop()
        run_jobs(folder)
        assert worker.process.wait(120) == 0
    assert cloud.deleted == ["first"]
    assert cloud.waiting == ["second"]


def test_at_sigterm_it_hands_back_a_job_that_it_cannot_end(cloud: WorkerCloud, folder: Path) -> None:
    cloud.waiting += ["first", "second"]
    with working(cloud, folder, "waits.process", WORKER_STOP_SECONDS="6") as worker:
        await_that((folder / "begun").exists, "the job has begun")
        assert worker.stop() == 0
    assert cloud.deleted == cloud.results == []
    assert cloud.hidden[-1] == ("first", 0), "the message is visible at once"
    assert datetime.fromisoformat(cloud.leases[-1]) <= datetime.now(UTC), "the lease is over"
    assert cloud.waiting == ["second"]
    records = [json.loads(line) for line in worker.log.splitlines()]
    assert {each["level"] for each in records} == {"INFO"}, "a stop is no error"
    (job,) = [each for each in records if each.get("operation") == "processObject"]
    assert (job["status"], job["server_errors"], job["upload_status"]) == (202, 0, "processing")


def test_a_message_that_comes_after_sigterm_is_handed_back_untouched(cloud: WorkerCloud, folder: Path) -> None:
    cloud.polls_held.set()
    with working(cloud, folder, "waits.process") as worker:
        await_that(lambda: cloud.polls, "the slot polls")
        worker.begin_to_stop()
        cloud.waiting.append("late")
        assert worker.process.wait(120) == 0
    assert cloud.hidden == [("late", 0)]
    assert cloud.leases == []


def test_a_slot_that_is_killed_is_replaced_and_its_job_dies_with_it(cloud: WorkerCloud, folder: Path) -> None:
    cloud.waiting.append("first")
    with working(cloud, folder, "waits.process") as worker:
        await_that((folder / "begun").exists, "the job has begun")
        (slot,) = worker.slots()
        os.kill(slot, signal.SIGKILL)
        run_jobs(folder)
        cloud.waiting.append("second")
        await_that(lambda: cloud.deleted, "the new slot has done its job")
        assert worker.slots() != [slot]
        assert worker.stop() == 0
    assert cloud.deleted == ["second"]
    assert "exit code -9" in worker.log


def test_slots_that_keep_dying_end_the_worker(tmp_path: Path) -> None:
    program = "import sys; from handlers.entries.worker import Worker; sys.exit(Worker(2, lambda number: 1 / 0).run())"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stderr


def test_a_queue_that_answers_with_errors_is_asked_again(cloud: WorkerCloud, folder: Path) -> None:
    cloud.has_errors = True
    with working(cloud, folder, "waits.process") as worker:
        await_that(lambda: "No message could be received." in worker.log, "the error is logged")
        (slot,) = worker.slots()
        assert worker.stop() == 0
        assert "ended by itself" not in worker.log
    assert slot


def test_no_secret_is_in_the_log_at_debug(cloud: WorkerCloud, folder: Path) -> None:
    run_jobs(folder)
    cloud.waiting.append("first")
    with working(cloud, folder, "waits.process", LOG_LEVEL="DEBUG") as worker:
        await_that(lambda: cloud.deleted, "the job is done")
        worker.stop()
    assert "Upload completed." in worker.log
    secrets = {SECRET_KEY, SESSION_TOKEN, "Authorization", *cloud.signatures}
    assert [secret for secret in secrets if secret in worker.log] == []


@pytest.fixture
def slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return [worker_health.sign_of_life(number) for number in range(2)]


def test_a_worker_is_healthy_while_all_slots_make_progress(slots: list[Path]) -> None:
    assert not worker_health.is_healthy(), "no slot has begun"
    for slot in slots:
        slot.touch()
    assert worker_health.is_healthy()
    stale = time.time() - worker_health.STALE_AFTER_SECONDS - 1
    os.utime(slots[1], (stale, stale))
    assert not worker_health.is_healthy()


def test_the_health_check_of_a_running_worker_succeeds(cloud: WorkerCloud, folder: Path) -> None:
    with working(cloud, folder, "waits.process"):
        await_that(lambda: cloud.polls, "the slot polls")
        check = [sys.executable, "-m", "handlers.entries.worker_health"]
        assert subprocess.run(check, cwd=PROJECT, env={"TMPDIR": str(folder)}, check=False).returncode == 0
    elsewhere = {"TMPDIR": str(folder / "elsewhere")}
    (folder / "elsewhere").mkdir()
    assert subprocess.run(check, cwd=PROJECT, env=elsewhere, check=False).returncode == 1
