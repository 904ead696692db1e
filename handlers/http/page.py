"""A page of GET /uploads: its query, and its JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from handlers.domain.errors import InvalidRequest
from handlers.domain.upload import Upload
from handlers.domain.upload_ref import UPLOAD_ID_PATTERN
from handlers.http.view import upload_view

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
"""Records have at most 2 KB, so a page stays far below Lambda's 6 MB and DynamoDB's 1 MB."""


class PageRequest(NamedTuple):
    """The part of the list that a client asks for."""

    limit: int
    after: str | None
    """The last upload_id of the page before."""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Read the query string; raises InvalidRequest with all errors, not only the first."""
        errors: list[str] = []
        limit, after = query.get("limit", str(DEFAULT_LIMIT)), query.get("after")
        if not re.fullmatch("[1-9][0-9]{0,2}", limit) or int(limit) > MAX_LIMIT:
            errors.append(f"limit is {limit[:80]!a}, but must be a whole number from 1 to {MAX_LIMIT}.")
        if after is not None and not re.fullmatch(UPLOAD_ID_PATTERN, after):
            errors.append(f"after is {after[:80]!a}, but must be the `next` of the page before.")
        if errors:
            raise InvalidRequest(errors)
        return cls(int(limit), after)


def page_view(uploads: Sequence[Upload], last: str | None) -> dict[str, Any]:
    """Return the contract's UploadPage. `last` is the page's last upload_id if there may be more."""
    return {"uploads": [upload_view(upload) for upload in uploads], **({"next": last} if last else {})}
