"""Seeds played one after another; the first that breaks a promise is told with the line that plays it again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from consentry.directory.mirror import Mirror
from consentry.directory.projection import Follower
from tests.faults.followers import Chase
from tests.faults.mutants import Mutant
from tests.faults.plan import Plan
from tests.faults.promises import BrokenPromiseError
from tests.faults.stores import MemoryStores
from tests.faults.story import Story
from tests.faults.tables import TableStores
from tests.faults.virtual import StandstillError, play, without_threads

IN_CI: Final = 500
AT_HAND: Final = 100
SEEDS: Final = int(os.environ.get("CONSENTRY_FAULT_SEEDS", IN_CI if os.environ.get("CI") else AT_HAND))
"""How many seeds are played: 10,000 in the night."""
FIRST: Final = int(os.environ.get("CONSENTRY_FAULT_SEED", "0"))
"""The first of them."""
WITH_TABLES: Final = 41
"""Of so many stories one is played on the real tables, which takes ten times as long; and as many chases as those."""
Play = Callable[[int], Plan]


def story_player(template: Path) -> Play:
    """Gives what plays the story of a seed on what is to be tested; takes an empty database."""

    def play_one(seed: int) -> Plan:
        stores = TableStores(template) if seed % WITH_TABLES == 0 else MemoryStores()
        story = Story(Plan(seed), stores=stores)
        play(story.play())
        return story.plan

    return play_one


def chase_player(template: Path, follower: type[Follower] = Follower, mirror: type[Mirror] = Mirror) -> Play:
    """Gives what plays the chase of a seed; takes an empty database."""

    def play_one(seed: int) -> Plan:
        chase = Chase(Plan(seed), TableStores(template), mirror, follower)
        play(chase.play())
        return chase.plan

    return play_one


def play_seeds(seeds: Iterable[int], play_one: Play, suite: str) -> Counter[str]:
    """Plays seeds and gives which faults they met.

    Raises:
        BrokenPromiseError: names the seed, and how it is played again.
    """
    met: Counter[str] = Counter()
    with without_threads():
        for seed in seeds:
            try:
                met += play_one(seed).met
            except (BrokenPromiseError, StandstillError) as error:
                again = f"CONSENTRY_FAULT_SEED={seed} CONSENTRY_FAULT_SEEDS=1 ./scripts/test tests/faults -k {suite}"
                raise BrokenPromiseError(f"seed {seed}: {error}\nplay it again: {again}") from error
    return met


def mutant_player(mutant: Mutant) -> Play:
    """Gives what plays the story of a seed on a planted bug."""

    def play_one(seed: int) -> Plan:
        story = Story(Plan(seed), mutant.kinds, rules_class=mutant.rules)
        play(story.play())
        return story.plan

    return play_one


def finds(play_one: Play, promise: str, most: int) -> int | None:
    """Gives the first seed that sees a planted bug break the promise it should; none if so many do not."""
    with without_threads():
        for seed in range(most):
            try:
                play_one(seed)
            except (BrokenPromiseError, StandstillError) as error:
                if promise in str(error):
                    return seed
    return None
