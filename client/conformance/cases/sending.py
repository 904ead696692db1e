"""Files go the whole way: declared, sent, verified, processed, and their result is downloaded."""

import hashlib
import io
import time

from ...api.models import Upload
from ...errors import UnexpectedAnswer
from ...transfer.config import Progress
from ...transfer.source import SourceFile
from ...transport import read
from ..context import Context, plan_of, require_completed, sha256_of
from ..sample import Sample
from ..verdict import Failed, Skipped, require

_AGREE_SECONDS = 5.0
"""DynamoDB's reads see a change after some time, usually within a second."""

_LOOK_SECONDS = 0.25

_WAY = ("pending", "uploaded", "processing", "completed")


def put_is_completed(check: Context) -> None:
    """A file in one PUT is completed, and its result can be downloaded."""
    _send(check, check.sample, "put")


def form_is_completed(check: Context) -> None:
    """A file in a browser's form is completed, and its result can be downloaded."""
    if check.stack.rules.allow_forms is False:
        raise Skipped("the stack allows no forms (allowForms)")
    _send(check, check.sample, "post")


def parts_are_completed(check: Context) -> None:
    """A file in parts is completed, and its result can be downloaded."""
    _send(check, _in_two_parts(check), "multipart")


def interrupted_parts_are_resumed(check: Context) -> None:
    """After an interruption, another device sends the missing parts alone, and the upload is completed."""
    sample = _in_two_parts(check)
    path = check.write(sample)
    source = SourceFile.at(path)
    created = check.declare(sample.content, "multipart", checksum=source.checksum("sha256"))
    size = plan_of(created).part_size_bytes
    value = source.checksum("sha256", 0, size).value
    url = check.part_url(created, 1, [value])
    check.send(url, sample.content[:size], {"x-amz-checksum-sha256": value}).require_status(200)
    seen: list[Progress] = []

    def watch(progress: Progress) -> None:
        check.watch(progress)
        seen.append(progress)

    with check.person.device("second") as device:
        device.resume(path, created.upload_id, watch)
    check.stored.add(created.upload_id)
    require(bool(seen) and min(each.sent_bytes for each in seen) >= size, "the first part was sent again")
    _result(check, check.completed(created.upload_id), sample)


def unknown_size_is_completed(check: Context) -> None:
    """A file that was declared without its size, as the output of another program, is completed with its size."""
    content, api = check.sample.content, check.person.api
    created = check.declare_without_size()
    plan = plan_of(created)
    for number, begin in enumerate(range(0, len(content), plan.part_size_bytes), 1):
        part = content[begin : begin + plan.part_size_bytes]
        signed = api.sign_parts(created.upload_id, plan.session, number, number, last_part_size_bytes=len(part))
        check.send(signed.url(number), part + b"1").require_refused_by_s3(403)
        check.send(signed.url(number), part).require_status(200)
    api.complete(created.upload_id, size_bytes=len(content), checksum=sha256_of(content))
    check.stored.add(created.upload_id)
    upload = check.completed(created.upload_id)
    require(
        upload.size_bytes == len(content), f"the upload has {upload.size_bytes} bytes, but {len(content)} were sent"
    )
    _result(check, upload, check.sample)


def status_and_list_agree(check: Context) -> None:
    """The list of uploads shows the same state as the upload itself."""
    upload_id = check.open_upload().upload_id
    deadline = time.monotonic() + _AGREE_SECONDS
    while True:
        alone = check.status(upload_id)
        listed = next((each for each in check.newest() if each.upload_id == upload_id), None)
        if listed == alone:
            return
        if time.monotonic() >= deadline:
            what = "does not have it" if listed is None else f"has it as {listed.status}, version {listed.version}"
            raise Failed(f"upload {upload_id} is {alone.status}, version {alone.version}, but the list {what}")
        time.sleep(_LOOK_SECONDS)


def _in_two_parts(check: Context) -> Sample:
    sample = check.sample.of_two_parts()
    check.needs_two_parts(len(sample.content))
    return sample


def _send(check: Context, sample: Sample, method: str) -> None:
    upload = check.upload(check.person.portage, sample, method, checksum="sha256")
    _result(check, _followed(check, upload.upload_id, sample), sample)


def _followed(check: Context, upload_id: str, sample: Sample) -> Upload:
    """Return the upload at its end, which comes in the order of the states, each with a higher version."""
    seen = check.changes(upload_id)
    last = require_completed(seen[-1], sample)
    places = [_WAY.index(each.status) if each.status in _WAY else -1 for each in seen]
    require(places == sorted(places) and -1 not in places, f"the states were {[each.status for each in seen]}")
    versions = [each.version for each in seen]
    require(versions == sorted(set(versions)), f"the versions were {versions}, but must rise")
    return last


def _result(check: Context, upload: Upload, sample: Sample) -> None:
    """Download the result, and compare what it says of the bytes, if the processor is a built-in one that does."""
    stream = io.BytesIO()
    check.person.portage.download_into(upload.upload_id, stream)
    try:
        result = read(stream.getvalue(), dict[str, object], "the result")
    except UnexpectedAnswer as error:
        raise Failed(str(error)) from error
    digest = hashlib.sha256(sample.content).hexdigest()
    found = result.get("sha256", digest)
    require(found == digest, f"the result is of other bytes: sha256 {found}, but {digest} was sent")
