"""After an erasure: accesses, releases, objects and missing attestations are found, and an honest end is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from consentry.audit.audit import Audit
from consentry.audit.erasures import ATTESTATION_SECONDS
from consentry.audit.findings import Finding, Kind
from consentry.audit.ports import KeptRelease, StoredObject
from consentry.core import events
from consentry.core.acts import Acts
from consentry.core.chain import BlockReference
from consentry.core.codes import ErasureReason, Reason
from consentry.core.erasures import DeletionAttestation, Erasure, ErasureOfficerAdmission
from consentry.core.signed_act import SignedAct
from consentry.core.terms import Material, RecordId, RecordLeaf
from consentry.core.typed_data import record_id
from consentry.crypto.signing import AccountKey, sign
from tests.support import samples
from tests.support.memory_reader import CUSTODIAN, HOSPITAL, SUBJECT, Story, domain

OFFICERS = (AccountKey(b"\x01" * 32), AccountKey(b"\x02" * 32))
NEVER = 2**63


@dataclass
class EndStory(Story):
    """A record that is looked at once, and then erased as one of the wrong patient."""

    first: RecordLeaf = field(init=False)
    erased_at: int = 0

    def take(self, act: SignedAct, *keys: AccountKey) -> int:
        """Takes a signed act; gives its block time."""
        place = self.place()
        signatures = [sign(key, domain(act.FORM.contract), act) for key in keys]
        (event,) = Acts(self.state).perform(act, signatures, holds=lambda *_: True, relay=samples.RELAY, place=place)
        self.log(event)
        return place.block.time

    @property
    def record(self) -> RecordId:
        """The record that ends."""
        return record_id(self.first)

    def attest(self) -> None:
        """Attests the deletion."""
        act = DeletionAttestation(self.record, CUSTODIAN.address, SUBJECT, self.erased_at, 1, 9, NEVER)
        self.take(act, CUSTODIAN)


def ended() -> EndStory:
    """Tells the story up to the erasure."""
    story = EndStory()
    story.prepare()
    story.first = story.leaf(1)
    story.anchor(story.first)
    terms = story.terms()
    story.grant(terms)
    story.decide((story.request(1, story.first, terms), Material(story.first, terms), HOSPITAL))
    for number, officer in enumerate(OFFICERS):
        story.take(ErasureOfficerAdmission(CUSTODIAN.address, officer.signer, number, NEVER), CUSTODIAN, officer)
    reason, report, signers = ErasureReason.WRONG_PATIENT, samples.word(1), [officer.signer for officer in OFFICERS]
    act = Erasure(story.record, CUSTODIAN.address, SUBJECT, reason, report, signers[0], signers[1], 7, NEVER)
    story.erased_at = story.take(act, *OFFICERS)
    story.decide((story.request(2, story.first, terms), Material(story.first, terms), HOSPITAL))
    return story


async def found_in(story: Story, later: int = 0) -> list[Finding]:
    """Audits a story whose head lies so many seconds after its last block."""
    reader = story.reader()
    head = await reader.head()
    moved = BlockReference(head.number, head.hash, head.time + later)

    async def at_head() -> BlockReference:
        return moved

    reader.head = at_head  # type: ignore[method-assign]  # a head of its own for this audit
    return list((await Audit(reader).run()).findings)


async def test_honest_end_gives_no_finding() -> None:
    story = ended()
    story.attest()

    assert await found_in(story, ATTESTATION_SECONDS) == []


async def test_access_after_the_erasure_is_found() -> None:
    story = ended()
    story.attest()
    at = next(
        i for i, e in enumerate(story.chain) if isinstance(e, events.AccessDecided) and e.entry.request.request_id == 2
    )
    event = story.chain[at]
    assert isinstance(event, events.AccessDecided)
    story.chain[at] = replace(event, entry=replace(event.entry, reason=Reason.NONE))

    assert Kind.DECISION in {finding.kind for finding in await found_in(story)}


async def test_erasure_signed_by_somebody_else_is_found() -> None:
    story = ended()
    story.attest()
    at = next(i for i, e in enumerate(story.chain) if isinstance(getattr(e, "act", None), Erasure))
    event = story.chain[at]
    assert isinstance(event, events.ActPerformed)
    story.chain[at] = replace(event, signatures=(event.signatures[0], event.signatures[0]))

    assert [(f.kind, f.about) for f in await found_in(story)] == [(Kind.SIGNATURE, "0x" + OFFICERS[1].signer.hex())]


@pytest.mark.parametrize(("later", "due"), [(ATTESTATION_SECONDS - 1, False), (ATTESTATION_SECONDS, True)])
async def test_missing_attestation_is_found_after_thirty_days(later: int, *, due: bool) -> None:
    story = ended()
    head = (await story.reader().head()).time

    found = await found_in(story, story.erased_at + later - head)

    assert [finding.kind for finding in found] == [Kind.ATTESTATION_MISSING] * due


@dataclass
class _Rows:
    rows: list[KeptRelease]

    async def releases(self) -> AsyncIterator[KeptRelease]:
        for row in self.rows:
            yield row


@pytest.mark.parametrize(("delay", "late"), [(-1, False), (60, False), (61, True)])
async def test_release_after_the_erasure_is_found(delay: int, *, late: bool) -> None:
    story = ended()
    story.attest()
    audit = Audit(story.reader())
    report = await audit.run()
    row = KeptRelease(story.record, HOSPITAL.address, 1, samples.word(1), story.erased_at + delay)

    found = (await audit.compare_releases(report, CUSTODIAN.address, _Rows([row]))).findings

    assert ([f.kind for f in found].count(Kind.RELEASE_AFTER_ERASURE) == 1) == late


@dataclass
class _Objects:
    rows: list[StoredObject]

    async def measured(self) -> AsyncIterator[StoredObject]:
        for row in self.rows:
            yield row


async def test_object_of_an_erased_record_is_missed_by_nobody_and_found_once_its_deletion_was_attested() -> None:
    story = ended()
    kept = StoredObject(story.record, story.first.ciphertext_digest, story.first.ciphertext_size)
    kinds = []
    for attested in (False, True):
        if attested:
            story.attest()
        for rows in ([], [kept]):
            audit = Audit(story.reader())
            report = replace(await audit.run(), findings=())
            found = (await audit.compare_vault(report, CUSTODIAN.address, _Objects(rows))).findings
            kinds.append([finding.kind for finding in found])

    assert kinds == [[], [], [], [Kind.OBJECT_KEPT]]
