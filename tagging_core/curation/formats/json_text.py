"""JSON from untrusted files."""

from __future__ import annotations

import json
from typing import Any

from tagging_core.errors import ImportRefusedError


def parse_json(text: str) -> Any:
    """Parse JSON.

    Args:
        text: The whole file.

    Returns:
        Its value, all of whose texts can be stored.

    Raises:
        ImportRefusedError: It is no JSON, too deeply nested, or has a number or a text that cannot be stored.
    """
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ImportRefusedError({error.lineno: f"invalid JSON: {error.msg}"}) from error
    except RecursionError as error:
        raise ImportRefusedError({1: "invalid JSON: it is nested too deeply"}) from error
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ImportRefusedError({1: f"invalid JSON: {half!a} is half of a character"}) from error
    except ValueError as error:
        raise ImportRefusedError({1: "invalid JSON: a number has too many digits"}) from error
    return found
