"""The parts of a stream: each is read into memory, signed when a thread takes it, and kept until S3 has stored it.

One thread reads. It waits while the memory is full, so that a fast stream needs no more of it than a slow one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from ..api.models import Checksum, PartPlan, PartSignatures
from ..api.uploads import UploadsApi
from ..errors import StreamTooLong
from .config import TransferConfig
from .part_queue import SigningSession, good_until
from .s3 import Request, SignedPart
from .source import HeldBytes, OpenBytes, RunningChecksum, checksum_of

_READ_BYTES = 1024 * 1024
_WAIT_SECONDS = 0.1
_FIRST_SIGNED = 4
"""Parts that are signed at first. The number doubles, because nobody knows how many parts there will be."""


class Readable(Protocol):
    """A stream: a pipe, a file, an answer of a server."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes, b"" at the end, or None if there are none at the moment."""
        ...


class Stream:
    """The bytes that were read of a stream before, and then the rest of it; None if that was all."""

    def __init__(self, head: HeldBytes, rest: Readable | None) -> None:
        self._head = memoryview(head.content)
        self._rest = rest

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer. Returns less than its length only at the end of the stream."""
        count = min(len(buffer), len(self._head))
        buffer[:count] = self._head[:count]
        self._head = self._head[count:] if count < len(self._head) else memoryview(b"")
        while self._rest is not None and count < len(buffer):
            piece = self._rest.read(min(_READ_BYTES, len(buffer) - count))
            if piece is None:  # a pipe that does not block has no bytes at the moment
                time.sleep(_WAIT_SECONDS)
                continue
            if not piece:
                self._rest = None
            buffer[count : count + len(piece)] = piece
            count += len(piece)
        return count


class _Part(NamedTuple):
    number: int
    offset: int
    length: int


class PartMemory:
    """The bytes of parts that were read and are not stored yet. It is the source of senders, and their notes."""

    name = "standard input"

    def __init__(self, most_bytes: int) -> None:
        self.changed = threading.Condition()
        self._most_bytes = most_bytes
        self._held: dict[int, tuple[int, memoryview]] = {}
        """Offset and bytes of each part, by its number."""

    @property
    def size_bytes(self) -> int:
        """The bytes that it holds."""
        return sum(len(content) for _, content in self._held.values())

    def has_room(self, length: int) -> bool:
        """Whether a part can be read. Two fit in any case, so that one is read while another one is sent."""
        return len(self._held) < 2 or self.size_bytes + length <= self._most_bytes  # noqa: PLR2004

    def hold(self, part: _Part, content: memoryview) -> None:
        """Keep the bytes of a part."""
        self._held[part.number] = (part.offset, content)

    def checksum(self, number: int, algorithm: str) -> Checksum:
        """Return the checksum of a part."""
        return checksum_of(self._held[number][1], algorithm)

    def note(self, number: int, etag: str) -> None:  # noqa: ARG002 - part of the protocol
        """Forget the bytes of a part that S3 has stored."""
        with self.changed:
            del self._held[number]
            self.changed.notify_all()

    @contextmanager
    def sending(self, pause: Callable[[float], None]) -> Generator[None]:  # noqa: ARG002 - part of the protocol
        """Do nothing: no other process sends parts of this upload."""
        yield

    def open(self, buffer_bytes: int) -> OpenBytes:
        """Return a reader."""
        return OpenBytes(self._part_at, buffer_bytes)

    def _part_at(self, offset: int, length: int) -> memoryview:
        with self.changed:
            return next(content for begin, content in self._held.values() if begin == offset)[:length]


class StreamQueue:
    """Returns the parts of a stream to threads."""

    def __init__(
        self,
        api: UploadsApi,
        upload_id: str,
        plan: PartPlan,
        stream: Stream,
        *,
        config: TransferConfig,
        checksum: str | None,
    ) -> None:
        self.source = self.memory = PartMemory(config.stream_memory_bytes)
        self.stopped = threading.Event()
        self.size_bytes: int | None = None
        """None until the end of the stream is read, as part_count."""
        self.part_count: int | None = None
        self._stream = stream
        self._digest = RunningChecksum(checksum) if checksum else None
        self._plan = plan
        self._signer = _Signer(api, upload_id, plan, config)
        self._ready: deque[_Part] = deque()
        self._failure: BaseException | None = None
        self._reader = threading.Thread(target=self._read, name="portage-stream", daemon=True)

    def start(self) -> None:
        """Begin to read. The thread cannot be interrupted while it waits for bytes, and ends with the process then."""
        self._reader.start()

    def check(self) -> None:
        """Raise the error that reading ended with, if there is one."""
        if self._failure is not None:
            raise self._failure

    @property
    def checksum(self) -> Checksum | None:
        """The checksum of the whole stream, if one was asked for."""
        return self._digest.value if self._digest else None

    @property
    def parts_left(self) -> int:
        """Parts that no thread has taken yet. While the stream has not ended, there may be any number."""
        return len(self._ready) if self.part_count is not None or self._failure is not None else self._plan.part_count

    def take(self) -> SignedPart | None:
        """Return the next part, or None at the end of the stream."""
        with self.memory.changed:
            while not self._ready:
                self.check()
                if self.part_count is not None or self.stopped.is_set():
                    return None
                self.memory.changed.wait(_WAIT_SECONDS)
            part = self._ready.popleft()
        try:
            return self._signed(part)
        except BaseException:
            with self.memory.changed:
                self._ready.appendleft(part)
            raise

    def sign_again(self, part: SignedPart) -> SignedPart:
        """Return a part with a new signature."""
        self._signer.forget(part.good_until)
        return self._signed(_Part(part.number, part.request.offset, part.request.length))

    def _signed(self, part: _Part) -> SignedPart:
        headers = {"Content-Length": str(part.length)}
        checksum = None
        if self._plan.checksum_algorithm is not None:
            checksum = self.memory.checksum(part.number, self._plan.checksum_algorithm).value
            headers[f"x-amz-checksum-{self._plan.checksum_algorithm}"] = checksum
        is_short = self._plan.max_size_bytes is not None and part.length != self._plan.size_of(part.number)
        url, expiry = self._signer.url(part.number, checksum, part.length if is_short else None)
        return SignedPart(part.number, Request("PUT", url, headers, part.offset, part.length), expiry)

    def _read(self) -> None:
        number, offset = 1, 0
        try:
            while self._wait_for_room(length := self._length(number, offset)):
                content = memoryview(bytearray(length))
                count = self._stream.read_into(content)
                if count:
                    self._hold(_Part(number, offset, count), content[:count])
                    number, offset = number + 1, offset + count
                del content  # otherwise it stays in memory while the next part waits for room
                if count < length:
                    break
            if not self.stopped.is_set():
                self._end(number - 1, offset)
        except BaseException as error:  # noqa: BLE001 - a thread that takes a part raises it
            self._failure = error

    def _length(self, number: int, offset: int) -> int:
        """Return the planned length of a part, or 1 after the last one: the stream must not have one more byte."""
        planned = self._plan.size_of(number)
        limit = self._plan.max_size_bytes
        return planned if limit is None else max(1, min(planned, limit - offset))

    def _wait_for_room(self, length: int) -> bool:
        """Wait until a part fits. Returns False if no more parts are to be sent."""
        with self.memory.changed:
            while not self.memory.has_room(length):
                if self.stopped.is_set():
                    return False
                self.memory.changed.wait(_WAIT_SECONDS)
        return not self.stopped.is_set()

    def _hold(self, part: _Part, content: memoryview) -> None:
        limit = self._plan.max_size_bytes
        if limit is not None and part.offset + part.length > limit:
            raise StreamTooLong(f"{self.memory.name} has more than {limit} bytes, which is your quota an upload")
        if self._digest is not None:
            self._digest.update(content)
        with self.memory.changed:
            self.memory.hold(part, content)
            self._ready.append(part)
            self.memory.changed.notify_all()

    def _end(self, part_count: int, size_bytes: int) -> None:
        with self.memory.changed:
            self.part_count, self.size_bytes = part_count, size_bytes
            self.memory.changed.notify_all()


class _Signer:
    """Signs parts in batches, before they are read. A part with a checksum or of another length is signed alone."""

    def __init__(self, api: UploadsApi, upload_id: str, plan: PartPlan, config: TransferConfig) -> None:
        self._session = SigningSession(api, upload_id, plan)
        self._part_count = plan.part_count
        self._config = config
        self._lock = threading.Lock()
        self._batch_parts = _FIRST_SIGNED
        self._batch: PartSignatures | None = None
        self._batch_until = 0.0

    def url(self, number: int, checksum: str | None, length: int | None) -> tuple[str, float]:
        """Return the URL of a part, and until when it is good. `length` is None for the planned one."""
        with self._lock:
            if checksum is not None or length is not None:
                signed = self._session.sign(number, number, [checksum] if checksum is not None else None, length)
                return signed.url(number), good_until(signed, self._config)
            batch = self._batch
            if batch is None or not batch.covers(number) or self._batch_until <= time.monotonic():
                batch = self._session.sign(number, min(number + self._batch_parts - 1, self._part_count), None)
                self._batch, self._batch_until = batch, good_until(batch, self._config)
                self._batch_parts = min(2 * self._batch_parts, self._config.parts_signed_at_once)
            return batch.url(number), self._batch_until

    def forget(self, until: float) -> None:
        """Sign the parts of a batch again that was good until this time, or before."""
        with self._lock:
            if self._batch_until <= until:
                self._batch = None
