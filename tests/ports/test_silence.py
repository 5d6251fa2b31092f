"""A node that does not answer, on each implementation of the ledger port: every method says so."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from consentry.core.codes import DirectiveAnswer
from consentry.core.guardianship import Directive
from consentry.core.terms import ZERO_32, SubjectId
from consentry.core.typed_data import record_id
from consentry.crypto.signing import AccountKey
from consentry.errors import LedgerUnavailableError
from consentry.gateway.ports import Ledger
from tests.support import samples
from tests.support.ledger_worlds import FAR, KEY_HASH, Case, LedgerWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")


def directive(case: Case) -> Directive:
    """Gives an act of a case's subject."""
    return Directive(case.leaf.subject_id, ZERO_32, DirectiveAnswer.FORBID, DirectiveAnswer.ALLOW, 1, FAR)


Call = Callable[[LedgerWorld, Case], Awaitable[object]]
CALLS: dict[str, Call] = {
    "identity": lambda w, _: w.unplugged.identity(),
    "head": lambda w, _: w.unplugged.head(),
    "enrol": lambda w, c: w.unplugged.enrol(w.enrolment(c.key), bytes(65), bytes(65)),
    "anchor": lambda w, c: w.unplugged.anchor(c.leaf, bytes(65)),
    "supersede": lambda w, c: w.unplugged.supersede(c.leaf, c.leaf, bytes(65)),
    "grant": lambda w, c: w.unplugged.grant(c.terms, bytes(65)),
    "revoke": lambda w, c: w.unplugged.revoke(c.terms, bytes(65)),
    "decide": lambda w, c: w.unplugged.decide(w.request(c), bytes(65), c.material),
    "decide_batch": lambda w, c: w.unplugged.decide_batch([(w.request(c), c.material)], bytes(65)),
    "find_decisions": lambda w, _: w.unplugged.find_decisions(w.hospital.address, [1, 2]),
    "find_decision": lambda w, _: w.unplugged.find_decision(w.hospital.address, 1),
    "seen": lambda w, c: w.unplugged.seen(w.ground(c)),
    "subject_facts": lambda w, c: w.unplugged.subject_facts(c.leaf.subject_id),
    "is_excluded": lambda w, c: w.unplugged.is_excluded(c.leaf.subject_id, w.hospital.address, KEY_HASH, 1),
    "duties_of": lambda w, _: w.unplugged.duties_of(w.hospital.address),
    "assisted_by": lambda w, _: w.unplugged.assisted_by(w.hospital.address, 0),
    "perform": lambda w, c: w.unplugged.perform(directive(c), [bytes(65)]),
    "rehearse": lambda w, c: w.unplugged.rehearse(directive(c), [bytes(65)]),
    "record_status": lambda w, c: w.unplugged.record_status(record_id(c.leaf)),
    "debts_of": lambda w, _: w.unplugged.debts_of(w.hospital.address),
    "is_signed_by_subject": lambda w, c: w.unplugged.is_signed_by_subject(c.leaf.subject_id, KEY_HASH, bytes(65)),
}


@pytest.mark.parametrize("call", CALLS)
async def test_silent_node_is_told_as_unavailable_by_every_method(world: LedgerWorld, call: str) -> None:
    subject = SubjectId(samples.word(1))
    leaf, terms = replace(samples.leaf(), subject_id=subject), replace(samples.terms(), subject_id=subject)
    with pytest.raises(LedgerUnavailableError):
        await CALLS[call](world, Case(AccountKey.generate(), leaf, terms))


async def test_no_method_that_asks_the_node_is_left_out() -> None:
    asking = {name for name, method in vars(Ledger).items() if inspect.iscoroutinefunction(method)}

    assert asking == CALLS.keys()
