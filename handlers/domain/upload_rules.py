"""The platform team's rules for new uploads."""

from datetime import datetime, timedelta
from typing import NamedTuple

from handlers.domain.allowed_types import is_active, is_allowed
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import QuotaExceeded
from handlers.domain.plan import Method, choose_method
from handlers.domain.upload import Upload


class UploadRules(NamedTuple):
    """Set by the UploadApi component, which describes each rule in components/arguments/upload_api.py."""

    max_upload_bytes: int
    max_open_uploads: int
    """Per owner: each open upload holds a place (places.py)."""
    allowed_content_types: tuple[str, ...]
    """Such as application/pdf or image/*. If empty, all types are allowed."""
    allowed_methods: tuple[str, ...]
    """The methods that a client can ask for."""
    multipart_threshold_bytes: int
    """The largest upload that is sent in one PUT if the client does not choose."""
    record_retention_days: int

    def check(self, declared: UploadRequest) -> None:
        """Raise QuotaExceeded with every limit of a single upload that the declaration exceeds."""
        errors: list[str] = []
        if declared.size_bytes is not None and declared.size_bytes > self.max_upload_bytes:
            errors.append(f"size_bytes is {declared.size_bytes}, but your quota is {self.max_upload_bytes} an upload.")
        if not is_allowed(declared.content_type, self.allowed_content_types):
            allowed = ", ".join(self.allowed_content_types)
            by_name = ", and types that can run code only by name" if is_active(declared.content_type) else ""
            errors.append(f"content_type is {declared.content_type}, but your quota allows only {allowed}{by_name}.")
        if errors:
            raise QuotaExceeded(" ".join(errors))

    def method_of(self, declared: UploadRequest) -> Method:
        """Return the client's choice, or one by size."""
        return declared.method or choose_method(
            declared.final_size_bytes, multipart_threshold_bytes=self.multipart_threshold_bytes
        )

    def delete_at(self, upload: Upload) -> datetime:
        """Return when the upload's record can be deleted."""
        return upload.delete_at(timedelta(days=self.record_retention_days))
