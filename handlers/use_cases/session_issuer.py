"""Issues the sessions that clients have parts signed with."""

from datetime import UTC, datetime
from typing import NamedTuple

from handlers.domain.plan import PartSize
from handlers.domain.session import Session
from handlers.domain.upload import Multipart, Upload
from handlers.storage.session_keys import SigningKeys


class PartsPlan(NamedTuple):
    """How a file is divided, and a session to send its parts with. The names are the API's."""

    part_size_bytes: int
    part_count: int
    checksum_algorithm: str | None
    """Of each part; None if the file was declared without a checksum."""
    session: str
    session_expires_at: datetime
    part_sizes: list[PartSize] | None
    """Only of an upload that was declared without a size: its parts grow."""
    max_size_bytes: int | None
    """Only while the size is not declared: the plan is of this size, and the file may end in any part."""


class SessionIssuer(NamedTuple):
    """Signs each session with the key that is current at the time."""

    keys: SigningKeys
    expires_in_seconds: int

    def plan(self, upload: Upload, multipart: Multipart, now: datetime) -> PartsPlan:
        """Return an upload's plan with a new session."""
        ref, parts = upload.ref, multipart.parts(upload.declared)
        session = Session(
            owner=ref.owner,
            upload_id=ref.upload_id,
            multipart_id=multipart.multipart_id,
            size_bytes=parts.size_bytes,
            part_size_bytes=parts.part_size_bytes,
            checksum_algorithm=upload.part_checksum,
            expires_at=int(now.timestamp()) + self.expires_in_seconds,
            part_growth_bytes=multipart.part_growth_bytes,
        )
        return PartsPlan(
            part_size_bytes=parts.part_size_bytes,
            part_count=parts.count,
            checksum_algorithm=session.checksum_algorithm,
            session=session.token(*self.keys.fetch_current()),
            session_expires_at=datetime.fromtimestamp(session.expires_at, UTC),
            part_sizes=None if multipart.part_growth_bytes is None else parts.sizes,
            max_size_bytes=multipart.max_size_bytes if upload.declared.size_bytes is None else None,
        )
