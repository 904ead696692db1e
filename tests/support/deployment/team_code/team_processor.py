"""A platform team's own processor, as their own archive would hold it: what it does is in the file's name."""

import contextlib
import os
import signal
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import gettempdir

import boto3

from handlers.processors import Job, Unprocessable


def process(job: Job) -> Mapping[str, object]:
    if job.file_name == "raises.bin":
        raise RuntimeError("a secret of the processor")
    if job.file_name == "waits-for-a-fix.bin" and not (Path(gettempdir()).parent / f"{job.upload_id}.fixed").exists():
        raise RuntimeError("the operator has not fixed the cause yet")
    if job.file_name == "recovers.bin" and job.attempt == 1:
        raise ConnectionError("the first try has a transient error")
    if job.file_name == "unprocessable.bin":
        raise Unprocessable("The file has no pages.")
    if job.file_name == "uses-more.bin":
        return use_more()
    if job.file_name == "waits.bin" and "SLOW" in os.environ:
        time.sleep(60)
    if job.file_name == "hangs.bin":
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(60)
    if (
        job.file_name == "kills.bin"
        and job.attempt == 1
        and not (killed := Path(gettempdir()).parent / job.upload_id).exists()
    ):
        killed.touch()
        os.kill(os.getppid(), signal.SIGKILL)  # the function itself, as Lambda does: nobody records anything
        time.sleep(60)
    return {"processed_by": "the team", "size_bytes": sum(len(chunk) for chunk in job.chunks())}


def describe_picture(job: Job) -> Mapping[str, object]:
    """Write the picture into the workspace, as programs that need a path do."""
    copy = job.workspace / "picture"
    with job.open() as file:
        copy.write_bytes(file.read())
    return {"processed_by": "the pictures' own", "size_bytes": copy.stat().st_size}


def list_archive(job: Job) -> Mapping[str, object]:
    """Read the end of the object alone, where a zip file has its list of files."""
    with job.open() as file, zipfile.ZipFile(file) as archive:
        return {"processed_by": "the archives' own", "names": archive.namelist()}


def use_more() -> Mapping[str, object]:
    """Use a library, a variable and a permission that the stack gives to the processor, and try what it does not."""
    from packaging.version import Version  # noqa: PLC0415 - other jobs do without

    client = boto3.client("secretsmanager")
    secret = client.get_secret_value(SecretId=os.environ["TEAM_SECRET"])["SecretString"]
    try:
        client.get_secret_value(SecretId="another-secret")
    except client.exceptions.ClientError as error:
        refused = error.response.get("Error", {}).get("Code")
    else:
        refused = None
    return {"secret": secret, "another": refused, "newer": Version("1.10") > Version("1.9")}


def read_earlier(job: Job) -> Mapping[str, object]:
    """Return what earlier processors of the same workflow have found."""
    return {"earlier": {name: found["size_bytes"] for name, found in job.earlier.items()}}


def process_records(job: Job) -> Mapping[str, object]:
    """Add up a batch of records. One with a bad amount makes its batch fail, for good or at the first try."""
    amounts = [record["amount"] for record in job.records]
    if "unprocessable" in amounts:
        raise Unprocessable("An amount is no number.")
    if "transient" in amounts and job.attempt == 1:
        raise ConnectionError("the first try has a transient error")
    total = sum(int(each) for each in amounts if each != "transient")
    return {"count": len(amounts), "sum": total, "first": job.records[0]["id"], "attempt": job.attempt}


def write_note(job: Job) -> Mapping[str, object]:
    """Leave a file to the next processor of the same workflow, which may then fail."""
    with job.open() as file:
        (job.workspace / "note").write_bytes(file.read())
        return {"read": Path(str(file.name)).name}


def read_note(job: Job) -> Mapping[str, object]:
    """Return what the processor before has left."""
    return {**process(job), "note": (job.workspace / "note").read_text()}
