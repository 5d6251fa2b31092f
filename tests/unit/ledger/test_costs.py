"""What a request costs at most, told without coding it: never less than what coding it tells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.codes import LegalBasis
from consentry.core.terms import ZERO_32, ConsentId, Material, SubjectId
from consentry.core.typed_data import consent_id, record_id
from consentry.ledger import costs
from consentry.ledger.calldata import encode_decide
from consentry.ledger.costs import Cost, Filling, Pair, bound_of, cost_of, things_of
from consentry.ledger.engines import load_profile
from consentry.ledger.sequencer import MOST_ITEMS
from tests.support import samples

GIVEN = StandingAuthorisation(
    authority=samples.address(1),
    institution=samples.address(2),
    basis=LegalBasis.PUBLIC_HEALTH,
    purposes=1,
    categories=1,
    actions=1,
    max_sensitivity=3,
    data_from=0,
    data_until=1_000,
    valid_from=samples.NOW,
    valid_until=samples.NOW + samples.DAY,
    basis_text_hash=samples.word(1),
    nonce=1,
    sign_before=samples.NOW + samples.DAY,
)
SIGNATURES = bytes(65), b"\xff" * 65, b"\xff" * 3_000


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets no other test's figures count."""
    monkeypatch.setattr(costs, "_lengths", {})


def pairs() -> Iterator[Pair]:
    """Gives requests with and without everything that may be left out of a call."""
    leaf, terms, given = samples.leaf(), samples.terms(), GIVEN
    asked = samples.request(samples.word(5), ConsentId(samples.word(7)), samples.word(8))
    values = itertools.product((ZERO_32, samples.word(9)), repeat=2)
    for (practitioner, reason_hash), known, nodes in itertools.product(values, (None, terms), (0, 3)):
        request = replace(asked, practitioner=practitioner, reason_hash=reason_hash)
        proof = (samples.word(10),) * nodes
        yield request, Material(leaf, known, proof)
        research = replace(request, legal_basis=LegalBasis.PUBLIC_HEALTH, authorisation_id=authorisation_id(given))
        yield research, Material(leaf, known, proof, given)


@pytest.mark.parametrize("order", [1, -1])
def test_bound_is_no_less_than_the_cost_whatever_was_bound_before(order: int) -> None:
    for pair, signature in itertools.product(list(pairs())[::order], SIGNATURES):
        cost = cost_of([pair], signature, encode_decide([pair], [signature]))
        bound = bound_of(pair, signature)
        assert bound.running >= cost.running
        assert bound.floor >= cost.floor


def usual(number: int) -> Pair:
    """Gives a request of one institution about a subject, a record and a consent of its own."""
    leaf = replace(samples.leaf(), subject_id=SubjectId(samples.word(number)))
    terms = replace(samples.terms(), subject_id=leaf.subject_id)
    asked = samples.request(record_id(leaf), consent_id(terms), samples.word(8))
    return replace(asked, request_id=number << 8), Material(leaf, terms)


def filled(pairs: list[Pair], limit: int) -> list[Pair]:
    """Gives those that a transaction takes."""
    filling = Filling(limit)
    return [pair for pair in pairs if filling.takes(pair, bound_of(pair, SIGNATURES[1]))]


def test_transaction_takes_a_full_batch_of_usual_requests() -> None:
    pairs = [usual(number) for number in range(MOST_ITEMS)]
    assert filled(pairs, load_profile("embedded").transaction_gas_limit) == pairs


def test_transaction_is_filled_to_no_more_than_what_its_requests_cost_together() -> None:
    pairs = [usual(number) for number in range(40)]
    for limit in (10_000, 500_000, 2_000_000):
        taken = filled(pairs, limit)
        signatures = [SIGNATURES[1]] * len(taken)
        each = sum((cost_of([pair], SIGNATURES[1], b"") for pair in taken), Cost(0, 0))
        once = sum(gas for gas, _ in {thing for pair in taken for thing in things_of(pair)})
        often = sum(gas for pair in taken for gas, _ in things_of(pair))
        needed = Cost().running + each.running - often + once + 4 * len(encode_decide(taken, signatures))
        assert len(taken) == 1 or needed <= limit, limit
        assert limit < 500_000 or len(taken) > 1, limit


def test_no_more_figures_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_MOST_SHAPES", 3)
    (pair, *_) = pairs()
    for size in range(10):
        bound_of(pair, bytes(size))
        assert len(costs._lengths) <= 3
