"""Who takes part in a story: patients with consents, institutions with keys, records in a vault; the same in each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from consentry.core.codes import Category, Standing
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    ConsentTerms,
    Enrolment,
    RecordId,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import Domain, SignedStruct, consent_id, digest, record_id
from consentry.crypto.keywrap import release_key_hash, release_public_key
from consentry.crypto.signing import AccountKey
from consentry.gateway.ports import Vault
from tests.faults.node import Rules
from tests.support import samples

CUSTODIAN: Final = AccountKey(samples.word(0xA1))
HOSPITALS: Final = tuple(AccountKey(samples.word(0xB1 + number)) for number in range(3))
PATIENTS: Final = tuple(AccountKey(samples.word(0xC1 + number)) for number in range(2))
SUBJECTS: Final = tuple(SubjectId(samples.word(0x51 + number)) for number in range(2))
RELEASE_KEY: Final = release_public_key(samples.word(0x5EED))
KEY_HASH: Final = release_key_hash(RELEASE_KEY)
RECORDS: Final = 3
CONSENTS: Final = 6


@cache
def _signed(key: AccountKey, digest_: bytes) -> bytes:
    return key.sign_digest(digest_)


def signed(key: AccountKey, domain: Domain, value: SignedStruct) -> bytes:
    """Signs; the same again costs nothing."""
    return _signed(key, digest(domain, value))


@dataclass
class Cast:
    """Those who take part, on a chain."""

    rules: Rules
    leaves: list[RecordLeaf] = field(default_factory=list)
    consents: list[ConsentTerms] = field(default_factory=list)

    def signed(self, key: AccountKey, contract: str, value: SignedStruct) -> bytes:
        """Signs for a contract of the chain."""
        return signed(key, self.rules.domain(contract), value)

    async def set_up(self, vault: Vault, now: int) -> None:
        """Admits, enrols, anchors, grants."""
        for key in (CUSTODIAN, *HOSPITALS):
            self.rules.admit_institution(key.address, 440_100, key.signer, RELEASE_KEY)
        for key, subject in zip(PATIENTS, SUBJECTS, strict=True):
            enrolment = Enrolment(subject, key.signer, CUSTODIAN.address, now + 60)
            both = self.signed(key, "Subjects", enrolment), self.signed(CUSTODIAN, "Subjects", enrolment)
            await self.rules.enrol(enrolment, *both)
            await vault.create_subject(subject)
        for number in range(RECORDS):
            await self._add_record(vault, SUBJECTS[number % 2], number)
        for number in range(CONSENTS):
            await self._grant(number)

    async def _add_record(self, vault: Vault, subject: SubjectId, number: int) -> None:
        async def content() -> AsyncIterator[bytes]:
            yield b"content %d" % number

        sealed = await vault.seal(content(), subject_id=subject, media_type="text/plain")
        own = replace(samples.leaf_of(sealed), custodian=CUSTODIAN.address, category=Category.IMAGING)
        await self.rules.anchor(own, self.signed(CUSTODIAN, "Records", own))
        await vault.attach(sealed.object_id, record_id(own))
        self.rules.leaves[record_id(own)] = own
        self.leaves.append(own)

    async def _grant(self, number: int) -> None:
        who, hospital = number % 2, HOSPITALS[number % len(HOSPITALS)]
        terms = replace(
            samples.terms(), subject_id=SUBJECTS[who], institution=hospital.address, nonce=number + 1, valid_from=0
        )
        await self.rules.grant(terms, self.signed(PATIENTS[who], "Consents", terms))
        self.consents.append(terms)

    async def revoke(self, number: int) -> None:
        """Has a patient take a consent back."""
        terms = self.consents[number]
        act = Revocation(consent_id(terms), terms.subject_id)
        await self.rules.revoke(terms, self.signed(PATIENTS[number % 2], "Consents", act))

    def suspend(self, hospital: int, *, ends: bool) -> None:
        """Has an authority suspend a hospital, or reinstate it."""
        self.rules.set_standing(HOSPITALS[hospital].address, Standing.ACTIVE if ends else Standing.SUSPENDED)

    def request(self, number: int, consent: int, record: int, issued: int, lasts: int) -> AccessRequest:
        """Makes a request of the hospital that a consent names, or of another; consents past the last name none."""
        named: Any = consent_id(self.consents[consent]) if consent < CONSENTS else ZERO_32
        base = samples.request(record_id(self.leaves[record]), named, KEY_HASH)
        own = HOSPITALS[consent % len(HOSPITALS)].address
        base = replace(base, issued_at=issued, expires_at=issued + lasts)
        return replace(base, request_id=number, institution=own)

    def record_ids(self) -> list[RecordId]:
        """Gives the ids of all records."""
        return [record_id(leaf) for leaf in self.leaves]
