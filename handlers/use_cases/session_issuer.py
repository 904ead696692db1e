"""Issues the sessions that clients have parts signed with."""

from datetime import UTC, datetime
from typing import NamedTuple

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


class SessionIssuer(NamedTuple):
    """Signs each session with the key that is current at the time."""

    keys: SigningKeys
    expires_in_seconds: int

    def plan(self, upload: Upload, multipart: Multipart, now: datetime) -> PartsPlan:
        """Return an upload's plan with a new session."""
        ref, parts, checksum = upload.ref, multipart.parts, upload.declared.checksum
        session = Session(
            owner=ref.owner,
            upload_id=ref.upload_id,
            multipart_id=multipart.multipart_id,
            size_bytes=parts.size_bytes,
            part_size_bytes=parts.part_size_bytes,
            checksum_algorithm=str(checksum.algorithm) if checksum else None,
            expires_at=int(now.timestamp()) + self.expires_in_seconds,
        )
        return PartsPlan(
            part_size_bytes=parts.part_size_bytes,
            part_count=parts.count,
            checksum_algorithm=session.checksum_algorithm,
            session=session.token(*self.keys.fetch_current()),
            session_expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        )
