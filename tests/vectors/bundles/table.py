"""How many forgeries of which kind are refused at which step, as a table of Markdown."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Final

from consentry.evidence import steps, verify
from tests.vectors.bundles.false_proofs import false_proofs
from tests.vectors.bundles.forger import forge
from tests.vectors.bundles.forgeries import Forgery, forgeries
from tests.vectors.bundles.logged import build_logged, build_sealed_and_logged
from tests.vectors.bundles.real import build_real
from tests.vectors.bundles.vouched import build_vouched

KINDS: Final = {
    "flip": "value flipped",
    "dropped": "member or item left out",
    "item-dropped": "member or item left out",
    "added": "member or item added",
    "invented": "member or item added",
    "item-twice": "member or item added",
    "type": "another type",
    "swap": "part of another access",
}
BY_HAND: Final = "made by hand"
PROOFS: Final = "false proof"
COLUMNS: Final = (*dict.fromkeys(KINDS.values()), BY_HAND, PROOFS)


def all_forgeries() -> list[tuple[str, Forgery]]:
    """Gives every forgery with its kind; no two are of the same bytes, shown against the same trust root."""
    real, world = build_real(), build_vouched()
    made = [(_kind(forgery.name), forgery) for forgery in forged_everywhere()]
    made += [(BY_HAND, forgery) for forgery in forgeries(real)]
    return made + [(PROOFS, forgery) for forgery in false_proofs(world, real)]


def forged_everywhere() -> list[Forgery]:
    """Gives the forgeries in every place: of a bundle with headers, and of such whose events the log shows."""
    world, plain, sealed = build_vouched(), build_logged(), build_sealed_and_logged()
    by_log = forge(plain.bundles, plain.trust, "@log") + forge(sealed.bundles, sealed.trust, "@seals-and-log")
    return forge(world.bundles, world.trust) + by_log


def _kind(name: str) -> str:
    return next(KINDS[prefix] for prefix in sorted(KINDS, key=len, reverse=True) if name.startswith(f"{prefix}-"))


def names_of_steps() -> dict[int, str]:
    """Gives the name of each step, as its verifier says it."""
    lines = (line.strip().split(". ") for line in (verify.__doc__ or "").splitlines())
    return {int(parts[0]): parts[1] for parts in lines if parts[0].isdecimal()}


def table() -> str:
    """Writes the table: a line for each step, a column for each kind, and sums."""
    counted = Counter((forgery.step, kind) for kind, forgery in all_forgeries())
    names = names_of_steps()
    rows = [["step", *COLUMNS, "all"], ["---"] * (len(COLUMNS) + 2)]
    for step in range(steps.FORM, steps.LAST + 1):
        found = [counted[step, kind] for kind in COLUMNS]
        rows.append([f"{step}. {names[step]}", *(str(n or "") for n in found), str(sum(found))])
    sums = [sum(counted[step, kind] for step in names) for kind in COLUMNS]
    rows.append(["all", *(str(n) for n in sums), str(sum(sums))])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(table())
