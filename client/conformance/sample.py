"""The files that the suite sends."""

import mimetypes
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import WrongUsage
from ..transfer.source import SourceFile
from .stack import UploadRules

TWO_PARTS_BYTES = 16 * 1024**2 + 1000
"""The size of a file in two parts: parts of small files have 16 MiB."""

_MOST_BYTES = 64 * 1024**2
"""Cases keep a sample in memory, and send it about ten times."""

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63a80700008100"
    "80d394534a0000000049454e44ae426082"
)
_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
_BUILT_IN = {
    "text/plain": ("txt", b""),
    "text/csv": ("csv", b"portage,verify\n"),
    "application/octet-stream": ("bin", b""),
    "image/png": ("png", _PNG),
    "application/pdf": ("pdf", _PDF),
}
_CONTRADICTORY = ("image/png", "application/pdf", "image/jpeg", "image/gif", "video/mp4", "application/zip")
"""Types with sure first bytes, which are not those of text."""


class Sample(NamedTuple):
    """A small file that the stack accepts and its processor can process."""

    content: bytes
    content_type: str
    file_name: str
    is_own: bool = False
    """Whether the user named it, because the processor needs such a file."""

    @classmethod
    def at(cls, path: Path) -> "Sample":
        """Read the user's file. Raises OSError, or WrongUsage if it is empty or too large to be sent many times."""
        size_bytes = SourceFile.at(path).size_bytes
        if not 1 <= size_bytes <= _MOST_BYTES:
            raise WrongUsage(f"{path} has {size_bytes} bytes, but a sample must have 1 to {_MOST_BYTES}")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return cls(path.read_bytes(), kind, path.name, is_own=True)

    @classmethod
    def for_stack(cls, rules: UploadRules) -> "Sample":
        """Make a file of the first type that the stack accepts. It is of this run alone."""
        for content_type, (suffix, head) in _BUILT_IN.items():
            if rules.allows(content_type):
                content = head + f"portage verify,{uuid.uuid4()}\n".encode()
                return cls(content, content_type, f"portage-verify.{suffix}")
        raise WrongUsage(
            f"the stack accepts only {', '.join(rules.allowed_content_types or ())}: give a small file of such a type "
            "with --sample"
        )

    def of_two_parts(self) -> "Sample":
        """Return a file of at least two parts: this one, followed by different lines."""
        if len(self.content) >= TWO_PARTS_BYTES:
            return self
        lines = b"".join(_lines(TWO_PARTS_BYTES - len(self.content)))
        return self._replace(content=(self.content + lines)[:TWO_PARTS_BYTES])


def contradicting(rules: UploadRules) -> str | None:
    """Return a type that the stack accepts, and text contradicts. None without one."""
    return next((each for each in _CONTRADICTORY if rules.allows(each)), None)


def _lines(size_bytes: int) -> Iterator[bytes]:
    line = 64
    for number in range(max(0, size_bytes) // line + 1):
        yield f"{number:0{line - 1}d}\n".encode()
