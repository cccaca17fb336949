"""A worker process for tests and benchmarks: `python -m tests.slow_worker SECONDS [LEASE]`.

It uses the deterministic tiny encoder, slowed down by SECONDS per picture; LEASE shortens the lease.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from PIL import Image

from tagging_core import Tagloop
from tagging_core.app import worker
from tagging_core.cli.commands import work_until_signal
from tagging_core.embeddings.encoders import Vectors, find_preset
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.ingest import chunks
from tagging_core.settings import load_settings


class Slow(TinyEncoder):
    """Sleeps, so that the number of cores does not matter."""

    seconds = 0.0

    def encode_images(
        self, images: Sequence[Image.Image], instruction: str = "", texts: Sequence[str] = ()
    ) -> Vectors:
        """See `Encoder.encode_images`."""
        time.sleep(self.seconds * len(images))
        return super().encode_images(images, instruction)


def main() -> None:
    """Work until a signal to stop."""
    Slow.seconds = float(sys.argv[1])
    if len(sys.argv) > 2:
        chunks.LEASE_SECONDS = float(sys.argv[2])
        worker._HEARTBEAT_SECONDS = chunks.LEASE_SECONDS / 6
    loop = Tagloop(load_settings(), encoder=Slow(find_preset("tiny")))
    try:
        work_until_signal(loop)
    finally:
        loop.close()


if __name__ == "__main__":
    main()
