"""The images that a stack's compute runs."""

from pathlib import Path

from local.emulator.images import WORKER_OF_GIT, build_worker_image
from local.engine.stack_config import StackConfig


def build_images(data_dir: Path, config: StackConfig) -> None:
    """Make the folders in place of the images, from the code in this checkout."""
    images = [
        config.own("workerImage"),
        config.own("functionImage"),
        WORKER_OF_GIT if config.own("compute") == "eks" else None,
    ]
    for image in images:
        if image:
            build_worker_image(data_dir, image, config.program_dir, config.own("processorCode"))
