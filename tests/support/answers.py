"""What a contract would answer, log or revert with, coded as a node sends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consentry.ledger.coding import Row


def encode_members(members: Sequence[Mapping[str, Any]], values: Sequence[Any]) -> bytes:
    """Codes values by the members of an ABI."""
    return Row(members).encode(values)
