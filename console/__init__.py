"""What the console's pages share: frame, session, charts, the review surface."""

from __future__ import annotations
