"""`demo`: sends a file that API Gateway rejects through the program, and checks the result.

Each function below is one step. It writes its outcome to its `Step` and raises `LocalModeError` if the outcome is not
the expected one.
"""

import json
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from client import CreatedUpload, NotFinished, Pace, ResultPlace, Session, UploadsApi, UserPool, follow, put_file
from client.transfer.single_request import send_file
from local import argo_cd, sample_picture
from local.compute import project_with
from local.display import Display, Step, open_display, print_facts, print_text
from local.emulator.process import Emulator
from local.engine import kubernetes
from local.errors import LocalModeError
from local.sample_picture import Picture
from local.startup import check_config, check_outputs, deploy_program, explained, sign_up, start_emulator

_SIDE_PIXELS = 2890  # 25 MB: two and a half times API Gateway's limit
_FOLLOW_SECONDS = 20.0
_PACE = Pace(first_wait_seconds=0.02, longest_wait_seconds=0.02)  # the upload takes a second, and each change is shown
_RESULT_CHARACTERS = 60
_MEGA = 1_000_000
_WAY = ("pending", "uploaded", "processing", "completed")

_START = "Start an embedded AWS"
_DEPLOY = "Deploy the program"
_SIGN_IN = "Sign up, sign in"
_MAKE = "Make a large file"
_REFUSE = "Send it through the gateway"
_DECLARE = "Declare it to Portage"
_SEND = "Send it straight to S3"
_FOLLOW = "Follow its status"
_CHECK = "Read the result"
_CLEAN = "Clean up"
_STEPS = (_START, _DEPLOY, _SIGN_IN, _MAKE, _REFUSE, _DECLARE, _SEND, _FOLLOW, _CHECK, _CLEAN)


@dataclass(frozen=True)
class Change:
    """One change of an upload's status."""

    version: int
    status: str
    at: datetime


def run_demo(compute: str | None = None) -> None:
    """Run and show every step; LocalModeError if one fails, after everything has ended.

    With a `compute`, it takes the place of the stack's.
    """
    with project_with(compute) as project_dir:
        _run_demo(project_dir)


def _run_demo(project_dir: Path) -> None:
    check_config(project_dir)
    started = time.monotonic()
    print_text("Portage: a file that API Gateway refuses goes through, on this machine alone")
    with explained(), open_display(_STEPS) as display, ExitStack() as held:
        places = _take_steps(display, held, project_dir)
        with display.step(_CLEAN) as step:
            held.close()
            step.outcome = "no process and no file is left"
    print_facts(f"All of it happened, in {time.monotonic() - started:.1f} s. Where it was:", places)
    print_text(
        "Next: `make local` keeps it running. `pulumi stack init dev` and `pulumi up` deploy it to AWS (README.md)."
    )


def _take_steps(display: Display, held: ExitStack, project_dir: Path) -> Mapping[str, str]:
    with display.step(_START) as step:
        emulator = start_emulator(step, held)
    with display.step(_DEPLOY) as step:
        deployment = deploy_program(step, emulator, project_dir=project_dir)
        check_outputs(deployment.outputs)
        if "clusterName" in deployment.outputs:
            step.notes += manifests_of(emulator, deployment.outputs["clusterName"])
    outputs = deployment.outputs
    user_pool = held.enter_context(UserPool(outputs["userPoolClientId"], outputs["region"], emulator.endpoint))
    with display.step(_SIGN_IN) as step:
        session = sign_up_and_in(step, emulator, user_pool)
    with display.step(_MAKE) as step:
        file = make_file(step, emulator.data_dir)
    with display.step(_REFUSE) as step:
        send_through_gateway(step, outputs["apiUrl"], session, file)
    api = held.enter_context(UploadsApi(outputs["apiUrl"], session.id_token))
    with display.step(_DECLARE) as step:
        created = declare(step, api, file)
    with display.step(_SEND) as step:
        send(step, created, file)
    with display.step(_FOLLOW) as step:
        result = follow_status(step, api, created)
        check_changes(step, status_changes(emulator, outputs["uploadsTable"], created.upload_id))
    with display.step(_CHECK) as step:
        check_result(step, emulator.client("s3"), result, file)
        return _places(emulator, outputs, created, result)


def manifests_of(emulator: Emulator, cluster: str) -> list[str]:
    """Return a line for each manifest that Argo CD renders for the worker on a cluster."""
    manifests = argo_cd.rendered(kubernetes.application(emulator.endpoint, cluster, "worker"))
    return [f"{each['kind']:<22}{each['metadata']['name']}" for each in manifests]


def sign_up_and_in(step: Step, emulator: Emulator, user_pool: UserPool) -> Session:
    """Sign up with the code from the mail that Cognito sent."""
    user = sign_up(emulator, user_pool)
    step.outcome = f"{user.email}, confirmed by mailed code"
    return user_pool.sign_in(user.email, user.password)


def make_file(step: Step, folder: Path) -> Picture:
    """Write the file, and compute its SHA-256 before it is sent; the emulator deletes its folder."""
    file = sample_picture.write_picture(folder / "noise.png", _SIDE_PIXELS)
    step.outcome = f"{file.path.name}, {file.size_bytes / _MEGA:.1f} MB, SHA-256 {_short(file.sha256)}"
    return file


def send_through_gateway(step: Step, api_url: str, session: Session, file: Picture) -> None:
    """Send the file as a request body, which API Gateway must reject."""
    headers = {
        "Authorization": f"Bearer {session.id_token()}",
        "Content-Type": sample_picture.MEDIA_TYPE,
        "Content-Length": str(file.size_bytes),
    }
    answer = send_file("POST", f"{api_url}/uploads", headers, file.path)
    if answer.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise LocalModeError(
            f"the gateway answered {answer.status} to {file.size_bytes} bytes, but should reject them with 413"
        )
    step.outcome = f"refused: 413, {json.loads(answer.body)['detail']}"


def declare(step: Step, api: UploadsApi, file: Picture) -> CreatedUpload:
    """Ask Portage where to send the file."""
    created = api.create(file.path.name, sample_picture.MEDIA_TYPE, file.size_bytes)
    step.outcome = f"a presigned PUT, valid for {created.expires_in_seconds} s"
    return created


def send(step: Step, created: CreatedUpload, file: Picture) -> None:
    """Send the file to the presigned URL."""
    started = time.monotonic()
    step.bytes_total = file.size_bytes

    def show(sent: int) -> None:
        step.bytes_done = sent

    put_file(created, file.path, show)
    seconds = time.monotonic() - started
    step.outcome = f"{file.size_bytes / _MEGA:.1f} MB, {file.size_bytes / _MEGA / seconds:.0f} MB/s"


def follow_status(step: Step, api: UploadsApi, created: CreatedUpload) -> ResultPlace:
    """Get the status as the user, and note each change with the server's times."""
    try:
        for upload in follow(api.get, created.upload_id, _FOLLOW_SECONDS, pace=_PACE):
            step.outcome = _note_change(step, upload.status, upload.updated_at - upload.created_at)
            if upload.result is not None:
                return upload.result
            if upload.failure is not None:
                raise LocalModeError(f"processing failed: {upload.failure.code}, {upload.failure.detail}")
    except NotFinished as error:
        raise LocalModeError(
            f"after {_FOLLOW_SECONDS:g} s the upload was {step.outcome.partition(' ')[0]} and not completed; send a "
            "file with `make local`, which shows the errors of the functions and what is not emulated"
        ) from error
    raise LocalModeError(f"upload {created.upload_id} ended without a result: {step.outcome}")


def status_changes(emulator: Emulator, table: str, upload_id: str) -> list[Change]:
    """Return all changes of an upload's status in order, from the table's stream (which keeps 24 hours)."""
    streams = emulator.client("dynamodbstreams")
    stream = emulator.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    changes: dict[int, Change] = {}
    for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        start = streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        for record in streams.get_records(ShardIterator=start["ShardIterator"])["Records"]:
            item = record["dynamodb"].get("NewImage", {})
            if item.get("upload_id") == {"S": upload_id}:
                at = datetime.fromisoformat(item["updated_at"]["S"])
                version = int(item["version"]["N"])
                # A lease that is renewed changes the record, but not its version.
                changes.setdefault(version, Change(version, item["status"]["S"], at))
    return [changes[version] for version in sorted(changes)]


def check_changes(step: Step, changes: Sequence[Change]) -> None:
    """Check the changes in the table's stream, because a status may be too short to be seen by polling."""
    step.notes.clear()
    for change in changes:
        _note_change(step, change.status, change.at - changes[0].at)
    if tuple(dict.fromkeys(change.status for change in changes)) != _WAY:
        raise LocalModeError(f"the upload should go through {', '.join(_WAY)}, but went {'; '.join(step.notes)}")


def _note_change(step: Step, status: str, since: timedelta) -> str:
    seconds = since.total_seconds()
    step.notes.append(f"{status:<12}{seconds:5.2f} s")
    return f"{status} after {seconds:.2f} s"


def check_result(step: Step, s3: Any, place: ResultPlace, file: Picture) -> None:
    """Read the result as the operator. Compare what `inspect` returns of the file with the file that was sent."""
    result = json.load(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"])
    sent = {"size_bytes": file.size_bytes, "sha256": file.sha256, "sniffed_type": sample_picture.MEDIA_TYPE}
    if not sent.keys() <= result.keys():  # another processor's
        step.outcome = textwrap.shorten(json.dumps(result), _RESULT_CHARACTERS, placeholder=" ...")
        return
    found = {name: result.get(name) for name in sent}
    if found != sent:
        raise LocalModeError(f"the result is {found}, but should be {sent}")
    step.outcome = f"{file.size_bytes:,} bytes, {sample_picture.MEDIA_TYPE}, same SHA-256"


def _places(
    emulator: Emulator, outputs: Mapping[str, Any], created: CreatedUpload, result: ResultPlace
) -> Mapping[str, str]:
    listed = emulator.client("s3").list_objects_v2(Bucket=outputs["ingestBucket"])
    keys = [item["Key"] for item in listed["Contents"] if item["Key"].endswith(created.upload_id)]
    return {
        "API": f"{outputs['apiUrl']}/uploads/{created.upload_id}",
        "Object": f"s3://{outputs['ingestBucket']}/{keys[0]}",
        "Status": f"DynamoDB table {outputs['uploadsTable']}",
        "Queue": outputs["queueUrl"],
        "Result": f"s3://{result.bucket}/{result.key}",
    }


def _short(digest: str) -> str:
    return f"{digest[:8]}...{digest[-4:]}"
