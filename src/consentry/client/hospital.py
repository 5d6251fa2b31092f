"""The hospital's side: enrol, take records in, ask, open, and check what came against the anchored leaf."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from consentry.client.answers import (
    ANCHORED,
    ASSISTED,
    DEBT,
    DUTY,
    ENROLLED,
    LOG_LINE,
    PERMITTED,
    RECOGNISED,
    RECORD,
    SEALED,
    expect,
)
from consentry.client.bulk import MOST_TOGETHER, Answer, Asked, Sought, most_that_fit, read_answers, request_ids
from consentry.client.chain import Chain, check_log, entry_of
from consentry.client.decisions import Permitted, confirm_denials, confirm_permits, denial_of, permitted_of
from consentry.client.gateway import About, about
from consentry.client.transport import Transport
from consentry.client.waiting import decided
from consentry.core import heads
from consentry.core.batch_tree import batch_of
from consentry.core.codes import Action, ActorKind, LegalBasis, Purpose, Retention, Suite
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    Enrolment,
    RecordId,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import record_id, scope_key
from consentry.crypto.commitment import verify_commitment
from consentry.crypto.keywrap import (
    RecordKeys,
    ReleaseContext,
    release_key_hash,
    release_public_key,
    unwrap_record_keys,
)
from consentry.crypto.sealing import Opener, sealing_context
from consentry.crypto.signing import SigningKey, sign
from consentry.errors import AccessDeniedError, ConsentryError, NotFoundError, VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write
from consentry.evidence.opening import Opening

REQUEST_SECONDS: Final = 300
_PIECE: Final = 1 << 20


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


class Hospital:
    """One institution at one gateway, its own or another's."""

    def __init__(self, transport: Transport, institution: Institution, chain: Chain | None = None) -> None:
        """Takes the transport (which signs each request), the institution's secrets, and its own node if it has one."""
        self._transport = transport
        self._chain = chain
        self._own = institution
        self._about: About | None = None

    @property
    def transport(self) -> Transport:
        """The way to the gateway."""
        return self._transport

    @property
    def own(self) -> Institution:
        """The institution and its secrets."""
        return self._own

    @property
    def chain(self) -> Chain | None:
        """The institution's own node, if it has one."""
        return self._chain

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
        legal_basis: int = LegalBasis.CONSENT,
        authorisation: bytes = ZERO_32,
        reason_code: int = 0,
    ) -> AccessRequest:
        """Makes a request of a human, by default under a consent; its id is random and good once."""
        now = int(time.time())
        return AccessRequest(
            request_id=secrets.randbits(256),
            institution=self._own.address,
            record_id=record,
            consent_id=consent,
            authorisation_id=AuthorisationId(authorisation),
            purpose=purpose,
            action=action,
            legal_basis=legal_basis,
            actor_kind=ActorKind.HUMAN,
            reason_code=reason_code,
            reason_hash=reason_hash,
            practitioner=practitioner,
            release_key_hash=release_key_hash(self._own.release_key),
            issued_at=now,
            expires_at=now + REQUEST_SECONDS,
        )

    async def access(self, request: AccessRequest, scope_proof: tuple[bytes, ...] = ()) -> Permitted:
        """Signs and sends a request. Sending the same request again gives the same decision.

        Where the decision takes long this waits for it, two minutes at most.

        Raises:
            AccessDeniedError: the contract said no; ``details`` carry reason and receipt. Or it said yes, but the
                consent ended, or the institution was suspended, before the key was given out.
            LedgerUnavailableError: it is not decided yet, or that is not known: ask again with the same request.
            VerificationError: the answer is not about this request or record, or the own node shows no such decision.
        """
        known = await self.gateway()
        signature = sign(self._own.key, known.domain("AccessLedger"), request)
        body = {**_written(Asked(request, scope_proof)), "signature": hex_of(signature)}
        try:
            answer = expect(await decided(self._transport, request.request_id, body), PERMITTED)
        except AccessDeniedError as denial:
            denial_of(denial.details)
            await self._confirm([Asked(request)], [denial])
            raise
        permitted = permitted_of(answer, request, signature)
        await self._confirm([Asked(request)], [permitted])
        return permitted

    def new_requests(
        self,
        sought: Sequence[Sought],
        *,
        practitioner: bytes,
        purpose: int = Purpose.TREAT,
        action: int = Action.VIEW,
        reason_hash: bytes = ZERO_32,
    ) -> list[Asked]:
        """Makes requests of a human, each for a record under a consent; their ids stand side by side."""
        asking = partial(
            self.new_request, practitioner=practitioner, purpose=purpose, action=action, reason_hash=reason_hash
        )
        made = ((asking(one.record, one.consent), one.scope_proof) for one in sought)
        return [
            Asked(replace(request, request_id=number), proof)
            for number, (request, proof) in zip(request_ids(), made, strict=False)
        ]

    async def request_many(
        self,
        sought: Sequence[Sought],
        *,
        practitioner: bytes,
        purpose: int = Purpose.TREAT,
        action: int = Action.VIEW,
        one_signature: bool = True,
    ) -> list[Answer]:
        """Makes requests for many records and sends them; `access_many` says what comes back."""
        asked = self.new_requests(sought, practitioner=practitioner, purpose=purpose, action=action)
        return await self.access_many(asked, one_signature=one_signature)

    async def access_many(self, asked: Sequence[Asked], *, one_signature: bool = True) -> list[Answer]:
        """Signs and sends many requests. Sending the same requests again gives the same decisions.

        They go in as few calls as the gateway takes, each with a signature over all its requests, or with one for each.

        Returns:
            For each request, in order, what `access` gives or raises. Once some were answered, an error of a later call
            stands for each of the requests that are left.

        Raises:
            VerificationError: an answer is not about its request, or the own node shows no such decision or refusal.
            ConsentryError: nothing was decided about any of them, or that is not known.
        """
        answers: list[Answer] = []
        size = MOST_TOGETHER
        while len(answers) < len(asked):
            part = asked[len(answers) : len(answers) + size]
            try:
                answers += await self._access_together(part, one_signature=one_signature)
            except ConsentryError as error:
                # Nothing was sent to the chain if fewer would fit: the institution signs these.
                fitting = most_that_fit(error, len(part))
                if fitting is None and (not answers or isinstance(error, VerificationError)):
                    raise
                if fitting is None:
                    return [*answers, *[error] * (len(asked) - len(answers))]
                size = fitting
        return answers

    async def _access_together(self, asked: Sequence[Asked], *, one_signature: bool) -> list[Answer]:
        domain = (await self.gateway()).domain("AccessLedger")
        items, body = [_written(one) for one in asked], dict[str, Any]()
        if one_signature:
            batch = batch_of(self._own.address, [one.request for one in asked])
            signatures = [sign(self._own.key, domain, batch)] * len(asked)
            body["signature"] = hex_of(signatures[0])
        else:
            signatures = [sign(self._own.key, domain, one.request) for one in asked]
            items = [item | {"signature": hex_of(made)} for item, made in zip(items, signatures, strict=True)]
        answer = await self._transport.post("/v1/access:batch", body | {"requests": items})
        answers = read_answers(answer, asked, signatures)
        await self._confirm(asked, answers)
        return answers

    async def _confirm(self, asked: Sequence[Asked], answers: Sequence[Answer]) -> None:
        """Compares permits and denials with the own node, if there is one."""
        if self._chain is None:
            return
        pairs = list(zip(asked, answers, strict=True))
        await confirm_permits(self._chain, [answer for _, answer in pairs if isinstance(answer, Permitted)])
        denials = [(one.request, answer.details) for one, answer in pairs if isinstance(answer, AccessDeniedError)]
        await confirm_denials(self._chain, denials)

    async def open_keys(self, permitted: Permitted) -> RecordKeys:
        """Opens the record's keys with the institution's release key; they fit no other decision.

        Raises:
            VerificationError: they were wrapped for another decision or key.
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
        return unwrap_record_keys(permitted.wrapped_key, self._own.release_seed, context)

    async def download(self, permitted: Permitted, target: Path) -> Opening:
        """Fetches, opens and checks a permitted record; the file (mode 0600) appears only when every check held.

        Returns:
            What shows anybody later that the file is the record of the decision; as secret as the file.

        Raises:
            VerificationError: key, ciphertext or plaintext is not what was anchored.
            VaultError: the gateway cannot serve the object as it was anchored.
        """
        keys = await self.open_keys(permitted)
        draft = target.with_name(f".{target.name}.part")
        try:
            with _private(draft) as file, ThreadPoolExecutor(1) as pool:
                bound = sealing_context(permitted.object_id, permitted.leaf.version)
                opener = Opener(keys.data_key, bound, hash_pool=pool)
                async with self._transport.download(ciphertext_of(permitted)) as answer:
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
        return Opening(permitted.object_id, keys.blinding)

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

    async def debts(self) -> list[Json]:
        """Lists emergency accesses of this institution that still lack notice or review, the earliest first."""
        return await self._transport.get_all(f"/v1/institutions/{hex_of(self._own.address)}/debts", DEBT)

    async def duties(self) -> list[Json]:
        """Lists what this institution owes after revocations, the earliest first."""
        return await self._transport.get_all(f"/v1/institutions/{hex_of(self._own.address)}/duties", DUTY)

    async def assisted_consents(self) -> Json:
        """Counts the consents that staff of this institution prepared and patients granted."""
        answer = await self._transport.get(f"/v1/institutions/{hex_of(self._own.address)}/assisted-consents")
        return expect(answer, ASSISTED)

    async def recognitions(self) -> list[Json]:
        """Counts results by item: what this institution accepted of others', and others of its own."""
        target = f"/v1/institutions/{hex_of(self._own.address)}/recognitions"
        return await self._transport.get_all(target, RECOGNISED)

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


def ciphertext_of(permitted: Permitted) -> str:
    """Gives where the gateway has the ciphertext of a permitted record."""
    return f"/v1/records/{hex_of(permitted.entry.request.record_id)}/ciphertext"


def _written(asked: Asked) -> Json:
    return {"request": write(asked.request), "scopeProof": [hex_of(node) for node in asked.scope_proof]}


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
