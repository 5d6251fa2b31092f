"""The desk between decision and key: what ended since, what is stale, what is not served here."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from consentry.core.codes import Action, Reason, bits
from consentry.core.merkle import proof_of, root_of
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest, Address, ConsentId, ConsentTerms, Material
from consentry.core.typed_data import consent_id, scope_key
from consentry.crypto.keywrap import release_key_hash, release_public_key
from consentry.crypto.signing import sign
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.errors import (
    AccessDeniedError,
    ConflictError,
    LedgerUnavailableError,
    NotAuthenticError,
    NotFoundError,
)
from consentry.gateway.access import Access, AccessDesk
from consentry.gateway.last_look import LEASE_SECONDS
from consentry.gateway.ports import ConsentView, InstitutionView
from tests.property.desk_histories import HOSPITALS, PATIENT, RELEASE_KEY, Bench
from tests.support import samples
from tests.support.memory_ledger import VERIFIERS
from tests.support.memory_projection import MemoryProjection

MONTH = 30 * samples.DAY


@pytest.fixture
async def bench() -> Bench:
    """A desk with records and consents, no request yet."""
    made = Bench(AccessDesk)
    await made.set_up()
    return made


async def grant(bench: Bench, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - any member
    """Grants further terms to the first hospital."""
    terms = replace(bench.consents[0], nonce=100, **changes)
    await bench.ledger.grant(terms, bench.signed(PATIENT, "Consents", terms))
    return terms


def request(bench: Bench, terms: ConsentTerms, **changes: Any) -> AccessRequest:  # noqa: ANN401 - any member
    """Gives a request of the first hospital that outlives the lease."""
    plain = samples.request(bench.records[0], consent_id(terms), release_key_hash(RELEASE_KEY))
    fitting = replace(plain, institution=HOSPITALS[0].address, issued_at=bench.now, expires_at=bench.now + MONTH)
    return replace(fitting, **changes)


async def ask(bench: Bench, asked: AccessRequest) -> Access:
    """Asks as the first hospital does."""
    return await bench.desk.request(asked, bench.signed(HOSPITALS[0], "AccessLedger", asked))


async def test_request_again_gives_the_key_until_the_lease_is_over(bench: Bench) -> None:
    asked = request(bench, bench.consents[0])
    decided = await ask(bench, asked)
    bench.now += LEASE_SECONDS
    assert (await ask(bench, asked)).receipt == decided.receipt
    bench.now += 1
    with pytest.raises(ConflictError, match=r"age .* \(got 901 s, expected at most 900 s\)"):
        await ask(bench, asked)
    assert len(bench.vault.released) == 2


async def test_request_again_after_it_expired_gives_no_key(bench: Bench) -> None:
    asked = request(bench, bench.consents[0], expires_at=bench.now + 60)
    bench.now += 59
    await ask(bench, asked)
    bench.now += 1
    with pytest.raises(ConflictError, match="request has expired"):
        await ask(bench, asked)
    assert len(bench.vault.released) == 1


@pytest.mark.parametrize(
    ("terms", "action", "reason"),
    [
        ({"valid_until": samples.NOW + 60}, Action.VIEW, Reason.CONSENT_EXPIRED),
        (
            {"actions": bits(Action.STORE), "erase_by": samples.NOW + 60},
            Action.STORE,
            Reason.ERASE_DATE_PASSED,
        ),
    ],
    ids=["consent expired", "erase date passed"],
)
async def test_request_again_after_the_consent_ended_gives_no_key(
    bench: Bench, terms: dict[str, int], action: Action, reason: Reason
) -> None:
    asked = request(bench, await grant(bench, **terms), action=action)
    bench.now += 59
    await ask(bench, asked)
    bench.now += 1
    with pytest.raises(AccessDeniedError, match=reason.name) as denial:
        await ask(bench, asked)
    assert denial.value.details["receipt"].permitted
    assert len(bench.vault.released) == 1


async def test_view_after_the_erase_date_of_a_store_still_gives_the_key(bench: Bench) -> None:
    terms = await grant(bench, actions=bits(Action.VIEW, Action.STORE), erase_by=samples.NOW + 60)
    asked = request(bench, terms)
    await ask(bench, asked)
    bench.now += 61
    await ask(bench, asked)
    assert len(bench.vault.released) == 2


async def test_revocation_while_the_release_is_written_down_stops_the_key(bench: Bench) -> None:
    async def slow() -> None:
        await bench.do("revoke", 0)

    bench.vault.on_write = slow
    with pytest.raises(AccessDeniedError, match="CONSENT_REVOKED"):
        await ask(bench, request(bench, bench.consents[0]))
    assert not bench.vault.released


async def test_key_of_before_a_rotation_in_the_meantime_gets_nothing(bench: Bench) -> None:
    hospital = HOSPITALS[0]

    async def rotated() -> None:
        bench.ledger.rotate_keys(hospital.address, hospital.signer, b"new release key")

    bench.vault.on_write = rotated
    with pytest.raises(AccessDeniedError, match="RELEASE_KEY_MISMATCH"):
        await ask(bench, request(bench, bench.consents[0]))
    assert not bench.vault.released


async def test_key_of_before_a_rotation_is_denied_and_the_new_one_gets_the_record(bench: Bench) -> None:
    hospital, new = HOSPITALS[0], release_public_key(samples.word(0x5EEE))
    bench.ledger.rotate_keys(hospital.address, hospital.signer, new)
    with pytest.raises(AccessDeniedError, match="RELEASE_KEY_MISMATCH"):
        await ask(bench, request(bench, bench.consents[0]))
    asked = replace(request(bench, bench.consents[0]), request_id=2, release_key_hash=release_key_hash(new))
    assert (await ask(bench, asked)).key.release_key_hash == release_key_hash(new)


async def test_projection_that_lags_behind_a_rotation_gives_no_key(bench: Bench) -> None:
    hospital, new = HOSPITALS[0], release_public_key(samples.word(0x5EEE))
    asked = replace(request(bench, bench.consents[0]), release_key_hash=release_key_hash(new))

    class Old(MemoryProjection):
        async def institution(self, wanted: Address) -> InstitutionView | None:
            view = await super().institution(wanted)
            return replace(view, release_key=RELEASE_KEY) if view else None

    bench.ledger.rotate_keys(hospital.address, hospital.signer, new)
    bench.desk = AccessDesk(bench.ledger, Old(bench.ledger), bench.vault, bench.outbox, bench.desk.custodian, VERIFIERS)
    with pytest.raises(LedgerUnavailableError, match="another key by now"):
        await ask(bench, asked)
    assert not bench.vault.released


async def test_head_older_than_the_decision_gives_no_key(bench: Bench) -> None:
    async def stale() -> None:
        bench.ledger.stale_by = 1

    bench.vault.on_write = stale
    with pytest.raises(LedgerUnavailableError, match="stale"):
        await ask(bench, request(bench, bench.consents[0]))
    assert not bench.vault.released


async def test_terms_that_are_not_those_decided_on_give_no_key(bench: Bench) -> None:
    asked = request(bench, await grant(bench, valid_until=bench.now + 60))
    await ask(bench, asked)
    bench.now += 100

    class Changed(MemoryProjection):
        async def consent(self, wanted: ConsentId) -> ConsentView | None:
            view = await super().consent(wanted)
            return replace(view, terms=replace(view.terms, valid_until=bench.now + MONTH)) if view else None

    bench.desk = AccessDesk(
        bench.ledger, Changed(bench.ledger), bench.vault, bench.outbox, bench.desk.custodian, VERIFIERS
    )
    with pytest.raises(LedgerUnavailableError, match="terms"):
        await ask(bench, asked)
    assert len(bench.vault.released) == 1


async def test_request_signed_anew_by_a_passkey_is_the_same_request(bench: Bench) -> None:
    passkey = SoftwarePasskey.generate(VERIFIERS.webauthn)
    hospital, domain = samples.address(0xB7), bench.ledger.domain("AccessLedger")
    bench.ledger.admit_institution(hospital, 440_100, passkey.signer, RELEASE_KEY)
    asked = request(bench, await grant(bench, institution=hospital), institution=hospital)
    # A real one counts its signatures; that in software signs alike, so it says another origin.
    signatures = [sign(key, domain, asked) for key in (passkey, replace(passkey, origin="https://other.test"))]
    assert signatures[0] != signatures[1]
    receipts = [(await bench.desk.request(asked, signature)).receipt for signature in signatures]
    assert receipts[0] == receipts[1]
    assert not await bench.outbox.unsettled()


async def test_request_rejected_for_its_proof_is_decided_once_corrected(bench: Bench) -> None:
    views = [await MemoryProjection(bench.ledger).record(record) for record in bench.records]
    keys = [scope_key(view.leaf) for view in views if view]
    asked = request(bench, await grant(bench, records_root=root_of(keys), categories=0))
    proof = proof_of(keys, keys[0])
    signature = bench.signed(HOSPITALS[0], "AccessLedger", asked)
    with pytest.raises(NotAuthenticError, match="SCOPE_PROOF_INVALID"):
        await bench.desk.request(asked, signature)
    assert not bench.outbox.kept
    assert (await bench.desk.request(asked, signature, proof)).receipt.permitted


async def test_answer_to_another_request_gives_no_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    decide, asked = bench.ledger.decide, request(bench, bench.consents[0])
    other = await ask(bench, replace(asked, request_id=2, record_id=bench.records[1]))

    async def mixed(mine: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        await decide(mine, signature, material)
        return other.receipt

    monkeypatch.setattr(bench.ledger, "decide", mixed)
    with pytest.raises(LedgerUnavailableError, match="mixes answers up"):
        await ask(bench, asked)
    assert len(bench.vault.released) == 1


async def test_record_of_another_custodian_is_not_found_and_nothing_kept(bench: Bench) -> None:
    elsewhere = AccessDesk(
        bench.ledger, MemoryProjection(bench.ledger), bench.vault, bench.outbox, HOSPITALS[1].address, VERIFIERS
    )
    bench.desk = elsewhere
    with pytest.raises(NotFoundError, match="record is not known to this custodian"):
        await ask(bench, request(bench, bench.consents[0]))
    assert not bench.outbox.kept


async def test_request_signed_by_another_never_reaches_the_ledger(bench: Bench) -> None:
    asked = request(bench, bench.consents[0])
    before = list(bench.ledger.log)
    with pytest.raises(NotAuthenticError):
        await bench.desk.request(asked, bench.signed(HOSPITALS[1], "AccessLedger", asked))
    assert bench.ledger.log == before
    assert not bench.outbox.kept


async def test_wrong_signatures_of_one_institution_cost_one_look_a_second(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    head = bench.ledger.head

    async def counted() -> Any:  # noqa: ANN401 - as the ledger gives it
        nonlocal looks
        looks += 1
        return await head()

    monkeypatch.setattr(bench.ledger, "head", counted)
    asked = request(bench, bench.consents[0])
    wrong = bench.signed(HOSPITALS[1], "AccessLedger", asked)

    async def refused() -> None:
        with pytest.raises(NotAuthenticError):
            await bench.desk.request(asked, wrong)

    await asyncio.gather(*(refused() for _ in range(50)))
    assert looks == 1
    bench.now += 1
    await refused()
    assert looks == 2
    assert (await ask(bench, asked)).receipt.permitted
