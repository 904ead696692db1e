"""The output of the `portage` command: text, or one JSON object a line."""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TextIO

from msgspec import Struct, structs
from rich.filesize import decimal

from ..api.models import Upload
from ..errors import PortageError, reason
from .redrive import DeadLetter


class Output:
    """Writes results to standard output. Writes errors to standard error, or with JSON to standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def upload(self, upload: Upload, path: str | None = None) -> None:
        """Write the state of an upload. `path` identifies one of several files."""
        if self.as_json:
            known = {name: value for name, value in _plain_fields(upload).items() if value is not None}
            self._write_json(({"path": path} if path is not None else {}) | known)
            return
        words = (
            upload.upload_id,
            f"{upload.status:<10}",
            f"{decimal(upload.size_bytes):>9}",
            f"{upload.created_at:%Y-%m-%d %H:%M:%S}",
            upload.file_name,
        )
        _write(sys.stdout, ": ".join(("  ".join(words), *_more(upload))))

    def dead_letter(self, letter: DeadLetter, *, is_moved: bool) -> None:
        """Write a message of the dead-letter queue."""
        if self.as_json:
            fields = {"upload_id": letter.upload_id, "owner": letter.owner, "sent_at": letter.sent_at}
            self._write_json({**fields, "moved": is_moved})
            return
        name = letter.upload_id or "a message that names no upload"
        what = "moved" if is_moved else "would be moved"
        _write(sys.stdout, f"{name}  {letter.owner}  {letter.sent_at:%Y-%m-%d %H:%M:%S}  {what}")

    def file(self, path: Path) -> None:
        """Write the path of a downloaded result."""
        self.fact(str(path), {"path": str(path)})

    def fact(self, sentence: str, fields: Mapping[str, object]) -> None:
        """Write a sentence, or with JSON its fields."""
        if self.as_json:
            self._write_json(fields)
        else:
            _write(sys.stdout, sentence)

    def error(self, error: PortageError | OSError, path: str | None = None) -> None:
        """Write an error and its notes."""
        sentences = [_sentence(error), *getattr(error, "__notes__", [])]
        if self.as_json:
            described = {"kind": type(error).__name__, "message": " ".join(sentences)}
            self._write_json(({"path": path} if path is not None else {}) | {"error": described})
            return
        for sentence in sentences:
            is_named = path is None or str(Path(path).resolve()) in sentence
            self.note(sentence if is_named else f"{path}: {sentence}")

    def note(self, sentence: str) -> None:
        """Write a message to standard error."""
        _write(sys.stderr, f"portage: {sentence}")

    def _write_json(self, fields: Mapping[str, object]) -> None:
        _write(sys.stdout, json.dumps(fields, default=_plain, ensure_ascii=False))


def _more(upload: Upload) -> list[str]:
    """Return why the upload ended without a result, or how far processing is."""
    if reason := upload.failure or upload.rejection:
        return [f"{reason.code}, {reason.detail}"]
    if upload.progress_percent is None:
        return []
    return [f"{upload.progress_percent} %" + (f", {upload.progress_note}" if upload.progress_note else "")]


def _sentence(error: PortageError | OSError) -> str:
    file = error.filename if isinstance(error, OSError) else None
    return reason(error) if file is None else f"{reason(error)}: {file}"


def _write(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def _plain_fields(value: Struct) -> dict[str, object]:
    fields = structs.asdict(value)
    return {name: _plain_fields(each) if isinstance(each, Struct) else each for name, each in fields.items()}


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be written as JSON")
