"""What commands print."""

from __future__ import annotations

import argparse
import json
from typing import Any


def say(options: argparse.Namespace, data: dict[str, Any], lines: list[str]) -> None:
    """Print `lines`, or `data` as one line of JSON with `--json`."""
    print(json.dumps(data, ensure_ascii=False) if options.json else "\n".join(lines))
