"""Who calls: challenges, sessions, nonces.

Kept in memory: a restart asks everybody to sign in again, and loses nothing.

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

CHALLENGE_SECONDS: Final = 300
WINDOW_SECONDS: Final = 60
"""A signed HTTP request may be this old, or this far ahead."""
MOST_CHALLENGES: Final = 100_000


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in signer."""

    signer: bytes
    expires_at: int


class Sessions:
    """Challenges given out, sessions opened, nonces seen."""

    def __init__(self, life: int, clock: Callable[[], int] = _now) -> None:
        """Takes the life of a session in seconds."""
        self._life = life
        self.now = clock
        self._began = clock()
        self._challenges: dict[str, int] = {}
        self._sessions: dict[bytes, Session] = {}
        self._nonces: dict[tuple[bytes, str], int] = {}

    def new_challenge(self) -> str:
        """Gives a nonce that is good once, for five minutes."""
        self._forget()
        if len(self._challenges) >= MOST_CHALLENGES:
            raise NotAuthenticError("too many sign-ins are under way")
        challenge = secrets.token_hex(32)
        self._challenges[challenge] = self.now() + CHALLENGE_SECONDS
        return challenge

    def spend_challenge(self, challenge: str) -> None:
        """Uses a nonce up.

        Raises:
            NotAuthenticError: it was never given out, is used, or too old.
        """
        if self._challenges.pop(challenge, 0) <= self.now():
            raise NotAuthenticError("challenge does not match (got an unknown or old one, expected a fresh one)")

    def open(self, signer: bytes) -> tuple[str, int]:
        """Gives a new token and when it ends."""
        self._forget()
        token = secrets.token_urlsafe(32)
        session = Session(signer, self.now() + self._life)
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

    def spend_nonce(self, institution: bytes, nonce: str, created: int) -> None:
        """Accepts a signed HTTP request once.

        Raises:
            NotAuthenticError: it is outside the window, from before this process began, or was seen before.
        """
        now = self.now()
        if abs(now - created) > WINDOW_SECONDS or created < self._began:
            raise NotAuthenticError(f"time of the signed request does not match (got {created}, expected about {now})")
        self._forget()
        if (institution, nonce) in self._nonces:
            raise NotAuthenticError("nonce of the signed request was seen before")
        self._nonces[(institution, nonce)] = created + 2 * WINDOW_SECONDS

    def _forget(self) -> None:
        now = self.now()
        self._challenges = {k: end for k, end in self._challenges.items() if end > now}
        self._sessions = {k: s for k, s in self._sessions.items() if s.expires_at > now}
        self._nonces = {k: end for k, end in self._nonces.items() if end > now}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
