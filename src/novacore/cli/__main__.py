"""`python -m novacore.cli`: the same as `nova`."""

import sys

from novacore.cli import main

sys.exit(main())
