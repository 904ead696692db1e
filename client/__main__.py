"""`python -m client` is the `portage` command."""

import sys

from .cli.arguments import main

sys.exit(main())
