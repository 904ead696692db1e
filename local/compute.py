"""Chooses the compute of local mode without a change of the checkout's files."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from local import PROJECT_DIR
from local.startup import check_config

_IMAGE = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/local@sha256:{'0' * 64}"
"""Local mode makes an image of any digest from the code in this checkout (local/emulator/images.py)."""

_NEEDED: Mapping[str, Mapping[str, object]] = {
    "fargate": {"workerImage": _IMAGE},
    "eks": {
        "imageRepository": True,
        "eksGitRepositoryUrl": "https://github.com/example/portage.git",  # is taken to be this checkout
    },
}
"""By compute: the settings that have no default."""

_WITHOUT_EFFECT: Mapping[str, frozenset[str]] = {
    "fargate": frozenset({"processingMaxConcurrency"}),
    "eks": frozenset({"processingMaxConcurrency"}),
}
"""By compute: what Pulumi.local.yaml sets for others. The program would warn about a choice of local mode's own."""


@contextmanager
def project_with(compute: str | None) -> Generator[Path]:
    """Yield the folder of the project: the checkout, or a temporary one with another compute."""
    if compute is None:
        yield PROJECT_DIR
        return
    check_config(PROJECT_DIR)
    with TemporaryDirectory(prefix="portage-project-") as name:
        folder = Path(name)
        project = yaml.safe_load((PROJECT_DIR / "Pulumi.yaml").read_text())
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump({**project, "main": str(PROJECT_DIR)}))
        stack = yaml.safe_load((PROJECT_DIR / "Pulumi.local.yaml").read_text())
        config = {key.removeprefix(f"{project['name']}:"): value for key, value in stack["config"].items()}
        config = {key: value for key, value in config.items() if key not in _WITHOUT_EFFECT.get(compute, ())}
        config = {**_NEEDED.get(compute, {}), **config, "compute": compute}
        (folder / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": config}))
        yield folder
