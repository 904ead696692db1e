"""The errors of a request that a client can act on. handlers/http/response.py maps each to an HTTP status.

InvalidSession is declared in session.py.
"""

MOST_ERRORS = 10
"""Unknown fields, or ranges of parts, that a response names: Lambda limits the size of a response."""


class InvalidRequest(Exception):
    """The request breaks the contract; each error has a field, its value and the fix."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


class QuotaExceeded(Exception):
    """The upload exceeds one of the owner's limits. The message names the limit."""


class KeyConflict(Exception):
    """The Idempotency-Key was sent with another request before."""


class UnknownUpload(Exception):
    """The upload has no record: it was not created by the API, or its record was deleted."""


class NotOpen(Exception):
    """The upload's state no longer allows this, or it is not sent in parts. Upload makes it."""

    def __init__(self, detail: str, upload_id: str, upload_status: str) -> None:
        super().__init__(detail)
        self.upload_id = upload_id
        self.upload_status = upload_status
        """The present one."""


class NoResult(Exception):
    """The upload has no result, or has none yet."""


class SizeMismatch(Exception):
    """The parts together do not have the declared size."""


class CompletionConflict(Exception):
    """S3 is working on the same object for another request, and has not finished."""


class PartsMissing(Exception):
    """Parts are missing, or have another length than planned; `ranges` has their first and last numbers."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges[:MOST_ERRORS])
        more = f" and {len(ranges) - MOST_ERRORS} more ranges" if len(ranges) > MOST_ERRORS else ""
        super().__init__(f"Parts {named}{more} are missing or have another length; send them, and complete again.")
        self.ranges = ranges
