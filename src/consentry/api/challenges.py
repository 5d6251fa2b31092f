"""Challenges of a sign-in: made without keeping anything, good once, for one signer, for a few minutes.

A challenge is 32 bytes: when it ends, random bytes, and a keyed tag over both and the signer. So nobody can fill a
table by asking for many; that it is used once is kept with the nonces of signed requests, when it is used.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from consentry.errors import NotAuthenticError
from consentry.gateway.once_ports import Nonces

CHALLENGE_SECONDS: Final = 300
SIZE: Final = 32
_TIME_SIZE: Final = 6
_TAG_SIZE: Final = 16
_NAME: Final = b"sign-in"


class Challenges:
    """Challenges of one process: a restart makes those that are open void."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def new(self, signer: bytes, now: int) -> bytes:
        """Gives a challenge for a signer; ``now`` in seconds since the epoch."""
        head = (now + CHALLENGE_SECONDS).to_bytes(_TIME_SIZE, "big")
        head += secrets.token_bytes(SIZE - _TIME_SIZE - _TAG_SIZE)
        return head + self._tag(head, signer)

    async def spend(self, challenge: bytes, signer: bytes, now: int, nonces: Nonces) -> None:
        """Uses a challenge up.

        Raises:
            NotAuthenticError: it was not given out to this signer by this process, is used, or too old.
        """
        head, tag = challenge[:-_TAG_SIZE], challenge[-_TAG_SIZE:]
        until = int.from_bytes(head[:_TIME_SIZE], "big")
        genuine = len(challenge) == SIZE and hmac.compare_digest(tag, self._tag(head, signer))
        if not genuine or until <= now:
            raise NotAuthenticError("challenge does not match (got an unknown or old one, expected a fresh one)")
        await nonces.spend(_NAME, challenge.hex(), until)

    def _tag(self, head: bytes, signer: bytes) -> bytes:
        return hmac.digest(self._key, head + hashlib.sha256(signer).digest(), "sha256")[:_TAG_SIZE]
