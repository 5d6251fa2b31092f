"""Who is signed in. In memory: a restart asks everybody to sign in again, and loses nothing.

Tokens are random, kept as digests, bound to one signer, and short-lived. Anybody can draw keys and sign in with each:
so signers the chain does not know share a small room of their own, where they can only push each other out.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consentry.errors import NotAuthenticError

MOST_SESSIONS: Final = 200_000
"""Beyond this many of known signers the oldest of them end early; about 100 MB."""
MOST_OF_STRANGERS: Final = 2_000
"""The same for signers the chain does not know: patients before they are enrolled, and whoever else comes."""
MOST_OF_ONE: Final = 8
"""Beyond this many the oldest of the same signer ends."""


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in signer; ``known`` if the chain named it when it signed in."""

    signer: bytes
    expires_at: int
    known: bool


class Sessions:
    """Sessions by the digest of their token, oldest first: all live equally long.

    Those of signers the chain knows and those of strangers are kept apart.
    """

    def __init__(self, life: int, clock: Callable[[], int] = _now) -> None:
        """Takes the life of a session in seconds."""
        self._life = life
        self.now = clock
        self._known: dict[bytes, Session] = {}
        self._strangers: dict[bytes, Session] = {}
        self._of: dict[bytes, list[bytes]] = {}

    def open(self, signer: bytes, *, known: bool) -> tuple[str, int]:
        """Gives a new token and when it ends; ``known`` tells whether the chain names the signer."""
        now = self.now()
        for kept, most in ((self._known, MOST_SESSIONS), (self._strangers, MOST_OF_STRANGERS)):
            self._forget(kept, most, now)
        own = self._of.get(signer, [])
        if len(own) >= MOST_OF_ONE:
            self._end(own[0])
        token, session = secrets.token_urlsafe(32), Session(signer, now + self._life, known)
        digest = _digest(token)
        (self._known if known else self._strangers)[digest] = session
        self._of.setdefault(signer, []).append(digest)
        return token, session.expires_at

    def find(self, token: str) -> Session:
        """Gives the session of a token.

        Raises:
            NotAuthenticError: there is none, or it ended.
        """
        digest = _digest(token)
        session = self._known.get(digest) or self._strangers.get(digest)
        if session is None or session.expires_at <= self.now():
            raise NotAuthenticError("session is not known or ended")
        return session

    def close(self, token: str) -> None:
        """Ends a session; one that is not there changes nothing."""
        self._end(_digest(token))

    def _end(self, digest: bytes) -> None:
        session = self._known.pop(digest, None) or self._strangers.pop(digest, None)
        if session is None:
            return
        own = self._of[session.signer]
        own.remove(digest)
        if not own:
            del self._of[session.signer]

    def _forget(self, kept: dict[bytes, Session], most: int, now: int) -> None:
        while kept:
            oldest = next(iter(kept))
            if kept[oldest].expires_at > now and len(kept) < most:
                return
            self._end(oldest)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
