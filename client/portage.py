"""The client as one object."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from client.api import Token, UploadsApi
from client.declaration import Declaration, guessed_type
from client.download import download, download_as, download_into
from client.errors import ApiProblem, NothingToResume, SizeDiffers, UploadEnded
from client.following import follow
from client.models import ResultLink, Upload
from client.multipart import is_over
from client.progress import OnProgress
from client.source import SourceFile
from client.state import StateFolder, Unfinished
from client.tuning import Tuning
from client.uploading import Uploading


class Portage:
    """One user's uploads: `api_url` is the stack's output `apiUrl`, `token` what `Session.id_token` returns.

    with Portage(api_url, session.id_token) as portage:
        upload = portage.upload("film.mp4")
        finished = portage.wait(upload.upload_id, timeout_seconds=60)
    """

    def __init__(
        self, api_url: str, token: Token, *, state_folder: Path | None = None, tuning: Tuning | None = None
    ) -> None:
        self._api = UploadsApi(api_url, token)
        self._states = StateFolder(state_folder)
        self._tuning = tuning or Tuning()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def upload(
        self,
        path: str | Path,
        content_type: str | None = None,
        on_progress: OnProgress | None = None,
        *,
        checksum: str | None = None,
        method: str | None = None,
        file_name: str | None = None,
    ) -> Upload:
        """Declare a file, send it, and return its status at that moment; the content type is guessed by name.

        A file whose sending in parts was interrupted, and which has not changed since, goes on where it was.
        `checksum` (`crc32` or `sha256`) is declared, and signed into the request or each part, so that S3 refuses
        other bytes; it costs a reading of the file before, and in parts another one while it is sent. `method` (`put`,
        `post` for a form, `multipart`) is the API's to choose if left out.

        ApiProblem, S3Refused, FileChanged or TransportFault say who kept it from going through; EmptyFile or
        WrongDeclaration, before any call, what the API would refuse anyway; OSError if the file cannot be read.
        """
        source = SourceFile.at(path)
        name = file_name or source.path.name
        declaration = Declaration(source, name, content_type or guessed_type(name), checksum, method)
        uploading = self._uploading(on_progress)
        begun = self._states.find(source, self._api.url)
        if begun is not None and begun.checksum == checksum and method in {None, "multipart"}:
            with suppress(UploadEnded):  # it was aborted or has expired: the file goes up anew
                return uploading.go_on(begun)
        return uploading.begin(declaration)

    def resume(self, path: str | Path, upload_id: str | None = None, on_progress: OnProgress | None = None) -> Upload:
        """Go on with an interrupted upload in parts, sending only what S3 lacks; NothingToResume if there is none.

        With `upload_id` it may have been begun elsewhere, and where it was declared with a checksum, it may even go on
        there meanwhile. A part that this machine has not sent is compared with the file, by that checksum or else by
        MD5, and sent again where it differs or, as under a KMS key, cannot be compared.
        """
        if upload_id is None:
            return self.go_on(self._begun_with(path), on_progress)
        source = SourceFile.at(path)
        declared = self._api.get(upload_id)
        if declared.size_bytes != source.size_bytes:
            raise SizeDiffers(
                f"{source.path} has {source.size_bytes} bytes, but upload {upload_id} is of "
                f"{declared.file_name!r} with {declared.size_bytes}: give the file that it was begun with"
            )
        return self.go_on(Unfinished(upload_id, self._api.url, source, None), on_progress)

    def go_on(self, begun: Unfinished, on_progress: OnProgress | None = None) -> Upload:
        """Go on with what `unfinished` told of; an upload that takes no more bytes is asked for no file."""
        return self._uploading(on_progress).go_on(begun)

    def unfinished(self) -> Iterator[Unfinished]:
        """Yield what was begun on this machine with this API, and not finished."""
        return self._states.all(self._api.url)

    def get(self, upload_id: str) -> Upload:
        """Return how far an upload of this user is; ApiProblem with status 404 if there is none."""
        return self._api.get(upload_id)

    def list(self) -> Iterator[Upload]:
        """Yield all uploads of this user, newest first; pages are fetched as they are needed."""
        after = None
        while True:
            page = self._api.page(after=after)
            yield from page.uploads
            after = page.next
            if after is None:
                return

    def result(self, upload_id: str) -> ResultLink:
        """Return where the result can be downloaded; ApiProblem with status 409 while there is none."""
        return self._api.result(upload_id)

    def download(self, upload_id: str, to: Path | None = None) -> Path:
        """Fetch the result into a file, in this folder and named after the uploaded file if `to` is left out."""
        link = self._api.result(upload_id)
        if to is not None:
            return download_as(link.url, to)
        return download(link.url, Path(), f"{upload_id}.json")

    def download_into(self, upload_id: str, stream: BinaryIO) -> None:
        """Fetch the result onto a stream."""
        download_into(self._api.result(upload_id).url, stream)

    def abort(self, upload_id: str) -> None:
        """Give up an upload that is not complete, wherever it is being sent; ApiProblem with status 409 if it is."""
        try:
            self._api.abort(upload_id)
        except ApiProblem as problem:
            if is_over(problem):
                self._forget(upload_id)
            raise
        self._forget(upload_id)

    def follow(self, upload_id: str, timeout_seconds: float) -> Iterator[Upload]:
        """Yield the upload now and after each change until it is finished; NotFinished if that takes longer."""
        return follow(self._api.get, upload_id, timeout_seconds)

    def wait(self, upload_id: str, timeout_seconds: float) -> Upload:
        """Return the upload once it is finished; look at its `status`, which may be failed."""
        *_, last = self.follow(upload_id, timeout_seconds)
        return last

    def _begun_with(self, path: str | Path) -> Unfinished:
        """Return what was begun with the file as it is now, else with what was there before."""
        absolute = Path(path).resolve()
        if absolute.exists():
            begun = self._states.find(SourceFile.at(absolute), self._api.url)
            if begun is not None:
                return begun
        for begun in self.unfinished():
            if begun.source.path == absolute:
                return begun
        source = SourceFile.at(absolute)
        raise NothingToResume(
            f"no unfinished upload of {source.path} is known here: "
            "upload it, or give the upload's ID if it was begun elsewhere"
        )

    def _forget(self, upload_id: str) -> None:
        for unfinished in self.unfinished():
            if unfinished.upload_id == upload_id:
                self._states.forget(unfinished)

    def _uploading(self, on_progress: OnProgress | None) -> Uploading:
        return Uploading(self._api, self._states, self._tuning, on_progress)
