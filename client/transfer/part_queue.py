"""The parts that are still to be sent, with signatures that are fetched when they are needed."""

import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from ..api.models import HeldParts, PartPlan, PartSignatures
from ..api.uploads import UploadsApi
from ..errors import ApiProblem, UnexpectedAnswer
from .config import TransferConfig
from .s3 import Request, SignedPart, is_too_old
from .source import CHECKSUMS, SourceFile

MOST_PARTS = 10_000  # Amazon S3 user guide, "Multipart upload limits"
MOST_PART_BYTES = 5 * 1024**3  # as above
_UNAUTHORIZED = frozenset({400, 401, 403, 410})


@dataclass(frozen=True)
class Job:
    """One upload: the file, and how it is divided and checked."""

    upload_id: str
    source: SourceFile
    part_size_bytes: int
    part_count: int
    checksum: str | None = None
    """Algorithm of the parts' checksums, the same as that of the declared one."""

    @classmethod
    def of(cls, upload_id: str, source: SourceFile, plan: PartPlan) -> "Job":
        """Divide the file by the plan. Raises UnexpectedAnswer if the plan has another size or an unknown checksum."""
        check_plan(upload_id, plan)
        if plan.part_count != -(-source.size_bytes // plan.part_size_bytes):
            raise UnexpectedAnswer(
                f"upload {upload_id} is planned as {plan.part_count} parts of {plan.part_size_bytes} bytes, "
                f"but {source.path} has {source.size_bytes} bytes"
            )
        return cls(upload_id, source, plan.part_size_bytes, plan.part_count, plan.checksum_algorithm)

    def offset(self, number: int) -> int:
        """Return the offset of a part in the file."""
        return (number - 1) * self.part_size_bytes

    def length(self, number: int) -> int:
        """Return the size of a part."""
        return min(self.part_size_bytes, self.source.size_bytes - self.offset(number))

    def checksums(self, numbers: Iterable[int]) -> list[str] | None:
        """Return the checksums of these parts, or None if parts have no checksums."""
        if self.checksum is None:
            return None
        return [self.source.checksum(self.checksum, self.offset(n), self.length(n)).value for n in numbers]

    def lacking(self, held: HeldParts) -> list[int]:
        """Return the parts that are missing at S3 or have another size."""
        return [
            number
            for number in range(1, self.part_count + 1)
            if number not in held.parts or held.parts[number].size_bytes != self.length(number)
        ]

    def lacking_or_foreign(
        self, held: HeldParts, known: Container[tuple[int, str]], note: Callable[[int, str], object]
    ) -> list[int]:
        """Return the parts that are missing at S3, or may hold other bytes than the file.

        Parts that are not `known`, those that this machine has sent, are compared by their checksum if the file was
        declared with one, otherwise by MD5. An ETag is the MD5 unless S3 encrypts with a KMS key. Source: Amazon S3 API
        reference, "Object". So if the first comparison fails, no further part is compared. Calls `note` with each part
        that is equal.
        """
        lacking = set(self.lacking(held))
        are_md5s: bool | None = None
        foreign: list[int] = []
        for number in range(1, self.part_count + 1):
            if number in lacking or (number, held.parts[number].etag) in known:
                continue
            part = held.parts[number]
            if self.checksum is not None:
                is_same = self.checksums([number]) == [part.checksum]
            elif are_md5s is False:
                is_same = False
            else:
                is_same = part.etag.strip('"') == self.source.md5(self.offset(number), self.length(number))
                are_md5s = are_md5s or is_same
            if is_same:
                note(number, part.etag)
            else:
                foreign.append(number)
        return sorted([*lacking, *foreign])


def check_plan(upload_id: str, plan: PartPlan) -> None:
    """Raise UnexpectedAnswer for a plan that S3 allows nobody, or a checksum that this client does not know."""
    sizes = (plan.part_size_bytes, *(each.size_bytes for each in plan.part_sizes))
    if not (1 <= plan.part_count <= MOST_PARTS and min(sizes) > 0 and max(sizes) <= MOST_PART_BYTES):
        raise UnexpectedAnswer(
            f"upload {upload_id} is planned as {plan.part_count} parts of {min(sizes)} to {max(sizes)} bytes, but S3 "
            f"takes at most {MOST_PARTS} parts, of 1 to {MOST_PART_BYTES} bytes"
        )
    if plan.checksum_algorithm not in {None, *CHECKSUMS}:
        raise UnexpectedAnswer(
            f"upload {upload_id} is checked by {plan.checksum_algorithm!r}, but this client knows only "
            f"{', '.join(CHECKSUMS)}: install a newer one"
        )


class PartQueue:
    """Returns parts to threads, in the order of the file or, with `from_the_end`, in reverse order.

    Two devices can send one upload from both ends. Before further parts are signed, the list of parts at S3 is fetched
    again if it is old, so that each device skips the parts that the other one has sent.
    """

    def __init__(
        self,
        api: UploadsApi,
        job: Job,
        plan: PartPlan,
        numbers: Iterable[int],
        config: TransferConfig,
        *,
        from_the_end: bool = False,
    ) -> None:
        self.job = job
        self._config = config
        self._lock = threading.Lock()
        self.source = job.source
        self.stopped = threading.Event()
        """Set when no more parts are to be sent."""
        self._session = SigningSession(api, job.upload_id, plan)
        self._most = config.parts_signed_at_once
        if job.checksum is not None:
            self._most = max(1, min(self._most, config.bytes_hashed_at_once // job.part_size_bytes))
        ranges = list(_ranges(numbers, self._most))
        self._ranges = deque(reversed(ranges) if from_the_end else ranges)
        self._ready: deque[SignedPart] = deque()
        self._listed_at = monotonic()
        self.parts_left = sum(map(len, ranges))
        """Parts that no thread has taken yet."""
        self.sent_elsewhere: frozenset[int] = frozenset()
        """Parts that another device has sent in the meantime."""

    def take(self) -> SignedPart | None:
        """Return the next part, or None if none is left."""
        with self._lock:
            if self._ready and is_too_old(self._ready[0]):
                self._put_back()
            while not self._ready and self._ranges:
                self._prepare()
            if not self._ready:
                return None
            self.parts_left -= 1
            return self._ready.popleft()

    def sign_again(self, part: SignedPart) -> SignedPart:
        """Return a part with a new signature. Parts that were signed with it are signed again as well."""
        with self._lock:
            if self._ready and self._ready[0].good_until <= part.good_until:
                self._put_back()
            return self._signed(range(part.number, part.number + 1))[0]

    def _put_back(self) -> None:
        self._ranges.appendleft(range(self._ready[0].number, self._ready[-1].number + 1))
        self._ready.clear()

    def _prepare(self) -> None:
        """Sign the next range. If this fails, the queue is unchanged."""
        if monotonic() - self._listed_at > self._config.listing_seconds:
            lacking = set(self.job.lacking(self._session.held_parts()))
            self._listed_at = monotonic()
            left = [number for numbers in self._ranges for number in numbers]
            self.sent_elsewhere |= set(left) - lacking
            self._ranges = deque(_ranges((number for number in left if number in lacking), self._most))
            self.parts_left = sum(map(len, self._ranges))
            if not self._ranges:
                return
        self._ready.extend(self._signed(self._ranges[0]))
        self._ranges.popleft()

    def _signed(self, numbers: range) -> list[SignedPart]:
        job = self.job
        sums = job.checksums(numbers)
        signatures = self._session.sign(numbers[0], numbers[-1], sums)
        expiry = good_until(signatures, self._config)
        signed: list[SignedPart] = []
        for index, number in enumerate(numbers):
            headers = {"Content-Length": str(job.length(number))}
            if sums is not None:
                headers[f"x-amz-checksum-{job.checksum}"] = sums[index]
            request = Request("PUT", signatures.url(number), headers, job.offset(number), job.length(number))
            signed.append(SignedPart(number, request, expiry))
        return signed


class SigningSession:
    """Signs the parts of one upload, with the session of its plan or a newer one."""

    def __init__(self, api: UploadsApi, upload_id: str, plan: PartPlan) -> None:
        self._api = api
        self._upload_id = upload_id
        self._session = plan.session

    def sign(
        self, first: int, last: int, checksums: Sequence[str] | None, last_part_size_bytes: int | None = None
    ) -> PartSignatures:
        """Fetch signatures. If the session has expired or its key was rotated, fetch a new one and retry once."""

        def sign() -> PartSignatures:
            return self._api.sign_parts(
                self._upload_id, self._session, first, last, checksums, last_part_size_bytes=last_part_size_bytes
            )

        try:
            return sign()
        except ApiProblem as problem:
            if problem.status not in _UNAUTHORIZED or "session" not in f"{problem.type} {problem.detail}".lower():
                raise
        self.held_parts()
        return sign()

    def held_parts(self) -> HeldParts:
        """Return the parts at S3. The answer has a new session, which is used from then on."""
        held = self._api.held_parts(self._upload_id)
        self._session = held.plan.session
        return held


def good_until(signatures: PartSignatures, config: TransferConfig) -> float:
    """Return when signatures that were just received are to be renewed, by the monotonic clock."""
    # The margin is at most a fifth, otherwise short-lived signatures would never be used.
    margin = min(config.early_seconds, signatures.lifetime_seconds / 5)
    return monotonic() + signatures.lifetime_seconds - margin


def _ranges(numbers: Iterable[int], most: int) -> Iterator[range]:
    """Join consecutive numbers to ranges of at most `most`."""
    begun: range | None = None
    for number in numbers:
        if begun is not None and number == begun.stop and len(begun) < most:
            begun = range(begun.start, number + 1)
        else:
            if begun is not None:
                yield begun
            begun = range(number, number + 1)
    if begun is not None:
        yield begun
