"""The plugin that Pulumi runs for a program that has added this folder as a package (`pulumi package add`)."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "Portage needs Python 3.11 or newer, and this virtual environment has Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}. Delete {Path(__file__).parent / '.venv'}, put a newer python3 "
        "first on PATH, and run `pulumi package add` again."
    )

# Python starts with this folder on the path, where its modules hide others. The package is in the folder above.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from components.package import serve  # noqa: E402

if __name__ == "__main__":
    serve(sys.argv[1:])
