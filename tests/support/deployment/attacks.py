"""What somebody may try with a permission that is not meant for it, and what they then hold in hands."""

import json
import random
import urllib.parse
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.deployment.system import Answer, System, User, checksum_of, http, put

MEBIBYTE = 1024**2
PART_BYTES = 16 * MEBIBYTE
CONTENT = random.Random(1).randbytes(PART_BYTES + 5)
SMALL = b"12345"
TYPE = "application/octet-stream"


@dataclass(frozen=True)
class Attempt:
    """One deployment, and two users of it: the attacker is signed in as well."""

    system: System
    user: User
    stranger: User

    def declare(self, method: str, content: bytes = SMALL, *, user: User | None = None, **more: object) -> Any:
        body = {"file_name": "a.bin", "content_type": TYPE, "size_bytes": len(content), "method": method, **more}
        answer = self.system.call("POST", "/uploads", body, token=(user or self.user).token)
        assert answer.status == 201, answer.text
        return answer.json

    def checked(self, method: str, content: bytes = SMALL) -> Any:
        return self.declare(method, content, checksum={"algorithm": "sha256", "value": checksum_of(content)})

    def sign(
        self,
        plan: Mapping[str, Any],
        first: int,
        last: int,
        *,
        user: User | None = None,
        checksums: Sequence[str] | None = None,
    ) -> Answer:
        body: dict[str, object] = {"session": plan["session"], "first_part": first, "last_part": last}
        if checksums is not None:
            body["checksums"] = list(checksums)
        return self.system.call("POST", f"/uploads/{plan['upload_id']}/parts", body, token=(user or self.user).token)

    def part(self, plan: Mapping[str, Any], number: int, *, checksums: Sequence[str] | None = None) -> str:
        """The URL of one part."""
        signed = self.sign(plan, number, number, checksums=checksums)
        assert signed.status == 200, signed.text
        told = signed.json
        return f"{told['url_prefix']}{number}{told['url_suffix']}{told['signatures'][0]}"

    def finished(self, method: str) -> Any:
        """An upload that was sent and processed, and its plan."""
        content = CONTENT if method == "multipart" else SMALL
        plan = self.declare(method, content)
        if method == "put":
            assert put(plan, content).status == 200
        elif method == "post":
            assert post_form(plan, content).status == 204
        else:
            for number in (1, 2):
                assert send(self.part(plan, number), part_of(number)).status == 200
            done = self.system.call("POST", f"/uploads/{plan['upload_id']}/complete", {}, token=self.user.token)
            assert done.status == 200, done.text
        self.system.await_status(self.user, plan["upload_id"], "completed")
        return plan

    def ended(self, plan: Mapping[str, Any]) -> Any:
        """What became of an upload that S3 took."""
        return self.system.await_status(self.user, plan["upload_id"], "completed", "rejected", "failed")


Try = Callable[[Attempt], Answer]


def part_of(number: int) -> bytes:
    return CONTENT[(number - 1) * PART_BYTES : number * PART_BYTES]


def send(url: str, content: bytes, method: str = "PUT", **headers: str) -> Answer:
    return http(method, url, content, {"Content-Length": str(len(content)), **headers})


def post_form(plan: Mapping[str, Any], content: bytes, **changes: str) -> Answer:
    """Send the form as a browser does, with some fields changed."""
    boundary = uuid.uuid4().hex
    fields = {**plan["fields"], **changes}
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    body = "".join([*lines, head]).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return http("POST", plan["url"], body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def other_key(plan: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {**plan, "url": plan["url"].replace(plan["upload_id"], other["upload_id"])}


def with_query(url: str, **changes: str) -> str:
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query)) | changes
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))


def with_claims_of(other: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan with a session that has another user's claims and the own signature."""
    return {**plan, "session": f"{other['session'].partition('.')[0]}.{plan['session'].partition('.')[2]}"}


def refused_by(answer: Answer) -> str:
    """Return who wrote the answer: S3 (XML), the gateway (its own problem types and details), or a function."""
    if answer.text.lstrip().startswith("<"):
        return "S3"
    problem = json.loads(answer.text)
    kind = problem["type"].removeprefix("urn:portage:problem:")
    by_gateway = kind in {"unauthorized", "no-such-resource", "request-too-large"} or problem["detail"].startswith("[")
    return "gateway" if by_gateway else "function"
