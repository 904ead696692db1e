"""`python -m client` is the `portage` command."""

import sys

from client.cli import main

sys.exit(main())
