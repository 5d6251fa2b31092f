"""Who is signed in. In memory: a restart asks everybody to sign in again, and loses nothing.

Tokens are random, kept as digests, bound to one signer, and short-lived.
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
"""Beyond this many the oldest end early, whoever's they are; about 100 MB."""


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in signer."""

    signer: bytes
    expires_at: int


class Sessions:
    """Sessions by the digest of their token, oldest first: all live equally long."""

    def __init__(self, life: int, clock: Callable[[], int] = _now) -> None:
        """Takes the life of a session in seconds."""
        self._life = life
        self.now = clock
        self._sessions: dict[bytes, Session] = {}

    def open(self, signer: bytes) -> tuple[str, int]:
        """Gives a new token and when it ends."""
        now = self.now()
        self._forget(now)
        token, session = secrets.token_urlsafe(32), Session(signer, now + self._life)
        self._sessions[_digest(token)] = session
        return token, session.expires_at

    def find(self, token: str) -> Session:
        """Gives the session of a token.

        Raises:
            NotAuthenticError: there is none, or it ended.
        """
        session = self._sessions.get(_digest(token))
        if session is None or session.expires_at <= self.now():
            raise NotAuthenticError("session is not known or ended")
        return session

    def close(self, token: str) -> None:
        """Ends a session; one that is not there changes nothing."""
        self._sessions.pop(_digest(token), None)

    def _forget(self, now: int) -> None:
        while self._sessions:
            oldest = next(iter(self._sessions))
            if self._sessions[oldest].expires_at > now and len(self._sessions) < MOST_SESSIONS:
                return
            del self._sessions[oldest]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
