"""The errors of a request that a client can act on. handlers/http/response.py maps each to an HTTP status."""

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from handlers.domain.upload import Upload

MOST_FAULTS = 10
"""Unknown fields, or ranges of parts, that an answer names: it must not become larger than Lambda may answer."""


class InvalidRequest(Exception):
    """The request breaks the contract; each error has a field, its value and the fix."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


class QuotaExceeded(Exception):
    """The owner may not have such an upload, or not another one now; the sentence names the limit."""


class KeyConflict(Exception):
    """The Idempotency-Key stands for another request already."""


class UnknownUpload(Exception):
    """No record exists of an upload: it was not asked for through the API, or its record is gone."""


class NoResult(Exception):
    """The upload has no result, or has none yet."""


class NotOpen(Exception):
    """The upload is past the state in which this could be done, or does not come in parts."""

    def __init__(self, detail: str, upload: "Upload") -> None:
        super().__init__(detail)
        self.upload = upload
        """As it is now."""

    @classmethod
    def not_pending(cls, upload: "Upload") -> Self:
        """The upload has left the state `pending`."""
        return cls(f"The upload is {upload.status}, and no longer pending.", upload)

    @classmethod
    def without_parts(cls, upload: "Upload") -> Self:
        """The upload is sent in one request."""
        return cls("The upload comes in one request, and has no parts.", upload)

    @classmethod
    def parts_gone(cls, upload: "Upload") -> Self:
        """S3 no longer knows the multipart upload."""
        return cls("S3 no longer has the parts: the upload was completed, or S3 aborted it because of its age.", upload)


class SizeMismatch(Exception):
    """S3 found that the parts do not make an object of the declared size."""


class CompletionConflict(Exception):
    """S3 is working on the same object for another request, so that nobody knows yet whether it will be there."""


class PartsMissing(Exception):
    """Parts are not there, or not in their planned length; `ranges` has their first and last numbers."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges[:MOST_FAULTS])
        more = f" and {len(ranges) - MOST_FAULTS} more ranges" if len(ranges) > MOST_FAULTS else ""
        super().__init__(f"Not there in their planned length are parts {named}{more}; send them, and complete again.")
        self.ranges = ranges
