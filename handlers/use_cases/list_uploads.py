"""The use case behind GET /uploads: an owner's uploads, newest first, a page at a time."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from handlers.domain.errors import InvalidRequest
from handlers.domain.upload import UPLOAD_ID_PATTERN
from handlers.http.view import upload_view
from handlers.storage.upload_store import UploadStore

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
"""Records of at most 2 KB: a page stays far below Lambda's 6 MB and DynamoDB's 1 MB."""


class Page(NamedTuple):
    """What part of the list is asked for."""

    limit: int
    after: str | None
    """The upload_id that the page before ended with."""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Read the query string; raises InvalidRequest with all errors, not only the first."""
        faults: list[str] = []
        limit, after = query.get("limit", str(DEFAULT_LIMIT)), query.get("after")
        if not re.fullmatch("[1-9][0-9]{0,2}", limit) or int(limit) > MAX_LIMIT:
            faults.append(f"limit is {limit[:80]!a}, but must be a whole number from 1 to {MAX_LIMIT}.")
        if after is not None and not re.fullmatch(UPLOAD_ID_PATTERN, after):
            faults.append(f"after is {after[:80]!a}, but must be the `next` of the page before.")
        if faults:
            raise InvalidRequest(faults)
        return cls(int(limit), after)


def list_uploads(owner: str, query: Mapping[str, str], *, records: UploadStore) -> dict[str, Any]:
    """Return the page's uploads, and `next` where there may be more; raises InvalidRequest."""
    page = Page.parse(query)
    uploads, last = records.list_newest(owner, limit=page.limit, after=page.after)
    return {"uploads": [upload_view(upload) for upload in uploads], **({"next": last} if last else {})}
