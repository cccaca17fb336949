"""`python -m tagging_core`."""

from __future__ import annotations

import sys

from tagging_core.cli.main import main

sys.exit(main())
