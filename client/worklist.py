"""Which parts are left to send, and the signatures to send them with, fetched just in time."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from client.api import UploadsApi
from client.errors import ApiProblem, UnexpectedAnswer
from client.models import HeldParts, PartPlan, PartSignatures
from client.sending import Request
from client.source import CHECKSUMS, SourceFile
from client.tuning import Tuning

_UNAUTHORIZED = frozenset({400, 401, 403, 410})


@dataclass(frozen=True)
class SignedPart:
    """A part, ready to be sent until its signature expires."""

    number: int
    request: Request
    good_until: float
    """By the monotonic clock."""


@dataclass(frozen=True)
class Job:
    """One upload: which file, and how it is divided and checked."""

    upload_id: str
    source: SourceFile
    part_size_bytes: int
    part_count: int
    checksum: str | None = None
    """Algorithm of the parts' checksums: the one that the file was declared with."""

    @classmethod
    def of(cls, upload_id: str, source: SourceFile, plan: PartPlan) -> "Job":
        """Divide the file as planned; UnexpectedAnswer if the plan is for another size, or wants unknown checksums."""
        if plan.part_size_bytes < 1 or plan.part_count != -(-source.size_bytes // plan.part_size_bytes):
            raise UnexpectedAnswer(
                f"upload {upload_id} is planned as {plan.part_count} parts of {plan.part_size_bytes} bytes, "
                f"which is not what the {source.size_bytes} bytes of {source.path} make"
            )
        if plan.checksum_algorithm not in {None, *CHECKSUMS}:
            raise UnexpectedAnswer(
                f"upload {upload_id} is checked by {plan.checksum_algorithm!r}, but this client knows only "
                f"{', '.join(CHECKSUMS)}: take a newer one"
            )
        return cls(upload_id, source, plan.part_size_bytes, plan.part_count, plan.checksum_algorithm)

    def offset(self, number: int) -> int:
        """Where in the file a part begins."""
        return (number - 1) * self.part_size_bytes

    def length(self, number: int) -> int:
        """How many bytes a part has."""
        return min(self.part_size_bytes, self.source.size_bytes - self.offset(number))

    def checksums(self, numbers: Iterable[int]) -> list[str] | None:
        """Read these parts of the file; None where parts are not checked."""
        if self.checksum is None:
            return None
        return [self.source.checksum(self.checksum, self.offset(n), self.length(n)).value for n in numbers]

    def lacking(self, held: HeldParts) -> list[int]:
        """Return the parts that S3 has not, or not in their length."""
        return [
            number
            for number in range(1, self.part_count + 1)
            if number not in held.parts or held.parts[number].size_bytes != self.length(number)
        ]


class Worklist:
    """Hands out parts to threads, in the order of the file or, `from_the_end`, against it.

    Two devices that send one upload from both ends meet in the middle: before further signatures the listing is asked
    for again, if the last one is old, so that each skips what the other has sent.
    """

    def __init__(
        self,
        api: UploadsApi,
        job: Job,
        plan: PartPlan,
        numbers: Iterable[int],
        tuning: Tuning,
        *,
        from_the_end: bool = False,
    ) -> None:
        self._api = api
        self._job = job
        self._tuning = tuning
        self._lock = threading.Lock()
        self._session = plan.session
        self._most = tuning.parts_signed_at_once
        if job.checksum is not None:
            self._most = max(1, min(self._most, tuning.bytes_hashed_at_once // job.part_size_bytes))
        ranges = list(_ranges(numbers, self._most))
        self._ranges = deque(reversed(ranges) if from_the_end else ranges)
        self._ready: deque[SignedPart] = deque()
        self._listed_at = monotonic()
        self.parts_left = sum(map(len, ranges))
        """Parts that are not handed out yet."""
        self.sent_elsewhere: frozenset[int] = frozenset()
        """Parts that were to be sent, but came from another device meanwhile."""

    def take(self) -> SignedPart | None:
        """Return the next part, or None when there is none left."""
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
        """Return a part with a new signature; what was signed together with it is signed anew as well."""
        with self._lock:
            if self._ready and self._ready[0].good_until <= part.good_until:
                self._put_back()
            return self._signed(range(part.number, part.number + 1))[0]

    def _put_back(self) -> None:
        self._ranges.appendleft(range(self._ready[0].number, self._ready[-1].number + 1))
        self._ready.clear()

    def _prepare(self) -> None:
        """Sign the next range; what fails before that has changed nothing."""
        if monotonic() - self._listed_at > self._tuning.listing_seconds:
            lacking = set(self._job.lacking(self._listed()))
            left = [number for numbers in self._ranges for number in numbers]
            self.sent_elsewhere |= set(left) - lacking
            self._ranges = deque(_ranges((number for number in left if number in lacking), self._most))
            self.parts_left = sum(map(len, self._ranges))
            if not self._ranges:
                return
        self._ready.extend(self._signed(self._ranges[0]))
        self._ranges.popleft()

    def _listed(self) -> HeldParts:
        held = self._api.held_parts(self._job.upload_id)
        self._session = held.plan.session
        self._listed_at = monotonic()
        return held

    def _signed(self, numbers: range) -> list[SignedPart]:
        job = self._job
        sums = job.checksums(numbers)
        signatures = self._signatures(numbers, sums)
        # A margin of a fifth at most, so that signatures of a short life are used at all.
        margin = min(self._tuning.early_seconds, signatures.lifetime_seconds / 5)
        good_until = monotonic() + signatures.lifetime_seconds - margin
        signed: list[SignedPart] = []
        for index, number in enumerate(numbers):
            headers = {"Content-Length": str(job.length(number))}
            if sums is not None:
                headers[f"x-amz-checksum-{job.checksum}"] = sums[index]
            request = Request("PUT", signatures.url(number), headers, job.offset(number), job.length(number))
            signed.append(SignedPart(number, request, good_until))
        return signed

    def _signatures(self, numbers: range, sums: list[str] | None) -> PartSignatures:
        """Ask, once more with a new session if this one is refused: it has expired, or its key was rotated away."""
        sign, upload_id = self._api.sign_parts, self._job.upload_id
        try:
            return sign(upload_id, self._session, numbers[0], numbers[-1], sums)
        except ApiProblem as problem:
            if problem.status not in _UNAUTHORIZED or "session" not in f"{problem.type} {problem.detail}".lower():
                raise
        self._listed()
        return sign(upload_id, self._session, numbers[0], numbers[-1], sums)


def is_too_old(part: SignedPart) -> bool:
    """Whether a part's signature has expired, or is about to."""
    return part.good_until <= monotonic()


def _ranges(numbers: Iterable[int], most: int) -> Iterator[range]:
    """Join numbers that follow each other, `most` at once."""
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
