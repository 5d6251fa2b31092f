"""The hospital's side: enrol, take records in, ask, open, and check what came against the anchored leaf."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from consentry.client.answers import (
    ANCHORED,
    DENIED,
    DUTY,
    ENROLLED,
    LOG_LINE,
    PERMITTED,
    RECORD,
    SEALED,
    expect,
)
from consentry.client.chain import Chain, check_log, confirmed, entry_of
from consentry.client.gateway import About, about
from consentry.client.transport import Transport
from consentry.core import heads
from consentry.core.codes import (
    Action,
    ActorKind,
    ConsentStatus,
    LegalBasis,
    Purpose,
    Reason,
    Retention,
    Standing,
    Suite,
)
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import (
    ZERO_32,
    AccessEntry,
    AccessRequest,
    Address,
    ConsentId,
    Enrolment,
    RecordId,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import record_id, scope_key
from consentry.crypto.commitment import verify_commitment
from consentry.crypto.keywrap import ReleaseContext, release_key_hash, release_public_key, unwrap_record_keys
from consentry.crypto.sealing import Opener, sealing_context
from consentry.crypto.signing import SigningKey, sign
from consentry.errors import AccessDeniedError, NotFoundError, VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write

REQUEST_SECONDS: Final = 300
_PIECE: Final = 1 << 20
_ENDED_BY_TIME: Final = (Reason.CONSENT_EXPIRED, Reason.ERASE_DATE_PASSED)


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution's own secrets: its address, signing key, and the seed of its release key."""

    address: Address
    key: SigningKey
    release_seed: bytes

    @property
    def release_key(self) -> bytes:
        """The public release key, as registered on chain."""
        return release_public_key(self.release_seed)


@dataclass(frozen=True, slots=True)
class NewRecord:
    """How a record is described on chain."""

    subject_id: SubjectId
    category: int
    sensitivity: int
    data_month: int
    retention: int = Retention.OUTPATIENT


@dataclass(frozen=True, slots=True)
class Permitted:
    """A permitted access as it came back; ``request_signature`` is the institution's own copy of what it signed."""

    entry: AccessEntry
    leaf: RecordLeaf
    wrapped_key: bytes
    object_id: bytes
    plaintext_size: int
    receipt: Json
    request_signature: bytes


class Hospital:
    """One institution at one gateway, its own or another's."""

    def __init__(self, transport: Transport, institution: Institution, chain: Chain | None = None) -> None:
        """Takes the transport (which signs each request), the institution's secrets, and its own node if it has one."""
        self._transport = transport
        self._chain = chain
        self._own = institution
        self._about: About | None = None

    async def gateway(self) -> About:
        """Gives what the gateway says of itself, asked once."""
        if self._about is None:
            self._about = await about(self._transport, self._chain)
        return self._about

    async def enrol(self, enrolment: Enrolment, subject_signature: bytes) -> Json:
        """Adds the custodian's signature to an enrolment and submits it."""
        known = await self.gateway()
        own = sign(self._own.key, known.domain("Subjects"), enrolment)
        answer = await self._transport.post(
            "/v1/subjects",
            {
                "enrolment": write(enrolment),
                "subjectSignature": hex_of(subject_signature),
                "custodianSignature": hex_of(own),
            },
        )
        return expect(answer, ENROLLED)

    async def add_record(
        self, path: Path, media_type: str, described: NewRecord, previous: RecordLeaf | None = None
    ) -> tuple[RecordId, Json]:
        """Uploads a file, signs its leaf, anchors it; memory stays flat.

        Args:
            path: the file.
            media_type: of its content.
            described: how it stands on chain.
            previous: leaf of the current version, if this is the next one; the old one is superseded.
        """
        digest, version = _file_digest(path), previous.version + 1 if previous else 1
        headers = {
            "Consentry-Subject": hex_of(described.subject_id),
            "Consentry-Record-Version": str(version),
            "Content-Type": media_type,
        }
        answer = await self._transport.upload("/v1/records/content", _pieces(path), digest, headers)
        sealed = expect(answer, SEALED)
        leaf = RecordLeaf(
            custodian=self._own.address,
            subject_id=described.subject_id,
            previous=record_id(previous) if previous else ZERO_32,
            lineage=scope_key(previous) if previous else ZERO_32,
            version=version,
            category=described.category,
            sensitivity=described.sensitivity,
            data_month=described.data_month,
            suite=Suite.COBBLESTONE_256_SHA_256,
            retention=described.retention,
            ciphertext_digest=bytes_of(sealed["ciphertextDigest"], 32),
            ciphertext_size=sealed["ciphertextSize"],
            commitment=bytes_of(sealed["commitment"], 32),
        )
        known = await self.gateway()
        signature = sign(self._own.key, known.domain("Records"), leaf)
        body = {"objectId": sealed["objectId"], "leaf": write(leaf), "signature": hex_of(signature)}
        body |= {"previous": write(previous)} if previous else {}
        receipt = expect(await self._transport.post("/v1/records", body), ANCHORED)
        return record_id(leaf), receipt

    def new_request(
        self,
        record: RecordId,
        consent: ConsentId,
        *,
        practitioner: bytes,
        purpose: int = Purpose.TREAT,
        action: int = Action.VIEW,
        reason_hash: bytes = ZERO_32,
    ) -> AccessRequest:
        """Makes a request of a human under a consent; its id is random and good once."""
        now = int(time.time())
        return AccessRequest(
            request_id=secrets.randbits(256),
            institution=self._own.address,
            record_id=record,
            consent_id=consent,
            purpose=purpose,
            action=action,
            legal_basis=LegalBasis.CONSENT,
            actor_kind=ActorKind.HUMAN,
            reason_hash=reason_hash,
            practitioner=practitioner,
            release_key_hash=release_key_hash(self._own.release_key),
            issued_at=now,
            expires_at=now + REQUEST_SECONDS,
        )

    async def access(self, request: AccessRequest, scope_proof: tuple[bytes, ...] = ()) -> Permitted:
        """Signs and sends a request. Sending the same request again gives the same decision.

        Raises:
            AccessDeniedError: the contract said no; ``details`` carry reason and receipt. Or it said yes, but the
                consent ended, or the institution was suspended, before the key was given out.
            VerificationError: the answer is not about this request or record, or the own node shows no such decision.
        """
        known = await self.gateway()
        signature = sign(self._own.key, known.domain("AccessLedger"), request)
        body = {
            "request": write(request),
            "signature": hex_of(signature),
            "scopeProof": [hex_of(item) for item in scope_proof],
        }
        try:
            answer = expect(await self._transport.post("/v1/access", body), PERMITTED)
        except AccessDeniedError as denial:
            await self._confirm_denial(request, denial)
            raise
        decision, leaf = answer["decision"], read(RecordLeaf, answer["record"]["leaf"])
        if not decision["permitted"] or decision["reason"] != Reason.NONE.name:
            raise VerificationError("decision contradicts itself: a key came with a refusal")
        if read(AccessRequest, decision["request"]) != request:
            raise VerificationError("decision is not about the request that was sent")
        if record_id(leaf) != request.record_id:
            raise VerificationError("leaf does not hash to the record that was asked for")
        receipt = decision["receipt"]
        entry = AccessEntry(
            request=request,
            subject_id=leaf.subject_id,
            reason=0,
            decided_at=decision["decidedAt"],
            subject_sequence=receipt["subjectSequence"],
            institution_sequence=receipt["institutionSequence"],
        )
        await self._confirm(entry)
        key = answer["key"]
        wrapped, object_id = bytes_of(key["wrapped"]), bytes_of(key["objectId"], 32)
        return Permitted(entry, leaf, wrapped, object_id, key["plaintextSize"], receipt, signature)

    async def download(self, permitted: Permitted, target: Path) -> None:
        """Fetches, opens and checks a permitted record; the file (mode 0600) appears only when every check held.

        Raises:
            VerificationError: key, ciphertext or plaintext is not what was anchored.
            VaultError: the gateway cannot serve the object as it was anchored.
        """
        known = await self.gateway()
        request = permitted.entry.request
        context = ReleaseContext(
            chain_id=known.chain_id,
            access_ledger=known.contracts["AccessLedger"],
            record_id=request.record_id,
            record_version=permitted.leaf.version,
            consent_id=request.consent_id,
            request_id=request.request_id,
            decision_id=heads.hash_of(permitted.entry),
            release_key_hash=request.release_key_hash,
        )
        keys = unwrap_record_keys(permitted.wrapped_key, self._own.release_seed, context)
        opener = Opener(keys.data_key, sealing_context(permitted.object_id, permitted.leaf.version))
        draft = target.with_name(f".{target.name}.part")
        try:
            with _private(draft) as file:
                async with self._transport.download(f"/v1/records/{hex_of(request.record_id)}/ciphertext") as answer:
                    async for piece in answer.aiter_bytes(_PIECE):
                        file.write(opener.update(piece))
                file.write(opener.finalize())
            digests = opener.digests
            if digests.ciphertext_sha256 != permitted.leaf.ciphertext_digest:
                raise VerificationError("ciphertext does not match the digest in the leaf")
            verify_commitment(
                permitted.leaf.commitment,
                keys.blinding,
                object_id=permitted.object_id,
                version=permitted.leaf.version,
                size=digests.plaintext_size,
                plaintext_sha256=digests.plaintext_sha256,
            )
            draft.rename(target)
        finally:
            draft.unlink(missing_ok=True)

    async def leaf_of(self, subject_id: SubjectId, record: RecordId) -> RecordLeaf:
        """Gives the leaf of one of a subject's records, compared with its id.

        Raises:
            NotFoundError: the subject has no such record, or none this institution may know of.
            VerificationError: the gateway lists another leaf under that id.
        """
        for item in await self.records(subject_id):
            if item["recordId"] == hex_of(record):
                leaf = read(RecordLeaf, item["leaf"])
                if record_id(leaf) != record:
                    raise VerificationError("leaf does not hash to the record it is listed under")
                return leaf
        raise NotFoundError("record is not known")

    async def records(self, subject_id: SubjectId) -> list[Json]:
        """Lists the records of a subject that this institution may know of."""
        return await self._transport.get_all(f"/v1/subjects/{hex_of(subject_id)}/records", RECORD)

    async def duties(self) -> list[Json]:
        """Lists what this institution owes after revocations, the earliest first."""
        return await self._transport.get_all(f"/v1/institutions/{hex_of(self._own.address)}/duties", DUTY)

    async def accesses(self) -> list[Json]:
        """Lists what this institution asked for at any gateway of the chain.

        Raises:
            VerificationError: an entry is missing, changed or another's; with a node of one's own, also at the end.
        """
        own = self._own.address
        head = await self._chain.institution_head(own) if self._chain else None
        found = await self._transport.get_all(f"/v1/institutions/{hex_of(own)}/accesses", LOG_LINE)
        entries = [entry_of(line) for line in found]
        if any(entry.request.institution != own for entry in entries):
            raise VerificationError("access log holds lines about another institution")
        check_log(entries, heads.institution_key(own), lambda entry: entry.institution_sequence, head)
        return found

    async def _confirm(self, entry: AccessEntry) -> None:
        """Looks the decision up on the own node: only a record anchored on chain can have been permitted there."""
        chain = self._chain
        if chain is None:
            return

        async def shown() -> bool:
            receipt = await chain.find_decision(entry.request.institution, entry.request.request_id)
            return receipt is not None and heads.hash_of(receipt.entry) == heads.hash_of(entry)

        await confirmed(shown, "the own node shows no such decision, whatever the gateway answers")

    async def _confirm_denial(self, request: AccessRequest, denial: AccessDeniedError) -> None:
        """Looks a refusal up on the own node: a gateway must not turn anybody away in the name of the chain.

        What ended a consent after the decision is confirmed as far as a node shows it: a revocation, a suspension.
        """
        told, chain = expect(denial.details, DENIED), self._chain
        if chain is None:
            return
        reason = Reason[told["reason"]]

        async def shown() -> bool:
            found = await chain.find_decision(request.institution, request.request_id)
            if found is None or found.entry.request != request or not _is_receipt(told["receipt"], found):
                return False
            if found.entry.reason != Reason.NONE:
                return found.entry.reason == reason
            if reason == Reason.CONSENT_REVOKED:
                return await chain.consent_status(request.consent_id) != ConsentStatus.ACTIVE
            if reason == Reason.INSTITUTION_SUSPENDED:
                return await chain.institution_standing(request.institution) != Standing.ACTIVE
            return reason in _ENDED_BY_TIME

        await confirmed(shown, "the own node shows no such refusal, whatever the gateway answers")


def _is_receipt(told: Json, found: FinalReceipt) -> bool:
    place, entry = found.place, found.entry
    sequences = told["subjectSequence"], told["institutionSequence"]
    placed = bytes_of(told["blockHash"]), bytes_of(told["transactionHash"]), told["logIndex"]
    return (*placed, *sequences) == (
        *(place.block.hash, place.transaction_hash, place.log_index),
        *(entry.subject_sequence, entry.institution_sequence),
    )


def _private(path: Path) -> BinaryIO:
    """Opens a new file that nobody else can read: what is written is a record in the clear."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
