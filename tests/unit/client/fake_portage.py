"""Portage's API and S3 behind it, as the contract states them, on one server that can be told to misbehave.

S3's part keeps a checksum of each part and no bytes, so that a file may be of any size.
"""

import base64
import hashlib
import json
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.client.fake_server import FakeServer, Handler, Reaction, send

NOW = "2026-01-02T03:04:05Z"
_SECRET = "of the fake alone"


@dataclass
class Part:
    size_bytes: int
    crc32: int
    etag: str


@dataclass
class StoredUpload:
    upload_id: str
    declared: dict[str, Any]
    status: str = "pending"
    parts: dict[int, Part] = field(default_factory=dict[int, Part])
    is_stored: bool = False

    def shown(self) -> dict[str, Any]:
        names = ("file_name", "content_type", "size_bytes")
        shown = {"upload_id": self.upload_id, "status": self.status, "version": 1, "created_at": NOW, "updated_at": NOW}
        return shown | {name: self.declared[name] for name in names}


class FakePortage(FakeServer):
    """Its knobs are its public attributes; so is what it has seen."""

    def __init__(self, tls: Any = None) -> None:
        super().__init__(tls)
        self.part_size_bytes = 64 * 1024
        self.threshold_bytes = 0
        self.signature_seconds = 900.0
        self.result: bytes | None = None
        self.on_end = "uploaded"
        """Status of an upload that was completed."""
        self.sessions: set[str] = set()
        self.uploads: dict[str, StoredUpload] = {}
        self.calls: list[str] = []
        """Of the API, as method and what follows the upload's ID."""
        self.signed: list[tuple[int, int]] = []
        self.tries: Counter[int] = Counter()
        """Requests that came for each part."""
        self.stored: list[int] = []
        """Parts that were stored, in order."""
        self.at_once = 0
        self.most_at_once = 0
        self.on_part: Callable[[int, int], Reaction | None] = lambda _number, _tries: None
        """Given a part and how often it came: what to do in the place of storing it."""
        self._keys: dict[str, str] = {}
        self.lock = threading.Lock()

    @property
    def only(self) -> StoredUpload:
        (upload,) = self.uploads.values()
        return upload

    def next_reaction(self) -> Reaction:
        return super().next_reaction() if self._reactions else self._serve

    def now(self) -> float:
        return time.time() + self.clock_ahead_seconds

    def _serve(self, handler: Handler) -> None:
        place = urlsplit(handler.path)
        if place.path.startswith("/bucket/"):
            self._serve_s3(handler, place.path.rpartition("/")[2], {k: v[0] for k, v in parse_qs(place.query).items()})
            return
        body = json.loads(handler.receive().body or b"{}")
        found = re.fullmatch(r"/uploads(?:/([^/]+)(/.*)?)?", place.path)
        assert found, place.path
        upload_id, rest = found[1], found[2] or ""
        self.calls.append(f"{handler.command} {rest}".strip())
        if upload_id is None:
            status, content = self._create(handler, body) if handler.command == "POST" else self._page(place.query)
        elif upload_id not in self.uploads:
            status, content = _problem(404, "unknown-upload")
        else:
            act = getattr(self, f"_{handler.command.lower()}_{rest[1:] or 'upload'}")
            status, content = act(self.uploads[upload_id], body)
        kind = "application/problem+json" if status >= 400 else "application/json"
        send(handler, status, content, {"Content-Type": kind})

    def _create(self, handler: Handler, body: dict[str, Any]) -> tuple[int, Any]:
        key = handler.headers["Idempotency-Key"]
        with self.lock:
            upload_id = self._keys.setdefault(key, f"u{len(self.uploads) + 1}")
            self.uploads.setdefault(upload_id, StoredUpload(upload_id, body))
        plan = {"upload_id": upload_id, "status": "pending", "expires_at": self._time(900), "expires_in_seconds": 900}
        if body["size_bytes"] > self.threshold_bytes:
            return 201, plan | {"method": "multipart"} | self._plan(body)
        url = f"{self.url}/bucket/{upload_id}?e={self.now() + self.signature_seconds}"
        return 201, plan | {"method": "put", "url": url, "headers": {"Content-Length": str(body["size_bytes"])}}

    def _plan(self, declared: dict[str, Any]) -> dict[str, Any]:
        session = f"s{len(self.calls)}-{time.monotonic_ns()}"
        self.sessions.add(session)
        return {
            "part_size_bytes": self.part_size_bytes,
            "part_count": -(-declared["size_bytes"] // self.part_size_bytes),
            "session": session,
            "session_expires_at": self._time(86400),
        }

    def _time(self, seconds: float) -> str:
        return datetime.fromtimestamp(self.now() + seconds, UTC).isoformat().replace("+00:00", "Z")

    def _page(self, query: str) -> tuple[int, Any]:
        asked = parse_qs(query)
        limit, after = int(asked["limit"][0]), asked.get("after", [None])[0]
        ids = [each for each in reversed(self.uploads) if after is None or int(each[1:]) < int(after[1:])]
        page: dict[str, Any] = {"uploads": [self.uploads[each].shown() for each in ids[:limit]]}
        return 200, page | ({"next": ids[limit - 1]} if len(ids) > limit else {})

    def _get_upload(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        return 200, upload.shown()

    def _delete_upload(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status not in {"pending", "aborted"}:
            return _problem(409, "not-open")
        upload.status = "aborted"
        return 204, b""

    def _get_parts(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status != "pending" or upload.is_stored:
            return _problem(409, "not-open")
        parts = [
            {"part_number": number, "size_bytes": part.size_bytes, "etag": part.etag}
            for number, part in sorted(upload.parts.items())
        ]
        return 200, self._plan(upload.declared) | {"parts": parts}

    def _post_parts(self, upload: StoredUpload, body: Any) -> tuple[int, Any]:
        if body["session"] not in self.sessions:
            return _problem(403, "invalid-session")
        numbers = range(body["first_part"], body["last_part"] + 1)
        self.signed.append((numbers[0], numbers[-1]))
        expiry = str(self.now() + self.signature_seconds)
        sums = body.get("checksums") or [""] * len(numbers)
        assert len(sums) == len(numbers)
        assert bool(body.get("checksums")) == ("checksum" in upload.declared)
        signatures = [_signature(upload.upload_id, n, expiry, each) for n, each in zip(numbers, sums, strict=True)]
        return 200, {
            "url_prefix": f"{self.url}/bucket/{upload.upload_id}?n=",
            "url_suffix": f"&e={expiry}&s=",
            "signatures": signatures,
            "headers": {"x-amz-common": "1"},
            "first_part": numbers[0],
            "expires_at": self._time(self.signature_seconds),
        }

    def _post_complete(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status == "aborted":
            return _problem(409, "not-open")
        size = upload.declared["size_bytes"]
        if upload.status == "pending" and sum(part.size_bytes for part in upload.parts.values()) != size:
            return _problem(409, "parts-missing")
        if upload.status == "pending":
            upload.status = self.on_end
        return 200, upload.shown()

    def _get_result(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if self.result is None:
            return _problem(409, "no-result")
        return 200, {"url": f"{self.url}/bucket/{upload.upload_id}.json", "expires_at": self._time(60)}

    def _serve_s3(self, handler: Handler, name: str, query: dict[str, str]) -> None:
        if handler.command == "GET":
            handler.receive()
            named = "attachment; filename=\"film_.json\"; filename*=UTF-8''film%C3%A9.json"
            send(handler, 200, self.result, {"Content-Disposition": named})
            return
        number = int(query.get("n", "0"))
        with self.lock:
            self.tries[number] += 1
            tries = self.tries[number]
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reaction = self.on_part(number, tries)
            if reaction is not None:
                reaction(handler)
            else:
                self.store(handler, number, query, self.uploads[name])
        finally:
            with self.lock:
                self.at_once -= 1

    def store(self, handler: Handler, number: int, query: dict[str, str], upload: StoredUpload) -> None:
        size, crc = 0, 0
        left = int(handler.headers["Content-Length"])
        while left and (piece := handler.rfile.read(min(left, 1024 * 1024))):
            crc = zlib.crc32(piece, crc)
            size += len(piece)
            left -= len(piece)
        declared = handler.headers.get("x-amz-checksum-crc32", "")
        signed = _signature(upload.upload_id, number, query["e"], declared)
        if float(query["e"]) < self.now():
            self._refuse(handler, 403, "AccessDenied", "Request has expired")
        elif number and (query["s"] != signed or handler.headers.get("x-amz-common") != "1"):
            self._refuse(handler, 403, "SignatureDoesNotMatch", "no")
        elif upload.status != "pending":
            self._refuse(handler, 404, "NoSuchUpload", "no")
        elif declared and base64.b64decode(declared) != crc.to_bytes(4, "big"):
            self._refuse(handler, 400, "BadDigest", "no")
        elif not left:
            with self.lock:
                upload.parts[number] = part = Part(size, crc, f'"{crc:08x}"')
                self.stored.append(number)
            send(handler, 200, b"", {"ETag": part.etag})

    def _refuse(self, handler: Handler, status: int, code: str, message: str) -> None:
        refused = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        send(handler, status, refused, {"Content-Type": "application/xml"})


def refused(status: int, code: str, message: str = "no", **headers: str) -> Reaction:
    """Read the part, then answer as S3 does."""

    def react(handler: Handler) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        send(handler, status, body, {"Content-Type": "application/xml", **headers})

    return react


def _problem(status: int, kind: str) -> tuple[int, Any]:
    return status, {"type": f"urn:x:{kind}", "title": kind, "status": status, "detail": kind, "request_id": "r"}


def _signature(upload_id: str, number: int, expiry: str, checksum: str) -> str:
    return hashlib.sha256(f"{_SECRET}{upload_id}{number}{expiry}{checksum}".encode()).hexdigest()
