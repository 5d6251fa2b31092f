"""Promise P3: the core and the contracts give the same answer to every act of a random history.

Some histories are long, for what only many acts together bring about: ``CONSENTRY_DIFFERENTIAL_STEPS`` sets how many
steps they have in all, ``CONSENTRY_DIFFERENTIAL_SEED`` which one is the first. Many are short and drawn by Hypothesis,
which shows the shortest that disagrees.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consentry.core.codes import Reason
from tests.property.histories import History

STEPS = int(os.environ.get("CONSENTRY_DIFFERENTIAL_STEPS", "1200"))
SEED = int(os.environ.get("CONSENTRY_DIFFERENTIAL_SEED", "20260101"))
CHECK_EVERY = 2000
LONGEST = 12_500
"""Steps of one history: a chain in memory slows down as it grows, and a fresh one comes by other things."""
LONG = 5000
SHORT_HISTORIES = int(os.environ.get("CONSENTRY_SHORT_HISTORIES", "20"))
SHORT = 40
VERY_LONG = 50_000
RARE = {Reason.EMERGENCY_LIMIT, Reason.RECONSENT_NEEDED, Reason.RECORD_ERASED}
"""What a history of some thousand steps may not come by; a very long one does."""


@pytest.mark.timeout(0)
def test_random_histories_agree_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    taken, answers = 0, Counter[str]()
    for seed in range(SEED, SEED + -(-STEPS // LONGEST)):
        history = History(Random(seed))
        while (left := min(LONGEST, STEPS - taken) - history.ledger.steps) > 0:
            history.run(min(CHECK_EVERY, left))
            history.ledger.compare_states()
        taken += history.ledger.steps
        answers.update(history.ledger.answers)
        if STEPS >= LONG:
            with capsys.disabled():
                sys.stdout.write(f"\n{history.ledger.steps} steps agree (seed {seed})\n")
    if STEPS >= LONG:
        with capsys.disabled():
            sys.stdout.writelines(f"{name}: {count}\n" for name, count in sorted(answers.items()))
    reasons = {name.removeprefix("reason ") for name in answers if name.startswith("reason ")}
    assert {"NONE", "SIGNATURE_INVALID"} <= reasons
    if STEPS >= LONG:
        needed = set(Reason) - (set() if STEPS >= VERY_LONG else RARE)
        assert {reason.name for reason in needed} <= reasons


# Shrinking has five minutes of its own. To explain, Hypothesis traces every line of the machine: ten times slower.
@pytest.mark.timeout(900)
@given(random=st.randoms(use_true_random=False), steps=st.integers(1, SHORT))
@settings(
    max_examples=SHORT_HISTORIES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=set(Phase) - {Phase.explain},
)
def test_short_histories_agree(random: Random, steps: int) -> None:
    history = History(random)
    history.run(steps)
    history.ledger.compare_states()
