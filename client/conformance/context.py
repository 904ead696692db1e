"""What a case works with: a signed-in user of one stack, requests that the client would not send, and a time limit."""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from urllib3.filepost import encode_multipart_formdata

from ..api.models import Checksum, CreatedUpload, PartPlan, Upload
from ..api.uploads import Token, UploadsApi
from ..auth.cognito import subject
from ..errors import NotFinished
from ..portage import Portage, follow
from ..transfer.config import Progress, TransferConfig
from ..transfer.source import HeldBytes
from ..transport import read
from .answers import PATIENCE, Answer, Requests
from .sample import Sample
from .stack import Stack
from .verdict import Failed, Skipped, require


class Person:
    """A signed-in user."""

    def __init__(self, stack: Stack, token: Token, folder: Path) -> None:
        """Store the state of this person's uploads in the folder."""
        self.api = UploadsApi(stack.api_url, token, retry=PATIENCE)
        self._stack, self._token, self._folder = stack, token, folder
        self.portage = self.device("first")

    def device(self, name: str) -> Portage:
        """Return a client that knows nothing of what this person's other devices do."""
        state_folder = self._folder / name
        return Portage(
            self._stack.api_url, self._token, state_folder=state_folder, config=TransferConfig(retry=PATIENCE)
        )

    @cached_property
    def owner(self) -> str:
        """The name of this person's partition: the token's `sub`."""
        return subject(self.api.token())

    def close(self) -> None:
        """Close the connections."""
        self.api.close()
        self.portage.close()


class StackOperator(Protocol):
    """What an operator does for the suite with AWS credentials. `operator.Operator` does it on AWS."""

    def send_event_again(self, owner: str, upload_id: str) -> None:
        """Send the event of a stored object again."""
        ...

    def is_queue_empty(self) -> bool:
        """Whether no message waits or is being processed."""
        ...

    def is_put_away(self, owner: str, upload_id: str) -> bool:
        """Whether a rejected object has left the ingest bucket, and is in the quarantine if the stack has one."""
        ...

    def delete(self, owner: str, upload_id: str) -> None:
        """Delete the objects and the result of an upload that has ended."""
        ...


class _Created(msgspec.Struct, frozen=True):
    upload_id: str


@dataclass
class Context:
    """The surroundings of a case."""

    stack: Stack
    person: Person
    folder: Path
    """For files, deleted after the run."""
    sample: Sample
    make_stranger: Callable[[], Person]
    """Signs another user in. Raises Skipped if there is none."""
    operator: StackOperator | None
    case_seconds: float
    """The time limit of a case."""
    requests: Requests = field(default_factory=Requests)
    begun: dict[str, Person] = field(default_factory=dict[str, Person])
    """The uploads that cases have begun, with their owners."""
    stored: set[str] = field(default_factory=set[str])
    """Uploads that have their bytes at S3. They are not aborted, because their event may be on its way."""
    _open: dict[str, CreatedUpload] = field(default_factory=dict[str, CreatedUpload])
    _deadline: float = 0.0

    def start_case(self) -> None:
        """Start the time limit of the next case."""
        self._deadline = time.monotonic() + self.case_seconds

    @property
    def left_seconds(self) -> float:
        """The time that the case still has. Raises Failed if it is over."""
        left = self._deadline - time.monotonic()
        require(left > 0, f"the case was not finished in {self.case_seconds:g} s")
        return left

    @cached_property
    def stranger(self) -> Person:
        """Another signed-in user, the same in all cases. Raises Skipped without one."""
        return self.make_stranger()

    @property
    def people(self) -> tuple[Person, ...]:
        """The users that were signed in so far."""
        return (self.person, self.stranger) if "stranger" in vars(self) else (self.person,)

    def needs_operator(self) -> StackOperator:
        """Return the operator. Raises Skipped without one."""
        if self.operator is None:
            raise Skipped("needs AWS credentials of an operator (--operator)")
        return self.operator

    # Requests to the API

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call the API, without a token unless one is given."""
        sent = {**({"Authorization": f"Bearer {token}"} if token is not None else {}), **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body).encode()
        _ = self.left_seconds
        shown = path.partition("?")[0]
        return self.requests.ask(f"{method} {shown}", method, f"{self.stack.api_url}{path}", sent, content)

    def called(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Call the API as the signed-in user."""
        answer = self.call(method, path, body, token=self.person.api.token(), headers=headers)
        if answer.status == HTTPStatus.CREATED:  # to be aborted, although the case has not expected it
            created = read(answer.body, _Created, answer.what)
            self.begun[created.upload_id] = self.person
        return answer

    # Uploads

    def declare(
        self,
        content: bytes | None = None,
        method: str = "put",
        *,
        size_bytes: int | None = None,
        checksum: Checksum | None = None,
        content_type: str | None = None,
        key: str | None = None,
        person: Person | None = None,
    ) -> CreatedUpload:
        """Declare an upload of the sample, or of other bytes. It is aborted after the run, if it is still open."""
        _ = self.left_seconds
        size = len(self.sample.content if content is None else content) if size_bytes is None else size_bytes
        whose = person or self.person
        created = whose.api.create(
            self.sample.file_name,
            content_type or self.sample.content_type,
            size,
            checksum=checksum,
            method=method,
            idempotency_key=key,
        )
        self.begun[created.upload_id] = whose
        return created

    def needs_two_parts(self, size_bytes: int) -> None:
        """Raise Skipped if the stack's quota is smaller than a file of two parts."""
        most = self.stack.rules.max_upload_bytes
        if most is not None and size_bytes > most:
            raise Skipped(
                f"the stack allows uploads of at most {most:.0f} bytes (maxUploadBytes), too few for two parts"
            )

    def declare_without_size(self) -> CreatedUpload:
        """Declare an upload in parts of the sample, with a size that is declared at its completion."""
        _ = self.left_seconds
        created = self.person.api.create(self.sample.file_name, self.sample.content_type, None, method="multipart")
        self.begun[created.upload_id] = self.person
        return created

    def declare_form(self) -> CreatedUpload:
        """Declare an upload by form. Raises Skipped if the stack allows no forms."""
        if self.stack.rules.allow_forms is False:
            raise Skipped("the stack allows no forms (allowForms)")
        return self.declare(method="post")

    def send(self, url: str, content: bytes, headers: Mapping[str, str] | None = None, method: str = "PUT") -> Answer:
        """Send bytes to a presigned URL, with exactly these headers and their length."""
        _ = self.left_seconds
        sent = {name: value for name, value in (headers or {}).items() if name.lower() != "content-length"}
        return self.requests.ask(f"{method} to S3", method, url, {**sent, "Content-Length": str(len(content))}, content)

    def put(
        self, created: CreatedUpload, content: bytes | None = None, changed: Mapping[str, str | None] | None = None
    ) -> Answer:
        """Send the sample or other bytes as the plan says, with some headers changed, added, or left out (None).

        Names of changed headers are in lower case.
        """
        others = changed or {}
        kept = {name: value for name, value in created.headers.items() if name.lower() not in others}
        kept |= {name: value for name, value in others.items() if value is not None}
        answer = self.send(created.url, self.sample.content if content is None else content, kept)
        if answer.status == HTTPStatus.OK:
            self.stored.add(created.upload_id)
        return answer

    def post(
        self, created: CreatedUpload, content: bytes | None = None, changed: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form as a browser does, with some fields changed or added."""
        _ = self.left_seconds
        fields = {**created.fields, **(changed or {})}
        file = (self.sample.file_name, self.sample.content if content is None else content, "application/octet-stream")
        body, content_type = encode_multipart_formdata([*fields.items(), ("file", file)])
        return self.requests.ask("POST to S3", "POST", created.url, {"Content-Type": content_type}, body)

    def part_url(self, created: CreatedUpload, number: int, checksums: Sequence[str] | None = None) -> str:
        """Return the presigned URL of a part."""
        _ = self.left_seconds
        session = plan_of(created).session
        return self.person.api.sign_parts(created.upload_id, session, number, number, checksums).url(number)

    def upload(self, portage: Portage, sample: Sample, method: str, **options: str) -> Upload:
        """Send a file with the client itself, as a user does."""
        path = self.write(sample)
        upload = portage.upload(
            path, sample.content_type, self.watch, method=method, file_name=sample.file_name, **options
        )
        self.begun[upload.upload_id] = self.person
        self.stored.add(upload.upload_id)
        return upload

    def write(self, sample: Sample) -> Path:
        """Write a file into the folder of the run."""
        path = self.folder / f"{uuid.uuid4()}"
        path.write_bytes(sample.content)
        return path

    def watch(self, progress: Progress) -> None:
        """Stop a transfer at the time limit. Given to the client as its `on_progress`."""
        self.begun[progress.upload_id] = self.person
        _ = self.left_seconds

    def status(self, upload_id: str) -> Upload:
        """Return the state of an upload."""
        _ = self.left_seconds
        return self.person.api.get(upload_id)

    def newest(self) -> tuple[Upload, ...]:
        """Return the newest uploads in the user's list. Others are older than the run."""
        _ = self.left_seconds
        return self.person.api.page().uploads

    def changes(self, upload_id: str) -> list[Upload]:
        """Return all states of an upload that can be seen until it has ended."""
        try:
            return list(follow(self.person.api.get, upload_id, self.left_seconds))
        except NotFinished as late:
            status = self.person.api.get(upload_id).status
            raise Failed(
                f"the upload is still {status} at the time limit of the case, {self.case_seconds:g} s"
            ) from late

    def completed(self, upload_id: str) -> Upload:
        """Wait for the end, which must be `completed`."""
        return require_completed(self.changes(upload_id)[-1], self.sample)

    def require_open(self, created: CreatedUpload) -> None:
        """Raise Failed unless S3 has stored nothing: the upload still waits for its bytes."""
        status = self.status(created.upload_id).status
        require(status == "pending", f"the upload is {status} after S3 refused its bytes, not pending")

    def open_upload(self, method: str = "put") -> CreatedUpload:
        """Return an upload that waits for its bytes, the same for all cases that send nothing that S3 accepts.

        An aborted upload counts for the owner's quota until its URL expires, so a run must not begin many.
        """
        known = self._open.get(method)
        if known is None or self.status(known.upload_id).status != "pending":
            known = self.declare_form() if method == "post" else self.declare(method=method)
            self._open[method] = known
        return known


def require_completed(upload: Upload, sample: Sample) -> Upload:
    """Return the upload. Raises Failed if it ended otherwise."""
    reason = upload.failure or upload.rejection
    sentence = f"the upload is {upload.status}, not completed"
    if reason is not None:
        sentence += f": {reason.code}, {reason.detail}"
    if upload.status == "failed" and not sample.is_own:
        sentence += " If the processor needs other files, give one with --sample."
    require(upload.status == "completed", sentence)
    return upload


def sha256_of(content: bytes) -> Checksum:
    """Return the checksum to declare."""
    return HeldBytes(content, "").checksum("sha256")


def plan_of(created: CreatedUpload) -> PartPlan:
    """Return the plan of an upload in parts. Raises Failed without one."""
    if created.parts is None:
        raise Failed(f"an upload in parts was declared, but the API answered with the method {created.method}")
    return created.parts


def with_query(url: str, changed: Mapping[str, str]) -> str:
    """Return a URL with some members of its query changed."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **changed}
    return urlunsplit(parts._replace(query=urlencode(query)))
