"""How long a caller wants to wait: ``wait`` and ``respond-async`` of the header ``Prefer`` (RFC 7240)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LONGEST_WAIT: Final = 60
"""Seconds. A caller that would wait longer is told to come back after these: proxies end what is silent for long."""
_PREFERENCE: Final = re.compile(
    # Possessive: a line of blanks is to be read once, not once for each of them.
    r'\s*+([A-Za-z0-9!#$%&\'*+.^_`|~-]++)\s*+(?:=\s*+("[^"]*+"|[^\s;,]*+)\s*+)?(?:;.*)?'
)
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits, and which of its preferences that follows from."""

    seconds: int
    applied: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Says which preference was applied, if one was."""
        return {"Preference-Applied": self.applied} if self.applied else {}


def patience_of(lines: Sequence[str], usual: int) -> Patience:
    """Reads the lines of ``Prefer``; what is unknown or malformed in them is passed over, as the RFC has it.

    Args:
        lines: values of the header, as often as it came.
        usual: seconds for a caller that says nothing.
    """
    found: dict[str, str] = {}
    for part in ",".join(lines).split(","):
        read = _PREFERENCE.fullmatch(part)
        if read is not None:
            # Of a preference that came twice the first counts.
            found.setdefault(read[1].lower(), (read[2] or "").strip('"'))
    wait = found.get("wait", "")
    if _SECONDS.fullmatch(wait):
        seconds = min(int(wait), LONGEST_WAIT)
        together = "respond-async, " if "respond-async" in found else ""
        return Patience(seconds, f"{together}wait={seconds}")
    return Patience(0, "respond-async") if "respond-async" in found else Patience(usual)
