"""What officers do: admit, suspend, reinstate, appoint, limit. Each call is signed by the officer's own account.

Most acts take two officers: the first call gives `Waiting`, the same call by another officer the receipt of the act.
Acts of system administrators are announced first and give `Announced` until their delay is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consentry.core import events
from consentry.core.chain import ActReceipt, EventPlace
from consentry.core.offices import FUNCTIONS, selector_of
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, Address, InstitutionKeys
from consentry.errors import LedgerUnavailableError
from consentry.ledger.abi import MANAGER, artifact, values_of
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection, Mined
from consentry.ledger.events import decode_log
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader


@dataclass(frozen=True, slots=True)
class Waiting:
    """An act waits for a second officer until ``lapses_at``, in seconds; ``act`` is the hash of the call."""

    receipt: ActReceipt
    act: bytes
    lapses_at: int


@dataclass(frozen=True, slots=True)
class Announced:
    """An act of a system administrator may be called from ``ready_at`` on, in seconds; nothing else happened."""

    ready_at: int


Answer = ActReceipt | Waiting | Announced


@dataclass(frozen=True, slots=True)
class PendingAct:
    """An act that waits: what a second officer would call, and until when."""

    act: bytes
    function: str
    arguments: dict[str, Any]
    proposer: Address
    lapses_at: int


class Governance:
    """One officer's view of ``Participants``; the contract refuses what its roles or region do not cover."""

    def __init__(self, connection: Connection, manifest: Manifest, officer_key: bytes) -> None:
        """Takes the officer's 32-byte private key."""
        self._connection = connection
        self._account = SendingAccount(connection, officer_key)
        self._manifest = manifest

    @property
    def address(self) -> Address:
        """The officer's account."""
        return self._account.address

    async def admit_authority(self, authority: Address, region: int, profile_hash: bytes) -> Answer:
        """Admits an authority for a region, with its own account as first officer. Only national officers may."""
        return await self._act("admitAuthority", authority, region, profile_hash)

    async def suspend_authority(self, authority: Address, reason_hash: bytes = ZERO_32) -> Answer:
        """Suspends an authority; its officers and relays can do nothing from then on."""
        return await self._act("suspendAuthority", authority, reason_hash)

    async def reinstate_authority(self, authority: Address, reason_hash: bytes = ZERO_32) -> Answer:
        """Reinstates a suspended authority."""
        return await self._act("reinstateAuthority", authority, reason_hash)

    async def appoint_officer(self, authority: Address, officer: Address, roles: int) -> Answer:
        """Makes an account an officer of an authority, or adds roles: bit ``1 << role``."""
        return await self._act("appointOfficer", authority, officer, roles)

    async def dismiss_officer(self, officer: Address) -> Answer:
        """Ends the office of an account and takes all its roles."""
        return await self._act("dismissOfficer", officer)

    async def admit_institution(
        self, institution: Address, region: int, signer: bytes, release_key: bytes, profile_hash: bytes = ZERO_32
    ) -> Answer:
        """Admits an institution with its ERC-7913 signer and its HPKE release key."""
        return await self._act("admitInstitution", institution, region, signer, release_key, profile_hash)

    async def suspend_institution(self, institution: Address, reason_hash: bytes = ZERO_32) -> Answer:
        """Suspends an institution, or confirms that in an emergency; from the next block on its requests are denied."""
        return await self._act("suspendInstitution", institution, reason_hash)

    async def suspend_in_emergency(self, institution: Address, reason_hash: bytes = ZERO_32) -> Answer:
        """Suspends an institution at once, until another officer confirms or 72 hours are over."""
        return await self._act("suspendInEmergency", institution, reason_hash)

    async def reinstate_institution(self, institution: Address, reason_hash: bytes = ZERO_32) -> Answer:
        """Reinstates a suspended institution."""
        return await self._act("reinstateInstitution", institution, reason_hash)

    async def reset_keys(self, institution: Address, signer: bytes, release_key: bytes) -> Answer:
        """Gives an institution other keys when its own are lost or stolen."""
        return await self._act("resetInstitutionKeys", institution, signer, release_key)

    async def limit_institution(self, institution: Address, daily_limit: int, emergency_limit: int) -> Answer:
        """Sets what an institution may do in a day; zero stands for the default."""
        return await self._act("limitInstitution", institution, daily_limit, emergency_limit)

    async def admit_relay(self, relay: Address, member: Address) -> Answer:
        """Lets an account submit signed acts for a member."""
        return await self._act("admitRelay", relay, member)

    async def remove_relay(self, relay: Address) -> Answer:
        """Stops an account from submitting acts; takes one officer."""
        return await self._act("removeRelay", relay)

    async def change_membership(self, group: bytes, institution: Address, *, member: bool) -> Answer:
        """Enters an institution into a group of this authority, whose name starts with its address, or takes it out."""
        return await self._act("changeGroupMembership", group, institution, member)

    async def admit_verifier(self, verifier: Address) -> Answer:
        """Lets signers name an ERC-7913 verifier; announced first."""
        return await self._announced("admitVerifier", verifier)

    async def name_deployment(self, name: bytes, deployment: Address, version: int) -> Answer:
        """Names a contract of the suite; announced first."""
        return await self._announced("nameDeployment", name, deployment, version)

    async def _announced(self, function: str, *values: Any) -> Answer:
        """Announces an act that needs a delay, and does it once that is over."""
        target = self._manifest.address("Participants")
        call = artifact("Participants").functions[function].encode_call(values)
        immediate, delay = await self._manager("canCall", self.address, target, selector_of(function))
        if immediate or not delay:
            return await self._act(function, *values)
        (operation,) = await self._manager("hashOperation", self.address, target, call)
        (ready_at,) = await self._manager("getSchedule", operation)
        if not ready_at:
            schedule = artifact(MANAGER).functions["schedule"].encode_call((target, call, 0))
            await self._account.act(self._manifest.address(MANAGER), schedule)
            (ready_at,) = await self._manager("getSchedule", operation)
        header = await self._connection.header()
        if header is None or header.block.time < ready_at:
            return Announced(ready_at)
        return await self._act(function, *values)

    async def _manager(self, function: str, *values: Any) -> tuple[Any, ...]:
        signature = artifact(MANAGER).functions[function]
        answer = await self._connection.call(self._manifest.address(MANAGER), signature.encode_call(values))
        return signature.decode_outputs(answer)

    async def _act(self, function: str, *values: Any) -> Answer:
        target = self._manifest.address("Participants")
        mined = await self._account.act(target, artifact("Participants").functions[function].encode_call(values))
        return _answer(function, target, mined)


def _answer(function: str, target: Address, mined: Mined) -> Answer:
    """Tells from its events whether an act was done, or waits."""
    places = [(mined.place(log), log) for log in mined.logs if log.address == target]
    found = [event for event in (decode_log(log, place) for place, log in places) if event]
    done = next((e for e in found if not isinstance(e, events.ActProposed | events.ActConfirmed)), None)
    waits = next((e for e in found if isinstance(e, events.ActProposed)), None)
    if waits is not None:
        return Waiting(_receipt(waits.place, mined), waits.act, waits.lapses_at)
    if done is None:
        raise LedgerUnavailableError(f"{function} left no event")
    return _receipt(done.place, mined)


def _receipt(place: EventPlace, mined: Mined) -> ActReceipt:
    return ActReceipt(place, mined.gas_used)


async def rotate_keys(
    relay: SendingAccount, manifest: Manifest, keys: InstitutionKeys, signature: bytes, new_signature: bytes
) -> ActReceipt:
    """Passes on new keys of an institution, signed by its signer of today and by the new one."""
    target = manifest.address("Participants")
    call = artifact("Participants").functions["rotateInstitutionKeys"]
    mined = await relay.act(target, call.encode_call((values_of(keys), signature, new_signature)))
    first = next((log for log in mined.logs if log.address == target), None)
    if first is None:
        raise LedgerUnavailableError("rotation left no event")
    return _receipt(mined.place(first), mined)


async def pending(reader: ChainReader, deployed_in: int) -> Sequence[PendingAct]:
    """Lists the acts that wait for a second officer now, the oldest first."""
    head = await reader.head()
    state = LedgerState()
    for event in await reader.events(deployed_in, head.number):
        state.fold(event)
    waiting = {act: known for act, known in state.proposals.items() if head.time < known.lapses_at}
    functions = artifact("Participants").functions
    found = []
    for act, known in waiting.items():
        function = functions[FUNCTIONS[known.call[:4]]]
        names = [str(member["name"]) for member in function.inputs]
        arguments = dict(zip(names, function.decode_inputs(known.call), strict=True))
        found.append(PendingAct(act, function.name, arguments, known.proposer, known.lapses_at))
    return found
