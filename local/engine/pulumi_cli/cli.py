"""The Pulumi CLI: one that is on PATH, or one built from its Go module into .local.

`python -m local.engine.pulumi_cli.cli` builds one if there is none.
"""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import semver

from local import PROJECT_DIR
from local.errors import LocalModeError

_MODULE = PROJECT_DIR / "tests" / "engine"
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_BUILT = PROJECT_DIR / ".local" / "bin" / "pulumi"


def find() -> Path | None:
    """Return a CLI that is new enough: the one on PATH, else the one built here; None without either."""
    on_path = shutil.which("pulumi")
    candidates = (Path(on_path) if on_path else None, _BUILT)
    return next((each for each in candidates if each and each.is_file() and _is_new_enough(each)), None)


def require() -> Path:
    """Return a CLI that is new enough; LocalModeError without one."""
    cli = find()
    if cli is None:
        raise LocalModeError(
            f"There is no Pulumi CLI {pinned_version()} or newer: run `make pulumi`, which builds it, "
            "or install it (https://www.pulumi.com/docs/install/)."
        )
    return cli


def build() -> Path:
    """Build the pinned version; LocalModeError where Go is missing or the build fails."""
    go = shutil.which("go")
    if go is None:
        raise LocalModeError(
            f"There is neither a Pulumi CLI {pinned_version()} or newer nor Go to build one: "
            "install one of them (https://www.pulumi.com/docs/install/, https://go.dev/doc/install)."
        )
    sys.stdout.write(f"Building the Pulumi CLI {pinned_version()} from its Go module: about 5 minutes, once ...\n")
    sys.stdout.flush()
    _BUILT.parent.mkdir(parents=True, exist_ok=True)
    flags = f"-ldflags=-X {_VERSION_VARIABLE}={pinned_version()}"  # as Pulumi's releases are built
    command = [go, "build", flags, "-o", str(_BUILT), f"{_PACKAGE}/cmd/pulumi"]
    if subprocess.run(command, cwd=_MODULE, check=False).returncode != 0:
        raise LocalModeError(f"`{' '.join(command)}` failed in {_MODULE}; see its output above.")
    return _BUILT


@cache
def pinned_version() -> semver.VersionInfo:
    """Return the version that go.mod names."""
    text = (_MODULE / "go.mod").read_text()
    match = re.search(rf"{re.escape(_PACKAGE)} v(\S+)", text)
    if match is None:
        raise LocalModeError(f"{_MODULE / 'go.mod'} does not require {_PACKAGE}.")
    return semver.VersionInfo.parse(match.group(1))


def _is_new_enough(cli: Path) -> bool:
    """Return whether the CLI has the pinned minor version, with any patch, or a newer one."""
    answer = subprocess.run([cli, "version"], check=True, capture_output=True, text=True).stdout
    text, pinned = answer.strip().removeprefix("v"), pinned_version()
    if not semver.VersionInfo.is_valid(text):  # a CLI that was built without a version prints none
        return False
    version = semver.VersionInfo.parse(text)
    return version.major == pinned.major and version.minor >= pinned.minor


def main() -> int:
    """Build a CLI unless there is one; return 0 if there is one now."""
    try:
        if find() is None:
            build()
    except LocalModeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
