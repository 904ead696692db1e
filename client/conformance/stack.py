"""What a case knows of the stack that it checks, from the stack's outputs."""

from fnmatch import fnmatchcase

import msgspec


class UploadRules(msgspec.Struct, frozen=True, rename="camel"):
    """The stack's output `uploadRules`: settings that decide which uploads it accepts. None is unknown."""

    allowed_content_types: tuple[str, ...] | None = None
    """Media types and patterns such as image/*. Empty for all."""
    allow_forms: bool | None = None
    allowed_origins: tuple[str, ...] | None = None
    malware_scan: bool | None = None
    max_upload_bytes: float | None = None
    """A whole number. Pulumi writes numbers of outputs with a decimal point."""

    def allows(self, content_type: str) -> bool:
        """Whether an upload may be declared with this type."""
        plain = content_type.partition(";")[0]
        patterns = self.allowed_content_types or ("*",)
        return any(fnmatchcase(plain, pattern) for pattern in patterns)


class Stack(msgspec.Struct, frozen=True):
    """One deployment."""

    api_url: str
    rules: UploadRules = UploadRules()
    origins: tuple[str, ...] | None = None
    """Web origins to check. None: those of the rules."""

    @property
    def allowed_origins(self) -> tuple[str, ...] | None:
        """The origins that must be allowed, or None if they are unknown."""
        return self.rules.allowed_origins if self.origins is None else self.origins
