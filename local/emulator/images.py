"""Images of containers, as folders with the code that an image of the same digest would have."""

import shutil
import zipfile
from pathlib import Path

WORKER_OF_GIT = "worker@sha256:git"
"""The image that the manifests in Git name, with any digest."""


def image_folder(data_dir: Path, image: str) -> Path:
    """Return the folder of an image, REPOSITORY@sha256:DIGEST, in the embedded AWS's data folder."""
    return data_dir / "images" / image.rpartition(":")[2]


def build_worker_image(data_dir: Path, image: str, program_dir: Path, processor_code: str | None) -> None:
    """Make the folder that Dockerfile would make: the handlers, and a team's processor beside them."""
    folder = image_folder(data_dir, image)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "handlers").symlink_to(program_dir / "handlers")
    if not processor_code:
        return
    code = program_dir / processor_code
    if zipfile.is_zipfile(code):
        shutil.unpack_archive(code, folder / "processor", "zip")
    elif code.is_dir():
        (folder / "processor").symlink_to(code.resolve())
