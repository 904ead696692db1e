"""What one owner may have."""

from typing import NamedTuple

from handlers.domain.allowed_types import is_active, is_allowed
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import QuotaExceeded


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
        if not is_allowed(declared.content_type, self.allowed_content_types):
            allowed = ", ".join(self.allowed_content_types)
            by_name = ", and types that can run code only by name" if is_active(declared.content_type) else ""
            faults.append(f"content_type is {declared.content_type}, but your quota allows only {allowed}{by_name}.")
        if faults:
            raise QuotaExceeded(" ".join(faults))
