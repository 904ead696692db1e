"""What one owner may have."""

from typing import NamedTuple

from handlers.uploads.declaration import UploadRequest
from handlers.uploads.errors import QuotaExceeded


class Quota(NamedTuple):
    """Set by the UploadApi component."""

    max_upload_bytes: int
    max_open_uploads: int
    """Declared, and not sent yet: each holds a place (places.py)."""
    allowed_content_types: tuple[str, ...]
    """Such as application/pdf or image/*; all where it is empty."""

    def check(self, declared: UploadRequest) -> None:
        """Raise QuotaExceeded with every limit of a single upload that the declaration is over."""
        faults: list[str] = []
        if declared.size_bytes > self.max_upload_bytes:
            faults.append(f"size_bytes is {declared.size_bytes}, but your quota is {self.max_upload_bytes} an upload.")
        if self.allowed_content_types and not self._allows(declared.content_type):
            allowed = ", ".join(self.allowed_content_types)
            faults.append(f"content_type is {declared.content_type}, but your quota allows only {allowed}.")
        if faults:
            raise QuotaExceeded(" ".join(faults))

    def _allows(self, content_type: str) -> bool:
        media_type = content_type.partition(";")[0].strip().lower()
        family = media_type.partition("/")[0]
        return any(allowed.lower() in {media_type, f"{family}/*"} for allowed in self.allowed_content_types)
