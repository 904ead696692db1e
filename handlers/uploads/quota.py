"""What one owner may have."""

from collections.abc import Callable
from typing import NamedTuple

from handlers.uploads.declaration import UploadRequest
from handlers.uploads.errors import QuotaExceeded


class Quota(NamedTuple):
    """Set by the UploadApi component."""

    max_upload_bytes: int
    max_open_uploads: int
    """Declared, and not sent yet."""
    allowed_content_types: tuple[str, ...]
    """Such as application/pdf or image/*; all where it is empty."""

    def check(self, declared: UploadRequest, count_pending: Callable[[int], int]) -> None:
        """Raise QuotaExceeded, with all limits that the upload is over; `count_pending` counts up to a number."""
        faults: list[str] = []
        if declared.size_bytes > self.max_upload_bytes:
            faults.append(f"size_bytes is {declared.size_bytes}, but your quota is {self.max_upload_bytes} an upload.")
        if self.allowed_content_types and not self._allows(declared.content_type):
            allowed = ", ".join(self.allowed_content_types)
            faults.append(f"content_type is {declared.content_type}, but your quota allows only {allowed}.")
        if not faults and count_pending(self.max_open_uploads) >= self.max_open_uploads:
            faults.append(
                f"You have {self.max_open_uploads} open uploads, which is your quota: complete or abort some, "
                "or wait until those that you do not send expire."
            )
        if faults:
            raise QuotaExceeded(" ".join(faults))

    def _allows(self, content_type: str) -> bool:
        media_type = content_type.partition(";")[0].strip().lower()
        family = media_type.partition("/")[0]
        return any(allowed.lower() in {media_type, f"{family}/*"} for allowed in self.allowed_content_types)
