"""What the subject decided, or became, between a decision and the release: the last look sees it at head."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from consentry.core.calendar import end_of_minority
from consentry.core.codes import (
    EMERGENCY_WINDOW,
    Assurance,
    DirectiveAnswer,
    EmergencyReason,
    ExclusionKind,
    GuardianKind,
    GuardianScope,
    LegalBasis,
    Purpose,
    bits,
)
from consentry.core.exclusions import Exclusion, target_of_category, target_of_institution
from consentry.core.guardianship import Circumstances, Directive, GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, AccessRequest, ConsentId, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from consentry.crypto.signing import AccountKey
from consentry.errors import AccessDeniedError, LedgerUnavailableError
from consentry.gateway.access import AccessDesk
from consentry.gateway.ports import Conditions, ConditionsAtHead
from tests.property.desk_histories import CUSTODIAN, HOSPITALS, PATIENT, Bench, BrokenPromiseError
from tests.support import samples
from tests.support.memory_vault import in_force
from tests.unit.gateway.test_access import ask, request

PARENT = AccountKey(samples.word(0xFA))
HOSPITAL = HOSPITALS[0].address
GROUP = samples.group(b"\x0a" * 20)
Meanwhile = Callable[[], Awaitable[None]]


@pytest.fixture
async def bench() -> Bench:
    """A desk with records and consents, no request yet."""
    made = Bench(AccessDesk)
    await made.set_up()
    return made


def subject_of(bench: Bench) -> SubjectId:
    return bench.consents[0].subject_id


async def perform(bench: Bench, act: SignedAct, *keys: AccountKey) -> None:
    await bench.ledger.perform(act, [bench.signed(key, act.FORM.contract, act) for key in keys])


def emergency(bench: Bench) -> AccessRequest:
    plain = request(bench, bench.consents[0], consent_id=ConsentId(ZERO_32), purpose=Purpose.ETREAT)
    return replace(
        plain,
        legal_basis=LegalBasis.EMERGENCY,
        reason_code=EmergencyReason.UNCONSCIOUS,
        reason_hash=samples.word(9),
        expires_at=plain.issued_at + EMERGENCY_WINDOW,
    )


async def denied_by(bench: Bench, asked: AccessRequest, meanwhile: Meanwhile) -> str:
    """Lets something happen while the release is written down; gives why there was no key."""
    bench.vault.on_write = meanwhile
    with pytest.raises(AccessDeniedError) as denial:
        await ask(bench, asked)
    assert denial.value.details["receipt"].permitted
    assert not bench.vault.released
    return str(denial.value.details["reason"])


TARGETS = {
    "institution": (ExclusionKind.INSTITUTION, target_of_institution(HOSPITAL)),
    "practitioner": (ExclusionKind.PRACTITIONER, samples.request(ZERO_32, ZERO_32, ZERO_32).practitioner),
    "category": (ExclusionKind.CATEGORY, target_of_category(samples.leaf().category)),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("basis", [LegalBasis.CONSENT, LegalBasis.EMERGENCY])
async def test_exclusion_in_the_meantime_gives_no_key(bench: Bench, basis: LegalBasis, target: str) -> None:
    kind, named = TARGETS[target]
    asked = emergency(bench) if basis == LegalBasis.EMERGENCY else request(bench, bench.consents[0])

    async def exclude() -> None:
        act = Exclusion(subject_of(bench), ZERO_32, kind, named, 1, bench.now + 60)
        await perform(bench, act, PATIENT)

    assert await denied_by(bench, asked, exclude) == "EXCLUDED"


async def test_exclusion_of_another_gives_the_key(bench: Bench) -> None:
    async def exclude() -> None:
        other = target_of_institution(HOSPITALS[1].address)
        act = Exclusion(subject_of(bench), ZERO_32, ExclusionKind.INSTITUTION, other, 1, bench.now + 60)
        await perform(bench, act, PATIENT)

    bench.vault.on_write = exclude
    await ask(bench, request(bench, bench.consents[0]))
    assert len(bench.vault.released) == 1


async def test_directive_in_the_meantime_stops_an_emergency_and_no_consent(bench: Bench) -> None:
    async def forbid() -> None:
        answers = DirectiveAnswer.FORBID, DirectiveAnswer.ALLOW
        await perform(bench, Directive(subject_of(bench), ZERO_32, *answers, bench.now, bench.now + 60), PATIENT)

    assert await denied_by(bench, emergency(bench), forbid) == "EMERGENCY_FORBIDDEN"
    bench.vault.on_write = in_force
    await ask(bench, request(bench, bench.consents[0], request_id=2))
    assert len(bench.vault.released) == 1


async def granted_by_a_parent(bench: Bench, end: int) -> ConsentTerms:
    """Has a parent grant two minutes before a minority ends."""
    bench.now = end - 120
    subject, evidence, until = subject_of(bench), samples.word(8), bench.now + 60
    noted = Circumstances(
        subject, end, shielded=False, deceased=False, evidence_hash=evidence, nonce=1, sign_before=until
    )
    await perform(bench, noted, CUSTODIAN)
    scopes = bits(GuardianScope.GRANT)
    act = GuardianAppointment(subject, PARENT.signer, GuardianKind.PARENT, scopes, bench.now, end, evidence, 1, until)
    await perform(bench, act, PARENT, CUSTODIAN)
    terms = replace(
        bench.consents[0],
        guardian=struct_hash(act),
        assurance=Assurance.GUARDIAN,
        valid_from=bench.now - 60,
        valid_until=end + samples.DAY,
        nonce=200,
    )
    await bench.ledger.grant(terms, bench.signed(PARENT, "Consents", terms))
    return terms


@pytest.mark.parametrize(("seconds", "stopped"), [(-1, False), (0, True), (60, True)])
async def test_who_comes_of_age_in_the_meantime_is_asked_anew(bench: Bench, *, seconds: int, stopped: bool) -> None:
    end = end_of_minority(2027, 2, 1, 1)
    asked = request(bench, await granted_by_a_parent(bench, end))
    asked = replace(asked, issued_at=bench.now, expires_at=end + 600)
    assert asked.consent_id != consent_id(bench.consents[0])

    async def later() -> None:
        bench.now = end + seconds

    if stopped:
        assert await denied_by(bench, asked, later) == "RECONSENT_NEEDED"
    else:
        bench.vault.on_write = later
        await ask(bench, asked)
        assert len(bench.vault.released) == 1


async def granted_to_a_group(bench: Bench) -> ConsentTerms:
    """Grants to a group that the first hospital belongs to."""
    bench.ledger.set_membership(GROUP, HOSPITAL, member=True)
    terms = replace(bench.consents[0], institution=ZERO_ADDRESS, group=GROUP, nonce=300)
    await bench.ledger.grant(terms, bench.signed(PATIENT, "Consents", terms))
    return terms


async def test_who_left_the_group_in_the_meantime_gets_no_key(bench: Bench) -> None:
    asked = request(bench, await granted_to_a_group(bench))

    async def leave() -> None:
        bench.ledger.set_membership(GROUP, HOSPITAL, member=False)

    assert await denied_by(bench, asked, leave) == "GRANTEE_MISMATCH"


async def test_another_that_left_the_group_in_the_meantime_changes_nothing(bench: Bench) -> None:
    asked = request(bench, await granted_to_a_group(bench))
    bench.ledger.set_membership(GROUP, HOSPITALS[1].address, member=True)

    async def leave() -> None:
        bench.ledger.set_membership(GROUP, HOSPITALS[1].address, member=False)

    bench.vault.on_write = leave
    await ask(bench, asked)
    assert len(bench.vault.released) == 1


@pytest.mark.parametrize(("silence", "seconds", "stale"), [(60, 60, False), (60, 61, True), (0, 600, False)])
async def test_node_without_new_blocks_for_too_long_gives_no_key(
    bench: Bench, *, silence: int, seconds: int, stale: bool
) -> None:
    bench.ledger.silence = silence

    async def later() -> None:
        bench.now += seconds

    bench.vault.on_write = later
    asked = request(bench, bench.consents[0])
    if not stale:
        await ask(bench, asked)
    else:
        with pytest.raises(LedgerUnavailableError, match=r"head of the node is stale \(got a block of 61 s ago"):
            await ask(bench, asked)
    assert len(bench.vault.released) == (0 if stale else 1)


@pytest.mark.parametrize("stale", [True, False])
async def test_revocation_that_a_node_standing_still_does_not_show_gives_no_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, stale: bool
) -> None:
    """It is the age of the head that gives it away: with a new one, the same answer would release."""
    terms, ledger = bench.consents[0], bench.ledger
    asked, ledger.silence = request(bench, terms), 60

    async def revoked_elsewhere() -> None:
        seen = await ledger.seen(Conditions(asked, subject_of(bench), samples.leaf().category))
        bench.now += 100
        shown = seen if stale else replace(seen, head=replace(seen.head, time=bench.now))

        async def old_answer(_: Conditions) -> ConditionsAtHead:
            return shown

        await bench.do("revoke", 0)
        monkeypatch.setattr(ledger, "seen", old_answer)

    bench.vault.on_write = revoked_elsewhere
    refused = pytest.raises(LedgerUnavailableError, match="stale")
    with refused if stale else pytest.raises(BrokenPromiseError, match="released under a consent that was revoked"):
        await ask(bench, asked)
    assert not bench.vault.released
