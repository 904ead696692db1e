"""An upload as the API shows it, with the same fields as GET /uploads/{upload_id}, which needs no Lambda."""

from datetime import datetime
from typing import Any

from handlers.domain.fields import all_fields
from handlers.domain.times import iso
from handlers.domain.upload import Upload


def upload_view(upload: Upload) -> dict[str, Any]:
    """Return the contract's Upload."""
    return {
        field.name: _json(value)
        for field in all_fields(Upload)
        if field.mark.is_public
        and field.mark.shown_in in (None, upload.status)
        and (value := field.of(upload)) is not None
    }


def _json(value: Any) -> Any:
    match value:
        case str():
            return str(value)
        case int():
            return value
        case datetime():
            return iso(value)
        case _:
            return value._asdict()
