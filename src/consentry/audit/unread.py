"""What an audit could not read, as limits of its report: bounded, for whoever submits may leave as much as it likes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST_LINES: Final = 100
CALLDATA: Final = "transaction {} is no call of decide; what it decided is checked from events alone"
REJECTION: Final = (
    "what came with request {} of transaction {} cannot be read; why it was rejected is checked from events alone"
)
MORE: Final = "{} more transactions or requests could not be read in the same way"


@dataclass
class Unread:
    """What could not be read, in the order of the chain.

    Attributes:
        lines: the first of them, in words.
        more: how many came after those.
    """

    lines: list[str] = field(default_factory=list)
    more: int = 0

    def transaction(self, about: str) -> None:
        """Notes a transaction that decided and is no plain call."""
        self._note(CALLDATA.format(about))

    def rejection(self, request_id: int, about: str) -> None:
        """Notes a rejected request of a transaction."""
        self._note(REJECTION.format(request_id, about))

    def _note(self, line: str) -> None:
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)
        else:
            self.more += 1

    def limits(self) -> list[str]:
        """Gives what the report says of it."""
        return [*self.lines, *([MORE.format(self.more)] if self.more else [])]
