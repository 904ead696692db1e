"""A stack that does all that `portage verify` requires, on one server. Tests can break each thing that it does."""

import base64
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.support.client.fake_cognito import EMAIL, id_token
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import OF_S3, Part, StoredUpload
from tests.support.client.fake_server import Handler, send

USERS = (EMAIL, "eve@example.com")
ORIGIN = "https://app.example"
TYPE = "text/plain"
EICAR_BYTES = 68
MEMBERS = {"file_name", "content_type", "size_bytes", "checksum", "method"}
NO_STORE = {"Cache-Control": "no-store"}


class FakeStack(FakePortage):
    """`broken` names what the stack does not do. As long as it is empty, every case passes."""

    def __init__(self) -> None:
        super().__init__()
        self.id_format = "00000000-0000-7000-8000-{:012}"
        self.max_upload_bytes = 10**8
        self.broken: set[str] = set()
        self.stays: str | None = None
        """The status in which uploads stay for ever."""
        self.owners: dict[str, str] = {}
        self._issued: dict[str, Mapping[str, str]] = {}
        """The signed headers of each presigned URL, in lower case."""
        self._seen: defaultdict[str, int] = defaultdict(int)
        """How often the status of each upload was read after its bytes had arrived."""
        self._rejected_as: dict[str, str] = {}
        self._session_of: dict[str, str] = {}
        """The upload of each session."""
        self._caller = threading.local()

    def serve(self, handler: Handler) -> None:
        is_s3 = handler.path.startswith("/bucket")
        caching = {} if is_s3 or "caching" in self.broken else NO_STORE
        with _adding(handler, {**caching, **self._cors(handler, is_s3=is_s3)}):
            if handler.command == "OPTIONS":
                handler.receive()
                send(handler, 200 if is_s3 else 204, b"", {})
            elif is_s3:
                self._serve_bucket(handler)
            else:
                self._serve_api(handler)

    # CORS

    def _cors(self, handler: Handler, *, is_s3: bool) -> dict[str, str]:
        origin = handler.headers.get("Origin")
        if origin is None or (origin != ORIGIN and "other origins" not in self.broken):
            return {}
        if handler.command == "OPTIONS":
            if ("bucket preflight" if is_s3 else "api preflight") in self.broken:
                return {}
            methods = "GET" if "api methods" in self.broken else "GET,PUT,POST,DELETE"
            names = "content-type" if "api headers" in self.broken else "Authorization,Content-Type"
            return {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": methods,
                "Access-Control-Allow-Headers": names,
            }
        if ("bucket origins" if is_s3 else "api origins") in self.broken:
            return {}
        exposed = {} if "etag" in self.broken else {"Access-Control-Expose-Headers": "ETag"}
        return {"Access-Control-Allow-Origin": origin, **exposed}

    # The API

    def _serve_api(self, handler: Handler) -> None:
        owner = self._owner(handler.headers.get("Authorization", "").removeprefix("Bearer "))
        parts = urlsplit(handler.path).path.strip("/").split("/")
        upload_id = parts[1] if len(parts) > 1 else None
        hides_own = "own uploads" in self.broken and owner == USERS[1] and upload_id is not None
        if parts[0] != "uploads" or hides_own:
            self._problem(handler, 404, "no-such-resource")
        elif owner is None:
            self._problem(handler, 401, "unauthorized")
        elif upload_id is not None and self._is_hidden(upload_id, owner):
            # API Gateway passes the session on, and the function refuses it before it looks for the upload.
            is_signing = handler.command == "POST" and parts[-1] == "parts"
            self._problem(handler, *((403, "invalid-session") if is_signing else (404, "upload-not-found")))
        else:
            self._caller.owner = owner
            super().serve(handler)

    def _owner(self, token: str) -> str | None:
        payload = token.split(".")[1:2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(f"{payload[0]}==")) if payload else {}
        is_valid = claims.get("sub") in USERS and token == id_token(claims["sub"], claims["iat"])
        is_unsigned = token.endswith(".") and "unsigned tokens" in self.broken
        if is_valid or is_unsigned or (token and "forgery" in self.broken):
            return claims.get("sub", "nobody")
        return "nobody" if "token" in self.broken and not token else None

    def _is_hidden(self, upload_id: str, owner: str) -> bool:
        return self.owners.get(upload_id, owner) != owner and "isolation" not in self.broken

    def _problem(self, handler: Handler, status: int, kind: str) -> None:
        handler.receive()
        body = {"type": f"urn:portage:problem:{kind}", "title": kind, "status": status, "detail": "no"}
        kind = "application/json" if "problems" in self.broken else "application/problem+json"
        named = {} if "documents" in self.broken else {"request_id": "r"}
        send(handler, status, body | named, {"Content-Type": kind})

    def _create(self, handler: Handler, body: dict[str, Any]) -> tuple[int, Any]:
        if not {"file_name", "content_type"} <= set(body) <= MEMBERS or body.get("size_bytes", 1) < 1:
            return self._refusal(400, "invalid-request")
        if "quota" in self.broken and "size_bytes" in body:
            body = {**body, "size_bytes": min(body["size_bytes"], self.max_upload_bytes)}
        if "keys" in self.broken:
            handler.headers.replace_header("Idempotency-Key", str(len(self.calls)))
        status, created = super()._create(handler, body)
        if status == 201:
            self.owners[created["upload_id"]] = self._caller.owner
        return status, created

    def _refusal(self, status: int, kind: str) -> tuple[int, Any]:
        detail = "" if "details" in self.broken else "no"
        named = f"urn:portage:problem:{kind}"
        return status, {"type": named, "title": kind, "status": status, "detail": detail, "request_id": "r"}

    def _page(self, query: str) -> tuple[int, Any]:
        status, page = super()._page(query)
        known = [each["upload_id"] for each in page["uploads"]]
        kept = [each for each in known if not self._is_hidden(each, self._caller.owner)]
        page["uploads"] = [self._view(self.uploads[each]) for each in kept]
        if "list" in self.broken:
            page["uploads"] = [each | {"status": "expired"} for each in page["uploads"]]
        return status, page

    def _get_upload(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status not in {"pending", "aborted"}:
            self._seen[upload.upload_id] += 1
        return 200, self._view(upload)

    def _view(self, upload: StoredUpload) -> dict[str, Any]:
        """Show some states before the end: the client and a case look several times."""
        _, shown = super()._get_upload(upload, None)
        if upload.status in {"pending", "aborted"}:
            return shown | {"version": 1}
        way = [("uploaded", 2), ("uploaded", 2), ("processing", 3)]
        if "order" in self.broken:
            way = [("processing", 2), ("processing", 2), ("uploaded", 3)]
        if "versions" in self.broken:
            way[-1] = (way[-1][0], 5)
        seen = self._seen[upload.upload_id] - 1
        if self.stays is not None:
            return _without_ends(shown) | {"status": self.stays, "version": 2}
        if seen < len(way):
            status, version = way[max(0, seen)]
            return _without_ends(shown) | {"status": status, "version": version}
        if "rejection" in shown:
            shown["rejection"] = {"code": self._rejected_as[upload.upload_id], "detail": "no"}
        return shown | {"version": 4}

    def _get_parts(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status == "aborted" and "abort" in self.broken:
            return 200, {**self._plan(upload), "parts": ()}
        status, listing = super()._get_parts(upload, None)
        if "listing" in self.broken and len(self.stored) == 1:
            listing["parts"] = []
        return status, listing

    def _post_parts(self, upload: StoredUpload, body: Any) -> tuple[int, Any]:
        if "session" in self.broken:
            self.sessions.add(body["session"])
        elif self._session_of.get(body["session"]) != upload.upload_id:
            return self._refusal(403, "invalid-session")
        return super()._post_parts(upload, body)

    def _plan(self, upload: StoredUpload) -> dict[str, Any]:
        plan = super()._plan(upload)
        self._session_of[plan["session"]] = upload.upload_id
        return plan

    def _post_complete(self, upload: StoredUpload, late: Any) -> tuple[int, Any]:
        if "completion" in self.broken:
            upload.status = "completed"
        self.on_end = "failed" if "multipart" in self.broken else "completed"
        status, completed = super()._post_complete(upload, late)
        if late and "late size" in self.broken:
            upload.declared["size_bytes"] += 1
        return status, completed

    def _get_result(self, upload: StoredUpload, _: Any) -> tuple[int, Any]:
        if upload.status != "completed" and "results" not in self.broken:
            return self._refusal(409, "no-result")
        self.result = b"{}"
        return super()._get_result(upload, None)

    # S3

    def permission_to_put(self, upload: StoredUpload) -> dict[str, Any]:
        permission = super().permission_to_put(upload)
        headers = {name.lower(): value for name, value in permission["headers"].items()}
        self._issued[permission["url"].removeprefix(self.url)] = headers
        return permission

    def permission_for_parts(self, upload: StoredUpload, numbers: range, checksums: list[str]) -> dict[str, Any]:
        permission = super().permission_for_parts(upload, numbers, checksums)
        size = upload.declared.get("size_bytes")
        for number, signed, checksum in zip(numbers, permission["signatures"], checksums, strict=True):
            length = self.lengths.get(number, self.part_size_bytes)
            if size is not None:
                length = min(self.part_size_bytes, size - (number - 1) * self.part_size_bytes)
            headers = {f"x-amz-checksum-{upload.algorithm}": checksum} if checksum else {}
            url = f"{permission['url_prefix']}{number}{permission['url_suffix']}{signed}"
            self._issued[url.removeprefix(self.url)] = {"content-length": str(length), **headers}
        return permission

    def _serve_bucket(self, handler: Handler) -> None:
        path = urlsplit(handler.path).path
        upload = self.uploads.get(path.rpartition("/")[2])
        if handler.command == "GET" and path.endswith(".json"):
            handler.receive()
            send(handler, 200, self._result_of(path.rpartition("/")[2].removesuffix(".json")), OF_S3)
        elif handler.command == "POST":
            if "form fields" in self.broken:
                self._accept(handler, 204)
            else:
                self.serve_s3(handler)
        elif (deviation := self._deviation(handler)) is not None:
            if deviation in self.broken or ("n=" in handler.path and "part" in self.broken):
                self._accept(handler)
            else:
                if upload is not None and "open" in self.broken:
                    upload.status = "aborted"
                _refuse(handler, 403, "SignatureDoesNotMatch")
        elif upload is not None and 0 in upload.parts and "once" not in self.broken:
            _refuse(handler, 412, "PreconditionFailed")
        elif upload is not None and (
            ("abort" in self.broken and upload.status == "aborted")
            or ("checksum" in self.broken and upload.method == "put")
        ):
            self._accept(handler)
        else:
            self.serve_s3(handler)

    def _deviation(self, handler: Handler) -> str | None:
        """Return what of a request is not as it was signed."""
        query = handler.path.partition("?")[2]
        signed = self._issued.get(handler.path)
        if signed is None:
            for name, what in (("X-Amz-Expires", "life"), ("X-Amz-Signature", "signature"), ("partNumber", "part")):
                if name in query:
                    return what
            return "key" if query else ("privacy" if handler.command == "GET" else "signature")
        if handler.command != "PUT":
            return "method"
        sent = {name.lower(): value for name, value in handler.headers.items()}
        for name, value in signed.items():
            if name not in sent:
                return "presence"
            if sent[name] != value:
                is_longer = name == "content-length" and int(sent[name]) > int(value)
                length = "more bytes" if is_longer and "more bytes" in self.broken else "length"
                return {"content-length": length, "content-type": "type"}.get(name, "checksum")
        return "added" if any(name.startswith("x-amz-") and name not in signed for name in sent) else None

    def _accept(self, handler: Handler, status: int = 200) -> None:
        handler.receive()
        send(handler, status, b"", {"ETag": '"etag"', **OF_S3})

    def keep(self, upload: StoredUpload, number: int, part: Part) -> None:
        """Store the bytes, and process a file that came whole."""
        super().keep(upload, number, part)
        if number:
            return
        is_malware = part.size_bytes == EICAR_BYTES and "scan" not in self.broken
        is_other = upload.declared["content_type"] != TYPE and "sniffing" not in self.broken
        upload.status = "rejected" if is_malware or is_other else "completed"
        if upload.method in self.broken:
            upload.status = "failed"
        self._rejected_as[upload.upload_id] = "malware-found" if is_malware else "type-mismatch"

    def _result_of(self, upload_id: str) -> bytes:
        upload = self.uploads[upload_id]
        declared: str = (upload.late_checksum or upload.declared["checksum"])["value"]
        if "result" in self.broken:
            declared = base64.b64encode(hashlib.sha256().digest()).decode()
        if "result format" in self.broken:
            return b"<html>"
        return json.dumps({"sha256": base64.b64decode(declared).hex()}).encode()


def _without_ends(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in {"result", "failure", "rejection"}}


@contextmanager
def _adding(handler: Handler, headers: Mapping[str, str]) -> Generator[None]:
    """Add headers to the next answer."""
    end: Callable[[], None] = handler.end_headers

    def add_and_end() -> None:
        for name, value in headers.items():
            handler.send_header(name, value)
        end()

    handler.end_headers = add_and_end
    try:
        yield
    finally:
        handler.end_headers = end


def _refuse(handler: Handler, status: int, code: str) -> None:
    handler.receive()
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    send(handler, status, b"" if handler.command == "HEAD" else body, {**OF_S3, "Content-Type": "application/xml"})
