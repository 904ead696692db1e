"""Each upload ends once: other bytes than declared and malware are rejected, repeated events change nothing."""

import time

from ..context import Context, StackOperator
from ..sample import contradicting
from ..verdict import Failed, Skipped, require

_WATCH_SECONDS = 3.0
_LONGEST_WATCH_SECONDS = 15.0
_LOOK_SECONDS = 0.25
_PUT_AWAY_SECONDS = 30.0
"""A rejection is recorded first, and the object moved then."""


def other_type_is_rejected(check: Context) -> None:
    """A file with bytes that contradict its declared type ends as rejected, and has no result."""
    declared = contradicting(check.stack.rules)
    if declared is None:
        raise Skipped("the stack accepts no type with sure first bytes, such as image/png")
    content = b"portage verify: this is text\n"
    _rejected(check, content, declared, "type-mismatch")


def malware_is_rejected(check: Context) -> None:
    """The EICAR test file, which malware scanners report, ends as rejected."""
    if check.stack.rules.malware_scan is not True:
        raise Skipped("the stack has no malware scan (malwareScan)")
    content_type = next((each for each in ("text/plain", "application/octet-stream") if _allows(check, each)), None)
    if content_type is None:
        raise Skipped("the stack accepts neither text/plain nor application/octet-stream for the EICAR test file")
    _rejected(check, _eicar(), content_type, "malware-found")


def repeated_event_changes_nothing(check: Context) -> None:
    """An event that comes again after the upload was completed changes neither status, version nor result."""
    operator = check.needs_operator()
    created = check.declare()
    check.put(created).require_status(200)
    before = check.completed(created.upload_id)
    operator.send_event_again(check.person.owner, created.upload_id)
    began = time.monotonic()
    while True:
        now = check.status(created.upload_id)
        require(now == before, f"the upload was {before.status} {before.version}, and is {now.status} {now.version}")
        watched = time.monotonic() - began
        if watched >= _LONGEST_WATCH_SECONDS or (watched >= _WATCH_SECONDS and operator.is_queue_empty()):
            return
        time.sleep(_LOOK_SECONDS)


def _rejected(check: Context, content: bytes, content_type: str, code: str) -> None:
    created = check.declare(content, content_type=content_type)
    check.put(created, content).require_status(200)
    ended = check.changes(created.upload_id)[-1]
    if ended.status != "rejected" or ended.rejection is None:
        raise Failed(f"the upload is {ended.status}, not rejected")
    require(ended.rejection.code == code, f"the upload is rejected as {ended.rejection.code}, not as {code}")
    require(ended.result is None, "the rejected upload has a result")
    answer = check.called("GET", f"/uploads/{created.upload_id}/result")
    answer.require_problem(409, "no-result")
    if check.operator is not None:
        _await_quarantine(check, check.operator, created.upload_id)


def _await_quarantine(check: Context, operator: StackOperator, upload_id: str) -> None:
    deadline = time.monotonic() + min(_PUT_AWAY_SECONDS, check.left_seconds)
    while not operator.is_put_away(check.person.owner, upload_id):
        require(
            time.monotonic() < deadline,
            "the upload is rejected, but its object is still in the ingest bucket, or not in the quarantine",
        )
        time.sleep(_LOOK_SECONDS)


def _allows(check: Context, content_type: str) -> bool:
    return check.stack.rules.allows(content_type)


def _eicar() -> bytes:
    """Return the test file of eicar.org. It is in pieces here, so that no scanner reports this source file."""
    pieces = ("X5O!P%@AP[4", "\\PZX54(P^)7CC)7}", "$EICAR-", "STANDARD-ANTI", "VIRUS-TEST-", "FILE!$H+H*")
    return "".join(pieces).encode()
