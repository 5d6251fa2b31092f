"""What goes wrong in one run: a seed, and which faults it draws how often.

Every seed has weather of its own: some kinds of faults do not occur, others often. A run in which everything fails a
little never gets far enough into any trouble.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

RATES: Final = {
    # Between gateway and node.
    "rpc-delayed": 0.20,
    "rpc-lost": 0.05,
    "reply-lost": 0.06,
    "sent-reply-lost": 0.20,
    "sent-late": 0.12,
    "sent-twice": 0.12,
    "refused": 0.08,
    "orphan-logs": 0.30,
    "receipt-mixed-up": 0.20,
    # At the node.
    "pool-drops": 0.10,
    "pool-reorders": 0.50,
    "gas-short": 0.06,
    "node-lags": 0.05,
    # Database, object store and key service.
    "store-lost": 0.04,
    "store-reply-lost": 0.04,
    "store-delayed": 0.20,
    "torn-write": 0.05,
    # The process.
    "crash": 0.008,
}
"""Of each kind of fault how often it happens at most, of the times it could."""
_CALM: Final = 0.45
"""How many kinds of faults a seed leaves out."""


@dataclass
class Plan:
    """Draws everything that a run leaves open.

    Attributes:
        healed: whether everything works from now on.
        met: how often each fault happened.
    """

    seed: int
    healed: bool = False
    met: Counter[str] = field(default_factory=Counter)
    draw: random.Random = field(init=False)
    weather: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.weather = {
            name: 0.0 if self.draw.random() < _CALM else most * self.draw.random() for name, most in RATES.items()
        }

    def happens(self, fault: str) -> bool:
        """Draws whether a fault happens here and now."""
        if self.healed or self.draw.random() >= self.weather[fault]:
            return False
        self.met[fault] += 1
        return True

    def note(self, fault: str) -> None:
        """Counts a fault that the story itself brought about."""
        self.met[fault] += 1

    def seconds(self, least: float, most: float) -> float:
        """Draws how long something takes."""
        return self.draw.uniform(least, most)
