"""What other systems read: schemas, captions, exports, webhook deliveries."""

from __future__ import annotations
