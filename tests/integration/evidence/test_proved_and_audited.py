"""A story on a real chain: every access is proved, each proof holds offline, and an audit finds nothing."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from consentry.audit.audit import Audit
from consentry.audit.columns import Plain
from consentry.audit.findings import Kind, Report
from consentry.core import merkle
from consentry.core.codes import Action, Reason
from consentry.core.log_tree import nodes_of, root_of
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    ConsentId,
    ConsentTerms,
    Enrolment,
    Material,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import consent_id, record_id, scope_key
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey, SigningKey, sign
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.errors import NotAuthenticError, NotFoundError, VerificationError
from consentry.evidence.checkpoint import Checkpoint as LogHead
from consentry.evidence.log_entry import leaves_of
from consentry.evidence.log_root import LogRoot
from consentry.evidence.verify import verify
from consentry.ledger import node
from consentry.ledger.abi import artifact
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.best_proof import prove_best
from consentry.ledger.bulk import Bulk
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import Founders, deploy
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import Prover
from consentry.ledger.reader import ChainReader
from consentry.ledger.vouching import Wanted
from tests.support import samples
from tests.support.log_people import ORIGIN, POLICY, ROOT, ROOT_HOLDERS, cosigned

REGION: Final = 440300
FAR: Final = 2**40
"""A second that no clock of this century reaches."""
TYPICAL_BYTES: Final = 25_000
CUSTODIAN: Final = AccountKey.generate()
HOSPITAL: Final = AccountKey.generate()
KEY_HASH: Final = hashlib.sha256(samples.RELEASE_KEY).digest()


@dataclass
class Chain:
    """A deployment on an embedded chain, and what was decided on it."""

    connection: Connection
    manifest: Manifest
    ledger: ChainLedger
    url: str
    decided: dict[int, Reason] = field(default_factory=dict)

    @property
    def prover(self) -> Prover:
        """Builds bundles."""
        return Prover(self.connection, self.manifest, self.ledger)

    async def begin(
        self, key: SigningKey, *, named: bool = False
    ) -> tuple[RecordLeaf, ConsentTerms, tuple[bytes, ...]]:
        """Enrols a patient, anchors a record, grants."""
        ledger, subject = self.ledger, SubjectId(AccountKey.generate().secret)
        enrolment = Enrolment(subject, key.signer, CUSTODIAN.address, FAR)
        domain = ledger.domain("Subjects")
        await ledger.enrol(enrolment, sign(key, domain, enrolment), sign(CUSTODIAN, domain, enrolment))
        leaf = replace(samples.leaf(), custodian=CUSTODIAN.address, subject_id=subject)
        await ledger.anchor(leaf, sign(CUSTODIAN, ledger.domain("Records"), leaf))
        terms = replace(
            samples.terms(), subject_id=subject, institution=HOSPITAL.address, valid_from=0, valid_until=FAR
        )
        proof: tuple[bytes, ...] = ()
        if named:
            keys = [scope_key(leaf), samples.word(3), samples.word(4)]
            proof = merkle.proof_of(keys, scope_key(leaf))
            terms = replace(terms, records_root=merkle.root_of(keys), categories=0)
        await ledger.grant(terms, sign(key, ledger.domain("Consents"), terms))
        return leaf, terms, proof

    def request(self, number: int, leaf: RecordLeaf, terms: ConsentTerms, **changes: Any) -> AccessRequest:  # noqa: ANN401 - members by name
        """Gives a request of the hospital."""
        base = samples.request(record_id(leaf), consent_id(terms), KEY_HASH)
        made = replace(base, institution=HOSPITAL.address, request_id=number, issued_at=0, expires_at=FAR)
        return replace(made, **changes)

    async def ask(self, request: AccessRequest, material: Material, key: AccountKey = HOSPITAL) -> Reason:
        """Has a request decided."""
        receipt = await self.ledger.decide(request, sign(key, self.ledger.domain("AccessLedger"), request), material)
        self.decided[request.request_id] = Reason(receipt.entry.reason)
        return Reason(receipt.entry.reason)


async def _govern(
    connection: Connection, manifest: Manifest, officers: Sequence[SendingAccount], relay: SendingAccount
) -> None:
    target, functions = manifest.address("Participants"), artifact("Participants").functions
    for officer in officers:
        for institution in (CUSTODIAN, HOSPITAL):
            who = institution.address
            admitted = (who, REGION, who, samples.RELEASE_KEY, ZERO_32)
            await officer.act(target, functions["admitInstitution"].encode_call(admitted))
    for officer in officers:
        await officer.act(target, functions["admitRelay"].encode_call((relay.address, CUSTODIAN.address)))
    assert (await connection.header()) is not None


@asynccontextmanager
async def deployed(folder: Path) -> AsyncIterator[Chain]:
    """Starts a fresh chain with the suite on it, and stops it."""
    status = await asyncio.to_thread(node.up, folder, 0)
    connection = DirectConnection(str(status.url), load_profile("embedded"))
    try:
        deployer, *officers = [SendingAccount(connection, AccountKey.generate().secret) for _ in range(3)]
        manifest = await deploy(connection, deployer, Founders(*(officer.address for officer in officers)))
        relay_key = AccountKey.generate().secret
        await _govern(connection, manifest, officers, SendingAccount(connection, relay_key))
        ledger = await ChainLedger.connect(connection, manifest, relay_key)
        yield Chain(connection, manifest, ledger, str(status.url))
        await ledger.close()
    finally:
        await asyncio.to_thread(node.down, folder)


@pytest.fixture
async def chain(tmp_path: Path, engine: Path) -> AsyncIterator[Chain]:  # noqa: ARG001 - must be installed first
    """A fresh chain with the suite on it."""
    async with deployed(tmp_path / "chain") as made:
        yield made


async def _story(chain: Chain) -> None:
    verifiers = ChainReader(chain.connection, chain.manifest).verifiers()
    patient = AccountKey.generate()
    leaf, terms, _ = await chain.begin(patient)
    device_leaf, device_terms, proof = await chain.begin(P256Key.generate(verifiers.p256), named=True)
    pass_leaf, pass_terms, _ = await chain.begin(SoftwarePasskey.generate(verifiers.webauthn))
    own, unknown = Material(leaf, terms), replace(leaf, commitment=samples.word(9))
    await asyncio.gather(
        chain.ask(chain.request(1, leaf, terms), own),
        chain.ask(chain.request(2, device_leaf, device_terms), Material(device_leaf, device_terms, proof)),
        chain.ask(chain.request(3, pass_leaf, pass_terms), Material(pass_leaf, pass_terms)),
        chain.ask(chain.request(4, leaf, terms, action=Action.STORE), own),
        chain.ask(chain.request(5, leaf, terms, expires_at=1), own),
        chain.ask(chain.request(6, leaf, terms, consent_id=ConsentId(ZERO_32)), Material(leaf)),
        chain.ask(chain.request(7, unknown, terms), Material(unknown, terms)),
        chain.ask(chain.request(8, leaf, pass_terms), Material(leaf, pass_terms)),
    )
    with pytest.raises(NotAuthenticError, match="SCOPE_PROOF_INVALID"):
        await chain.ask(chain.request(12, device_leaf, device_terms), Material(device_leaf, device_terms))
    with pytest.raises(NotAuthenticError, match="SIGNATURE_INVALID"):
        await chain.ask(chain.request(9, leaf, terms), own, key=CUSTODIAN)
    later = replace(terms, nonce=99)
    await chain.ask(chain.request(10, leaf, later), Material(leaf, later))
    await chain.ledger.grant(later, sign(patient, chain.ledger.domain("Consents"), later))
    revocation = Revocation(consent_id(terms), terms.subject_id)
    await chain.ledger.revoke(terms, sign(patient, chain.ledger.domain("Consents"), revocation))
    await chain.ask(chain.request(11, leaf, terms), own)


EXPECTED: Final = {
    1: Reason.NONE,
    2: Reason.NONE,
    3: Reason.NONE,
    4: Reason.ACTION_NOT_GRANTED,
    5: Reason.REQUEST_EXPIRED,
    6: Reason.CONSENT_MISSING,
    7: Reason.RECORD_UNKNOWN,
    8: Reason.SUBJECT_MISMATCH,
    10: Reason.CONSENT_UNKNOWN,
    11: Reason.CONSENT_REVOKED,
}


async def _in_bulk(chain: Chain) -> Report:
    reader = ChainReader(chain.connection, chain.manifest)
    return await Audit(reader, bulk=Bulk.of_deployment(chain.url, chain.manifest)).run()


async def _plain(chain: Chain) -> list[int]:
    """Gives how many decisions each transaction has that readers of a real node hand over as plain."""
    reader = ChainReader(chain.connection, chain.manifest)
    first, last = (await reader.identity()).deployed_in, (await reader.head()).number
    stretches = Bulk.of_deployment(chain.url, chain.manifest).stretches(first, last, bytes(16))
    return [len(each) async for _, segments in stretches for each in segments if isinstance(each, Plain)]


async def test_prove_every_access_then_verify_and_audit(chain: Chain) -> None:
    await _story(chain)
    assert chain.decided == EXPECTED
    trust = await chain.prover.trust_root()
    for number, reason in EXPECTED.items():
        bundle = await chain.prover.prove(HOSPITAL.address, number, checkpoint=trust.checkpoints[0].number)
        assert verify(bundle.to_json(), trust).entry.reason == reason
    with pytest.raises(VerificationError) as caught:
        verify(bundle.to_json(), replace(trust, checkpoints=(replace(trust.checkpoints[0], hash=ZERO_32),)))
    assert caught.value.step == 3
    with pytest.raises(NotFoundError):
        await chain.prover.prove(HOSPITAL.address, 9)
    report = await Audit(ChainReader(chain.connection, chain.manifest)).run()
    assert report.findings == ()
    assert report.decisions == len(EXPECTED)
    assert report.signatures >= len(EXPECTED) + 5
    settled = await _in_bulk(chain)
    assert settled == report
    # The other decisions are not as usual.
    assert await _plain(chain) == [1, 1]
    blind = await Audit(ChainReader(chain.connection, chain.manifest), with_calldata=False).run()
    assert [finding.kind for finding in blind.findings] == [Kind.SCOPE_UNPROVEN]


async def test_prove_with_witnesses_shows_all_by_the_log_and_says_what_is_missing(chain: Chain) -> None:
    await _story(chain)
    prover, now = chain.prover, int(time.time())
    root = _log_root(chain, now)
    heads = {size: await _head(chain, size) for size in (None, 3)}
    notes = {size: cosigned(head, dict.fromkeys(range(3), now)).to_bytes() for size, head in heads.items()}
    alone = cosigned(heads[None], {0: now}).to_bytes()
    for number, reason in EXPECTED.items():
        proved = await prove_best(prover, HOSPITAL.address, number, Wanted(root, notes[None]), now)
        assert (proved.verified.entry.reason, len(proved.bundle.headers)) == (reason, 1)
        assert proved.verified.vouched.witnesses
        assert proved.missing == ("no seals vouch for it: blocks of this chain have none",)
        assert len(proved.bundle.to_json()) <= TYPICAL_BYTES
    for wanted, says in (
        (Wanted(), "no log root says"),
        (Wanted(root), "no checkpoint of the log is there"),
        (Wanted(root, alone), "number of witnesses does not match"),
        (Wanted(root, notes[3]), "the newest final checkpoint has 3 entries"),
        (Wanted(root, b"?"), "no witnesses vouch for it"),
    ):
        proved = await prove_best(prover, HOSPITAL.address, 1, wanted, now)
        assert proved.verified.vouched.witnesses is None
        assert says in proved.missing[0]
    both = await prove_best(prover, HOSPITAL.address, 1, Wanted(root, notes[None]), now, headers=True)
    assert both.verified.vouched.witnesses
    assert both.verified.vouched.leads_to_trusted_block
    assert len(both.bundle.headers) > 1


def _log_root(chain: Chain, now: int) -> LogRoot:
    identity = chain.manifest.identity
    root = replace(
        ROOT,
        chain_id=identity.chain_id,
        genesis_hash=identity.genesis_hash,
        contracts=tuple(sorted(address for _, address in identity.contracts)),
        policy=replace(POLICY, valid_from=now - 1000, valid_until=now + 1000),
    )
    return root.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])


async def _head(chain: Chain, size: int | None) -> LogHead:
    """Gives the head of the ledger log as the node lists the logs."""
    identity = chain.manifest.identity
    contracts = [address for _, address in identity.contracts]
    leaves = [*leaves_of(identity.chain_id, contracts, await chain.connection.logs(contracts, 0, None))][:size]
    return LogHead(ORIGIN, len(leaves), root_of(len(leaves), nodes_of(leaves)))
