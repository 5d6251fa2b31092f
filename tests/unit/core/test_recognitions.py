"""Mutual recognition in the core: where a mark counts, what counts once, and which answer is whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.core import batch_tree
from consentry.core.codes import Category, MarkScope, RefusalReason, Standing
from consentry.core.recognitions import Mark, Recognition, ResultMark, StudyRegistration
from consentry.core.state import InstitutionState, LedgerState
from consentry.core.terms import ZERO_32, Address
from tests.support import samples
from tests.unit.core.test_erasures import ABOUT, END, LEAF, NOW, RECORD, refusal, state_with, take

ITEM = 250_101
CLINIC, HOSPITAL = Address(b"\x0c" * 20), Address(b"\x0d" * 20)


def marked(scope: int = MarkScope.NATIONAL, region: int = 0) -> LedgerState:
    """Gives a state with a marked image and two receiving institutions."""
    state = state_with(replace(LEAF, category=Category.IMAGING))
    for address, where in ((CLINIC, 440_100), (HOSPITAL, 110_000)):
        state.institutions[address] = InstitutionState(Standing.ACTIVE, where, address, ZERO_32)
    take(state, ResultMark(*ABOUT, ITEM, scope, region, NOW - 5, *END))
    return state


def said(institution: Address = HOSPITAL, **changes: object) -> Recognition:
    made = Recognition(RECORD, institution, samples.SUBJECT, samples.word(1), True, 0, False, *END)  # noqa: FBT003 - a member of the act
    return replace(made, **changes)  # type: ignore[arg-type]  # members by name


def no(institution: Address = HOSPITAL, **changes: object) -> Recognition:
    own = {"accepted": False, "reason_code": RefusalReason.EMERGENCY, "explained": True, "nonce": 8}
    return said(institution, **{**own, **changes})


def test_result_counts_once_for_receiver_and_issuer_by_what_was_said_last() -> None:
    state = marked()
    found = state.recognitions
    for act, counts in ((said(), (1, 0)), (no(), (0, 1)), (no(nonce=9), (0, 1)), (said(nonce=10), (1, 0))):
        take(state, act)
        assert found.counts_of(HOSPITAL, ITEM) == found.counts_of_issuer(samples.CUSTODIAN, ITEM) == counts
    take(state, no(CLINIC))

    assert found.counts_of_issuer(samples.CUSTODIAN, ITEM) == (1, 1)
    assert found.counts_of(HOSPITAL, ITEM + 1) == found.counts_of_issuer(HOSPITAL, ITEM) == (0, 0)


@pytest.mark.parametrize(
    ("scope", "region", "inside", "outside"),
    [
        (MarkScope.NATIONAL, 0, (0, 110_000, 440_300), ()),
        (MarkScope.PROVINCIAL, 440_000, (440_000, 440_999), (0, 430_300, 450_000)),
        (MarkScope.CITY, 440_300, (440_300, 440_399), (0, 440_200, 440_400, 110_300)),
    ],
)
def test_mark_covers_its_scope_alone(
    scope: int, region: int, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    mark = Mark(CLINIC, ITEM, scope, region)

    assert all(mark.covers(there) for there in inside)
    assert not any(mark.covers(there) for there in outside)


def test_receiver_outside_the_scope_and_issuer_itself_are_refused() -> None:
    state = marked(MarkScope.PROVINCIAL, 440_000)

    take(state, said(CLINIC))
    assert refusal(state, said(HOSPITAL)) == "RecognitionsRegionMismatch"
    assert refusal(state, said(samples.CUSTODIAN)) == "RecognitionsOwnResult"


@pytest.mark.parametrize(
    "changes",
    [{"reason_code": 0}, {"reason_code": 10}, {"explained": False}, {"accepted": True}],
)
def test_refusal_needs_a_reason_and_an_explanation(changes: dict[str, object]) -> None:
    assert refusal(marked(), no(HOSPITAL, **changes)) == "RecognitionsAnswerInvalid"


@pytest.mark.parametrize(("scope", "region"), [(0, 0), (4, 0), (1, 440_000), (2, 440_300), (2, 0), (3, 440_301)])
def test_mark_needs_a_region_of_its_kind(scope: int, region: int) -> None:
    act = ResultMark(*ABOUT, ITEM, scope, region, NOW, *END)

    assert refusal(state_with(), act) == "RecognitionsScopeInvalid"


@given(count=st.integers(1, 9), place=st.integers(0, 12), other=st.integers(0, 8))
def test_instance_of_a_study_is_shown_by_its_own_path_alone(count: int, place: int, other: int) -> None:
    state = state_with(replace(LEAF, category=Category.IMAGING))
    digests = [samples.word(number + 1) for number in range(count)]
    act = StudyRegistration(*ABOUT, samples.word(99), batch_tree.root_of(digests), count, *END)
    take(state, act)
    path = batch_tree.path_of(digests, other % count)

    shown = state.recognitions.is_instance(RECORD, digests[other % count], place, path)

    assert shown == (place == other % count)
    assert not state.recognitions.is_instance(ABOUT[0], samples.word(50), place, path)
