"""What a person was shown, carried from the card to the decision; the ledger stores exactly that.

Reading suggestions writes nothing, so nobody's second look changes what somebody else's decision is stored with.
Inside a process the object itself travels. Programs get it as a signed token: what a decision is measured against
was really suggested by this installation.
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
from tagging_core.storage import key_values
from tagging_core.taxonomy.model import Taxonomy

_KEY = "shown.key"
_MAX_JSON = 100_000  # bytes of an unpacked token; fifty suggestions take 4,000


@dataclass(frozen=True, slots=True)
class Shown(Sequence[Suggestion]):
    """The suggestions of one asset as a person was shown them, best first; a sequence of them.

    Attributes:
        hidden: Whether they were kept from the person, for the blind sample.
    """

    asset_id: int
    profile: str
    suggestions: tuple[Suggestion, ...] = ()
    hidden: bool = False

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
        """Return the suggestions by the id their tag has today, after merges; deleted tags are left out."""
        found = {taxonomy.redirects.resolve(s.tag_id): s for s in reversed(self.suggestions)}
        return {tag_id: s for tag_id, s in reversed(found.items()) if tag_id}


class ShownTokens:
    """Signs what was shown for programs, and reads it back.

    Args:
        key: The installation's secret; the same in all its processes.
    """

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)

    @classmethod
    def open(cls, connection: Connection) -> ShownTokens:
        """Read the installation's secret, or make it.

        Args:
            connection: A serialized write transaction.
        """
        key = key_values.get(connection, _KEY)
        if not key:
            key = secrets.token_hex(32)
            key_values.put(connection, _KEY, key)
        return cls(key)

    def write(self, shown: Shown) -> str:
        """Return the token, URL-safe text of some hundred characters."""
        rows = [[s.tag_id, s.probability, s.rank, s.fingerprint, s.revision] for s in shown]
        packed = zlib.compress(json.dumps([shown.asset_id, shown.profile, rows, shown.hidden]).encode())
        return base64.urlsafe_b64encode(self._sign(packed) + packed).decode().rstrip("=")

    def read(self, token: str) -> Shown:
        """Return what a token says was shown.

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
                "`shown` is not a token of this installation. Send the one that came with the suggestions, or none."
            ) from error
        asset_id, profile, rows, hidden = fields
        return Shown(asset_id, profile, tuple(Suggestion(*row) for row in rows), hidden)

    def _sign(self, packed: bytes) -> bytes:
        return hmac.new(self._key, packed, hashlib.sha256).digest()[:16]
