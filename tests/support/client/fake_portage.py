"""Portage's API by the contract, and S3, on one server. Tests can make it misbehave."""

import io
import json
import re
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.client.fake_s3 import FakeS3, StoredUpload
from tests.support.client.fake_server import Handler, Reaction, drop, send

NOW = "2026-01-02T03:04:05Z"
REASON = {"code": "checksum-mismatch", "detail": "The bytes have another sha256 than was declared."}


class FakePortage(FakeS3):
    """Its knobs are its public attributes; so is what it has seen."""

    def __init__(self, tls: Any = None) -> None:
        super().__init__(tls)
        self.part_size_bytes = 64 * 1024
        self.threshold_bytes = 0
        self.max_upload_bytes = 5 * 1024**4
        self.part_sizes: list[tuple[int, int]] = []
        """First part and size, for an upload of unknown size. Empty: all have part_size_bytes."""
        self.lengths: dict[int, int] = {}
        """The lengths that clients have named, by part."""
        self.id_format = "u{}"
        self.on_end = "uploaded"
        """Status of an upload that was completed."""
        self.completion_conflicts = 0
        """How many completions S3's work for another request is in the way of."""
        self.sessions: set[str] = set()
        self.calls: list[str] = []
        """Of the API, as method and what follows the upload's ID."""
        self.signed: list[tuple[int, int]] = []
        self.exchanges: list[tuple[str, Any, int, Any]] = []
        """All calls of the API: as above, the body, the answer's status, and its body."""
        self._keys: dict[str, str] = {}

    def next_reaction(self) -> Reaction:
        return super().next_reaction() if self._reactions else self.serve

    def serve(self, handler: Handler) -> None:
        place = urlsplit(handler.path)
        if place.path.startswith("/bucket/"):
            self.serve_s3(handler)
            return
        body = json.loads(handler.receive().body or b"{}")
        found = re.fullmatch(r"/uploads(?:/([^/]+)(/.*)?)?", place.path)
        assert found, place.path
        upload_id, rest = found[1], found[2] or ""
        call = f"{handler.command} {rest}".strip()
        self.calls.append(call)
        if upload_id is None:
            call += "/uploads"
            status, content = self._create(handler, body) if handler.command == "POST" else self._page(place.query)
        elif upload_id not in self.uploads:
            status, content = _problem(404, "upload-not-found")
        else:
            act = getattr(self, f"_{handler.command.lower()}_{rest[1:] or 'upload'}")
            status, content = act(self.uploads[upload_id], body)
        self.exchanges.append((call, body, status, content))
        kind = "application/problem+json" if status >= 400 else "application/json"
        send(handler, status, content, {"Content-Type": kind})

    def lose_answer(self, handler: Handler) -> None:
        """Do what is asked, and close the connection without an answer."""
        handler.wfile = io.BytesIO()
        self.serve(handler)
        drop(handler)

    def _create(self, handler: Handler, body: dict[str, Any]) -> tuple[int, Any]:
        size = body.get("size_bytes")
        if size is None and body.get("method") != "multipart":
            return _problem(400, "invalid-request", "size_bytes is required")
        if size is not None and size > self.max_upload_bytes:
            return _problem(403, "quota-exceeded", f"Each upload may have {self.max_upload_bytes} bytes.")
        by_size = "put" if size is not None and size <= self.threshold_bytes else "multipart"
        with self.lock:
            upload_id = self._keys.setdefault(
                handler.headers["Idempotency-Key"], self.id_format.format(len(self.uploads) + 1)
            )
            upload = self.uploads.setdefault(upload_id, StoredUpload(upload_id, body, body.get("method", by_size)))
        if upload.declared != body:
            return _problem(409, "idempotency-conflict")
        if upload.status != "pending":
            return _problem(409, "not-open", upload_id=upload_id, upload_status=upload.status)
        ways = {"put": self.permission_to_put, "post": self.permission_to_post, "multipart": self._plan}
        created = {"upload_id": upload_id, "status": upload.status, "method": upload.method}
        lifetime = {"expires_at": self._time(900), "expires_in_seconds": 900}
        return 201, created | lifetime | ways[upload.method](upload)

    def _plan(self, upload: StoredUpload) -> dict[str, Any]:
        session = f"s{len(self.calls)}-{time.monotonic_ns()}"
        self.sessions.add(session)
        size = upload.declared.get("size_bytes")
        sizes = [{"first_part": first, "size_bytes": each} for first, each in self.part_sizes]
        unknown = {} if size is not None else {"max_size_bytes": self.max_upload_bytes, "part_sizes": sizes}
        return {
            "part_size_bytes": self.part_size_bytes,
            "part_count": min(10_000, -(-(size or self.max_upload_bytes) // self.part_size_bytes)),
            **unknown,
            **({"checksum_algorithm": upload.algorithm} if upload.algorithm else {}),
            "session": session,
            "session_expires_at": self._time(86400),
        }

    def _time(self, seconds: float) -> str:
        return datetime.fromtimestamp(self.now() + seconds, UTC).isoformat().replace("+00:00", "Z")

    def _page(self, query: str) -> tuple[int, Any]:
        asked = parse_qs(query)
        limit, after = int(asked["limit"][0]), asked.get("after", [None])[0]
        ids = list(reversed(self.uploads))
        ids = ids[ids.index(after) + 1 :] if after is not None else ids
        page: dict[str, Any] = {"uploads": [_shown(self.uploads[each]) for each in ids[:limit]]}
        return 200, page | ({"next": ids[limit - 1]} if len(ids) > limit else {})

    def _get_upload(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        return 200, _shown(upload)

    def _delete_upload(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status not in {"pending", "aborted"}:
            return _problem(409, "not-open", f"The upload is {upload.status}, and no longer pending.")
        upload.status = "aborted"
        return 204, b""

    def _get_parts(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status != "pending" or upload.is_given_up:
            return _problem(409, "not-open")
        parts = [
            {"part_number": number, "size_bytes": part.size_bytes, "etag": part.etag}
            | ({"checksum": part.checksum} if upload.algorithm else {})
            for number, part in sorted(upload.parts.items())
        ]
        return 200, self._plan(upload) | {"parts": parts}

    def _post_parts(self, upload: StoredUpload, body: Any) -> tuple[int, Any]:
        if body["session"] not in self.sessions:
            return _problem(403, "invalid-session")
        numbers = range(body["first_part"], body["last_part"] + 1)
        if len(body.get("checksums", ())) != (len(numbers) if upload.algorithm else 0):
            return _problem(400, "invalid-request")
        self.signed.append((numbers[0], numbers[-1]))
        if "last_part_size_bytes" in body:
            self.lengths[numbers[-1]] = body["last_part_size_bytes"]
        permission = self.permission_for_parts(upload, numbers, body.get("checksums", [""] * len(numbers)))
        return 200, permission | {"expires_at": self._time(self.signature_seconds)}

    def _post_complete(self, upload: StoredUpload, late: Any) -> tuple[int, Any]:
        if "size_bytes" not in upload.declared:
            if "size_bytes" not in late:
                return _problem(400, "invalid-request", "size_bytes is required")
            upload.declared = upload.declared | {"size_bytes": late["size_bytes"]}
            upload.late_checksum = late.get("checksum")
        if upload.status == "aborted" or (upload.status == "pending" and upload.is_given_up):
            return _problem(409, "not-open", "S3 no longer has its parts.")
        size = upload.declared["size_bytes"]
        if upload.status == "pending" and sum(part.size_bytes for part in upload.parts.values()) != size:
            return _problem(409, "parts-missing")
        if self.completion_conflicts:
            self.completion_conflicts -= 1
            return _problem(503, "completion-conflict")
        if upload.status == "pending":
            upload.status = self.on_end
        return 200, _shown(upload)

    def _get_result(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if self.result is None:
            return _problem(409, "no-result")
        return 200, {"url": f"{self.url}/bucket/{upload.upload_id}.json", "expires_at": self._time(60)}


def _shown(upload: StoredUpload) -> dict[str, Any]:
    ends = {
        "completed": {"result": {"bucket": "results", "key": upload.upload_id}},
        "processing": {"progress_percent": 40, "progress_note": "1,000 rows read"},
        "failed": {"failure": REASON},
        "rejected": {"rejection": REASON},
    }
    return {
        "upload_id": upload.upload_id,
        "status": upload.status,
        "version": 1,
        **{name: value for name, value in upload.declared.items() if name not in {"method", "checksum"}},
        "created_at": NOW,
        "updated_at": NOW,
        **ends.get(upload.status, {}),
    }


def _problem(status: int, kind: str, detail: str = "no", **members: str) -> tuple[int, Any]:
    named = f"urn:portage:problem:{kind}"
    return status, {"type": named, "title": kind, "status": status, "detail": detail, "request_id": "r", **members}
