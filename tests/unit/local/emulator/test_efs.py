"""Functions of the embedded AWS that mount a file system: they share a folder, if their role may mount it."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator.patches.efs import FOLDER
from local.emulator.process import Emulator

SOURCE = """
import os

def handle(event, context):
    path = os.path.join(os.environ["JOBS"], "note")
    if "text" in event:
        with open(path, "w") as file:
            file.write(event["text"])
    with open(path) as file:
        return file.read()
"""
CLIENT = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]


class Files:
    """One file system with an access point, and functions that mount it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        efs = emulator.client("efs")
        made = efs.create_file_system(Encrypted=True)
        self.id, self.arn = made["FileSystemId"], made["FileSystemArn"]
        self.access_point_arn = efs.create_access_point(
            FileSystemId=self.id,
            PosixUser={"Uid": 1000, "Gid": 1000},
            RootDirectory={"Path": "/jobs", "CreationInfo": {"OwnerUid": 1000, "OwnerGid": 1000, "Permissions": "700"}},
        )["AccessPointArn"]

    def function(self, name: str, actions: list[str], through: str | None = None) -> str:
        """Make a function. Its role has these actions through an access point."""
        iam = self.emulator.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
        point = {"StringEquals": {"elasticfilesystem:AccessPointArn": through or self.access_point_arn}}
        may = {"Effect": "Allow", "Action": actions, "Resource": self.arn, "Condition": point}
        iam.put_role_policy(
            RoleName=name, PolicyName="mount", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]})
        )
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr("main.py", SOURCE)
        return self.emulator.client("lambda").create_function(
            FunctionName=name,
            Role=role["Arn"],
            Runtime="python3.13",
            Handler="main.handle",
            Code={"ZipFile": archive.getvalue()},
            FileSystemConfigs=[{"Arn": self.access_point_arn, "LocalMountPath": "/mnt/jobs"}],
            Environment={"Variables": {"JOBS": "/mnt/jobs", "OTHER": "/mnt/jobs-of-others"}},
        )["FunctionName"]

    def invoke(self, function: str, **event: str) -> tuple[str | None, Any]:
        """Return the kind of the error, and the answer."""
        response = self.emulator.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return response.get("FunctionError"), json.load(response["Payload"])


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    with Emulator() as emulator:
        yield Files(emulator)


def test_functions_share_what_they_mount(files: Files) -> None:
    writer, reader = files.function("writer", CLIENT), files.function("reader", CLIENT)

    assert files.invoke(writer, text="for others") == (None, "for others")
    assert files.invoke(reader) == (None, "for others")
    assert (files.emulator.data_dir / FOLDER / files.id / "jobs" / "note").read_text() == "for others"


@pytest.mark.parametrize(
    ("name", "actions", "through"),
    [
        ("reads-only", CLIENT[:1], None),
        ("of-another", CLIENT, "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0a1b2c3d"),
    ],
)
def test_a_role_that_may_not_mount_it_runs_nothing(
    files: Files, name: str, actions: list[str], through: str | None
) -> None:
    error, answer = files.invoke(files.function(name, actions, through))
    assert error
    assert "EFSMountFailureException" in answer["errorMessage"]


def test_the_policy_of_the_file_system_can_deny(files: Files) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "elasticfilesystem:ClientWrite", "Resource": "*"}
    efs = files.emulator.client("efs")
    efs.put_file_system_policy(FileSystemId=files.id, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    error, _ = files.invoke(files.function("denied", CLIENT))
    efs.delete_file_system_policy(FileSystemId=files.id)
    assert error
