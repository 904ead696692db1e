"""The name of the command in messages and help: the one that the user typed."""

import sys
from pathlib import Path

_RUN_AS_MODULE = ("client", "__main__.py")

PROGRAM = "python -m client" if Path(sys.argv[0]).parts[-2:] == _RUN_AS_MODULE else "portage"
