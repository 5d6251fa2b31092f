"""`ChainReader`: one deployment read from a node, with no key of any kind; all an auditor needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from consentry.audit.ports import AuthorisationSlot, ConsentSlot, SubmittedRequest
from consentry.core.assisted_grants import AssistedCounts
from consentry.core.chain import BlockReference, ChainIdentity, EventPlace
from consentry.core.codes import AuthorisationStatus, ConsentStatus, Duty, RecordStatus, Standing, bits
from consentry.core.emergencies import Debt
from consentry.core.events import AccessDecided, LedgerEvent
from consentry.core.offices import OFFICES
from consentry.core.persons import LinkStatus
from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.revocations import OpenDuty
from consentry.core.state import AuthorityState, InstitutionState, OfficerState, SubjectState
from consentry.core.subject_facts import Appointment, SubjectFacts
from consentry.core.terms import ZERO_32, Address, AuthorisationId, ConsentId, RecordId, SubjectId
from consentry.core.typed_data import Domain
from consentry.crypto.signing import Verifiers
from consentry.errors import LedgerUnavailableError
from consentry.gateway.ports import Conditions, ConditionsAtHead
from consentry.ledger.abi import CONTRACTS, MANAGER, VERIFIERS, artifact
from consentry.ledger.calldata import submitted_in
from consentry.ledger.coding import CodingError
from consentry.ledger.connection import Connection, Header
from consentry.ledger.deployment import verify_identity
from consentry.ledger.events import decode_log
from consentry.ledger.looking import Looking
from consentry.ledger.manifest import Manifest

_FINALITY: Final = {
    "single-node": "sealed by the one node of this chain; no other party agreed to the block",
    "validator-quorum": "sealed by at least two thirds of the validators",
}
_MISSED_BLOCKS: Final = 4
"""Blocks in a row that may fail to come before a head counts as stale."""
_LEAST_SILENCE: Final = 60
"""Seconds a head may lie back in any case: clocks differ, and validators change rounds."""
_DUTIES: Final = 200
"""Consents whose duties are asked for at once."""
_DEBTS: Final = 100
"""Debts that are asked for at once."""
_DECIDED: Final = next(d for d, s in artifact("AccessLedger").events.items() if s.name == "AccessDecided")
_MOST_IDS: Final = 500
"""Request ids of one question to the node."""


def _debt(stored: tuple[Any, ...]) -> Debt:
    institution, opened_at, noticed, referred, reviewed, subject, practitioner = stored
    return Debt(Address(institution), opened_at, SubjectId(subject), practitioner, noticed, referred, reviewed)


class ChainReader:
    """One deployment on one chain, read at head."""

    _block_read: int | None = None
    """After which block contracts are read; at head if none is named."""

    def __init__(self, connection: Connection, manifest: Manifest) -> None:
        """Takes the node and the deployment; `identity` verifies that the one serves the other."""
        self._connection = connection
        self._manifest = manifest

    def at(self, block: int) -> ChainReader:
        """Gives a reader of what contracts held after a block; nodes may keep that of the last blocks alone."""
        reader = ChainReader(self._connection, self._manifest)
        reader._block_read = block
        return reader

    async def close(self) -> None:
        """Closes the connection."""
        await self._connection.close()

    async def identity(self) -> ChainIdentity:
        """Gives chain and deployment, verified now.

        Raises:
            ForeignChainError: the node serves another chain or deployment by now.
        """
        await verify_identity(self._connection, self._manifest)
        return self._manifest.identity

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract of the suite."""
        identity = self._manifest.identity
        return Domain(f"Consentry {contract}", identity.chain_id, self._manifest.address(contract))

    async def head(self) -> BlockReference:
        """Gives the newest block."""
        return (await self._header(None)).block

    def longest_silence(self) -> int:
        """Gives how many seconds the newest block may lie back; 0 where a block comes with a transaction alone."""
        period = self._connection.profile.block_period_seconds
        return max(_MISSED_BLOCKS * period, _LEAST_SILENCE) if period else 0

    def verifiers(self) -> Verifiers:
        """Gives the addresses of the ERC-7913 verifiers."""
        address = self._manifest.address
        return Verifiers(*(address(name) for name in VERIFIERS))

    async def find_decision(self, institution: Address, request_id: int) -> FinalReceipt | None:
        """Looks a decision up by its request id."""
        return (await self.find_decisions(institution, [request_id])).get(request_id)

    async def find_decisions(self, institution: Address, request_ids: Sequence[int]) -> Mapping[int, FinalReceipt]:
        """Looks decisions on an institution's requests up; what was not decided is left out."""
        target, found = self._manifest.address("AccessLedger"), dict[int, FinalReceipt]()
        blocks: dict[int, BlockReference] = {}
        for start in range(0, len(request_ids), _MOST_IDS):
            ids = tuple(number.to_bytes(32, "big") for number in request_ids[start : start + _MOST_IDS])
            topics = (_DECIDED, ids, None, institution.rjust(32, b"\0"))
            for log in await self._connection.logs([target], self._manifest.identity.deployed_in, None, topics):
                if log.block_number not in blocks:
                    blocks[log.block_number] = await self._block(log.block_number)
                event = decode_log(log, EventPlace(blocks[log.block_number], log.transaction_hash, log.log_index))
                # A block that is another one by now is not final.
                if isinstance(event, AccessDecided) and blocks[log.block_number].hash == log.block_hash:
                    found.setdefault(event.entry.request.request_id, self._receipt(event))
        return found

    def _receipt(self, event: AccessDecided) -> FinalReceipt:
        return FinalReceipt(event.entry, event.place, _FINALITY[self._connection.profile.finality], LEDGER_SEAL)

    async def _read(self, contract: str, function: str, *values: Any, block: int | None = None) -> tuple[Any, ...]:
        """Asks a contract at head, or after a block."""
        block = self._block_read if block is None else block
        signature = artifact(contract).functions[function]
        data = await self._connection.call(self._manifest.address(contract), signature.encode_call(values), block=block)
        try:
            return signature.decode_outputs(data)
        except CodingError:
            raise await self._unreadable(contract) from None

    async def _unreadable(self, what: str) -> LedgerUnavailableError:
        # A node without the contract answers a call with nothing.
        await verify_identity(self._connection, self._manifest)
        return LedgerUnavailableError(f"answer of {what} cannot be read")

    @cached_property
    def _looking(self) -> Looking:
        return Looking(self._manifest)

    async def seen(self, conditions: Conditions) -> ConditionsAtHead:
        """Reads everything an access rests on at once, at head."""
        head, answers = await self._connection.at_head(self._looking.questions(conditions))
        try:
            return self._looking.read(conditions, head, answers)
        except CodingError:
            raise await self._unreadable("the contracts") from None

    async def consent_status(self, consent_id: ConsentId) -> ConsentStatus:
        """Reads the status of a consent at head."""
        ((status, *_),) = await self._read("Consents", "stateOf", consent_id)
        return ConsentStatus(status)

    async def subject_facts(self, subject_id: SubjectId) -> SubjectFacts:
        """Reads at head what is noted of a subject, and its directive."""
        (word,) = await self._read("Subjects", "factsOf", subject_id)
        return SubjectFacts.of_word(word)

    async def is_excluded(
        self, subject_id: SubjectId, institution: Address, practitioner: bytes, category: int
    ) -> bool:
        """Tells at head whether a subject excludes an access like this one."""
        (excluded,) = await self._read("Consents", "isExcluded", subject_id, institution, practitioner, category)
        return bool(excluded)

    async def authorisation_slot(self, authorisation_id: AuthorisationId) -> AuthorisationSlot:
        """Reads what the contract stores of an authorisation."""
        (((status, given_at, withdrawn_at, authority),),) = await self._read(
            "Authorisations", "statesOf", [authorisation_id]
        )
        return AuthorisationSlot(AuthorisationStatus(status), given_at, withdrawn_at, authority)

    async def debt_slot(self, debt_id: bytes) -> Debt:
        """Reads what the contract stores of a debt; all zero when there is none."""
        (debt,) = await self._read("Emergencies", "debtOf", debt_id)
        return _debt(debt)

    async def debts_of(self, institution: Address) -> dict[bytes, Debt]:
        """Reads the open debts of an institution, page after page.

        All pages are of one block: a debt that is closed meanwhile would have another take its place.
        """
        head, found = (await self.head()).number, dict[bytes, Debt]()
        (count,) = await self._read("Emergencies", "openCount", institution, block=head)
        for first in range(0, count, _DEBTS):
            ids, debts = await self._read("Emergencies", "openDebts", institution, first, _DEBTS, block=head)
            found |= {debt_id: _debt(debt) for debt_id, debt in zip(ids, debts, strict=True)}
        return found

    async def duties_of(self, institution: Address) -> Sequence[OpenDuty]:
        """Reads what an institution owes after revocations, page after page, all of one block as `debts_of` does."""
        head, found = (await self.head()).number, list[OpenDuty]()
        (count,) = await self._read("Consents", "openDutyCount", institution, block=head)
        for first in range(0, count, _DUTIES):
            (page,) = await self._read("Consents", "openDuties", institution, first, first + _DUTIES, block=head)
            found += [OpenDuty(ConsentId(consent), Duty(kind), due) for consent, kind, due in page]
        return found

    async def assisted_by(self, institution: Address, quarter: int) -> AssistedCounts:
        """Reads how often staff of an institution prepared what was granted."""
        (granted,) = await self._read("Consents", "assistedCount", institution)
        (in_quarter,) = await self._read("Consents", "assistedCountIn", institution, quarter)
        (undone,) = await self._read("Consents", "assistedUndone", institution)
        return AssistedCounts(granted, in_quarter, undone)

    async def link_status(self, link: bytes) -> LinkStatus:
        """Reads the status of a link between subjects at head."""
        (status,) = await self._read("Persons", "linkStatus", link)
        return LinkStatus(status)

    async def institution_standing(self, institution: Address) -> Standing:
        """Reads the standing of an institution at head."""
        (standing,) = await self._read("Participants", "institutionStanding", institution)
        return Standing(standing)

    async def is_signed_by_subject(self, subject_id: SubjectId, digest: bytes, signature: bytes) -> bool:
        """Asks the contract whether a signature is the subject's; works for smart accounts too."""
        (signed,) = await self._read("Subjects", "isSignedBy", subject_id, digest, signature)
        return bool(signed)

    async def subject_head(self, subject_id: SubjectId) -> bytes:
        """Reads the head of a subject's log."""
        (head,) = await self._read("AccessLedger", "subjectHead", subject_id)
        return bytes(head)

    async def institution_head(self, institution: Address) -> bytes:
        """Reads the head of an institution's log."""
        (head,) = await self._read("AccessLedger", "institutionHead", institution)
        return bytes(head)

    async def block(self, number: int) -> BlockReference | None:
        """Gives a block; None if the chain is shorter."""
        header = await self._connection.header(number)
        return header.block if header else None

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives every event of the suite in blocks ``first`` to ``last``, in chain order."""
        addresses = [self._manifest.address(name) for name in CONTRACTS]
        found: list[LedgerEvent] = []
        blocks: dict[int, BlockReference] = {}
        for log in await self._connection.logs(addresses, first, last):
            if log.block_number not in blocks:
                blocks[log.block_number] = await self._block(log.block_number)
            block = blocks[log.block_number]
            if block.hash != log.block_hash:
                raise LedgerUnavailableError("chain was reorganised while it was read")
            event = decode_log(log, EventPlace(block, log.transaction_hash, log.log_index))
            if event is not None:
                found.append(event)
        return found

    async def consent_slot(self, consent_id: ConsentId) -> ConsentSlot:
        """Reads what the contract stores of a consent."""
        ((status, uses, granted_at, revoked_at),) = await self._read("Consents", "stateOf", consent_id)
        return ConsentSlot(ConsentStatus(status), uses, granted_at, revoked_at)

    async def is_instance(self, record_id: RecordId, digest: bytes, index: int, path: Sequence[bytes]) -> bool:
        """Asks the contract whether an image is one of a registered study."""
        (registered,) = await self._read("Recognitions", "isInstance", record_id, digest, index, list(path))
        return bool(registered)

    async def record_status(self, record_id: RecordId) -> RecordStatus:
        """Reads the status of a record version."""
        (status,) = await self._read("Records", "statusOf", record_id)
        return RecordStatus(status)

    async def subject_state(self, subject_id: SubjectId) -> SubjectState:
        """Reads who enrolled a subject, and its signer."""
        (signer,) = await self._read("Subjects", "signerOf", subject_id)
        (custodian,) = await self._read("Subjects", "custodianOf", subject_id)
        return SubjectState(Address(custodian), bytes(signer))

    async def card_of(self, subject_id: SubjectId) -> bytes:
        """Reads the signer of a subject's card; empty for none."""
        (signer,) = await self._read("Subjects", "cardSignerOf", subject_id)
        return bytes(signer)

    async def appointment(self, name: bytes) -> Appointment | None:
        """Reads the appointment of a guardian; none once it was removed or forgotten."""
        (kept,) = await self._read("Subjects", "appointmentOf", name)
        subject_id, kind, scopes, valid_from, valid_until, of_minor, signer = kept
        if subject_id == ZERO_32:
            return None
        return Appointment(SubjectId(subject_id), kind, scopes, valid_from, valid_until, of_minor, bytes(signer))

    async def institution_state(self, institution: Address) -> InstitutionState:
        """Reads what decisions need to know of an institution, and its region."""
        facts = await self._read("Participants", "institutionForDecision", institution)
        standing, key_hash, signer, daily_limit, emergency_limit = facts
        (region,) = await self._read("Participants", "institutionRegion", institution)
        _, until = await self._read("Participants", "emergencyOf", institution)
        limits = daily_limit, emergency_limit
        return InstitutionState(Standing(standing), region, bytes(signer), bytes(key_hash), until, *limits)

    async def authority_state(self, authority: Address) -> AuthorityState:
        """Reads standing and region of an authority."""
        standing, region = await self._read("Participants", "authorityStanding", authority)
        return AuthorityState(Standing(standing), region)

    async def officer_state(self, officer: Address) -> OfficerState:
        """Reads authority and roles of an officer."""
        (authority,) = await self._read("Participants", "authorityOf", officer)
        held = [role for role in OFFICES if (await self._read(MANAGER, "hasRole", role, officer))[0]]
        return OfficerState(Address(authority), bits(*held))

    async def is_active_relay(self, relay: Address) -> bool:
        """Asks whether an account is a relay of a member in good standing."""
        (active,) = await self._read("Participants", "isActiveRelay", relay)
        return bool(active)

    async def is_group_member(self, group: bytes, institution: Address) -> bool:
        """Asks whether an institution belongs to a group."""
        (member,) = await self._read("Participants", "isGroupMember", group, institution)
        return bool(member)

    async def is_verifier(self, verifier: bytes) -> bool:
        """Asks whether a verifier of ERC-7913 signers is admitted."""
        (admitted,) = await self._read("Participants", "isVerifier", verifier)
        return bool(admitted)

    async def has_code(self, account: Address) -> bool:
        """Tells whether an account is a contract."""
        return bool(await self._connection.code(account))

    async def submitted(self, transaction_hash: bytes) -> Sequence[SubmittedRequest | None] | None:
        """Gives the items of a transaction that had some decided; none when it does not itself call the access ledger.

        A relay may be a contract: what it passes on need not be what it was called with.
        """
        called, data = await self._connection.transaction_call(transaction_hash)
        return submitted_in(data) if called == self._manifest.address("AccessLedger") else None

    async def _header(self, number: int | None) -> Header:
        header = await self._connection.header(number)
        if header is None:
            raise LedgerUnavailableError("node does not give the block")
        return header

    async def _block(self, number: int) -> BlockReference:
        return (await self._header(number)).block
