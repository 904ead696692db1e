"""The client as one object."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from client.api import CreatedUpload, Token, Upload, UploadsApi
from client.following import follow
from client.transfer import OnProgress, put_file

_UNKNOWN_TYPE = "application/octet-stream"  # RFC 2046, 4.5.1


class Portage:
    """One user's uploads: `api_url` is the stack's output `apiUrl`, `token` what `Session.id_token` returns.

    with Portage(api_url, session.id_token) as portage:
        upload = portage.upload("film.mp4")
        finished = portage.wait(upload.upload_id, timeout_seconds=60)
    """

    def __init__(self, api_url: str, token: Token) -> None:
        self._api = UploadsApi(api_url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def upload(
        self, path: str | Path, content_type: str | None = None, on_progress: OnProgress | None = None
    ) -> Upload:
        """Declare a file, send it, and return its status at that moment; the content type is guessed by name.

        ApiProblem, S3Refused, SizeDiffers or TransportFault say who kept it from going through; OSError if the
        file cannot be read.
        """
        file = Path(path)
        created = self.create(file, content_type)
        put_file(created, file, on_progress)
        return self.get(created.upload_id)

    def create(self, path: str | Path, content_type: str | None = None) -> CreatedUpload:
        """Declare a file without sending it yet; `put_file` does that."""
        file = Path(path)
        guessed = content_type or mimetypes.guess_type(file.name)[0] or _UNKNOWN_TYPE
        return self._api.create(file.name, guessed, file.stat().st_size)

    def get(self, upload_id: str) -> Upload:
        """Return how far an upload of this user is; ApiProblem with status 404 if there is none."""
        return self._api.get(upload_id)

    def follow(self, upload_id: str, timeout_seconds: float) -> Iterator[Upload]:
        """Yield the upload now and after each change until it is finished; NotFinished if that takes longer."""
        return follow(self._api.get, upload_id, timeout_seconds)

    def wait(self, upload_id: str, timeout_seconds: float) -> Upload:
        """Return the upload once it is finished; look at its `status`, which may be failed."""
        *_, last = self.follow(upload_id, timeout_seconds)
        return last
