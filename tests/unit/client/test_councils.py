"""A council that is a guardian grants for its ward, and takes back."""

from __future__ import annotations

import time

from consentry.core.codes import DAY, Assurance, ConsentStatus, GuardianKind, GuardianScope, bits
from consentry.core.guardianship import GuardianAppointment
from consentry.core.terms import ZERO_32, Revocation
from consentry.core.typed_data import consent_id, digest, struct_hash
from consentry.crypto.council import Council
from consentry.crypto.signing import AccountKey, sign
from tests.support.memory_ledger import VERIFIERS
from tests.unit.client.conftest import Callers


async def test_council_revokes_what_it_granted(callers: Callers) -> None:
    world, key, ledger = callers.world, callers.world.people.patient, callers.parts.ledger
    subject, later = await world.enrol(key), int(time.time()) + DAY
    members = [AccountKey.generate() for _ in range(3)]
    council = Council(2, tuple(sorted(member.signer for member in members)))

    def together(digest_: bytes) -> bytes:
        return council.signature({member.signer: member.sign_digest(digest_) for member in members[:2]})

    scopes, by = bits(GuardianScope.GRANT, GuardianScope.REVOKE), VERIFIERS.council + council.key
    act = GuardianAppointment(subject, by, GuardianKind.DELEGATE, scopes, 0, later, ZERO_32, 1, later)
    domain = ledger.domain("Subjects")
    await ledger.perform(act, [together(digest(domain, act)), sign(key, domain, act)])
    under, domain = struct_hash(act), ledger.domain("Consents")
    terms = world.terms(subject, guardian=under, assurance=Assurance.GUARDIAN)
    member = callers.patient(members[2])
    await member.sign_in()

    await member.grant(terms, together(digest(domain, terms)))
    revocation = Revocation(consent_id(terms), subject, under)
    await member.revoke(terms, under, together(digest(domain, revocation)))

    assert await ledger.consent_status(consent_id(terms)) == ConsentStatus.REVOKED
