"""A deployment as a test sees it: from outside, by HTTP, as a signed-in user."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from client import Session, UserPool
from client.operators.redrive import DeadLetters
from local.emulator.process import Emulator
from local.engine.deployment import Deployment

URL_SECONDS = 15
"""How long a presigned URL of the team's deployment lives."""

HTTP_SECONDS = 120
"""For an answer, however loaded the machine is. API Gateway's own limit is 29."""

OPEN_UPLOADS = 20
"""How many open uploads an owner may have in the guarded deployment."""


@dataclass(frozen=True)
class User:
    """Somebody who is signed in."""

    email: str
    password: str
    session: Session

    @property
    def token(self) -> str:
        return self.session.id_token()


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. Its body, if any, is JSON."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class System:
    """One deployment, and what a test does with it from outside."""

    emulator: Emulator
    deployment: Deployment

    @property
    def outputs(self) -> Mapping[str, Any]:
        return self.deployment.outputs

    def new_user(self) -> User:
        """Sign somebody up and in; the operator confirms them in the place of their mail."""
        email, password = f"{secrets.token_hex(6)}@example.com", f"Aa1-{secrets.token_urlsafe(12)}"
        with UserPool(self.outputs["userPoolClientId"], self.emulator.region, self.emulator.endpoint) as users:
            users.sign_up(email, password)
            self.emulator.client("cognito-idp").admin_confirm_sign_up(
                UserPoolId=self.outputs["userPoolId"], Username=email
            )
            return User(email, password, users.sign_in(email, password))

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call the API as it is, without the client's kindness; bytes go as they are, anything else as JSON."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return http(method, self.outputs["apiUrl"] + path, data, {**sent, **(headers or {})})

    def create(
        self,
        user: User,
        size_bytes: int = 5,
        file_name: str = "a.bin",
        content_type: str = "application/octet-stream",
    ) -> Any:
        """Declare a file; returns the plan."""
        body = {"file_name": file_name, "content_type": content_type, "size_bytes": size_bytes}
        answer = self.call("POST", "/uploads", body, token=user.token)
        assert answer.status == 201, answer.text
        return answer.json

    def send(
        self,
        user: User,
        content: bytes = b"12345",
        file_name: str = "a.bin",
        content_type: str = "application/octet-stream",
    ) -> str:
        """Declare a file and send it; returns the upload's id."""
        plan = self.create(user, len(content), file_name, content_type)
        answer = put(plan, content)
        assert answer.status == 200, answer.text
        return plan["upload_id"]

    def status(self, user: User, upload_id: str) -> Any:
        answer = self.call("GET", f"/uploads/{upload_id}", token=user.token)
        assert answer.status == 200, answer.text
        return answer.json

    def await_status(self, user: User, upload_id: str, *expected: str, seconds: float = 120) -> Any:
        """Poll until the upload has one of these states; fails with the last one seen."""
        return eventually(
            lambda: self.status(user, upload_id), lambda upload: upload["status"] in expected, seconds=seconds
        )

    def await_idle(self) -> None:
        """Wait until no message waits or is being processed."""
        eventually(self.messages, lambda left: left == 0)

    def messages(self) -> int:
        """How many messages wait or are being processed."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs, urls = (
            self.emulator.client("sqs"),
            (self.resource_id("Queue", "processing-arrivals"), self.outputs["queueUrl"]),
        )
        found = (sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls)
        return sum(int(each[name]) for each in found for name in names)

    def dead_letters(self) -> list[dict[str, Any]]:
        """The events in the dead-letter queue; they stay there."""
        answer = self.emulator.client("sqs").receive_message(
            QueueUrl=self.outputs["deadLetterQueueUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def is_dead(self, upload_id: str) -> bool:
        """Whether an event of the upload is in the dead-letter queue."""
        return any(event["detail"]["object"]["key"].endswith(upload_id) for event in self.dead_letters())

    def redrive(self, upload_id: str | None = None) -> None:
        """Redrive one upload, or all, as the operator."""
        with DeadLetters(
            self.emulator.client("sqs"),
            queue_url=self.outputs["queueUrl"],
            dead_letter_queue_url=self.outputs["deadLetterQueueUrl"],
        ) as letters:
            for letter in letters:
                if upload_id in (None, letter.upload_id):
                    letters.move(letter)

    def resource_id(self, kind: str, name: str) -> str:
        """The physical id of a resource, by its Pulumi type's last word and its name."""
        found = [each.id for each in self.deployment.resources if each.type.endswith(f":{kind}") and each.name == name]
        assert len(found) == 1, f"{kind} {name}: {found}"
        return found[0]


def http(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One request, no retries, no redirects."""
    answer = urllib3.request(
        method, url, body=body, headers=dict(headers or {}), retries=False, timeout=HTTP_SECONDS, redirect=False
    )
    return Answer(answer.status, answer.headers, answer.data.decode())


def put(plan: Mapping[str, Any], content: bytes, **headers: str) -> Answer:
    """Send bytes to a presigned URL, with the plan's headers or others in their place."""
    sent = {**plan["headers"], "Content-Length": str(len(content)), **headers}
    return http("PUT", plan["url"], content, sent)


def checksum_of(content: bytes) -> str:
    """SHA-256 as it is declared, and as S3 writes it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def eventually(look: Callable[[], Any], good: Callable[[Any], bool], *, seconds: float = 120) -> Any:
    """Look until it is good; fails with what was seen last."""
    deadline = time.monotonic() + seconds
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"after {seconds} s still {seen!r}"
        time.sleep(0.05)
    return seen
