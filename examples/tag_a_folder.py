"""Tag a folder of pictures by REST and print what was found: `python examples/tag_a_folder.py URL KEY FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from tagging_core.api import Client, ServiceError


def main(url: str, key: str, folder: str) -> None:
    """Tag one picture after the other; a file that is no picture does not stop the others."""
    with Client(url, key) as tagloop:
        for path in sorted(Path(folder).iterdir()):
            try:
                tagged = tagloop.pictures.tag(path.read_bytes(), path.name, "e-commerce")
            except ServiceError as error:
                print(f"{path.name}: {error}")
                continue
            likely = ", ".join(f"{s.name} {s.probability:.0%}" for s in tagged.suggestions[:3])
            print(f"{path.name} (picture {tagged.asset}): {likely}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
