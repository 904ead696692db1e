"""Hands out the sessions with which clients have parts signed."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from handlers.domain.session import Session
from handlers.domain.upload import Multipart, Upload, iso
from handlers.storage.session_keys import SigningKeys


class SessionIssuer(NamedTuple):
    """Signs each session with the key that is current then."""

    keys: SigningKeys
    expires_in_seconds: int

    def transfer_plan(self, upload: Upload, multipart: Multipart, now: datetime) -> dict[str, Any]:
        """Return how a file is divided, and a new session to send the parts with, in the API's form."""
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
        return {
            "part_size_bytes": parts.part_size_bytes,
            "part_count": parts.count,
            **({"checksum_algorithm": session.checksum_algorithm} if checksum else {}),
            "session": session.token(*self.keys.fetch_current()),
            "session_expires_at": iso(datetime.fromtimestamp(session.expires_at, UTC)),
        }
