"""The `portage` command in processes of its own, against the deployed program: killed, raced, aborted, refused."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from client import UploadsApi
from tests.integration.test_multipart import CONTENT, MEBIBYTE
from tests.support.deployment.system import System, User, http
from tests.support.paths import PROJECT

LARGE = CONTENT * 2
"""Five parts, so that the last one is not begun before another is there."""

PART_BYTES = 16 * MEBIBYTE
STEP_SECONDS = 0.01


@dataclass(frozen=True)
class Device:
    """A machine of the user's: what the command remembers there is under one folder."""

    folder: Path
    user: User

    @contextmanager
    def start(self, *words: str | Path) -> Generator["subprocess.Popen[str]"]:
        """Run the command; it ends with the test, also after an error."""
        with subprocess.Popen(
            [sys.executable, "-m", "client", "--config", self.folder / "portage.json", *words],
            cwd=PROJECT,
            env={**os.environ, "XDG_CONFIG_HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            try:
                yield running
            finally:
                running.kill()

    def run(self, *words: str | Path, code: int = 0, stdin: str = "") -> str:
        with self.start(*words) as running:
            told, faults = running.communicate(stdin, timeout=120)
        assert running.returncode == code, told + faults
        return told


NewDevice = Callable[[str], Device]


@pytest.fixture(scope="module")
def sender(system: System) -> User:
    return system.new_user()


@pytest.fixture(scope="module")
def new_device(system: System, sender: User, tmp_path_factory: pytest.TempPathFactory) -> NewDevice:
    def sign_in(name: str) -> Device:
        device = Device(tmp_path_factory.mktemp(name), sender)
        outputs = {**system.outputs, "cognitoEndpoint": system.emulator.endpoint}
        (device.folder / "portage.json").write_text(json.dumps(outputs))
        device.run("login", "--email", sender.email, "--password-stdin", stdin=f"{sender.password}\n")
        return device

    return sign_in


@pytest.fixture(scope="module")
def device(new_device: NewDevice) -> Device:
    return new_device("here")


@pytest.fixture(scope="module")
def another(new_device: NewDevice) -> Device:
    return new_device("there")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    path.write_bytes(CONTENT[:MEBIBYTE])
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    return path


@dataclass(frozen=True)
class Interrupted:
    """A command that sends, stopped where the test wants it."""

    system: System
    device: Device
    process: "subprocess.Popen[str]"
    begun: set[str]
    """Uploads that were there before."""

    def upload_id(self) -> str | None:
        """The upload that this command has declared, if it has come so far."""
        page = self.system.call("GET", "/uploads", token=self.device.user.token).json["uploads"]
        return next((each["upload_id"] for each in page if each["upload_id"] not in self.begun), None)

    def held(self) -> list[int]:
        upload_id = self.upload_id()
        if upload_id is None:
            return []
        return [part["part_number"] for part in parts(self.system, self.device, upload_id)["parts"]]

    def stop_when(self, is_good: Callable[[], object]) -> None:
        """Let it run a moment at a time, so that it comes no further than it must."""
        deadline = time.monotonic() + 300
        while True:
            self.process.send_signal(signal.SIGSTOP)
            if is_good():
                return
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            self.process.send_signal(signal.SIGCONT)
            time.sleep(STEP_SECONDS)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def parts(system: System, device: Device, upload_id: str) -> Any:
    answer = system.call("GET", f"/uploads/{upload_id}/parts", token=device.user.token)
    assert answer.status == 200, answer.text
    return answer.json


@pytest.fixture
def putting(system: System, device: Device) -> Iterator[Callable[..., Interrupted]]:
    """Start to send a file."""
    with ExitStack() as started:

        def put(*words: str | Path) -> Interrupted:
            before = system.call("GET", "/uploads", token=device.user.token).json["uploads"]
            process = started.enter_context(device.start("put", *words))
            return Interrupted(system, device, process, {each["upload_id"] for each in before})

        yield put


def test_files_of_any_size_go_with_their_checksums(system: System, device: Device, small: Path, large: Path) -> None:
    told = device.run("put", small, large, "--checksum", "sha256", "--wait", "--json")
    first, second, _ = map(json.loads, told.splitlines())
    assert [first["status"], second["status"]] == ["completed", "completed"]
    assert json.loads(device.run("get", second["upload_id"], "-o", "-"))["sha256"] == sha256(LARGE).hex()
    stored = [described(system, each["upload_id"])["ChecksumSHA256"] for each in (first, second)]
    assert stored[0] == base64.b64encode(sha256(small.read_bytes())).decode()
    assert stored[1].endswith("-5"), "it is made of its parts' checksums"


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def arrived(system: System, device: Device, upload_id: str) -> bytes:
    """The SHA-256 of what came, as the processor has found it."""
    ended = system.await_status(device.user, upload_id, "completed", "failed", "rejected")
    assert ended["status"] == "completed", ended
    link = system.call("GET", f"/uploads/{upload_id}/result", token=device.user.token).json
    return bytes.fromhex(http("GET", link["url"]).json["sha256"])


def described(system: System, upload_id: str) -> Any:
    s3, bucket = system.emulator.client("s3"), system.outputs["ingestBucket"]
    (key,) = (
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", [])
        if entry["Key"].endswith(upload_id)
    )
    return s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")


def test_a_file_goes_as_a_form(system: System, device: Device, small: Path) -> None:
    told = json.loads(device.run("put", small, "--method", "post", "--checksum", "sha256", "--wait", "--json"))
    assert told["status"] == "completed"
    assert arrived(system, device, told["upload_id"]) == sha256(small.read_bytes())


class TestAKilledClient:
    """Once it is dead, a finished part is overwritten with other bytes, which must not become part of the file."""

    @pytest.mark.parametrize("checksum", [None, "crc32"])
    def test_goes_on_with_the_rest(
        self, device: Device, large: Path, putting: Callable[..., Interrupted], checksum: str | None
    ) -> None:
        sending = putting(large, *(("--checksum", checksum) if checksum else ()))
        sending.stop_when(sending.held)
        sending.process.kill()
        sending.process.wait()
        upload_id, finished = sending.upload_id(), sending.held()
        assert upload_id
        assert len(finished) < 5
        overwrite(sending, upload_id, finished[0], checksum)
        told = json.loads(device.run("resume", "--json"))
        assert told["upload_id"] == upload_id
        assert arrived(sending.system, device, upload_id) == sha256(LARGE)


def overwrite(sending: Interrupted, upload_id: str, number: int, checksum: str | None) -> None:
    """Send other bytes as a part that is there."""
    system, device = sending.system, sending.device
    begin = (number - 1) * PART_BYTES
    other = bytes(len(LARGE[begin : begin + PART_BYTES]))
    with UploadsApi(system.outputs["apiUrl"], device.user.session.id_token) as api:
        value = crc32(other) if checksum else None
        signed = api.sign_parts(
            upload_id, api.held_parts(upload_id).plan.session, number, number, [value] if value else None
        )
    headers = {"x-amz-checksum-crc32": value} if value else {}
    answer = http("PUT", signed.url(number), other, {**headers, "Content-Length": str(len(other))})
    assert answer.status == 200, answer.text


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def test_two_devices_send_one_upload_together(
    device: Device, another: Device, large: Path, putting: Callable[..., Interrupted]
) -> None:
    sending = putting(large, "--wait", "--json")
    sending.stop_when(sending.upload_id)
    upload_id = sending.upload_id()
    assert upload_id
    with another.start("resume", large, "--id", upload_id, "--wait", "--json") as process:
        joining = replace(sending, device=another, process=process)
        joining.stop_when(joining.held)
        for each in (sending, joining):
            each.go_on()
        ends = [json.loads(each.process.communicate(timeout=120)[0]) for each in (sending, joining)]
    assert [(each["upload_id"], each["status"]) for each in ends] == [(upload_id, "completed")] * 2
    assert arrived(sending.system, device, upload_id) == sha256(LARGE)


def test_an_upload_that_is_aborted_meanwhile_ends_its_sender(
    another: Device, device: Device, large: Path, putting: Callable[..., Interrupted]
) -> None:
    sending = putting(large)
    sending.stop_when(sending.held)
    upload_id = sending.upload_id()
    assert upload_id
    another.run("abort", upload_id)
    sending.go_on()
    _, faults = sending.process.communicate(timeout=120)
    assert sending.process.returncode == 1, faults
    assert f": upload {upload_id} is aborted and accepts no more bytes: upload the file again\n" in faults
    assert "there are no unfinished uploads" in unfinished(device)


def unfinished(device: Device) -> str:
    with device.start("resume") as resuming:
        return resuming.communicate(timeout=120)[1]


def test_an_upload_that_is_rejected_ends_with_its_reason_and_a_code_of_its_own(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "holiday.png"
    path.write_bytes(b"%PDF-1.7\n" + bytes(1000))
    told = json.loads(device.run("put", path, "--type", "image/png", "--wait", "--json", code=7))
    assert (told["status"], told["rejection"]["code"]) == ("rejected", "type-mismatch")
    assert "image/png was declared" in device.run("status", told["upload_id"], code=7)
