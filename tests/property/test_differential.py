"""Promise P3: the core and the contracts give the same answer to every act of a random history.

``CONSENTRY_DIFFERENTIAL_STEPS`` sets how far each history goes, ``CONSENTRY_DIFFERENTIAL_SEED`` which one is taken.
"""

from __future__ import annotations

import os
import sys
from random import Random

import pytest

from consentry.core.codes import Reason
from tests.property.histories import History

STEPS = int(os.environ.get("CONSENTRY_DIFFERENTIAL_STEPS", "1200"))
SEED = int(os.environ.get("CONSENTRY_DIFFERENTIAL_SEED", "20260101"))
CHECK_EVERY = 2000
LONG = 5000


@pytest.mark.timeout(0)
def test_random_history_agrees_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    history = History(Random(SEED))
    while history.ledger.steps < STEPS:
        history.run(min(CHECK_EVERY, STEPS - history.ledger.steps))
        history.ledger.compare_states()
    reasons = {name.removeprefix("reason ") for name in history.ledger.answers if name.startswith("reason ")}
    assert {"NONE", "SIGNATURE_INVALID"} <= reasons
    if STEPS >= LONG:
        assert reasons == {reason.name for reason in Reason}
    if STEPS >= LONG:
        with capsys.disabled():
            sys.stdout.write(f"\n{history.ledger.steps} steps agree (seed {SEED})\n")
            sys.stdout.writelines(f"{name}: {count}\n" for name, count in sorted(history.ledger.answers.items()))
