"""The images of worker and function. No engine here can build them: tests assemble their files as Dockerfile says."""

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import pytest

from benchmarks.runtime_api import LambdaProcess
from tests.support.handlers.job_variables import job_variables
from tests.support.handlers.worker_process import await_that, serving, working
from tests.support.paths import PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text()


def pinned(image: str) -> list[tuple[str, str]]:
    text = (PROJECT / f"requirements-{image}.txt").read_text()
    return re.findall(r"^([\w.-]+)==(\S+) \\$", text, re.MULTILINE)


def instruction(name: str) -> str:
    """The last one of its kind."""
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)[-1]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The image's folder /app, without a team's processor."""
    app = tmp_path / "app"
    copied = re.findall(r"^COPY (\w+)/ \./(\w+)/$", DOCKERFILE, re.MULTILINE)
    assert set(copied) == {("handlers", "handlers")}
    for source, target in set(copied):
        shutil.copytree(PROJECT / source, app / target, ignore=shutil.ignore_patterns("__pycache__"))
    (app / "processor").mkdir()
    (app / "libraries").mkdir()
    install(app, "worker")
    return app


def install(app: Path, image: str) -> None:
    """Link the libraries of one requirements file, as this environment has them, into the image's folder."""
    for distribution, _ in pinned(image):
        for file in files(distribution) or []:
            if (top := file.parts[0]) != ".." and not (app / "libraries" / top).exists():
                installed = Path(str(file.locate())).parents[len(file.parts) - 1]
                (app / "libraries" / top).symlink_to(installed / top)


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    run = subprocess.run([hadolint, "Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_each_image_from_a_registry_is_named_by_its_digest() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
    own = {"scratch", *(name for _, name in stages)}
    pulled = [image for image, _ in stages if image not in own]
    assert len(pulled) == 1
    assert all(re.fullmatch(r"python:3\.13-slim-bookworm@sha256:[0-9a-f]{64}", image) for image in pulled)


def test_only_what_is_copied_is_sent_to_the_builder() -> None:
    sent = {
        line.removeprefix("!") for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        word.partition("/")[0]
        for sources in re.findall(r"^COPY ((?!--from).+) \S+$", DOCKERFILE, re.MULTILINE)
        for word in sources.split()
    }
    assert sent == copied


@pytest.mark.parametrize("image", ["worker", "function"])
def test_its_libraries_are_those_that_are_tested_here(image: str) -> None:
    tested = (PROJECT / "requirements-dev.txt").read_text()
    assert pinned(image)
    assert [name for name, version in pinned(image) if f"\n{name}=={version} " not in tested] == []


def test_all_its_libraries_are_wheels_with_a_hash_that_was_reviewed() -> None:
    installations = re.findall(r"pip install (.+)$", DOCKERFILE, re.MULTILINE)
    assert len(installations) == 2
    for each in installations:
        assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(each.split())


def test_it_runs_as_a_user_without_privileges() -> None:
    assert int(instruction("USER")) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="containers run Linux")
def test_its_entry_point_works_with_the_files_and_libraries_of_the_image_alone(image: Path, tmp_path: Path) -> None:
    _, *entry = json.loads(instruction("ENTRYPOINT"))
    _, *check = json.loads(instruction(r"HEALTHCHECK .*CMD"))
    alone = [sys.executable, "-S"]  # without this environment's packages
    before = sorted(image.rglob("*"))
    (tmp_path / "tmp").mkdir()

    with (
        serving() as cloud,
        working(
            cloud,
            tmp_path / "tmp",
            "handlers.processors.inspect.process",
            code=image,
            command=[*alone, *entry],
            PYTHONPATH=str(image / "libraries"),
            PYTHONDONTWRITEBYTECODE="1",
        ) as worker,
    ):
        cloud.waiting.append("first")
        await_that(lambda: cloud.deleted, "the job is done")
        environment = {"TMPDIR": str(tmp_path / "tmp")}
        assert subprocess.run([*alone, "-B", *check], cwd=image, env=environment, check=False).returncode == 0
        assert worker.stop() == 0

    assert cloud.results[0]["size_bytes"] == 5
    assert sorted(image.rglob("*")) == before, "the root file system is read-only"


@pytest.mark.skipif(sys.platform != "linux", reason="Lambda's runtime interface client is for Linux")
def test_the_function_s_entry_point_calls_a_handler_with_the_libraries_of_the_image_alone(image: Path) -> None:
    (entry,) = re.findall(r'^ENTRYPOINT (.+"awslambdaric"\])$', DOCKERFILE, re.MULTILINE)
    install(image, "function")
    variables = {**job_variables("https://sqs.example/queue", max_attempts=3), "AWS_DEFAULT_REGION": "us-east-1"}

    with LambdaProcess(image, image / "libraries", "handlers.entries.process_object.handle", variables) as function:
        answer = function.invoke({"Records": []}).body

    assert json.loads(entry) == ["python", "-m", "awslambdaric"]
    assert answer == {"batchItemFailures": []}
