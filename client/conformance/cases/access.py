"""Nobody gets at uploads without a valid token, and users only get at their own."""

import base64
import json
from http import HTTPStatus

from ...errors import ApiProblem
from ..answers import Answer
from ..context import Context, plan_of
from ..verdict import Failed, require

_DECLARED = {"file_name": "a.txt", "content_type": "text/plain", "size_bytes": 5}


def missing_token_is_refused(check: Context) -> None:
    """The API answers no request without a token."""
    upload = f"/uploads/{check.open_upload().upload_id}"
    for method, path in _operations(upload):
        answer = check.call(method, path, _DECLARED if path == "/uploads" and method == "POST" else None)
        _unauthorized(answer)


def forged_token_is_refused(check: Context) -> None:
    """A token with other claims, without a signature, or of nobody is refused."""
    head, payload, signature = check.person.api.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    other = _encoded({**claims, "sub": "00000000-0000-0000-0000-000000000000"})
    unsigned = _encoded({"alg": "none"})
    for forged in (f"{head}.{other}.{signature}", f"{unsigned}.{payload}.", f"{head}.{payload}.{signature[::-1]}", "a"):
        _unauthorized(check.call("POST", "/uploads", _DECLARED, token=forged))


def unsigned_read_is_refused(check: Context) -> None:
    """S3 shows nobody an object or a list of objects without a signature."""
    object_url = check.open_upload().url.partition("?")[0]
    bucket_url = object_url.partition("/uploads/")[0] + "/"
    for url in (object_url, bucket_url):
        check.send(url, b"", method="GET").require_refused_by_s3(403)


def other_owner_is_refused(check: Context) -> None:
    """Another user's uploads are answered like ones that do not exist, and their sessions are refused."""
    stranger = check.stranger
    require(stranger.owner != check.person.owner, "the other user is the same user: give another one")
    theirs = check.declare(method="multipart", person=stranger)
    nobodys = "01890000-0000-7000-8000-000000000000"
    for method, path in _operations("")[2:]:
        if (method, path) == ("POST", "/parts"):
            continue  # answered for the session, below
        body: object = {} if method == "POST" else None
        found, unknown = (check.called(method, f"/uploads/{each}{path}", body) for each in (theirs.upload_id, nobodys))
        detail = found.require_problem(404, "upload-not-found").detail
        require(detail == unknown.require_problem(404).detail, f"{found}, but an unknown upload with another detail")
    signing = {"session": plan_of(theirs).session, "first_part": 1, "last_part": 1}
    check.called("POST", f"/uploads/{theirs.upload_id}/parts", signing).require_problem(403, "invalid-session")
    listed = {each.upload_id for each in check.newest()}
    require(theirs.upload_id not in listed, "the list has another user's upload")
    try:
        status = stranger.api.get(theirs.upload_id).status
    except ApiProblem as problem:
        raise Failed(f"the upload's own user does not see it: {problem}") from problem
    require(status == "pending", f"the upload is {status}, although its own user has done nothing")


def _operations(upload: str) -> list[tuple[str, str]]:
    """Return all operations of the API: those of all uploads, then those of one."""
    return [
        ("POST", "/uploads"),
        ("GET", "/uploads"),
        ("GET", upload),
        ("DELETE", upload),
        ("GET", f"{upload}/parts"),
        ("POST", f"{upload}/parts"),
        ("POST", f"{upload}/complete"),
        ("GET", f"{upload}/result"),
    ]


def _unauthorized(answer: Answer) -> None:
    answer.require_problem(HTTPStatus.UNAUTHORIZED)


def _encoded(claims: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
