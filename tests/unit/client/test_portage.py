import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client import Portage, Progress, S3Refused
from tests.support.client.fake_server import FakeServer, answer, stored

UPLOAD: dict[str, Any] = {
    "upload_id": "0198",
    "status": "pending",
    "version": 1,
    "file_name": "film.mp4",
    "content_type": "video/mp4",
    "size_bytes": 5,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}


@pytest.fixture
def portage(server: FakeServer, tmp_path: Path) -> Iterator[Portage]:
    with Portage(server.url, "token", state_folder=tmp_path / "state") as opened:
        yield opened


def created(server: FakeServer) -> dict[str, Any]:
    return {
        "upload_id": "0198",
        "status": "pending",
        "method": "put",
        "url": f"{server.url}/bucket/key",
        "headers": {"Content-Length": "5"},
        "expires_at": "2026-01-02T03:04:05Z",
        "expires_in_seconds": 900,
    }


def file(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(b"12345")
    return path


def test_an_upload_is_declared_sent_and_looked_at(server: FakeServer, portage: Portage, tmp_path: Path) -> None:
    server.will(answer(201, created(server)), stored(), answer(200, UPLOAD | {"status": "uploaded"}))
    told: list[Progress] = []
    upload = portage.upload(file(tmp_path, "film.mp4"), on_progress=told.append)
    assert [(request.method, request.path) for request in server.requests] == [
        ("POST", "/uploads"),
        ("PUT", "/bucket/key"),
        ("GET", "/uploads/0198"),
    ]
    assert server.requests[1].body == b"12345"
    assert told == [Progress("0198", sent_bytes=5, total_bytes=5, sent_parts=1, part_count=1, connections=1)]
    assert upload.status == "uploaded"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("film.mp4", "video/mp4"),
        ("no-ending", "application/octet-stream"),
        ("report.pdf.gz", "application/gzip"),
        ("backup.tar.bz2", "application/x-bzip2"),
        ("old.tar.Z", "application/octet-stream"),
    ],
)
def test_the_content_type_is_guessed_by_the_name(
    server: FakeServer, portage: Portage, tmp_path: Path, name: str, content_type: str
) -> None:
    server.will(answer(201, created(server)), stored(), answer(200, UPLOAD))
    portage.upload(file(tmp_path, name))
    assert server.requests[0].json() == {"file_name": name, "content_type": content_type, "size_bytes": 5}


def test_a_given_content_type_is_kept(server: FakeServer, portage: Portage, tmp_path: Path) -> None:
    server.will(answer(201, created(server)), stored(), answer(200, UPLOAD))
    portage.upload(file(tmp_path, "film.mp4"), "application/x-film")
    assert server.requests[0].json()["content_type"] == "application/x-film"


def test_what_s3_refuses_for_good_is_aborted(server: FakeServer, portage: Portage, tmp_path: Path) -> None:
    server.will(answer(201, created(server)), answer(403, b"<Code>AccessDenied</Code>"), answer(204))
    with pytest.raises(S3Refused, match="AccessDenied"):
        portage.upload(file(tmp_path, "film.mp4"))
    assert [request.method for request in server.requests] == ["POST", "PUT", "DELETE"]


def test_waiting_returns_the_end(server: FakeServer, portage: Portage) -> None:
    server.will(answer(200, UPLOAD), answer(200, UPLOAD | {"status": "completed", "version": 4}))
    assert portage.wait("0198", timeout_seconds=60).status == "completed"


def test_the_package_needs_neither_boto3_nor_pulumi() -> None:
    program = "import client, sys; print({'boto3', 'botocore', 'pulumi'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "set()"
