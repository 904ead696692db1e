"""The API keeps its contract: repeated requests, quotas, aborted uploads, and errors (RFC 9457)."""

import uuid

from ...transfer.part_queue import MOST_PART_BYTES, MOST_PARTS
from ..context import Context, plan_of
from ..verdict import Skipped, require

_MOST_BYTES = MOST_PARTS * MOST_PART_BYTES
"""The most that S3 can store, and that the API's contract allows."""


def repeated_request_is_one_upload(check: Context) -> None:
    """The same Idempotency-Key and declaration return the same upload; with another declaration they are refused."""
    key = str(uuid.uuid4())
    first, second = (check.declare(key=key) for _ in range(2))
    require(first.upload_id == second.upload_id, "the same Idempotency-Key has made two uploads")
    body = _declared(check, len(check.sample.content) + 1)
    answer = check.called("POST", "/uploads", body, headers={"Idempotency-Key": key})
    answer.require_problem(409, "idempotency-conflict")


def too_large_file_is_refused(check: Context) -> None:
    """A file that is larger than the quota is refused before a byte is sent."""
    most = check.stack.rules.max_upload_bytes
    if most == _MOST_BYTES:
        raise Skipped("the stack allows the largest object that S3 can store (maxUploadBytes)")
    size = _MOST_BYTES if most is None else int(most) + 1
    check.called("POST", "/uploads", _declared(check, size)).require_problem(403, "quota-exceeded")


def aborted_upload_takes_no_parts(check: Context) -> None:
    """S3 and the API refuse parts, and the completion, of an upload that was aborted."""
    created = check.declare(method="multipart")
    url = check.part_url(created, 1)
    check.person.api.abort(created.upload_id)
    status = check.status(created.upload_id).status
    require(status == "aborted", f"the upload is {status} after it was aborted")
    check.send(url, check.sample.content[: plan_of(created).part_size_bytes]).require_refused_by_s3(404)
    path = f"/uploads/{created.upload_id}"
    check.called("GET", f"{path}/parts").require_problem(409, "not-open")
    check.called("POST", f"{path}/complete", {}).require_problem(409, "not-open")


def missing_parts_are_noticed(check: Context) -> None:
    """An upload without all of its parts cannot be completed, and stays open."""
    created = check.declare(method="multipart")
    answer = check.called("POST", f"/uploads/{created.upload_id}/complete", {})
    answer.require_problem(409, "parts-missing")
    check.require_open(created)


def foreign_session_is_refused(check: Context) -> None:
    """A session signs parts of its own upload only, and none if it was changed."""
    one, other = check.declare(method="multipart"), check.declare(method="multipart")
    session = plan_of(one).session
    for upload, used in ((other, session), (one, session[:-4] + session[-4:][::-1] + "x"), (one, "x")):
        body = {"session": used, "first_part": 1, "last_part": 1}
        check.called("POST", f"/uploads/{upload.upload_id}/parts", body).require_problem(403, "invalid-session")


def errors_are_problems(check: Context) -> None:
    """Errors are problem documents (RFC 9457) that say what is wrong, and caches may not store them."""
    upload = f"/uploads/{check.open_upload().upload_id}"
    check.called("POST", "/uploads", _declared(check, 0)).require_problem(400)
    check.called("POST", "/uploads", {**_declared(check, 5), "unknown": 1}).require_problem(400)
    check.called("GET", "/uploads/x").require_problem(404)
    check.call("GET", "/nothing").require_problem(404)  # API Gateway would read a token there as a signature
    check.called("GET", f"{upload}/result").require_problem(409, "no-result")


def _declared(check: Context, size_bytes: int) -> dict[str, object]:
    sample = check.sample
    return {"file_name": sample.file_name, "content_type": sample.content_type, "size_bytes": size_bytes}
