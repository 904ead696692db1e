"""S3 for the fake API: accepts parts, whole files and forms as they were signed. Tests can make it misbehave.

It keeps checksums and no bytes, so that a file may be of any size.
"""

import base64
import hashlib
import json
import threading
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.client.fake_server import FakeServer, Handler, Reaction, send

ENCRYPTION = {"x-amz-server-side-encryption": "aws:kms"}
OF_S3 = {"x-amz-request-id": "4442587FB7D0A2F9"}
"""What S3 sends with each answer."""
_SECRET = "of the fake alone"
_PIECE_BYTES = 1024 * 1024


@dataclass
class Part:
    size_bytes: int
    crc32: int
    etag: str
    checksum: str | None = None

    @classmethod
    def of(cls, content: bytes, algorithm: str | None = None, *, etag_is_md5: bool = False) -> "Part":
        sums = Sums(algorithm, etag_is_md5=etag_is_md5)
        sums.add(content)
        return sums.part()


@dataclass
class StoredUpload:
    upload_id: str
    declared: dict[str, Any]
    method: str
    status: str = "pending"
    parts: dict[int, Part] = field(default_factory=dict[int, Part])
    """Number 0 is a file that came whole."""
    late_checksum: dict[str, str] | None = None
    """Declared at completion."""
    is_given_up: bool = False
    """By S3, for the age of the parts."""

    @property
    def algorithm(self) -> str | None:
        return self.declared["checksum"]["algorithm"] if "checksum" in self.declared else None

    @property
    def object_headers(self) -> dict[str, str]:
        """What is signed of an object that comes whole."""
        checked = {f"x-amz-checksum-{self.algorithm}": self.declared["checksum"]["value"]} if self.algorithm else {}
        return {"Content-Type": self.declared["content_type"], **ENCRYPTION, **checked}


class Sums:
    """Of bytes that pass by."""

    def __init__(self, algorithm: str | None, *, etag_is_md5: bool) -> None:
        self.size_bytes, self._crc32 = 0, 0
        self._algorithm = algorithm
        self._md5 = hashlib.md5() if etag_is_md5 else None  # noqa: S324 - as S3 does
        self._sha256 = hashlib.sha256() if algorithm == "sha256" else None

    def add(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        self._crc32 = zlib.crc32(piece, self._crc32)
        for digest in (self._sha256, self._md5):
            if digest is not None:
                digest.update(piece)

    def part(self) -> Part:
        digest = self._sha256.digest() if self._sha256 is not None else self._crc32.to_bytes(4, "big")
        checksum = base64.b64encode(digest).decode() if self._algorithm else None
        etag = self._md5.hexdigest() if self._md5 is not None else uuid.uuid4().hex
        return Part(self.size_bytes, self._crc32, f'"{etag}"', checksum)


class FakeS3(FakeServer):
    """Its knobs are its public attributes; so is what it has seen."""

    def __init__(self, tls: Any = None) -> None:
        super().__init__(tls)
        self.signature_seconds = 900.0
        self.result: bytes | None = None
        self.etags_are_md5s = False
        """Not under a KMS key, where the same bytes get another ETag each time."""
        self.uploads: dict[str, StoredUpload] = {}
        self.tries: Counter[int] = Counter()
        """Requests that came for each part; a file that comes whole is number 0."""
        self.stored: list[int] = []
        """Parts that were stored, in order."""
        self.at_once = 0
        self.most_at_once = 0
        self.on_part: Callable[[int, int], Reaction | None] = lambda _number, _tries: None
        """Given a part and how often it came: what to do in the place of storing it."""
        self.lock = threading.Lock()

    @property
    def only(self) -> StoredUpload:
        (upload,) = self.uploads.values()
        return upload

    def now(self) -> float:
        return time.time() + self.clock_ahead_seconds

    def permission_to_put(self, upload: StoredUpload) -> dict[str, Any]:
        headers = {"Content-Length": str(upload.declared["size_bytes"]), **upload.object_headers, "If-None-Match": "*"}
        expiry = self._expiry()
        signed = signature(upload.upload_id, expiry, *headers.values())
        return {"url": f"{self.url}/bucket/{upload.upload_id}?e={expiry}&s={signed}", "headers": headers}

    def permission_to_post(self, upload: StoredUpload) -> dict[str, Any]:
        policy = base64.b64encode(json.dumps({"expiration": self._expiry()}).encode()).decode()
        fields = {**upload.object_headers, "key": upload.upload_id, "policy": policy}
        return {
            "url": f"{self.url}/bucket/",
            "fields": {**fields, "x-amz-signature": signature(*fields.values())},
        }

    def permission_for_parts(self, upload: StoredUpload, numbers: range, checksums: list[str]) -> dict[str, Any]:
        expiry = self._expiry()
        pairs = zip(numbers, checksums, strict=True)
        return {
            "url_prefix": f"{self.url}/bucket/{upload.upload_id}?n=",
            "url_suffix": f"&e={expiry}&s=",
            "signatures": [signature(upload.upload_id, expiry, str(n), each) for n, each in pairs],
            "first_part": numbers[0],
        }

    def serve_s3(self, handler: Handler) -> None:
        place = urlsplit(handler.path)
        if handler.command == "GET":
            handler.receive()
            named = "attachment; filename=\"film_.json\"; filename*=UTF-8''film%C3%A9.json"
            send(handler, 200, self.result, {"Content-Disposition": named, **OF_S3})
            return
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
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
            elif handler.command == "POST":
                self._store_form(handler)
            else:
                self.store(handler, number, query, self.uploads[place.path.rpartition("/")[2]])
        finally:
            with self.lock:
                self.at_once -= 1

    def store(self, handler: Handler, number: int, query: dict[str, str], upload: StoredUpload) -> None:
        length = int(handler.headers["Content-Length"])
        part = self._received(handler, length, upload)
        if part is None:
            return
        if number:
            wanted: dict[str, str] = {}
            checksum = handler.headers.get(f"x-amz-checksum-{upload.algorithm}", "")
            signed = signature(upload.upload_id, query["e"], str(number), checksum)
        else:
            wanted = self.permission_to_put(upload)["headers"]
            checksum = wanted.get(f"x-amz-checksum-{upload.algorithm}", "")
            signed = signature(upload.upload_id, query["e"], *wanted.values())
        is_as_signed = query["s"] == signed and wanted.items() <= dict(handler.headers.items()).items()
        if self._takes(handler, upload, part, checksum, float(query["e"]), is_as_signed=is_as_signed):
            self.keep(upload, number, part)
            send(handler, 200, b"", {"ETag": part.etag, **OF_S3})

    def _store_form(self, handler: Handler) -> None:
        """Read a form as S3 does: its fields first, then the file, and nothing behind it."""
        boundary = handler.headers["Content-Type"].partition("boundary=")[2]
        left = int(handler.headers["Content-Length"])
        fields: dict[str, str] = {}
        while True:
            opening, disposition = _line(handler), _line(handler)
            assert opening == f"--{boundary}", opening
            left -= len(opening) + len(disposition.encode()) + 4
            name = disposition.partition('name="')[2].partition('"')[0]
            while header := _line(handler):
                left -= len(header) + 2
            left -= 2
            if name == "file":
                break
            fields[name] = _line(handler)
            left -= len(fields[name].encode()) + 2
        upload = self.uploads[fields["key"]]
        tail = f"\r\n--{boundary}--\r\n".encode()
        part = self._received(handler, left - len(tail), upload)
        if part is None:
            return
        assert handler.rfile.read(len(tail)) == tail
        *named, (_, signed) = fields.items()
        expiry = json.loads(base64.b64decode(fields["policy"]))["expiration"]
        is_as_signed = signed == signature(*(value for _, value in named))
        checksum = fields.get(f"x-amz-checksum-{upload.algorithm}", "")
        if part.size_bytes != upload.declared["size_bytes"]:
            _refuse(handler, 400, "EntityTooLarge", "no")
        elif self._takes(handler, upload, part, checksum, float(expiry), is_as_signed=is_as_signed):
            self.keep(upload, 0, part)
            send(handler, 204, b"", {"ETag": part.etag, **OF_S3})

    def _takes(
        self, handler: Handler, upload: StoredUpload, part: Part, checksum: str, expiry: float, *, is_as_signed: bool
    ) -> bool:
        """Refuse what is not as it was signed."""
        if expiry < self.now():
            _refuse(handler, 403, "AccessDenied", "Request has expired")
        elif not is_as_signed:
            _refuse(handler, 403, "SignatureDoesNotMatch", "no")
        elif upload.method == "multipart" and upload.status != "pending":
            _refuse(handler, 404, "NoSuchUpload", "no")
        elif checksum != (part.checksum or ""):
            _refuse(handler, 400, "BadDigest", "no")
        else:
            return True
        return False

    def keep(self, upload: StoredUpload, number: int, part: Part) -> None:
        """Store a part, then answer."""
        with self.lock:
            upload.parts[number] = part
            self.stored.append(number)

    def _received(self, handler: Handler, length: int, upload: StoredUpload) -> Part | None:
        """Read a piece; None where it breaks off, and there is nobody to answer."""
        sums = Sums(upload.algorithm, etag_is_md5=self.etags_are_md5s)
        while sums.size_bytes < length:
            piece = handler.rfile.read(min(length - sums.size_bytes, _PIECE_BYTES))
            if not piece:
                handler.close_connection = True
                return None
            sums.add(piece)
        return sums.part()

    def _expiry(self) -> str:
        return str(self.now() + self.signature_seconds)


def refused(status: int, code: str, message: str = "no", **headers: str) -> Reaction:
    """Read the part, then answer as S3 does."""

    def react(handler: Handler) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        _refuse(handler, status, code, message, headers)

    return react


def signature(*signed: str) -> str:
    return hashlib.sha256("\n".join((_SECRET, *signed)).encode()).hexdigest()


def _line(handler: Handler) -> str:
    return handler.rfile.readline().removesuffix(b"\r\n").decode()


def _refuse(handler: Handler, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    send(handler, status, body, {**OF_S3, "Content-Type": "application/xml", **(headers or {})})
