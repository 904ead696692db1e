import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local import PROJECT_DIR
from local.emulator import process as module
from local.emulator.process import Emulator, EmulatorError

pytestmark = pytest.mark.variant

SLEEPER = """
import time
def handle(event, context):
    time.sleep(event["seconds"])
"""


def processes_of(group: int) -> list[int]:
    """The living processes of a process group."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,pgid=,stat="], check=True, capture_output=True, text=True)  # noqa: S607
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [int(pid) for pid, pgid, state in rows if int(pgid) == group and not state.startswith("Z")]


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def group_of(emulator: Emulator) -> int:
    """The process group that MiniStack leads and its workers belong to."""
    groups: set[str] = set()

    def is_found() -> bool:
        listing = subprocess.run(["ps", "-A", "-ww", "-o", "pgid=,args="], check=True, capture_output=True, text=True)  # noqa: S607
        groups.update(line.split()[0] for line in listing.stdout.splitlines() if str(emulator.data_dir) in line)
        return bool(groups)

    assert wait_until(is_found), "a process shows its arguments a moment after it has started"
    (group,) = groups
    return int(group)


def start_function(emulator: Emulator, *, seconds: float) -> None:
    """Leave a function running, asleep in its worker process."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Statement": [trust]})
    role = emulator.client("iam").create_role(RoleName="sleeper", AssumeRolePolicyDocument=policy)["Role"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("main.py", SLEEPER)
    functions = emulator.client("lambda")
    functions.create_function(
        FunctionName="sleeper",
        Role=role["Arn"],
        Runtime="python3.13",
        Handler="main.handle",
        Code={"ZipFile": archive.getvalue()},
        Timeout=60,
    )
    functions.invoke(FunctionName="sleeper", Payload=json.dumps({"seconds": 0}))
    functions.invoke(FunctionName="sleeper", InvocationType="Event", Payload=json.dumps({"seconds": seconds}))


class TestWhileRunning:
    def test_the_operator_is_subject_to_iam(self) -> None:
        with Emulator() as emulator:
            arn = emulator.client("sts").get_caller_identity()["Arn"]
            assert arn == f"arn:aws:iam::{emulator.account_id}:user/portage-operator"
            emulator.client("sqs").list_queues()
            emulator.client("iam").delete_user_policy(UserName="portage-operator", PolicyName="everything")
            with pytest.raises(ClientError, match="AccessDenied"):
                emulator.client("sqs").list_queues()

    def test_the_callers_aws_settings_and_proxies_are_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "AWS_PROFILE": "missing",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "caller",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
            "LOCALSTACK_PERSISTENCE": "1",
            "AUTH": "false",
        }.items():
            monkeypatch.setenv(name, value)
        with Emulator(region="eu-central-1") as emulator:
            table = emulator.client("sqs").create_queue(QueueName="own")["QueueUrl"]
            assert table.startswith(emulator.endpoint)
            assert emulator.client("sqs").get_queue_attributes(QueueUrl=table, AttributeNames=["QueueArn"])[
                "Attributes"
            ] == {"QueueArn": f"arn:aws:sqs:eu-central-1:{emulator.account_id}:own"}

    def test_two_run_side_by_side(self) -> None:
        with Emulator() as one, Emulator() as other:
            one.client("s3").create_bucket(Bucket="of-one")
            assert other.client("s3").list_buckets()["Buckets"] == []

    def test_everything_lies_in_the_data_folder_and_is_reached_by_one_client(self) -> None:
        with Emulator() as emulator:
            s3 = emulator.client("s3")
            s3.create_bucket(Bucket="bucket")
            s3.put_object(Bucket="bucket", Key="key", Body=b"content")
            assert b"content" in [path.read_bytes() for path in emulator.data_dir.rglob("key*") if path.is_file()]
            assert emulator.client("s3") is s3
            with pytest.raises(EmulatorError, match=emulator.endpoint):
                emulator.start()


class TestEnd:
    def test_leaves_neither_processes_nor_data(self) -> None:
        with Emulator() as emulator:
            group = group_of(emulator)
            start_function(emulator, seconds=300)
            assert len(processes_of(group)) > 1
        assert processes_of(group) == []
        assert not emulator.data_dir.exists()
        emulator.stop()

    def test_an_emulator_can_be_started_again(self) -> None:
        emulator = Emulator()
        for _ in range(2):
            with emulator:
                emulator.client("s3").create_bucket(Bucket="bucket")

    def test_of_the_parent_by_sigkill_ends_it_too(self) -> None:
        program = """
import sys, time
from local.emulator.process import Emulator
from tests.unit.local.emulator.test_process import group_of, start_function
emulator = Emulator()
emulator.start()
start_function(emulator, seconds=30)
print(group_of(emulator), emulator.data_dir, flush=True)
time.sleep(60)
"""
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True
        ) as parent:
            assert parent.stdout is not None
            group, data_dir = parent.stdout.readline().split()
            assert len(processes_of(int(group))) > 1
            parent.kill()
        assert wait_until(lambda: not processes_of(int(group)))
        assert not Path(data_dir).exists()

    @pytest.mark.parametrize("step", ["_spawn", "_await_ready", "_create_operator"])
    def test_by_ctrl_c_during_the_start_leaves_nothing(self, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        groups: list[int] = []
        emulator = Emulator()
        do_step = getattr(emulator, step)

        def interrupted() -> None:
            do_step()
            groups.append(group_of(emulator))
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(emulator, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            emulator.start()
        assert processes_of(groups[0]) == []
        assert not emulator.data_dir.exists()

    def test_by_ctrl_c_in_the_terminal_is_the_parents_affair(self) -> None:
        program = """
import time
from local.emulator.process import Emulator
from tests.unit.local.emulator.test_process import group_of
with Emulator() as emulator:
    try:
        print(group_of(emulator), flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        emulator.client("sqs").list_queues()
        print("still answers", flush=True)
        raise
"""
        with subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=PROJECT_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        ) as parent:
            assert parent.stdout is not None
            group = int(parent.stdout.readline())
            os.killpg(parent.pid, signal.SIGINT)
            assert parent.stdout.read().strip() == "still answers"
        assert processes_of(group) == []


class TestStartThatFails:
    @pytest.fixture
    def program(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The source of a program that runs in place of MiniStack."""
        (tmp_path / "local" / "emulator").mkdir(parents=True)
        monkeypatch.setattr(module, "PROJECT_DIR", tmp_path)
        return tmp_path / "local" / "emulator" / "__main__.py"

    def test_at_once_tells_the_end_of_the_log(self, program: Path) -> None:
        program.write_text("raise SystemExit('no such patch')")
        with pytest.raises(EmulatorError, match=r"ended while it started[^$]*no such patch"):
            Emulator().start()

    def test_by_silence_tells_so_and_leaves_no_process(self, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program.write_text("import time\nprint('thinking', flush=True)\ntime.sleep(60)")
        monkeypatch.setattr(module, "_READY_SECONDS", 0.5)
        emulator = Emulator()
        with pytest.raises(EmulatorError, match=r"did not answer within[^$]*thinking"):
            emulator.start()
        assert not emulator.data_dir.exists()

    def test_by_another_ministack_names_the_attribute_and_the_fix(self) -> None:
        from local.emulator import patching  # noqa: PLC0415 - in the test, as MiniStack's process does

        with pytest.raises(patching.PatchError, match=r"ministack .* has no ministack\.app\.nothing.*requirements-dev"):
            patching.replace("ministack.app", "nothing", lambda original: original)
