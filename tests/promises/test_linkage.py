"""The attack on pseudonyms sees what the chain shows, measures rightly, and gives the figures that are documented."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from tests.promises.linkage import Attacker, Pairs, attack, auc, truth_of
from tests.promises.observer import Observer
from tests.promises.recorded import Clinic
from tests.promises.schedule import Anchoring, Year

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"
ROW = re.compile(r"^\| (\d+) \| ([\w ]+?)(, uniform terms)? \| (\d\.\d\d) \|", re.MULTILINE)


@pytest.mark.slow
def test_chain_shows_of_these_five_events_what_the_attack_works_on(played: Clinic, year: Year) -> None:
    one, other = (hospital.key.address for hospital in played.hospitals)

    # Every act has a second of its own; what comes up beside the year has others.
    times = {act.time for _, act in year.in_order()}

    seen = Observer((one, other), played.suite.verifiers).watch(entry for entry in played.logs if entry[0] in times)

    assert seen == year.seen()


def test_auc_is_that_of_known_orders() -> None:
    assert auc([3, 2, 1, 0], [True, True, False, False]) == 1
    assert auc([0, 1, 2, 3], [True, True, False, False]) == 0
    assert auc([1, 1, 1], [True, False, False]) == 0.5
    assert auc([3, 2, 1, 0], [True, False, True, False]) == 0.75


def test_attack_on_people_who_have_nothing_in_common_is_guessing() -> None:
    years = [Year(40, seed) for seed in range(3)]
    random = Random(5)
    learnt, unknown, tried = (Pairs.of(year.seen(), truth_of(year)) for year in years)
    # With the answers dealt out by chance, what was learnt of the true ones helps nobody.
    dealt = [random.random() < 0.05 for _ in tried.same]

    assert 0.4 < auc(Attacker([learnt, unknown]).scores(tried), dealt) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize(("anchoring", "uniform"), [(Anchoring.AT_ONCE, False), (Anchoring.WHEN_ASKED, True)])
def test_figures_of_the_document_are_those_measured(anchoring: Anchoring, uniform: bool) -> None:  # noqa: FBT001 - a parameter of the test
    rows = {
        (int(size), way, bool(same)): float(figure) for size, way, same, figure in ROW.findall(DOCUMENT.read_text())
    }

    measured = fmean(attack(36, seed, anchoring, uniform=uniform).whole for seed in range(1, 6))

    assert rows[36, anchoring.value, uniform] == round(measured, 2)
