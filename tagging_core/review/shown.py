"""The suggestions shown on a card; the decision returns them and the ledger stores exactly these.

Reading suggestions writes nothing, so another request cannot change what a decision is stored with. Within a
process the object is passed on; API clients get a signed token, which proves that this installation made it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from sqlalchemy import Connection

from tagging_core.errors import DecisionError
from tagging_core.learning.suggestions import Suggestion
from tagging_core.ledger.events import Look
from tagging_core.storage import key_values
from tagging_core.taxonomy.model import Taxonomy

_KEY = "shown.key"
_MAX_JSON = 100_000  # bytes of an unpacked token; fifty suggestions take 4,000


@dataclass(frozen=True, slots=True)
class Shown(Sequence[Suggestion]):
    """The sequence of suggestions shown for an asset, best first.

    Attributes:
        hidden: Whether they were hidden from the user, as in the blind sample.
        look: Set if the card was one of an independent review.
    """

    asset_id: int
    profile: str
    suggestions: tuple[Suggestion, ...] = ()
    hidden: bool = False
    look: Look | None = None

    def __len__(self) -> int:
        """Count the suggestions."""
        return len(self.suggestions)

    def __iter__(self) -> Iterator[Suggestion]:
        """Iterate over the suggestions, best first."""
        return iter(self.suggestions)

    @overload
    def __getitem__(self, index: int) -> Suggestion: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Suggestion]: ...
    def __getitem__(self, index: int | slice) -> Suggestion | Sequence[Suggestion]:
        """Return one suggestion, or a slice of them."""
        return self.suggestions[index]

    def by_tag(self, taxonomy: Taxonomy) -> dict[str, Suggestion]:
        """Return the suggestions by current tag id.

        Args:
            taxonomy: Resolves the ids of merged and deleted tags.

        Returns:
            Suggestions by tag id; the better-ranked one where tags were merged since, none for deleted tags.
        """
        found = {taxonomy.redirects.resolve(s.tag_id): s for s in reversed(self.suggestions)}
        return {tag_id: s for tag_id, s in reversed(found.items()) if tag_id}


class ShownTokens:
    """Encodes shown suggestions as signed tokens, and verifies them.

    Args:
        key: The installation's secret in hexadecimal, shared by all its processes.
    """

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)

    @classmethod
    def open(cls, connection: Connection) -> ShownTokens:
        """Read the installation's secret, or create it.

        Args:
            connection: A serialized write transaction.
        """
        key = key_values.get(connection, _KEY)
        if not key:
            key = secrets.token_hex(32)
            key_values.put(connection, _KEY, key)
        return cls(key)

    def write(self, shown: Shown) -> str:
        """Return the token, a URL-safe string of a few hundred characters."""
        rows = [[s.tag_id, s.probability, s.rank, s.fingerprint, s.revision] for s in shown]
        packed = zlib.compress(json.dumps([shown.asset_id, shown.profile, rows, shown.hidden, shown.look]).encode())
        return base64.urlsafe_b64encode(self._sign(packed) + packed).decode().rstrip("=")

    def read(self, token: str) -> Shown:
        """Verify and decode a token.

        Raises:
            DecisionError: It was not issued by this installation.
        """
        try:
            data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            signature, packed = data[:16], data[16:]
            if not hmac.compare_digest(signature, self._sign(packed)):
                raise ValueError("wrong signature")
            fields: list[Any] = json.loads(zlib.decompressobj().decompress(packed, _MAX_JSON))
        except (ValueError, binascii.Error, zlib.error) as error:
            raise DecisionError(
                "`shown` is not a token of this installation. Send the one from the suggestions, or omit it."
            ) from error
        asset_id, profile, rows, hidden, *look = fields  # tokens of earlier releases have no look
        kind = Look(look[0]) if look and look[0] else None
        return Shown(asset_id, profile, tuple(Suggestion(*row) for row in rows), hidden, kind)

    def _sign(self, packed: bytes) -> bytes:
        return hmac.new(self._key, packed, hashlib.sha256).digest()[:16]
